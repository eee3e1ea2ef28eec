"""`bilstm-crf tag` on documents, and into what is not a format of files that are read."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.formats.documents import text_of
from documents import open_document, paragraph, pdf, word
from done import Done
from runs import ROOT

Cli = Callable[..., Done]
BODY = ["Kari Nordmann i Oslo", "Ola Nordmann bor i Bergen. Per Hansen", "bor i Oslo."]


@pytest.fixture
def tag(cli: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`bilstm-crf tag --model …` in a folder of its own, with documents."""
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    Path("d/a.docx").write_bytes(word("".join(map(paragraph, BODY))))
    Path("d/b.odt").write_bytes(open_document("".join(f"<text:p>{line}</text:p>" for line in BODY)))
    Path("d/c.html").write_text("".join(f"<p>{line}" for line in BODY), "utf-8")
    Path("d/d.eml").write_text("Subject: Kari Nordmann\n\n" + "\n\n".join(BODY), "utf-8")
    return lambda *arguments, stdin=b"": cli("tag", "--model", tiny_model, *arguments, stdin=stdin)


def records(content: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in content.splitlines()]


@pytest.mark.parametrize("name", ["d/a.docx", "d/b.odt", "d/c.html", "d/d.eml"])
def test_offsets_are_those_of_the_text_that_is_given(tag: Cli, cli: Cli, name: str) -> None:
    done = tag(name)
    assert (done.status, done.err) == (0, "")
    whole = text_of(name)
    assert cli("data", "text", name).out.decode() == whole
    found = json.loads("[" + ",".join(done.out.decode().splitlines()) + "]")
    assert {record["file"] for record in found} == {name}
    entities = [entity for record in found for entity in record["entities"]]
    assert len(entities) > 3
    for entity in entities:
        assert whole[entity["file_start"] : entity["file_end"]] == entity["text"]
    Path("extracted.txt").write_text(whole, "utf-8")
    same = tag("extracted.txt").out.replace(b"extracted.txt", name.encode())
    assert same == done.out, "as if its text had been saved"
    marked = tag(name, "--to", "text").out.decode()
    assert marked.count("\n") == whole.count("\n")


def test_a_folder_of_documents_becomes_one_table(tag: Cli) -> None:
    done = tag("d", "-o", "names.csv")
    assert done.status == 0
    rows = list(csv.DictReader(io.StringIO(Path("names.csv").read_text("utf-8-sig"))))
    assert {row["file"] for row in rows} == {"d/a.docx", "d/b.odt", "d/c.html", "d/d.eml"}
    for row in rows:
        assert text_of(row["file"])[int(row["offset"]) : int(row["end"])] == row["text"]
    assert tag("d", "-o", "names.xlsx").status == 0
    assert zipfile.is_zipfile("names.xlsx")
    assert tag("d", "-o", "names.html").status == 0
    assert Path("names.html").read_text("utf-8").count("Kari") >= 4
    assert tag("d", "-o", "names.conllu").status == 0
    assert Path("names.conllu").read_text("utf-8").count("# newdoc") == 3, "between files"
    assert tag("d", "--to", "tsv").out.count(b"file\tline") == 1, "one head"


def test_an_excel_table_inside_the_folder_is_no_input_of_the_next_run(tag: Cli) -> None:
    for _ in range(2):
        assert tag("d", "-o", "d/names.xlsx").status == 0
    assert tag("d", "-o", "d/names.html").status == 2, "a page would be read"


def test_brat_has_the_text_beside_the_annotations(tag: Cli) -> None:
    assert tag("d/a.docx", "--to", "brat", "-o", "a.ann").status == 0
    assert Path("a.txt").read_text("utf-8") == text_of("d/a.docx")
    assert tag("d", "--to", "brat", "--output-dir", "e").status == 0
    assert len(os.listdir("e")) == 8
    Path("f.txt").write_text("Kari sov.\n", "utf-8")
    done = tag("f.txt", "--to", "brat", "-o", "f.ann")
    assert done.status == 2
    assert "f.txt is an input" in done.err
    assert tag("f.txt", "--to", "brat").status == 2
    assert tag("--text", "Kari sov", "--to", "brat", "-o", "g.ann").status == 0
    assert Path("g.txt").read_text("utf-8").strip() == "Kari sov"


