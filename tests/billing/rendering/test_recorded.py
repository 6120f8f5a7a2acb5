"""A change of template, words or view never changes documents that were issued before it."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.billing.document import TEMPLATE_VERSION
from services.billing.rendering.language import language
from tests.billing.rendering.recorded import documents, hashes, recorded

ROOT = Path(__file__).resolve().parents[3]
VERSIONS = range(1, TEMPLATE_VERSION + 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_documents_of_every_template_version_keep_their_bytes(version):
    changed = {name for name, sha256 in hashes(version).items() if sha256 != recorded(version)[name]}
    assert not changed, "issued documents look different now; a new look needs a new template version"


def test_all_that_was_recorded_is_still_rendered():
    assert {version: recorded(version).keys() for version in VERSIONS} == {
        version: documents(version).keys() for version in VERSIONS
    }


def test_two_other_processes_render_the_same_bytes():
    program = "from tests.billing.rendering.recorded import hashes; print(hashes(2))"
    command = [sys.executable, "-c", program]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    first, second = (process.communicate()[0] for process in processes)
    assert first == second == f"{dict(recorded(2))}\n"


def test_an_older_template_keeps_its_words():
    assert language("de").say("payment.transfer", due_on="…") == "Bitte überweisen Sie den Betrag bis zum …."
    assert (
        language("de", 1).say("payment.transfer", due_on="…")
        == "Bitte überweisen Sie den Gesamtbetrag bis zum …."
    )
