"""Folding, sort keys and patterns."""

import pytest

from projections.search import fold, patterns, search_text, sort_key


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Łódź", "lodz"), ("Straße", "strasse"), ("Ångström", "angstrom"), ("İzmir", "izmir"),
     ("Ærøskøbing", "aeroskobing"), ("plain", "plain"), ("ﬁn", "fin"), ("東京", "東京")],
)  # fmt: skip
def test_case_and_accents_fold_away(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_a_sort_key_fits_into_an_index_whatever_the_name() -> None:
    assert sort_key("  Über   uns ") == "uber uns"
    assert len(sort_key("ﷺ" * 255)) == 200
    assert sort_key(None) == ""


def test_each_word_to_be_found_begins_after_a_newline() -> None:
    assert search_text("Beispiel GmbH", None, "D-4711") == "\nbeispiel\ngmbh\nd-4711"


def test_a_pattern_asks_for_each_word_and_takes_no_wildcard_from_the_query() -> None:
    assert patterns("Beisp 50%_\\") == ["%beisp%", "%50\\%\\_\\\\%"]
    assert patterns("gm") == ["%\ngm%"]
    assert patterns("   ") == []
    assert len(patterns("a " * 1000)) == 8
