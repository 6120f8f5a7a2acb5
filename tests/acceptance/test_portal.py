"""People do the main job in the portal: in a real browser, on the real system, by what they see."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, Response, expect
from pypdf import PdfReader

from tests import examples
from tests.acceptance.browser import Visit, chromium
from tests.acceptance.server import KontorServer
from tests.acceptance.test_api import ENTITY

MAX_PAGE_BYTES = 300_000
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@dataclass(frozen=True)
class Billed:
    """A customer of the tests with a contract and its first invoice."""

    name: str
    customer_id: str
    document_id: str
    billing_run_id: str


@pytest.fixture(scope="module")
def billed(kontor_server: KontorServer) -> Billed:
    """9.99 a month from 15 January 2026, billed up to the end of January: 5.48."""
    kontor_server.done("PUT", "/v1/billing-entities/main", ENTITY)
    ident = f"portal-{uuid4().hex[:8]}"
    name = f"Kontorhaus {ident} GmbH"
    body = examples.beispiel_gmbh(debtorIdent=ident, addresses=[examples.invoice_address(company=name)])
    customer = kontor_server.done("POST", "/v1/customers", body)
    kontor_server.done("POST", "/v1/contracts", examples.contract(debtorIdent=ident, contractIdent=ident))
    request = {"debtorIdent": ident, "processingDate": "2026-01-31"}
    run = kontor_server.done("POST", "/v1/billing-runs", request)
    kontor_server.completed(run["billingRunId"])
    [outcome] = kontor_server.read(f"/v1/billing-runs/{run['billingRunId']}/outcomes")["items"]
    return Billed(name, customer["customerId"], outcome["documents"][0], run["billingRunId"])


@pytest.fixture
def visit(browser: Browser, kontor_server: KontorServer) -> Iterator[Visit]:
    """Somebody who opened the sign-in link; nothing on their pages may fail."""
    visit = Visit(browser)
    visit.page.goto(kontor_server.sign_in_link)
    yield visit
    assert not visit.errors
    visit.close()


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit.page


def box(part: Page | Locator, name: str) -> Locator:
    """The text field that is called exactly this."""
    return part.get_by_role("textbox", name=name, exact=True)


def test_the_main_job_from_the_sign_in_link_to_the_pdf(kontor_server, visit, page):
    kontor_server.done("PUT", "/v1/billing-entities/main", ENTITY)
    ident = uuid4().hex[:8]
    name = f"Nordwind {ident} GmbH"
    expect(page.get_by_role("heading", name="Customers", exact=True)).to_be_visible()
    assert urlsplit(page.url).query == ""

    add_customer(page, name)
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("The customer was added.")).to_be_visible()

    find(page, ident)
    row = page.get_by_role("row", name=re.compile(name))
    expect(row).to_be_visible()

    row.get_by_role("button", name="Add contract").click()
    add_contract(page, f"C-{ident}")
    expect(row.get_by_role("cell").nth(6)).to_have_text("1")  # contracts active

    row.get_by_role("button", name="Create documents").click()
    number = create_documents(page)

    page.get_by_role("link", name=number).click()
    expect(page.get_by_role("heading", name=f"Invoice {number}")).to_be_visible()
    expect(page.get_by_role("row", name="Base fee")).to_contain_text("€5.48")
    expect(page.get_by_role("row", name="Gross")).to_contain_text("€6.52")
    expect(page.locator("object[type='application/pdf']")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("link", name="Download PDF").first.click()
    assert download.value.suggested_filename == f"{number}.pdf"
    pdf = download.value.path().read_bytes()
    assert pdf.startswith(b"%PDF")
    assert name in " ".join(PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split())


def add_customer(page: Page, name: str) -> None:
    page.get_by_role("button", name="Add", exact=True).first.click()
    dialog = page.get_by_role("dialog", name="Add a customer")
    box(dialog, "Company").fill(name)
    box(dialog, "Street").fill("Kaistraße")
    box(dialog, "Postal code").fill("20457")
    box(dialog, "City").fill("Hamburg")
    dialog.get_by_role("combobox", name="Country").select_option("DE")
    dialog.get_by_role("button", name="Add customer").click()
    page.wait_for_url("**/customers/*")


def find(page: Page, words: str) -> None:
    page.get_by_role("link", name="Customers").first.click()
    page.get_by_role("searchbox").fill(words)
    expect(page).to_have_url(re.compile(f"[?]q={words}$"))
    expect(page.get_by_role("status").filter(has_text="1 customer")).to_be_attached()  # said aloud as well


def add_contract(page: Page, ident: str) -> None:
    dialog = page.get_by_role("dialog", name="Add contract")
    box(dialog, "Contract ident").fill(ident)
    dialog.get_by_role("combobox", name="Alignment").select_option("CALENDAR")
    dialog.get_by_label("First day").fill("2026-01-15")
    box(dialog, "What is billed").fill("Base fee")
    box(dialog, "Net unit price").fill("9.99")
    expect(dialog.get_by_text("Net €9.99 every month")).to_be_visible()
    dialog.get_by_role("button", name="Add contract").click()
    expect(page.get_by_text("The contract was added.")).to_be_visible()


def create_documents(page: Page) -> str:
    """Bill up to the end of January; the number of the new document."""
    dialog = page.get_by_role("dialog", name="Create documents")
    assert dialog.get_by_label("Processing date").input_value()  # today, unless another day is wanted
    dialog.get_by_label("Processing date").fill("2026-01-31")
    dialog.get_by_role("button", name="Create documents").click()
    expect(dialog.get_by_text("One document was created.")).to_be_visible()
    return dialog.get_by_role("link").first.inner_text()


def test_without_a_session_every_page_leads_to_the_sign_in_page_and_back(kontor_server, browser, billed):
    visit = Visit(browser)
    page = visit.page
    page.goto(f"{kontor_server.url}/customers/{billed.customer_id}")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Sign-in link or token").fill("nobody has this")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("does not let anyone in")
    page.get_by_label("Sign-in link or token").fill(kontor_server.sign_in_link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name=billed.name)).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{kontor_server.url}/status")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    visit.close()


def test_what_is_missing_is_said_in_a_summary_that_leads_to_the_fields(page):
    opener = page.get_by_role("button", name="Add", exact=True)
    opener.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("combobox", name="Type")).to_be_focused()
    dialog.get_by_role("button", name="Add customer").click()
    expect(dialog.get_by_role("alert")).to_be_focused()
    dialog.get_by_role("link", name="Company is needed.").click()
    company = box(dialog, "Company")
    expect(company).to_be_focused()
    expect(company).to_have_attribute("aria-invalid", "true")
    expect(company).to_have_accessible_description("Company is needed.")

    company.fill("Typed but not sent")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    expect(company).to_have_value("Typed but not sent")  # Escape keeps it, Discard forgets it
    dialog.get_by_role("button", name="Discard").click()
    opener.click()
    expect(company).to_have_value("")


def test_what_the_api_refuses_is_said_at_the_field(kontor_server, page, billed):
    ident = kontor_server.read(f"/v1/customers/{billed.customer_id}")["debtorIdent"]
    page.get_by_role("button", name="Add", exact=True).click()
    dialog = page.get_by_role("dialog")
    box(dialog, "Debtor ident").fill(ident)
    box(dialog, "Company").fill("Twice GmbH")
    dialog.get_by_role("combobox", name="Country").select_option("DE")
    box(dialog, "VAT-ID").fill("DE123456789")
    dialog.get_by_role("button", name="Add customer").click()
    expect(box(dialog, "VAT-ID")).to_have_accessible_description(re.compile("VAT-ID is not valid"))
    box(dialog, "VAT-ID").fill("")
    dialog.get_by_role("button", name="Add customer").click()
    expect(box(dialog, "Debtor ident")).to_have_accessible_description(
        re.compile("Another customer has this")
    )


def test_an_edit_sends_only_what_changed_and_is_refused_when_somebody_was_faster(kontor_server, page, billed):
    address = f"/v1/customers/{billed.customer_id}"
    page.goto(f"{kontor_server.url}/customers/{billed.customer_id}")
    edit(page, "Contact person", "Otto Beispiel")
    expect(page.get_by_text("The changes are saved.")).to_be_visible()
    customer = kontor_server.read(address)
    assert customer["contactPerson"] == "Otto Beispiel"
    assert customer["vatId"] == "DE136695976"
    expect(page.get_by_role("region", name="History")).to_contain_text("Otto Beispiel")

    kontor_server.done("PATCH", address, {"phone": "1"})
    edit(page, "Contact person", "Too late")
    expect(page.get_by_role("alert")).to_contain_text("in the meantime")
    assert kontor_server.read(address)["contactPerson"] == "Otto Beispiel"


def edit(page: Page, field: str, value: str) -> None:
    page.get_by_role("button", name="Edit", exact=True).click()
    dialog = page.get_by_role("dialog", name="Edit customer")
    box(dialog, field).fill(value)
    dialog.get_by_role("button", name="Save").click()


def test_an_address_is_added_and_an_order_recorded_from_the_detail_page(kontor_server, page, billed):
    page.goto(f"{kontor_server.url}/customers/{billed.customer_id}")
    page.get_by_role("button", name="Add address").click()
    dialog = page.get_by_role("dialog", name="Address")
    box(dialog, "Company").fill("Lager Süd")
    dialog.get_by_role("combobox", name="Country").select_option("AT")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Addresses")).to_contain_text("Lager Süd")

    page.get_by_role("button", name="Add order").first.click()
    dialog = page.get_by_role("dialog", name="Add order")
    ident = f"O-{uuid4().hex[:8]}"
    box(dialog, "Order ident").fill(ident)
    box(dialog, "What was ordered").fill("Vehicle tracker")
    box(dialog, "Quantity").fill("3")
    box(dialog, "Net unit price").fill("59.90")
    expect(dialog.get_by_text("Net €179.70")).to_be_visible()
    dialog.get_by_role("button", name="Add order").click()
    expect(page.get_by_role("region", name="Orders")).to_contain_text(ident)


def test_a_run_for_all_asks_first_and_shows_its_outcomes(page, billed):
    page.get_by_role("button", name="Billing run for all").click()
    dialog = page.get_by_role("dialog", name="Billing run for all")
    dialog.get_by_label("Processing date").fill("2026-01-31")
    dialog.get_by_role("button", name="Start billing run").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Yes, issue documents").check()
    dialog.get_by_role("button", name="Start billing run").click()
    page.wait_for_url("**/billing-runs/*")
    expect(page.get_by_text("Completed").first).to_be_visible()
    expect(page.get_by_role("region", name="Outcomes")).to_contain_text("Nothing due")


def test_a_line_says_why_and_a_contract_what_is_billed_of_it(page, kontor_server, billed):
    page.goto(f"{kontor_server.url}/documents/{billed.document_id}")
    page.get_by_text("Why?").click()
    expect(page.get_by_text("9.99 × 17 of 31 days = 5.478… → 5.48")).to_be_visible()
    page.goto(f"{kontor_server.url}/customers/{billed.customer_id}")
    page.get_by_text("Billed intervals").click()
    expect(page.get_by_text("15 Jan 2026 – 31 Jan 2026 RE-")).to_be_visible()
    expect(page.get_by_text("Nothing is missing, nothing is billed twice.")).to_be_visible()


def test_a_document_is_saved_as_e_invoice_and_sent_from_its_page(kontor_server, page, billed):
    address = f"/v1/documents/{billed.document_id}"
    page.goto(f"{kontor_server.url}/documents/{billed.document_id}")
    menu = page.get_by_text("E-invoice (XML)")
    menu.focus()
    page.keyboard.press("Enter")
    with page.expect_download() as download:
        page.get_by_role("link", name="XRechnung (UBL)").click()
    number = kontor_server.read(address)["number"]
    assert download.value.suggested_filename == f"{number}.xml"
    expected = kontor_server.get(f"{address}/xml", params={"format": "xrechnung-ubl"}).content
    assert download.value.path().read_bytes() == expected
    expect(page.get_by_role("link", name="XRechnung (UBL)")).to_be_hidden()

    page.route("**/xml?*", lambda route: route.abort())
    menu.click()
    page.get_by_role("link", name="ZUGFeRD (CII)").click()
    expect(page.get_by_role("alert")).to_contain_text("Kontor cannot be reached")

    delivery = page.get_by_role("region", name="E-mail")
    expect(delivery).to_contain_text("not sent by e-mail")
    delivery.get_by_role("button", name="Send").click()
    box(page, "Recipient").fill("rechnung@example.com")
    page.get_by_role("dialog").get_by_role("button", name="Send").click()
    expect(page.get_by_text("The document is on its way.")).to_be_visible()
    expect(delivery).to_contain_text("no mail server is set up")
    expect(delivery).to_contain_text("rechnung@example.com")


def test_columns_sort_by_their_heads_and_the_address_says_how(page, billed):
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("columnheader", name="Name").get_by_role("link").click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "descending")
    assert "sort=-name" in page.url
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    assert billed.name in download.value.path().read_text("utf-8")


def test_the_browser_s_language_is_spoken_until_another_one_is_chosen(kontor_server, browser):
    visit = Visit(browser, locale="de-DE")
    page = visit.page
    page.goto(kontor_server.sign_in_link)
    expect(page.get_by_role("heading", name="Kunden")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Customers")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Customers")).to_be_visible()
    visit.close()


def test_every_page_is_light_asks_no_other_host_and_fits_a_phone(kontor_server, browser, billed):
    for path in pages(billed):
        visit = Visit(browser, viewport=PHONE)
        visit.context.request.get(kontor_server.sign_in_link)  # so that nothing is in the browser's cache yet
        visit.page.goto(f"{kontor_server.url}{path}", wait_until="networkidle")
        assert {urlsplit(answer.url).netloc for answer in visit.answers} == {
            urlsplit(kontor_server.url).netloc
        }
        assert sum(weight_of(answer) for answer in visit.answers) < MAX_PAGE_BYTES, path
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert not visit.errors
        visit.close()


def weight_of(answer: Response) -> int:
    return int(answer.header_value("content-length") or 0)


def test_every_page_reads_without_scripts(kontor_server, browser, billed):
    visit = Visit(browser, java_script_enabled=False)
    visit.page.goto(kontor_server.sign_in_link)
    for path in pages(billed):
        visit.page.goto(f"{kontor_server.url}{path}")
        expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
        expect(visit.page.get_by_role("button", name="Add")).to_have_count(0)
    visit.close()


def pages(billed: Billed) -> list[str]:
    return [
        "/",
        f"/customers/{billed.customer_id}",
        f"/documents/{billed.document_id}",
        "/documents",
        "/billing-runs",
        f"/billing-runs/{billed.billing_run_id}",
        "/status",
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/customers/7", 404),
        ("/documents/00000000-0000-4000-8000-000000000000", 404),
        ("/?cursor=junk", 400),
        ("/?q=%00", 400),
    ],
)
def test_an_address_that_leads_nowhere_gets_a_page_that_says_so(kontor_server, page, path, status):
    answer = page.goto(f"{kontor_server.url}{path}")
    assert answer.status == status
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_pages_may_run_nothing_but_our_own_scripts(kontor_server, page):
    headers = page.goto(kontor_server.url).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
