"""Rows of import files: what columns and lines say, and what is told of those that are no rows."""

import io
from decimal import Decimal
from typing import Any

import pytest

from infra.imports.rows import Malformed, WrongColumns, csv_rows, json_rows


def read_csv(text: str | bytes) -> list[Any]:
    return list(csv_rows(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def read_json(text: str | bytes) -> list[Any]:
    return list(json_rows(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def test_columns_are_field_paths():
    [row] = read_csv("a,b.c,d[0].e,d[0].f,d[1].e,g[0][0]\n1,2,3,4,5,6\n")
    assert row == {"a": "1", "b": {"c": "2"}, "d": [{"e": "3", "f": "4"}, {"e": "5"}], "g": [["6"]]}


def test_an_empty_cell_is_an_absent_field_and_an_empty_line_is_no_row():
    assert read_csv("a,b[0].c,b[1].c\n,,x\n\n,,\n1,,\n") == [{"b": [{"c": "x"}]}, {"a": "1"}]


def test_ten_columns_of_a_list_stay_in_order():
    columns = ",".join(f"a[{index}]" for index in range(11))
    assert read_csv(f"{columns}\n0,1,2,3,4,5,6,7,8,9,10\n") == [{"a": [*list("0123456789"), "10"]}]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_header_tells_the_separator(separator):
    assert read_csv(f"a{separator}b\n1{separator}2\n") == [{"a": "1", "b": "2"}]


def test_a_byte_order_mark_and_windows_lines_are_no_part_of_the_data():
    assert read_csv("\ufeffa,b\r\n1,2\r\n") == [{"a": "1", "b": "2"}]
    assert read_json('\ufeff{"a": 1}\r\n') == [{"a": 1}]


def test_a_quoted_cell_may_hold_separators_quotes_and_lines():
    assert read_csv('a,b\n"1,\n""2""",3\n') == [{"a": '1,\n"2"', "b": "3"}]


@pytest.mark.parametrize(
    "header",
    ["a,a", "a,a.b", "a.b,a", "a[0],a.b", "a[0].b,a[0]", "a,", "a..b", "a[x]", "a[0]b", "[0]", "a[99999]"],
)
def test_columns_that_name_no_place_of_their_own_are_refused(header):
    with pytest.raises(WrongColumns, match="column"):
        read_csv(f"{header}\n")


def test_a_line_with_another_number_of_cells_is_told_and_the_next_is_read():
    short, long, row = read_csv("a,b\n1\n1,2,3\n1,2\n")
    assert str(short) == "has 1 cells where the header has 2"
    assert str(long) == "has 3 cells where the header has 2"
    assert row == {"a": "1", "b": "2"}


def test_a_line_in_another_encoding_is_told_and_not_guessed():
    bad, row = read_csv("a\nMüller\n".encode("latin-1") + b"Meier\n")
    assert str(bad) == "is not in UTF-8"
    assert row == {"a": "Meier"}


def test_a_cell_beyond_all_measure_is_told_and_the_next_line_is_read():
    bad, row = read_csv(f"a\n{'x' * 200_000}\n1\n")
    assert str(bad).startswith("is not CSV: ")
    assert row == {"a": "1"}


def test_numbers_in_json_lines_stay_exact():
    assert read_json('{"a": 9.990, "b": 12}\n\n{"a": 0.1}') == [
        {"a": Decimal("9.990"), "b": 12},
        {"a": Decimal("0.1")},
    ]


@pytest.mark.parametrize("line", ["nonsense", "[1]", '"a"', "{", "[" * 100_000, '{"a": %s}' % ("9" * 5000)])
def test_a_line_that_is_no_json_object_is_told_and_the_next_is_read(line):
    bad, row = read_json(f'{line}\n{{"a": 1}}\n')
    assert isinstance(bad, Malformed)
    assert "is not a JSON object" in str(bad)
    assert row == {"a": 1}


def test_files_without_rows_have_none():
    assert read_csv("") == read_csv("a,b\n") == read_json("") == []