def test_documents_that_cannot_be_read_are_reported(tag: Cli) -> None:
    Path("d/e.docx").write_bytes(b"\xd0\xcf\x11\xe0" + bytes(99))
    Path("d/f.xlsx").write_bytes(b"PK\x03\x04")
    Path("d/g.jpg").write_bytes(b"\xff\xd8\xff")
    Path("d/h.pdf").write_bytes(b"%PDF-1.4")
    done = tag("d", "-o", "names.jsonl")
    assert done.status == 1
    said = {line.split()[0]: line for line in done.err.splitlines() if line.startswith("  ")}
    assert list(said) == ["d/e.docx", "d/f.xlsx", "d/h.pdf"]
    assert "save it as .docx" in said["d/e.docx"]
    assert "a spreadsheet" in said["d/f.xlsx"]
    assert "1 .jpg" in done.err
    assert len({record["file"] for record in records(Path("names.jsonl").read_bytes())}) == 4


def test_pdf_without_the_extra_says_what_to_install(tag: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.pdf").write_bytes(pdf(["Kari sov."]))
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    done = tag("a.pdf")
    assert done.status == 2
    assert done.err.startswith("error: a.pdf: a PDF")
    assert "bilstm_crf[documents]" in done.err
    done = tag("a.pdf", "d/a.docx", "-o", "names.jsonl")
    assert done.status == 1
    assert "bilstm_crf[documents]" in done.err
    assert Path("names.jsonl").exists()


def test_an_encrypted_pdf(tag: Cli) -> None:
    pytest.importorskip("pypdfium2")
    encrypted = pdf(["Kari sov."]).replace(
        b"/Root 1 0 R",
        b"/Root 1 0 R/ID[(0123456789abcdef)(0123456789abcdef)]"
        b"/Encrypt<</Filter/Standard/V 1/R 2/Length 40/P -4"
        b"/O<" + b"41" * 32 + b">/U<" + b"42" * 32 + b">>>",
    )
    Path("a.pdf").write_bytes(encrypted)
    done = tag("a.pdf")
    assert done.status == 2
    assert "encrypted" in done.err
    assert "without a password" in done.err


def test_standard_input_may_be_a_document(tag: Cli) -> None:
    done = tag("--format", "docx", stdin=Path("d/a.docx").read_bytes())
    assert done.status == 0
    assert records(done.out)[0]["text"] == BODY[0]


@pytest.mark.parametrize(
    "to", [[], ["--scores"], ["--to", "jsonl"]], ids=["by default", "scores", "--to jsonl"]
)
def test_a_terminal_shows_marked_text_and_a_pipe_gets_records(
    tiny_model: Path, tmp_path: Path, to: list[str]
) -> None:
    (tmp_path / "a.txt").write_text("Kari Nordmann bor\ni Oslo.\x1b[2J\n\n  Ola sov.\n", "utf-8")
    command = [sys.executable, "-m", "bilstm_crf", "tag", "--model", tiny_model, tmp_path / "a.txt", *to]
    terminal, end = pty.openpty()
    running = subprocess.run(command, cwd=ROOT, stdout=end, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    os.close(end)
    assert running.returncode == 0, running.stderr
    shown = os.read(terminal, 65_536).decode().replace("\r\n", "\n")
    os.close(terminal)
    if "--to" in to:
        assert shown.startswith('{"file"')
    else:
        assert "\x1b" not in shown
        assert shown.count("\n") == 4
        assert "\n  " in shown
    piped = subprocess.run(command, cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL)
    assert piped.stdout.startswith(b'{"file"')


def test_several_files_on_a_terminal_are_told_apart(tiny_model: Path, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("Ola sov.\n", "utf-8")
    command = [sys.executable, "-m", "bilstm_crf", "tag", "--model", tiny_model, tmp_path]
    terminal, end = pty.openpty()
    running = subprocess.run(command, cwd=ROOT, stdout=end, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    os.close(end)
    shown = os.read(terminal, 65_536).decode().splitlines()
    os.close(terminal)
    assert running.returncode == 0
    assert [line for line in shown if line.startswith("==>")] == [
        f"==> {tmp_path / name} <==" for name in ("a.txt", "b.txt")
    ]
