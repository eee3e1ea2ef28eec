"""No output is an input, by whatever name; no name promises another format than it gets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.errors import UsageError
from bilstm_crf.util.files import require_apart
from done import Done

Cli = Callable[..., Done]
KARI = b"1\tKari\t_\t_\t_\t_\t_\t_\t_\tname=B-PER\n2\tbor\t_\t_\t_\t_\t_\t_\t_\tname=O\n\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder one is in, with an input of each format."""
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    Path("a.conllu").write_bytes(KARI)
    Path("sym.conllu").symlink_to("a.conllu")
    os.link("a.conllu", "hard.conllu")
    for name in ("a.txt", "d/x.txt"):
        Path(name).write_text("Kari bor.\n", "utf-8")
    Path("a.conll").write_text("Kari\tB-PER\nbor\tO\n\n", "utf-8")
    Path("columns.txt").write_text("Kari\tB-PER\nbor\tO\n\n", "utf-8")
    Path("a.jsonl").write_text('{"text": "Kari bor."}\n', "utf-8")
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


PAIR = ["--gold", "a.conllu", "--predicted", "sym.conllu"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["tag", "a.conllu", "-o", "a.conllu"],
        ["tag", "a.conllu", "-o", "./d/../a.conllu"],
        ["tag", "a.conllu", "-o", "sym.conllu"],
        ["tag", "sym.conllu", "-o", "hard.conllu"],
        ["tag", "a.conllu", "--output-dir", "."],
        ["tag", "--to", "text", "a.txt", "d/x.txt", "--output-dir", "d"],
        ["tag", "a.conllu", "-o", "MODEL/model"],
        ["tag", "--text", "Kari", "-o", "MODEL/model"],
        ["evaluate", *PAIR, "-o", "hard.conllu"],
        ["evaluate", "--model", "MODEL", "a.txt", "--format", "conllu", "-o", "a.txt"],
        ["errors", *PAIR, "--train", "a.txt", "-o", "a.txt"],
        ["embeddings", "train", "a.txt", "-o", "a.txt"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_an_output_that_is_an_input_is_refused(
    cli: Cli, folder: Path, tmp_path_factory: pytest.TempPathFactory, arguments: list[str]
) -> None:
    model = tmp_path_factory.mktemp("model")
    (model / "model").write_bytes(b"a file of the model")
    before = contents(folder)
    if arguments[0] == "tag":
        arguments = ["tag", "--model", str(model), *arguments[1:]]
    done = cli(*(argument.replace("MODEL", str(model)) for argument in arguments))
    assert (done.status, done.out) == (2, b"")
    assert "is an input of this command" in done.err or "would hold" in done.err
    assert contents(folder) == before
    assert (model / "model").read_bytes() == b"a file of the model"


def test_standard_streams_are_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tag - -o a < a`, `tag a >> a`."""
    path = tmp_path / "a"
    path.touch()
    with open(path, "a+", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        monkeypatch.setattr(sys, "stdout", stream)
        for output, source in ((str(path), "-"), (None, str(path)), ("-", str(path))):
            with pytest.raises(UsageError, match="is an input of this command"):
                require_apart([output], [source])


def test_devices_and_what_is_missing_may_be_both() -> None:
    require_apart(["/dev/null", "absent"], ["/dev/null", "absent", None])


@pytest.mark.parametrize(
    ("arguments", "way"),
    [
        (["a.txt", "--to", "jsonl", "-o", "x.csv"], "--to csv"),
        (["a.txt", "--to", "csv", "-o", "x.tsv"], "--to tsv"),
        (["a.txt", "-o", "x.md"], ".jsonl"),
        (["a.txt", "-o", "x.xml"], ".jsonl"),
        (["a.txt", "--to", "jsonl", "-o", "x.conllu"], "--to conllu"),
        (["a.txt", "--to", "text", "-o", "x.CoNLLU.gz"], "--to conllu"),
        (["a.conllu", "--to", "conllu", "-o", "x.jsonl"], "--to jsonl"),
        (["a.conllu", "--to", "jsonl", "-o", "x.conllu"], ".jsonl"),
        (["a.conll", "--to", "conll2003", "-o", "x.txt"], "--to text"),
        (["a.conllu", "-o", "x.conllu.bz2"], ".gz"),
        (["--text", "Kari", "-o", "x.xml"], ".txt"),
    ],
)
def test_a_name_that_promises_another_format_is_refused(
    cli: Cli, folder: Path, arguments: list[str], way: str
) -> None:
    before = contents(folder)
    done = cli("tag", "--model", folder, *arguments)
    assert (done.status, done.out) == (2, b"")
    assert arguments[-1] in done.err.splitlines()[0]
    assert way in done.err.splitlines()[1]
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("arguments", "way"),
    [
        (["evaluate", *PAIR, "-o", "x.json"], "--json"),
        (["evaluate", *PAIR, "--json", "-o", "x.md"], "--markdown"),
        (["evaluate", *PAIR, "-o", "x.conllu"], ".txt"),
        (["errors", *PAIR, "-o", "x.html"], "--html"),
        (["embeddings", "train", "a.txt", "-o", "x.txt"], ".bin"),
        (["embeddings", "train", "a.txt", "-o", "x.model"], "--format native"),
        (["report", "d", "-o", "x.md"], "Markdown"),
        (["report", "d", "-o", "x.csv"], ".html"),
    ],
)
def test_so_do_names_of_reports_and_vectors(cli: Cli, folder: Path, arguments: list[str], way: str) -> None:
    done = cli(*arguments)
    assert done.status == 2
    assert way in done.err
    assert not list(folder.glob("x.*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.txt", "-o", "x.out"],
        ["a.txt", "-o", "x"],
        ["a.conllu", "-o", "x.tagged.gz"],
        ["a.conllu", "-o", "x.v1.conllu"],
        ["a.conllu", "--to", "jsonl", "-o", "x.jsonl.gz"],
        ["columns.txt", "--format", "conll2003", "-o", "x.txt"],
        ["columns.txt", "--format", "conll2003", "--output-dir", "e"],
        ["a.conll", "-o", "x.tsv"],
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_names_that_promise_nothing_else_are_written(
    cli: Cli, tiny_model: Path, folder: Path, arguments: list[str]
) -> None:
    before = contents(folder)
    done = cli("tag", "--model", tiny_model, *arguments)
    assert (done.status, done.err) == (0, "")
    assert len(contents(folder)) == len(before) + 1


@pytest.mark.parametrize("command", [["evaluate"], ["errors"]])
def test_a_pipe_that_would_be_read_twice_is_refused(cli: Cli, folder: Path, command: list[str]) -> None:
    os.mkfifo("pipe.conllu")
    done = cli(*command, "--gold", "pipe.conllu", "--predicted", "a.conllu")
    assert done.status == 2
    assert "pipe.conllu" in done.err


def test_links_in_a_circle_are_refused(cli: Cli, folder: Path) -> None:
    Path("loop.conllu").symlink_to("loop.conllu")
    for arguments in (
        ["loop.conllu"],
        ["a.conllu", "-o", "loop.conllu"],
        ["a.conllu", "--output-dir", "loop.conllu"],
    ):
        done = cli("tag", "--model", folder, *arguments)
        assert done.status == 2
        assert "Traceback" not in done.err
