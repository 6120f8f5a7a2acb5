"""Whatever is sent, the API answers it with a sentence, never with a 500, and takes in nothing that it cannot digest."""

import copy
import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import examples
from tests.acceptance.server import KontorServer, eventually, serving
from tests.acceptance.test_api import ENTITY

Row = dict[str, Any]
Path = tuple[str | int, ...]

junk = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
_numbers = count(1)

NASTY = [
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\u202e",
    "9" * 300,
    "x" * 300,
    "NaN",
    "Infinity",
    "-0",
    "1e400",
    "1E+25",
    "0.00000000000000000001",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "+262026-01-01",
    "2026-01-01T00:00:00Z",
    "2026-W01",
    "00000000-0000-0000-0000-000000000000",
    "../../etc/passwd",
    "'; DROP TABLE events --",
    0,
    -1,
    0.1,
    1e308,
    10**400,
    -(2**63) - 1,
    float("nan"),
    float("inf"),
    True,
    None,
    [],
    {},
    [[]],
    {"": None},
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(NASTY).map(copy.deepcopy)
)
VALUES = st.sampled_from(NASTY).map(copy.deepcopy) | st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoiled(draw: Callable[..., Any], body: Row) -> Any:
    """The body with a few of its values replaced, removed or added; sometimes not even an object."""
    if draw(st.integers(0, 9)) == 0:
        return draw(VALUES)
    found: Row = copy.deepcopy(body)
    for _ in range(draw(st.integers(1, 3))):
        *parents, last = draw(st.sampled_from(list(_paths(found))))
        place: Any = found
        for step in parents:
            place = place[step]
        match draw(st.sampled_from(["replace", "replace", "remove", "add"])):
            case "replace":
                place[last] = draw(VALUES)
            case "remove":
                del place[last]
            case "add" if isinstance(place, dict):
                place[draw(st.text(max_size=5))] = draw(VALUES)
        if not found:
            break
    return found


