"""The Excel workbook, read back by another library."""

from collections.abc import Iterable
from io import BytesIO

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from bilstm_crf.formats import FormatOptions
from bilstm_crf.output import WRITERS, workbook
from bilstm_crf.output.name_rows import NameRow
from bilstm_crf.sentence import Origin, Sentence, TokenSpan


def sentence_with(name: str, score: float | None = None) -> Sentence:
    """A sentence that is one name."""
    return Sentence(
        [name], token_spans=[TokenSpan(0, 1, "PER")], text=name, offsets=[(0, len(name))], path="a.txt",
        origin=Origin("a.txt", 1, 0), scores=None if score is None else [score],
    )  # fmt: skip


def sheets(sentences: Iterable[Sentence]) -> list[Worksheet]:
    content = b"".join(WRITERS["xlsx"].write(sentences, FormatOptions()))
    return load_workbook(BytesIO(content)).worksheets


def texts(sheet: Worksheet) -> list[object]:
    return [row[5].value for row in sheet.iter_rows(min_row=2)]


def test_the_header_stays_in_view_columns_can_be_filtered_and_numbers_are_numbers() -> None:
    (sheet,) = sheets([sentence_with("Kari", 0.98765), sentence_with("Ola")])
    assert [cell.value for cell in sheet[1]] == list(NameRow._fields)
    assert [cell.value for cell in sheet[2]] == ["a.txt", 1, 0, 4, "PER", "Kari", 0.9877, "Kari"]
    assert (sheet["G2"].data_type, sheet["G3"].value) == ("n", None)
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:H3")
    assert sheet.column_dimensions["H"].width > sheet.column_dimensions["E"].width


def test_without_names_there_is_a_header() -> None:
    (sheet,) = sheets([])
    assert (sheet.max_row, sheet.auto_filter.ref) == (1, "A1:H1")


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+47", "@sum", "https://nav.no", "007", "TRUE", "<b>&\"'", "a\u202eb", "\U0001f600", "_x0041_"],
)
def test_a_text_stays_a_text(name: str) -> None:
    (sheet,) = sheets([sentence_with(name)])
    cell = sheet["F2"]
    assert cell.data_type == "s"
    assert cell.value in (name, "_x005F_x0041_")  # as Excel writes it, which openpyxl does not undo
    assert cell.hyperlink is None


@pytest.mark.parametrize("name", ["a\0b", "a\x1bb", "a\ufffeb", "\x01"])
def test_control_characters_do_not_break_the_file(name: str) -> None:
    (sheet,) = sheets([sentence_with(name)])
    assert sheet["A2"].value == "a.txt"


def test_a_name_that_no_cell_holds_is_cut_where_it_shows() -> None:
    for letter in ("a", "\U0001f600"):
        (sheet,) = sheets([sentence_with(letter * 40_000)])
        assert sheet["F2"].value == letter * workbook.MAX_CELL + "…"


def test_more_rows_than_a_sheet_holds_go_on_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 4)
    first, second, third = sheets(sentence_with(f"Kari{number}") for number in range(7))
    assert [len(texts(sheet)) for sheet in (first, second, third)] == [3, 3, 1]
    assert second["A1"].value == "file"
    assert [sheet.title for sheet in (first, second, third)] == ["names", "names 2", "names 3"]


def test_equal_names_give_equal_files_and_nothing_is_left_behind(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = (b"".join(WRITERS["xlsx"].write([sentence_with("Kari")], FormatOptions())) for _ in "ab")
    assert first == second

    def interrupted() -> Iterable[Sentence]:
        yield sentence_with("Kari")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(WRITERS["xlsx"].write(interrupted(), FormatOptions()))
    assert list(tmp_path.iterdir()) == []
