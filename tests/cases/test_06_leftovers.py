"""Signals end a command as Ctrl-C does; what a killed one left behind goes with the next."""

from __future__ import annotations

import ctypes
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf.commands.main import run
from bilstm_crf.util.files import remove_unfinished, write_whole
from done import Done
from runs import DEV

Cli = Callable[..., Done]


class Struck(io.RawIOBase):
    """An input that gets a signal, or raises, where it is read."""

    def __init__(self, blow: signal.Signals | BaseException) -> None:
        super().__init__()
        self._blow = blow

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        if isinstance(self._blow, BaseException):
            raise self._blow
        os.kill(os.getpid(), self._blow)
        return 0


def tag_struck(
    blow: signal.Signals | BaseException,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    struck: type[Struck] = Struck,
) -> int:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(struck(blow))))
    return run(["tag", "--model", str(model), "--format", "conllu", "-o", "out.conllu"])


@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_removes_the_temporary_output(
    blow: signal.Signals, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = signal.signal(blow, signal.SIG_DFL)  # the tests may run under nohup
    try:
        assert tag_struck(blow, tiny_model, monkeypatch) == 128 + blow
        assert os.listdir() == []
        assert signal.getsignal(blow) == signal.SIG_DFL, "handlers are put back"
    finally:
        signal.signal(blow, before)


class StruckInCallback(Struck):
    """An input that gets the signal in a callback from C, where Python drops exceptions, as LLVM does."""

    def readinto(self, buffer: object) -> int:
        ctypes.CFUNCTYPE(None)(lambda: os.kill(os.getpid(), self._blow))()
        time.sleep(5)  # until the signal is repeated
        return 0


@pytest.mark.parametrize("blow", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_a_callback_drops_is_not_lost(
    blow: signal.Signals, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    usual = signal.default_int_handler if blow == signal.SIGINT else signal.SIG_DFL
    before = signal.signal(blow, usual)
    try:
        assert tag_struck(blow, tiny_model, monkeypatch, StruckInCallback) == 128 + blow
        assert os.listdir() == []
    finally:
        signal.signal(blow, before)


def test_a_signal_that_was_ignored_stays_so(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under nohup."""
    monkeypatch.chdir(tmp_path)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert tag_struck(signal.SIGHUP, tiny_model, monkeypatch) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert os.listdir() == ["out.conllu"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_no_memory_is_one_line_with_a_remedy(
    error: BaseException,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tag_struck(error, tiny_model, monkeypatch) == 1
    first, remedy = capsys.readouterr().err.splitlines()
    assert first == "error: out of memory"
    assert "--threads" in remedy
    assert os.listdir() == []


def test_a_fault_of_the_program_keeps_its_traceback(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match="a bug"):
        tag_struck(RuntimeError("a bug"), tiny_model, monkeypatch)


KILLED = """
import os, sys
from bilstm_crf.util.files import write_whole
with write_whole(sys.argv[1]) as stream:
    stream.write(b"new"); stream.flush(); os.kill(os.getpid(), 9)
"""


def test_what_a_killed_run_left_goes_with_the_next_and_nothing_else(
    cli: Cli, tiny_model: Path, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path / "out.conllu"], check=False)
    (left,) = tmp_path.iterdir()
    others = [".out.conllu.swp", ".out.conllu.abcd1234.bak", "out.conllu.abcd1234.unfinished", ".unfinished"]
    for name in others:
        (tmp_path / name).touch()
    with write_whole(tmp_path / "live.conllu") as live:
        live.write(b"of another run")
        (at_work,) = tmp_path.glob(".live.conllu.*")
        assert cli("tag", "--model", tiny_model, DEV, "-o", tmp_path / "out.conllu").status == 0
        assert not left.exists()
        assert at_work.exists()
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "live.conllu", "out.conllu"])


def test_a_leftover_is_no_link_and_no_folder(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"precious")
    (tmp_path / ".a.abcd1234.unfinished").symlink_to("real")
    (tmp_path / ".b.abcd1234.unfinished").mkdir()
    remove_unfinished(tmp_path)
    remove_unfinished(tmp_path / "absent")
    assert len(os.listdir(tmp_path)) == 3


def test_what_standard_output_has_already_is_not_emptied(tmp_path: Path) -> None:
    """`-o /dev/stdout >> out`."""
    (tmp_path / "out").write_bytes(b"before\n")
    with open(tmp_path / "out", "ab") as appended, write_whole(f"/dev/fd/{appended.fileno()}") as stream:
        stream.write(b"new\n")
    assert (tmp_path / "out").read_bytes() == b"before\nnew\n"
