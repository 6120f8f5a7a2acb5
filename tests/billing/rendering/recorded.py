"""Documents of every template version, and the hashes that they were found to have when the version was new.

`python -m tests.billing.rendering.recorded` writes the hashes of a version that has none yet. What is recorded is
never written anew: another look needs another version (docs/decisions/0017-pdf.md).
"""

import hashlib
import json
from base64 import b64decode
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import cast
from uuid import UUID

from msgspec.structs import replace

from services import messages
from services.billing.document import TEMPLATE_VERSION
from services.billing.rendering.pdf import render
from services.messages import DocumentIssued, DocumentType
from services.personal_data import opened
from services.values import DocumentReference
from tests.billing.rendering import samples
from tests.billing.rendering.kinds import KINDS
from tests.stored_events import StoredExample, stored_examples

ROOM = Path(__file__).parent / "recorded_hashes"

LOGO = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAQAAAACCAIAAADwyuo0AAAAJUlEQVR4AQEaAOX/AB86Xx86Xx86Xx86XwAfOl8fOl8fOl8fOl9I2gXBVU+dfAAA"
    "AABJRU5ErkJggg=="
)
XML = "<Invoice>as stored, über alles</Invoice>".encode()
"""Stands for the stored XML: how XML is written may change, what is attached to a document does not."""


def documents(template_version: int) -> dict[str, DocumentIssued]:
    """By name, what is rendered under this version."""
    found = _of_version_1() if template_version == 1 else {name: make() for name, make in KINDS.items()}
    return {name: replace(issued, template_version=template_version) for name, issued in found.items()}


def hashes(template_version: int) -> dict[str, str]:
    """SHA-256 of each document, with a picture and attached XML where the version has them."""
    return {
        name: hashlib.sha256(render(issued, LOGO, XML)).hexdigest()
        for name, issued in documents(template_version).items()
    }


def recorded(template_version: int) -> Mapping[str, str]:
    found: Mapping[str, str] = json.loads((ROOM / f"{template_version}.json").read_text("utf-8"))
    return found


def _of_version_1() -> dict[str, DocumentIssued]:
    """What documents said at that time, in both languages, and those that are stored examples of events."""
    makers = (
        samples.first_invoice,
        samples.german_b2b,
        samples.fourteen_lines,
        samples.many_lines,
        samples.english_exempt,
        samples.order_with_adjustments,
        samples.hostile,
        first_credit_note,
    )
    found = {
        f"{make.__name__}.{language}": replace(make(), language=language)
        for make in makers
        for language in ("de", "en")
    }
    return found | _stored()


def first_credit_note() -> DocumentIssued:
    return replace(
        samples.german_b2b(),
        type=DocumentType.CREDIT_NOTE,
        reason="Falscher Preis",
        preceding_document=DocumentReference(
            document_id=UUID(int=1), number="RE-2026-000041", issue_date=date(2026, 1, 31)
        ),
    )


def _stored() -> dict[str, DocumentIssued]:
    """Issued documents as the log held them."""
    return {
        example.name: _opened(example)
        for example in stored_examples()
        if example.event.topic == DocumentIssued.TOPIC and example.event.schema_version < 3
    }


def _opened(example: StoredExample) -> DocumentIssued:
    stored = example.event
    message = cast(DocumentIssued, messages.from_stored(stored.topic, stored.schema_version, stored.state))
    [document] = opened([(message.customer_id, message)], example)
    return document


if __name__ == "__main__":
    path = ROOM / f"{TEMPLATE_VERSION}.json"
    if not path.exists():
        path.write_text(json.dumps(hashes(TEMPLATE_VERSION), indent=1) + "\n", "utf-8")
