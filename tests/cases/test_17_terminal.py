"""What is printed for people steers no terminal, and is no error where an encoding lacks a character."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.commands.main import run
from bilstm_crf.commands.output import write_result
from bilstm_crf.util.progress import say, visible
from done import Done

HOSTILE = "a\x1b[2J\x9b31m\u202eb\x07\x7f"


@given(st.text())
def test_visible_text_is_one_line_without_controls(text: str) -> None:
    found = visible(text)
    assert visible(found) == found
    assert len(found.splitlines()) <= 1
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in found)
    found.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_letters_and_signs_stay(text: str) -> None:
    assert visible(text) == text


class Terminal(io.TextIOWrapper):
    """A terminal with this encoding."""

    def __init__(self, encoding: str) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding, errors="strict", write_through=True)

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_results_on_a_terminal_are_shown_and_elsewhere_stay(
    encoding: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal = Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    text = f"Bokmål … {HOSTILE}\nnext\n"
    write_result(text.encode(), None)
    shown = terminal.bytes.getvalue().decode(encoding)
    assert shown.endswith("\nnext\n")
    assert shown.count("\n") == 2
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 for each in shown.replace("\n", ""))
    write_result(text.encode(), str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == text.encode()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_a_character_is_no_error(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = Terminal(encoding), Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert run(["tag", "--help"]) == 0
    assert run(["embeddings", "list"]) == 0
    assert run(["data", "stats", "blåbær…\x1b.conllu"]) == 2
    assert b"\x1b" not in err.bytes.getvalue()
    assert b"Traceback" not in err.bytes.getvalue()


def test_messages_show_names_and_lines_without_controls(
    cli: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"{HOSTILE}\n[x] {os.fsdecode(bytes([0xE5]))}.conllu"
    Path(name).write_bytes(f"1\tKari{HOSTILE}\t_\n".encode())
    done = cli("data", "stats", name)
    assert done.status == 2
    message, found, *_ = done.err.splitlines()
    assert "line 1: 3 columns" in message
    assert "␉Kari" in found
    assert done.err.replace("\n", "").isprintable()


def test_a_message_that_cannot_be_printed_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        say("nobody hears this")
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
    monkeypatch.setattr(sys, "stderr", None)
    say("nor this")
