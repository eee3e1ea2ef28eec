"""An option that would do nothing is refused, with what it is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from done import Done

Cli = Callable[..., Done]


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.conllu").write_text("1\tKari" + "\t_" * 8 + "\n\n", "utf-8")
    Path("a.conll").write_text("Kari\tO\n\n", "utf-8")
    Path("a.jsonl").write_text('{"text": "Kari bor."}\n', "utf-8")
    Path("a.txt").write_text("Kari bor.\n", "utf-8")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["a.jsonl", "--sentences", "detect"], "--sentences"),
        (["a.conllu", "--sentences", "line"], "--sentences"),
        (["a.conll", "--tokenise", "spaces"], "--tokenise"),
        (["a.conllu", "--label-column", "append"], "--label-column"),
        (["a.jsonl", "--token-column", "1"], "--token-column"),
        (["a.conll", "a.txt", "--misc-key", "ner"], "--misc-key"),
        (["a.conllu", "--flush", "-o", "b.conllu"], "--flush"),
        (["a.conllu", "--flush", "--output-dir", "d"], "--flush"),
    ],
)
def test_it_is_refused_before_the_work(cli: Cli, arguments: list[str], option: str) -> None:
    done = cli("tag", "--model", "absent", *arguments)
    assert (done.status, done.out) == (2, b"")
    assert done.err.startswith(f"error: {option} ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.conllu", "a.txt", "--sentences", "line"],  # for one of the two
        ["a.jsonl", "--tokenise", "spaces"],
        ["a.conll", "--to", "conllu", "--misc-key", "ner"],
        ["a.conllu", "--flush", "-o", "/dev/null"],
        ["a.conllu", "--config", "tag.toml"],  # one file of settings for many inputs
    ],
)
def test_what_does_something_is_taken(cli: Cli, tiny_model: Path, arguments: list[str]) -> None:
    Path("tag.toml").write_text('sentences = "detect"\n', "utf-8")
    done = cli("tag", "--model", tiny_model, *arguments)
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("command", ["evaluate", "errors"])
@pytest.mark.parametrize("option", ["--encoder", "--device", "--threads", "--embeddings", "--documents"])
def test_options_of_a_model_are_refused_without_one(cli: Cli, command: str, option: str) -> None:
    value = "2" if option == "--threads" else "a.conll"
    if command == "errors" and option in ("--embeddings", "--documents"):
        return  # each adds a table
    done = cli(command, "--gold", "a.conll", "--predicted", "a.conll", option, value)
    assert (done.status, done.out) == (2, b"")
    assert done.err.startswith(f"error: {option} ")


@pytest.mark.parametrize("command", ["evaluate", "errors"])
def test_the_format_of_no_predictions_is_refused(cli: Cli, command: str) -> None:
    done = cli(command, "--model", "absent", "a.conll", "--predicted-format", "conllu")
    assert (done.status, done.out) == (2, b"")
    assert done.err.startswith("error: --predicted-format ")


@pytest.mark.parametrize("group", [[], ["data"], ["embeddings"]])
def test_a_group_alone_prints_its_help(cli: Cli, group: list[str]) -> None:
    done = cli(*group)
    assert (done.status, done.err) == (0, "")
    assert done.out == cli(*group, "--help").out
    assert done.out.startswith(b"Usage: ")
