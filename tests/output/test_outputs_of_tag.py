"""Every output at the command line, with a trained model: nothing is lost, whatever the text holds."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook

from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.output import WRITERS
from bilstm_crf.output.name_rows import NameRow
from done import Done
from pages import Marks

MODEL = Path(__file__).parent.parent / "models" / "version-0.1.0"
ARTICLES = {
    "a.txt": "Kari Nordmann bor i Oslo.\r\n\r\n=1+1 sa Ola \\ [sic] <b>&amp;</b>.\n",
    "tom.txt": "",
    "ø/b.txt": "– Nei, sa Kari.\n\n\u202eOslo\u202c \U0001f600 \"Bergen\",\t'Hamar'.",
}
Cli = Callable[..., Done]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in ARTICLES.items():
        path = tmp_path / "articles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return tmp_path / "articles"


def tag(cli: Cli, folder: Path, output: str, *options: str) -> bytes:
    """The content of `output` after tagging the folder."""
    path = folder.parent / output
    done = cli("tag", "--model", MODEL, "--sentences", "detect", folder, "-o", path, *options)
    assert done.status == 0, done.err
    return path.read_bytes()


def restored(cell: str) -> str:
    """A cell of a CSV table without the apostrophe in front of what looks like a formula."""
    return re.sub("^'(?='*[-=+@])", "", cell)


def test_all_tables_and_records_hold_the_same_names(cli: Cli, folder: Path) -> None:
    content = tag(cli, folder, "names.csv").decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(content, newline=""))
    assert tuple(head) == NameRow._fields
    assert len(rows) > 2
    for file, line, offset, end, _, text, *_ in rows:
        given = Path(file).read_bytes().decode()
        assert given[int(offset) : int(end)] == restored(text)
        assert given[: int(offset)].count("\n") + 1 == int(line)
    tsv = tag(cli, folder, "names.tsv").decode()
    assert [head, *rows] == list(csv.reader(io.StringIO(tsv, newline=""), delimiter="\t"))
    workbook = load_workbook(io.BytesIO(tag(cli, folder, "names.xlsx")))
    cells = [["" if cell is None else str(cell) for cell in row] for row in workbook.active.values]
    assert cells == [head, *(list(map(restored, row)) for row in rows)]
    records = [json.loads(line) for line in tag(cli, folder, "names.jsonl").splitlines()]
    entities = [
        [record["file"], str(each["line"]), str(each["file_start"]), str(each["file_end"]), each["label"]]
        for record in records
        for each in record["entities"]
    ]
    assert entities == [row[:5] for row in rows]


def test_the_page_holds_the_articles(cli: Cli, folder: Path) -> None:
    shown = Marks(tag(cli, folder, "names.html").decode()).sections
    assert shown == [content.replace("\r\n", "\n") for content in ARTICLES.values() if content]


@pytest.mark.parametrize("name", [*WRITERS])
def test_an_empty_file_gives_an_output_that_can_be_read(name: str, cli: Cli, tmp_path: Path) -> None:
    empty, output = tmp_path / "tom.text", tmp_path / f"out{WRITERS[name].suffixes[0]}"
    empty.write_bytes(b"")
    done = cli("tag", "--model", MODEL, "--format", "text", empty, "--to", name, "-o", output)
    assert done.status == 0, done.err
    content = output.read_bytes()
    if name in FORMATS:
        assert list(FORMATS[name].read(io.BytesIO(content), "x", FormatOptions())) == []
    elif name == "xlsx":
        assert load_workbook(io.BytesIO(content)).active.max_row == 1
    elif name == "html":
        assert re.search("<p[^>]*>0 names", content.decode())
    else:
        assert len(content.splitlines()) == (name not in ("brat", "prodigy", "doccano"))
