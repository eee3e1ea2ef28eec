"""Tables of names: one row a name, whatever the file holds; CSV and TSV as their readers expect them."""

import csv
import io
import json
from collections.abc import Sequence
from io import BytesIO

import pytest

from bilstm_crf.errors import InputWarning, UsageError
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.output import WRITERS, writer_for_suffix, writer_named
from bilstm_crf.sentence import Sentence, TokenSpan

OPTIONS = FormatOptions(tokenise="spaces")
ARTICLE = "Kari Nordmann bor i Oslo .\n\nHun møtte «Ola\tNordmann» , sa hun .\n"
HEAD = ["file", "line", "offset", "end", "type", "text", "score", "sentence"]


def named(
    content: str, *spans: tuple[int, int, str], path: str = "a.txt", scores: Sequence[float] | None = None
) -> list[Sentence]:
    """The lines of a text as sentences, with these token spans in the first of them."""
    sentences = list(FORMATS["text"].read(BytesIO(content.encode()), path, OPTIONS))
    for sentence in sentences:
        sentence.token_spans = []
    sentences[0].token_spans = [TokenSpan(*span) for span in spans]
    sentences[0].scores = list(scores) if scores is not None else None
    return sentences


def table(sentences: Sequence[Sentence], name: str = "csv") -> list[list[str]]:
    content = b"".join(WRITERS[name].write(sentences, OPTIONS)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(content, newline=""), delimiter="\t" if name == "tsv" else ","))


@pytest.mark.parametrize("name", ["csv", "tsv"])
def test_each_name_has_its_place_in_the_file(name: str) -> None:
    sentences = named(ARTICLE, (0, 2, "PER"), (4, 5, "GPE_LOC"), scores=[0.99876, 1.0])
    sentences[2].token_spans = [TokenSpan(2, 4, "PER")]
    head, *rows = table(sentences, name)
    assert head == HEAD
    assert rows == [
        ["a.txt", "1", "0", "13", "PER", "Kari Nordmann", "0.9988", "Kari Nordmann bor i Oslo ."],
        ["a.txt", "1", "20", "24", "GPE_LOC", "Oslo", "1.0", "Kari Nordmann bor i Oslo ."],
        ["a.txt", "3", "38", "52", "PER", "«Ola Nordmann»", "", "Hun møtte «Ola Nordmann» , sa hun ."],
    ]
    for row in rows:
        assert ARTICLE[int(row[2]) : int(row[3])].replace("\t", " ") == row[5]


def test_csv_is_for_spreadsheets_and_tsv_for_programs() -> None:
    sentences = named("Kari sov", (0, 1, "PER"))
    as_csv, as_tsv = (b"".join(WRITERS[name].write(sentences, OPTIONS)) for name in ("csv", "tsv"))
    assert as_csv.startswith(b"\xef\xbb\xbffile,line,")
    assert as_csv.endswith(b",Kari sov\r\n")
    assert as_tsv.startswith(b"file\tline\t")
    assert as_tsv.endswith(b"\tKari sov\n")
    assert b"\r" not in as_tsv


@pytest.mark.parametrize("name", ["csv", "tsv"])
def test_without_names_there_is_a_header(name: str) -> None:
    assert table(named("ingen her\n"), name) == table([], name) == [HEAD]
    assert table([Sentence(["Kari"])], name) == [HEAD]  # unlabelled


@pytest.mark.parametrize("word", ["=1+1", "+47", "-2", "@sum", "'=a", "''-", "-Hei"])
def test_a_spreadsheet_finds_no_formula_and_the_cell_can_be_restored(word: str) -> None:
    with pytest.warns(InputWarning, match="apostrophe"):
        _, row = table(named(f"{word} er her", (0, 1, "PROD")))
    assert row[5] == "'" + word
    assert row[7] == f"'{word} er her"


