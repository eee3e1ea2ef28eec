"""`bilstm-crf pseudonymise`: names go, and come back with the mapping; the mapping is there first."""

from __future__ import annotations

import gzip
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from documents import paragraph, word
from done import Done

Cli = Callable[..., Done]
MODEL = Path(__file__).resolve().parent.parent / "models" / "version-0.1.0"
TEXT = (
    "Kari Nordmann bor i Oslo. Kari Nordmanns bil er rød, sier Kari Nordmann.\nSkriv til kari@example.no.\n"
)


@pytest.fixture
def pseudonymise(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`bilstm-crf pseudonymise --model … --mapping secret.csv` in a folder with two files."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "sub/b.txt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEXT, "utf-8")

    def call(*arguments: object, stdin: bytes = b"") -> Done:
        model = () if "--restore" in arguments else ("--model", MODEL)
        mapping = () if "--mapping" in arguments else ("--mapping", "secret.csv")
        return cli("pseudonymise", *model, *mapping, *arguments, stdin=stdin)

    return call


def contents(folder: str) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes() for each in Path(folder).rglob("*") if each.is_file()
    }


@pytest.mark.parametrize("style", ["name", "number", "label"])
def test_a_folder_goes_and_comes_back(pseudonymise: Cli, style: str) -> None:
    done = pseudonymise("in", "-o", "out", "--style", style, "--recall", "0.02")
    assert done.status == 0, done.err
    assert set(contents("out")) == {"a.txt", "sub/b.txt"}
    assert b"kari@example.no" not in contents("out")["a.txt"]
    assert stat.S_IMODE(os.stat("secret.csv").st_mode) == 0o600
    assert "No tool finds every name" in done.err
    assert pseudonymise("--restore", "out", "-o", "back").status == 0
    assert contents("back") == contents("in")


def test_a_later_run_reads_and_extends_the_mapping(pseudonymise: Cli) -> None:
    assert pseudonymise("in/a.txt", "-o", "one.txt").status == 0
    first = Path("secret.csv").read_text("utf-8")
    assert pseudonymise("in/sub/b.txt", "-o", "two.txt").status == 0
    assert Path("one.txt").read_bytes() == Path("two.txt").read_bytes()
    assert len(Path("secret.csv").read_text("utf-8")) > len(first)
    for name in ("one.txt", "two.txt"):
        assert pseudonymise("--restore", name, "-o", "back.txt").status == 0
        assert Path("back.txt").read_text("utf-8") == TEXT


def test_one_file_goes_to_standard_output_and_standard_input_works(pseudonymise: Cli) -> None:
    done = pseudonymise("-", "--format", "text", stdin=TEXT.encode())
    assert done.status == 0, done.err
    assert b"[EMAIL-1]" in done.out
    back = pseudonymise("--restore", "-", stdin=done.out)
    assert (back.status, back.out) == (0, TEXT.encode())


def test_gzip_and_other_encodings_come_back(pseudonymise: Cli) -> None:
    Path("c.txt.gz").write_bytes(gzip.compress(TEXT.encode("cp1252")))
    assert pseudonymise("c.txt.gz", "-o", "out/", "--input-encoding", "cp1252").status == 0
    assert pseudonymise("--restore", "out/c.txt.gz", "-o", "back.txt").status == 0
    assert Path("back.txt").read_bytes() == TEXT.encode("cp1252")


def test_a_file_that_the_mapping_does_not_know_is_not_called_edited(pseudonymise: Cli) -> None:
    """Its [EMAIL-1] may be another corpus's."""
    assert pseudonymise("in/a.txt", "-o", "out.txt").status == 0
    Path("other.txt").write_text("Svar til [EMAIL-1].", "utf-8")
    done = pseudonymise("--restore", "other.txt", "-o", "back.txt")
    assert done.status == 1
    assert "no output of this mapping" in done.err
    assert "edited" not in done.err


def test_an_edited_file_gets_what_is_left_and_status_1(pseudonymise: Cli) -> None:
    assert pseudonymise("in/a.txt", "-o", "out.txt").status == 0
    Path("out.txt").write_text(
        Path("out.txt").read_text("utf-8").replace("Skriv til", "Skriv ikke til"), "utf-8"
    )
    done = pseudonymise("--restore", "out.txt", "-o", "back.txt")
    assert done.status == 1
    assert "edited" in done.err
    assert Path("back.txt").read_text("utf-8") == TEXT.replace("Skriv til", "Skriv ikke til")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["in", "-o", "out", "--mapping", "out/secret.csv"], "shared"),
        (["in", "-o", "in"], "in"),
        (["in"], "-o DIR"),
        (["in/a.txt", "-o", "x.txt", "--types", "PRE"], "PER"),
        (["in/a.txt", "-o", "x.txt", "--identifiers", "PHONES"], "PHONE"),
        (["in/a.txt", "-o", "x.txt", "--mapping", "in/a.txt"], "input"),
        (["in", "-o", "in/out"], "read it again"),
        (["in/a.txt", "-o", "x.txt", "--mapping", "none/secret.csv"], "folder that exists"),
        (["in/a.txt", "-o", "x.txt", "--mapping", "s.csv", "--report", "s.csv"], "same file"),
        (["none.txt", "-o", "x.txt"], "none.txt"),
        (["--restore", "in", "-o", "out"], "secret.csv"),
        (["--restore", "in", "-o", "out", "--style", "name"], "--style"),
        ([], "FILE"),
    ],
)
def test_wrong_usage_is_an_error_before_anything_is_written(
    pseudonymise: Cli, arguments: list[str], word: str
) -> None:
    before = contents(".")
    done = pseudonymise(*arguments)
    assert done.status == 2
    assert word in done.err
    assert contents(".") == before


