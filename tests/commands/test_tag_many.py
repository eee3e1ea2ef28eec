"""`bilstm-crf tag` with folders and many files: one bad file stops no other, no input is overwritten."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from done import Done

Cli = Callable[..., Done]
KARI = b"1\tKari" + b"\t_" * 8 + b"\n2\tsov" + b"\t_" * 8 + b"\n\n"


@pytest.fixture
def tag(cli: Cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`bilstm-crf tag --model …` in a folder of its own, with the folder `articles`."""
    monkeypatch.chdir(tmp_path)
    write("articles/b.txt", "Kari Nordmann bor i Oslo.\n")
    write("articles/a.txt", "Ola Nordmann bor i Bergen.\nKari sov.\n")
    write("articles/local/c.txt", "Per Hansen bor i Tromsø.\n")
    write("articles/.hidden.txt", "Ikke meg.\n")
    write("articles/.git/d.txt", "Ikke meg.\n")
    write("articles/~$b.txt", "Ikke meg.\n")
    return lambda *arguments, stdin=b"": cli("tag", "--model", tiny_model, *arguments, stdin=stdin)


def write(path: str, content: str | bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content if isinstance(content, bytes) else content.encode())


def records(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def files() -> list[str]:
    return sorted(str(path.relative_to(Path.cwd())) for path in Path.cwd().rglob("*") if path.is_file())


FILES = ["articles/a.txt", "articles/b.txt", "articles/local/c.txt"]


def test_a_folder_becomes_one_file_in_the_order_of_its_names(tag: Cli) -> None:
    done = tag("articles", "-o", "names.jsonl")
    assert (done.status, done.out) == (0, b"")
    found = records("names.jsonl")
    assert list(dict.fromkeys(record["file"] for record in found)) == FILES
    for record in found:
        for entity in record["entities"]:
            whole = Path(record["file"]).read_text("utf-8")
            assert whole[entity["file_start"] : entity["file_end"]] == entity["text"]


def test_files_of_several_formats_become_one_file(tag: Cli) -> None:
    write("a.conllu", KARI)
    write("a.jsonl", '{"text": "Ola sov."}')  # without a line end
    assert tag("a.jsonl", "a.conllu", "articles", "-o", "names.jsonl").status == 0
    assert [record["text"] for record in records("names.jsonl")][:2] == ["Ola sov.", "Kari sov"]
    assert len(records("names.jsonl")) == 6


def test_an_output_folder_mirrors_the_folders(tag: Cli) -> None:
    assert tag("articles", "--output-dir", "new/tagged").status == 0
    tagged = [path for path in files() if path.startswith("new")]
    assert tagged == ["new/tagged/a.jsonl", "new/tagged/b.jsonl", "new/tagged/local/c.jsonl"]
    assert records("new/tagged/local/c.jsonl")[0]["file"] == "articles/local/c.txt"


def test_files_that_differ_in_their_suffix_alone_keep_it(tag: Cli) -> None:
    write("articles/a.conllu", KARI)
    assert tag("articles", "--to", "jsonl", "--output-dir", "e").status == 0
    assert sorted(os.listdir("e")) == ["a.conllu.jsonl", "a.txt.jsonl", "b.jsonl", "local"]


BAD = {
    "not UTF-8": ("x.txt", "Kari på Ås".encode("cp1252"), "--input-encoding cp1252"),
    "a broken row": ("x.conllu", KARI * 9 + b"1\tKari\n\n", "line 28: 2 columns"),
    "absent": ("x.txt", None, "No such file"),
    "of no known format": ("x.xyz", b"\xff\xd8", "the suffix tells no format"),
}


@pytest.mark.parametrize(("name", "content", "reason"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("output", [["-o", "names.jsonl"], ["--output-dir", "e"], []], ids=str)
def test_a_bad_file_is_reported_and_the_others_are_written(
    tag: Cli, name: str, content: bytes | None, reason: str, output: list[str]
) -> None:
    if content is not None:
        write(name, content)
    done = tag("articles/a.txt", name, "articles/b.txt", *output)
    assert done.status == 1
    line = done.err.partition("warning: 1 file was skipped:\n")[2].partition("\n")[0]
    assert line.startswith(f"  {name}  ")
    assert reason in line
    if output[:1] == ["--output-dir"]:
        assert sorted(os.listdir("e")) == ["a.jsonl", "b.jsonl"]
    else:
        written = Path("names.jsonl").read_bytes() if output else done.out
        good = [json.loads(row) for row in written.splitlines() if b"articles" in row]
        assert [record["file"] for record in good] == [FILES[0]] * 2 + [FILES[1]]
        assert not output or len(written.splitlines()) == 3, "nothing of the bad file"


def test_where_no_file_can_be_read_nothing_is_written(tag: Cli) -> None:
    for name in ("x.txt", "y.txt"):
        write(name, b"\xff\xff")
    before = files()
    for output in (["-o", "names.jsonl"], ["--output-dir", "e/f"]):
        done = tag("x.txt", "y.txt", *output)
        assert done.status == 1
        assert "2 files were skipped" in done.err
        assert files() == before
        assert not Path("e").exists()


def test_other_kinds_of_files_in_a_folder_are_left_out_and_named(tag: Cli) -> None:
    for name in ("a.jpg", "local/b.jpg", "README"):
        write(f"articles/{name}", b"\xff\xd8\xff\xe0\0\0")
    write("articles/documents.tsv", "sent_id\tdocument\n")
    os.mkfifo("articles/pipe.txt")
    done = tag("articles", "-o", "names.jsonl")
    assert done.status == 0
    assert "2 .jpg, 1 without a suffix" in done.err
    assert len(records("names.jsonl")) == 4
    assert tag("articles", "-o", "names.jsonl", "--quiet") == Done(0, b"", "")


def test_links_to_folders_are_reported_and_broken_links_too(tag: Cli) -> None:
    Path("articles/circle").symlink_to(".")
    Path("articles/lost.txt").symlink_to("nowhere.txt")
    Path("articles/more.txt").symlink_to("b.txt")
    done = tag("articles", "-o", "names.jsonl")
    assert done.status == 1
    assert "articles/circle" in done.err
    assert "articles/lost.txt" in done.err
    assert len(records("names.jsonl")) == 4, "b.txt once"


def test_a_file_in_two_folders_is_read_once(tag: Cli) -> None:
    assert tag("articles/local/c.txt", "articles/local", "articles", "-o", "names.jsonl").status == 0
    assert len(records("names.jsonl")) == 4


def test_a_second_run_writes_the_same(tag: Cli) -> None:
    for output in (["-o", "names.jsonl"], ["--output-dir", "e"]):
        assert tag("articles", *output).status == 0
        before = {path: Path(path).read_bytes() for path in files()}
        assert tag("articles", *output).status == 0
        assert {path: Path(path).read_bytes() for path in files()} == before


def test_the_input_folder_as_output_folder_is_refused_with_another_name(tag: Cli) -> None:
    Path("link").symlink_to("articles")
    assert "such as --output-dir articles-tagged" in tag("articles", "--output-dir", "articles").err
    assert "such as --output-dir link-tagged" in tag("articles", "--output-dir", "link").err


@pytest.mark.parametrize("output", ["articles/x.jsonl", "link/x.jsonl", "articles/local/../x.conllu"])
def test_an_output_among_the_inputs_is_refused(tag: Cli, output: str) -> None:
    Path("link").symlink_to("articles")
    before = files()
    done = tag("articles", "-o", output)
    assert done.status == 2
    assert "is inside articles" in done.err
    assert files() == before


def test_an_output_that_is_an_input_by_a_link_is_refused(tag: Cli) -> None:
    write("e/x", "")
    os.link("articles/b.txt", "e/b.jsonl")
    done = tag("articles", "--output-dir", "e")
    assert done.status == 2
    assert "articles/b.txt" in done.err
    assert Path("articles/b.txt").read_text("utf-8") == "Kari Nordmann bor i Oslo.\n"


def test_two_outputs_that_are_one_file_by_a_link_are_not_written_over_one_another(tag: Cli) -> None:
    """As on a file system that does not tell a.jsonl from A.jsonl."""
    write("e/a.jsonl", "")
    Path("e/b.jsonl").symlink_to("a.jsonl")
    done = tag("articles/a.txt", "articles/b.txt", "--output-dir", "e")
    assert done.status == 1
    assert "articles/a.txt" in done.err
    assert records("e/a.jsonl")[0]["file"] == "articles/a.txt"


def test_after_ctrl_c_what_is_finished_is_there(
    tag: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bilstm_crf.formats import text

    original = text.read

    def struck(stream: Any, path: str, options: Any) -> Any:
        if path.endswith("b.txt"):
            os.kill(os.getpid(), signal.SIGINT)
        return original(stream, path, options)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is deaf
    monkeypatch.setattr(text, "read", struck)
    monkeypatch.setattr("bilstm_crf.commands.tag_groups.GROUP_BYTES", 1)
    done = tag("articles", "--output-dir", "e", "--threads", "1")  # the signal is for this process
    assert done.status == 130
    assert "1 of 3 files" in done.err
    assert os.listdir("e") == ["a.jsonl"]
    done = tag("articles", "-o", "names.jsonl", "--threads", "1")
    assert done.status == 130
    assert not Path("names.jsonl").exists()


@pytest.mark.parametrize("output", [["-o", "names.jsonl"], ["--output-dir", "e"]], ids=str)
def test_processes_change_nothing(tag: Cli, monkeypatch: pytest.MonkeyPatch, output: list[str]) -> None:
    """Small files go to the processes in groups, a large text in chunks; errors and warnings come back."""
    monkeypatch.setattr("bilstm_crf.commands.tag_groups.GROUP_BYTES", 100)
    monkeypatch.setattr("bilstm_crf.inference.chunks.TEXT_CHUNK_BYTES", 60)
    for number in range(9):
        write(f"articles/{number}.txt", f"Kari {number} bor i Oslo.\n\nOla.\n" * (1 + 3 * (number % 3)))
    write("articles/bad.txt", b"Kari bor i Troms\xf8\n")
    write("articles/page.txt", "<html>Kari")
    write("articles/table.txt", "Kari\tB-PER\nsov\tO\n\n")
    seen = []
    for threads in ("1", "2"):
        done = tag("articles", *output, "--threads", threads)
        assert done.status == 1
        assert "articles/bad.txt  line 1" in done.err
        seen.append((done.err, {path: Path(path).read_bytes() for path in files() if path[0] != "a"}))
    assert seen[0] == seen[1]
    assert len(seen[0][1]) in (1, 14)


def test_a_large_file_goes_to_disk_until_it_is_read_to_its_end(
    tag: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GROUP_BYTES", "MAX_HELD_SENTENCES", "BATCH_SENTENCES"):
        monkeypatch.setattr(f"bilstm_crf.commands.tag_groups.{name}", 2)
    write("good.conllu", KARI * 9)
    write("bad.conllu", KARI * 9 + b"1\tKari\n\n")
    assert tag("bad.conllu", "good.conllu", "articles", "-o", "names.jsonl").status == 1
    assert len(records("names.jsonl")) == 9 + 4