def test_other_cells_are_left_as_they_are(recwarn: pytest.WarningsRecorder) -> None:
    assert table(named("'a' sa \"Kari, mor\" ;", (0, 1, "PER")))[1][5:] == [
        "'a'",
        "",
        "'a' sa \"Kari, mor\" ;",
    ]
    assert not recwarn.list


def test_a_line_break_in_a_name_becomes_a_space_and_the_row_stays_one_line() -> None:
    sentence = Sentence(
        ["Kari", "Nordmann"], text="Kari\r\n  Nordmann", offsets=[(0, 4), (8, 16)],
        token_spans=[TokenSpan(0, 2, "PER")], path="a.jsonl", line=7,
    )  # fmt: skip
    assert table([sentence])[1] == ["a.jsonl", "7", "0", "16", "PER", "Kari Nordmann", "", "Kari Nordmann"]


def test_in_conllu_and_columns_the_line_is_that_of_the_token() -> None:
    content = "# text = Heia Oslo!\n1\tHeia" + "\t_" * 8 + "\n2\tOslo" + "\t_" * 7 + "\tSpaceAfter=No\n"
    (sentence,) = FORMATS["conllu"].read(BytesIO((content + "3\t!" + "\t_" * 8 + "\n").encode()), "b.conllu")
    sentence.token_spans = [TokenSpan(1, 2, "GPE_LOC")]
    assert table([sentence])[1] == ["b.conllu", "3", "5", "9", "GPE_LOC", "Oslo", "", "Heia Oslo!"]


def test_several_files_come_into_one_table() -> None:
    rows = table([*named("Kari", (0, 1, "PER")), *named("\nOla", path="b.txt")])
    assert [row[0] for row in rows] == ["file", "a.txt"]
    assert table(named("Kari", (0, 1, "PER"), path="standard input"))[1][0] == ""
    assert table(named("Kari", (0, 1, "PER"), path="b\udce5t.txt"))[1][0] == "b\\xe5t.txt"


def test_rows_of_a_long_line_hold_what_stands_around_the_name() -> None:
    count = 20_000
    sentence = named("Kari sov . " * count)[0]
    sentence.token_spans = [TokenSpan(3 * place, 3 * place + 1, "PER") for place in range(count)]
    rows = table([sentence])
    assert len(rows) == count + 1
    assert {row[5] for row in rows[1:]} == {"Kari"}
    assert max(len(row[7]) for row in rows) < 420
    assert rows[10_000][7].startswith("…")
    assert "Kari sov" in rows[10_000][7]
    assert rows[10_000][7].endswith("…")


def test_json_lines_hold_file_line_text_score_and_alternatives() -> None:
    from bilstm_crf.sentence import Alternative

    (sentence,) = named("Kari sov", (0, 1, "PER"), scores=[0.98765])
    sentence.alternatives = [Alternative(0.9, [TokenSpan(0, 1, "PER")]), Alternative(0.1, [])]
    record = json.loads(b"".join(WRITERS["jsonl"].write([sentence], OPTIONS)))
    place = {"start": 0, "end": 4, "label": "PER", "text": "Kari", "line": 1, "file_start": 0, "file_end": 4}
    assert (record["file"], record["line"]) == ("a.txt", 1)
    assert record["entities"] == [{**place, "score": 0.9877}]
    assert record["alternatives"] == [
        {"probability": 0.9, "entities": [place]},
        {"probability": 0.1, "entities": []},
    ]


@pytest.mark.parametrize(
    ("path", "source", "name"),
    [("a.csv", None, "csv"), ("a.TSV.gz", "text", "tsv"), ("a.tsv", "conll2003", "conll2003"),
     ("a.ndjson", None, "jsonl"), ("a.txt", "conllu", "text"), ("a.conllu", "text", "conllu")],
)  # fmt: skip
def test_the_suffix_names_the_writer(path: str, source: str | None, name: str) -> None:
    writer = writer_for_suffix(path, source)
    assert writer is not None
    assert writer.name == name
    assert writer_for_suffix("a.out") is None


def test_an_unknown_output_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="Did you mean csv"):
        writer_named("cvs")
