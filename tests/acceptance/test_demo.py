"""`kontor serve --demo`: what a new user finds after `make run`."""

from tests.acceptance.server import KontorServer, eventually, serving


def test_the_demo_is_there_at_once_is_filled_in_once_and_can_be_billed():
    with serving(demo=True) as server:
        assert eventually(lambda: totals(server) == {"customers": 59, "orders": 412, "contracts": 8})
        loaded = server.heads()
        server.stop()
        server.start()
        assert server.heads() == loaded

        documents = server.documents_of_run(processingDate="2026-12-31")
        assert {d["seller"]["name"] for d in documents} == {"Nordlicht Musik GmbH"}
        billed = {line["origin"]["type"] for document in documents for line in document["lines"]}
        assert billed == {"ORDER", "CONTRACT"}


def totals(server: KontorServer) -> dict[str, int]:
    return {
        kind: server.read(f"/v1/{kind}", limit=1)["total"] for kind in ("customers", "orders", "contracts")
    }