def test_a_mapping_of_another_style_is_refused(pseudonymise: Cli) -> None:
    assert pseudonymise("in/a.txt", "-o", "x.txt", "--style", "number").status == 0
    assert pseudonymise("in/a.txt", "-o", "y.txt", "--style", "name").status == 2
    assert pseudonymise("in/a.txt", "-o", "y.txt").status == 0
    assert Path("x.txt").read_bytes() == Path("y.txt").read_bytes()


def test_a_mapping_that_others_can_read_is_refused(pseudonymise: Cli) -> None:
    assert pseudonymise("in/a.txt", "-o", "x.txt").status == 0
    os.chmod("secret.csv", 0o644)
    done = pseudonymise("in/a.txt", "-o", "y.txt")
    assert done.status == 2
    assert "chmod 600" in done.err
    assert not Path("y.txt").exists()


def test_the_report_lists_places_and_names_only_if_asked(pseudonymise: Cli) -> None:
    for name in ("report.txt", "report.md", "report.html"):
        done = pseudonymise("in/a.txt", "-o", "x.txt", "--report", name, "--unsure-below", "1")
        assert done.status == 0, done.err
        text = Path(name).read_text("utf-8")
        assert "EMAIL" in text
        assert "Nordmann" not in text
    pseudonymise("in/a.txt", "-o", "x.txt", "--report", "names.txt", "--report-names", "--unsure-below", "1")
    assert stat.S_IMODE(os.stat("names.txt").st_mode) == 0o600


def test_outputs_can_be_numbered(pseudonymise: Cli) -> None:
    assert pseudonymise("in", "-o", "out", "--number-files").status == 0
    assert set(contents("out")) == {"0001.txt", "0002.txt"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_kill_9_leaves_no_output_without_its_mapping(pseudonymise: Cli, tmp_path: Path) -> None:
    for number in range(9):  # fewer tokens than numba is loaded for
        (tmp_path / "in" / f"{number}.txt").write_text(f"{TEXT}{number}", "utf-8")
    command = [sys.executable, "-m", "bilstm_crf", "pseudonymise", "--model", str(MODEL), "in", "-o", "out"]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [*command, "--mapping", "secret.csv", "--quiet"], env={**os.environ, "PYTHONPATH": str(root)}
    )
    try:
        while process.poll() is None and not list(Path("out").glob("*.txt")):
            time.sleep(0.001)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    written = {name: content for name, content in contents("out").items() if not name.endswith(".unfinished")}
    assert written
    assert stat.S_IMODE(os.stat("secret.csv").st_mode) == 0o600
    for name in sorted(written)[:5]:
        done = pseudonymise("--restore", f"out/{name}")
        assert (done.status, done.out) == (0, (tmp_path / "in" / name).read_bytes())


def test_one_bad_file_does_not_stop_the_others(pseudonymise: Cli) -> None:
    Path("in/bad.txt").write_bytes("Blåbærøl".encode("cp1252"))
    Path("in/picture.png").write_bytes(b"\x89PNG\r\n")
    done = pseudonymise("in", "-o", "out")
    assert done.status == 1
    assert set(contents("out")) == {"a.txt", "sub/b.txt"}
    assert "bad.txt" in done.err
    assert ".png" in done.err
    assert "Traceback" not in done.err


def test_a_file_name_with_a_name_is_told(pseudonymise: Cli) -> None:
    Path("intervju_Nordmann.txt").write_text(TEXT, "utf-8")
    done = pseudonymise("intervju_Nordmann.txt", "-o", "out/")
    assert "--number-files" in done.err


def test_interrupted_before_the_mapping_nothing_is_written(
    pseudonymise: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bilstm_crf.pseudonyms.corpus import Pseudonymiser

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Pseudonymiser, "edit", interrupt)
    assert pseudonymise("in", "-o", "out").status == 130
    assert not Path("out").exists()
    assert not Path("secret.csv").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\xef\xbb\xbf", "💥\u200b\u202e'\r".encode(), b"a" * 300_000]
)
def test_odd_texts_come_back(pseudonymise: Cli, content: bytes) -> None:
    Path("odd.txt").write_bytes(content)
    assert pseudonymise("odd.txt", "-o", "new.txt").status == 0
    assert Path("new.txt").read_bytes() == content


def test_of_a_document_the_output_is_its_text(pseudonymise: Cli) -> None:
    Path("in/brev.docx").write_bytes(word(paragraph("Kari Nordmann skriv til ", "kari@example.no") * 2))
    assert pseudonymise("in", "-o", "out").status == 0
    assert Path("out/brev.txt").read_bytes().count(b"[EMAIL-1]") == 2
    assert pseudonymise("--restore", "out/brev.txt", "-o", "back.txt").status == 0
    assert "kari@example.no" in Path("back.txt").read_text("utf-8")


def test_an_output_is_not_pseudonymised_again(pseudonymise: Cli) -> None:
    assert pseudonymise("in/a.txt", "-o", "x.txt").status == 0
    done = pseudonymise("x.txt", "-o", "y.txt")
    assert done.status == 2
    assert "--restore" in done.err
    assert not Path("y.txt").exists()
