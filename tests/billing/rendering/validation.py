"""E-invoices judged by the official rules: schemas, EN 16931 schematron, and those of Factur-X or XRechnung."""

import re
import subprocess
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from services.billing.rendering.datatypes import NotExpressible
from services.billing.rendering.einvoice import einvoice
from services.messages import DocumentIssued
from services.values import DocumentFile
from tests.java import jars

SYNTAXES = (DocumentFile.ZUGFERD, DocumentFile.XRECHNUNG, DocumentFile.XRECHNUNG_UBL)

_NOT_OURS = {"PEPPOL-EN16931-R120": ("JPY", "KRW")}
"""Rules that judge amounts by a tolerance of two cents, which whole yen cannot keep to, and the currencies."""
_BETWEEN_TAGS = re.compile(b">[^<]*<")

PROGRAM = Path(__file__).parents[2] / "java" / "einvoice" / "Validate.java"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says against an invoice."""

    severity: str
    """`fatal`, `warning` or `information`."""
    rule: str
    place: str
    text: str


class Validator:
    """One process that judges invoices as they come; the rules of a syntax are compiled when it first comes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def findings(self, file: DocumentFile, xml: bytes) -> list[Finding]:
        """All that is wrong with an invoice of this kind; nothing of one that is valid."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked
        assert answers
        asked.write(f"{file} {b64encode(xml).decode()}\n")
        asked.flush()
        found = []
        while (line := answers.readline()) != "\n":
            assert line, "the validator ended; it says above why"
            found.append(Finding(*line.rstrip("\n").split("\t")))
        return found


def findings(rules: Validator, documents: Iterable[DocumentIssued]) -> list[tuple[str, Finding]]:
    """What is wrong with documents in any syntax, with their numbers.

    As an XRechnung each of them is judged by all rules of EN 16931 and of XRechnung; those of Factur-X, which are
    slow, judge one of each shape. Documents that cannot be expressed (three decimals) are left out.
    """
    shapes: set[bytes] = set()
    return [
        (document.number, finding)
        for document in map(_as_for_xrechnung, documents)
        for file in SYNTAXES
        for finding in _findings(rules, document, file, shapes)
        if document.currency not in _NOT_OURS.get(finding.rule, ())
    ]


def _findings(
    rules: Validator, document: DocumentIssued, file: DocumentFile, shapes: set[bytes]
) -> list[Finding]:
    try:
        xml = einvoice(document, file)
    except NotExpressible:
        return []
    shape = _BETWEEN_TAGS.sub(b"><", xml)
    if file is DocumentFile.ZUGFERD and shape in shapes:
        return []
    shapes.add(shape)
    return rules.findings(file, xml)


def _as_for_xrechnung(document: DocumentIssued) -> DocumentIssued:
    """The document with what is asked of who wants an XRechnung before one is issued."""
    buyer, seller = document.buyer, document.seller
    return replace(
        document,
        buyer=replace(buyer, email=buyer.email or "rechnungen@kunde.example"),
        seller=replace(
            seller, email=seller.email or "rechnung@seller.example", phone=seller.phone or "+49 40 1234"
        ),
    )


@contextmanager
def validator() -> Iterator[Validator]:
    """A validator for as long as it is needed; the test is skipped where there is no Java or no Maven."""
    options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8"]
    command = ["java", *options, "-cp", f"{jars('einvoice')}/*", str(PROGRAM)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        try:
            yield Validator(process)
        finally:
            process.kill()