def _paths(value: Any, before: Path = ()) -> Iterator[Path]:
    """Every place in a body that holds a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield (*before, step)
        yield from _paths(each, (*before, step))


@pytest.fixture(scope="module")
def kontor_server() -> Iterator[KontorServer]:
    """A Kontor for junk alone."""
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def customer(kontor_server: KontorServer) -> Row:
    """The customer that junk is sent about."""
    kontor_server.done("PUT", "/v1/billing-entities/main", ENTITY)
    return kontor_server.done("POST", "/v1/customers", examples.beispiel_gmbh(debtorIdent="junk"))


BODIES: dict[str, Row] = {
    "POST /v1/customers": examples.beispiel_gmbh(),
    "PATCH {customer}": {
        "customerType": "B2B",
        "language": "en",
        "contractorReferences": [{"system": "shop", "ident": "42"}],
        "contactPerson": "Max Muster",
        "email": "neu@example.com",
        "phone": "+49 40 1",
        "vatId": "DE136695976",
        "taxNumber": "27/123/45678",
        "preferredDocumentDelivery": "EMAIL",
        "eInvoicing": {"format": "ZUGFERD", "buyerReference": "1"},
        "groupDocumentsBy": "CONTRACT",
    },
    "POST {customer}/addresses": examples.invoice_address(firstName="Erika", email="e@example.com"),
    "PUT {customer}/addresses/{address}": examples.shipping_address(default=True),
    "PUT {customer}/properties/fleet_size": {"value": 13},
    "POST {customer}/payment-accounts": examples.direct_debit(bic="COBADEFFXXX", displayName="Everyday"),
    "PUT {customer}/billing-stop": {"reason": "dispute"},
    "POST /v1/contracts": examples.contract(
        items=[examples.base_fee(), examples.setup_fee()], endDate="2026-12-31", billingStartDate="2026-02-01"
    ),
    "POST /v1/orders": examples.order(),
    "POST /v1/billing-runs": {"debtorIdent": "junk", "processingDate": "2026-02-28"},
    "POST /v1/payments": {
        "number": "RE-2026-000001",
        "kind": "PAYMENT",
        "amount": "1.00",
        "paidOn": "2026-03-01",
        "method": "SEPA",
        "reference": "Beispiel GmbH",
        "paymentIdent": "bank/1",
    },
    "PUT /v1/billing-entities/other": ENTITY,
}
IDENTS = {
    "POST /v1/customers": "debtorIdent",
    "POST /v1/contracts": "contractIdent",
    "POST /v1/orders": "orderIdent",
}


@pytest.mark.parametrize("call", BODIES)
def test_a_spoiled_body_is_accepted_or_refused_with_a_reason(kontor_server, customer, call):
    method, path = call.split()
    address = kontor_server.read(f"/v1/customers/{customer['customerId']}", minPosition=customer["position"])
    url = path.format(
        customer=f"/v1/customers/{customer['customerId']}", address=address["addresses"][1]["addressId"]
    )
    body = BODIES[call] | ({"debtorIdent": "junk"} if "debtorIdent" in BODIES[call] else {})

    @junk
    @given(spoiled(body))
    def send(sent: Any) -> None:
        ident = IDENTS.get(call)
        if isinstance(sent, dict) and sent.get(ident) == body.get(ident):
            sent[ident] = f"junk-{next(_numbers)}"
        content = json.dumps(sent).encode()
        answer = kontor_server.http.request(
            method, url, content=content, headers={"Content-Type": "application/json"}
        )
        is_understandable(kontor_server, answer)

    send()


@junk
@given(
    content=st.binary(max_size=200) | st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"\xef\xbb\xbf{}"])
)
def test_bytes_that_are_no_json_are_refused(kontor_server, content):
    answer = kontor_server.post(
        "/v1/customers", content=content, headers={"Content-Type": "application/json"}
    )
    is_understandable(kontor_server, answer)
    assert answer.status_code in (400, 422)


@junk
@given(
    headers=st.fixed_dictionaries(
        {},
        optional={
            name: st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300).map(str.strip)
            for name in ("Idempotency-Key", "If-Match", "X-Correlation-Id", "Content-Type")
        },
    )
)
def test_headers_are_taken_or_refused_with_a_reason(kontor_server, customer, headers):
    answer = kontor_server.patch(
        f"/v1/customers/{customer['customerId']}", content=b'{"language": "de"}', headers=headers
    )
    is_understandable(kontor_server, answer)


def queries(server: KontorServer) -> dict[str, list[str]]:
    """Every query of the API and its parameters."""
    paths = server.get("/openapi.json").json()["paths"]
    return {
        path: [p["name"] for p in call["get"].get("parameters", []) if p["in"] == "query"]
        for path, call in paths.items()
        if "get" in call
    }


def test_a_query_of_any_kind_is_answered_or_refused_with_a_reason(kontor_server, customer):
    texts = st.text(max_size=20) | st.sampled_from([str(each) for each in NASTY])
    for path, parameters in queries(kontor_server).items():
        wanted = [name for name in parameters if name != "minPosition"]  # which waits, as it should

        @junk
        @given(
            query=st.fixed_dictionaries({}, optional=dict.fromkeys(wanted, texts)),
            ident=texts | st.just(customer["customerId"]),
        )
        def ask(path: str, query: dict[str, str], ident: str) -> None:
            steps = [_quoted(ident) if step.startswith("{") else step for step in path.split("/")]
            pairs = "&".join(f"{name}={_quoted(value)}" for name, value in query.items())
            is_understandable(kontor_server, kontor_server.get(f"{'/'.join(steps)}?{pairs}"))

        ask(path=path)


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def test_what_was_accepted_is_digested(kontor_server, customer):
    last = kontor_server.done("POST", "/v1/customers", examples.erika(debtorIdent=None))

    def billing_followed() -> bool:
        [row] = kontor_server.sql("SELECT position FROM billing.feed_positions WHERE source = 'customer'")
        return row["position"] >= last["position"]

    assert eventually(billing_followed, 20), kontor_server.log()
    assert eventually(lambda: projections_followed(kontor_server), 20)
    kontor_server.cli("status")  # ends with 1 where events are parked
    assert kontor_server.cli_json("audit", "replay") == []


def projections_followed(server: KontorServer) -> bool:
    return all(row["lag"] == 0 for row in server.cli_json("status")["projections"])


def is_understandable(server: KontorServer, answer: httpx.Response) -> None:
    """An answer that is no mistake of ours, and a problem document if it is a refusal."""
    assert answer.status_code < 500, f"{answer.text}\n{server.log(12)}"
    if answer.is_error:
        assert answer.headers["Content-Type"] == "application/problem+json", answer.text
        assert answer.json()["detail"]
