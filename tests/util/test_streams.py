"""Standard streams, raw, non-blocking, full or closed: every byte goes out, or there is an error."""

from __future__ import annotations

import errno
import io
import os
import resource
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from bilstm_crf.errors import BilstmCrfError, InputError
from bilstm_crf.util.files import open_input
from bilstm_crf.util.streams import Output, standard_output
from runs import ROOT

CONTENT = bytes(range(256)) * 2_000


class Short(io.RawIOBase):
    """A raw stream that takes a few bytes at a time, and now and then none."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""
        self.calls = 0

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int | None:  # type: ignore[override]
        self.calls += 1
        if self.calls % 5 == 0:
            return None
        self.taken += bytes(content[:1_000])
        return min(len(content), 1_000)


def test_short_writes_of_a_raw_stream_go_on() -> None:
    stream = Short()
    Output(stream, "out").writelines([CONTENT[:10_000], b"", CONTENT[10_000:20_000]])  # type: ignore[arg-type]
    assert stream.taken == CONTENT[:20_000]


@pytest.mark.parametrize("buffering", [0, 8192], ids=["raw", "buffered"])
def test_a_pipe_that_does_not_block_gets_everything(buffering: int) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    found: list[bytes] = []

    def read() -> None:
        while content := os.read(reading, 20_000):
            found.append(content)
        os.close(reading)

    reader = threading.Thread(target=read)
    reader.start()
    with open(writing, "wb", buffering) as stream:
        out = Output(stream, "out")
        out.write(CONTENT)
        out.write(b"end")
        out.flush()
    reader.join()
    assert b"".join(found) == CONTENT + b"end"


@pytest.mark.parametrize("buffering", [0, 8192], ids=["raw", "buffered"])
def test_a_file_that_may_not_grow_is_an_error(tmp_path: Path, buffering: int) -> None:
    """As of `ulimit -f`: the first write is short, and says nothing."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    stream = open(tmp_path / "out", "wb", buffering)  # noqa: SIM115 (closing it fails where it is buffered)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(OSError, match="standard output") as caught:
            _write(stream, CONTENT[:2_000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        stream.close()
    assert caught.value.errno == errno.EFBIG


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
@pytest.mark.parametrize("size", [1, 100_000])
def test_a_full_disk_is_an_error_also_for_one_byte(size: int) -> None:
    with (
        open("/dev/full", "wb", buffering=0) as raw,
        pytest.raises(OSError, match="standard output") as caught,
    ):
        _write(io.BufferedWriter(raw), b"x" * size)
    assert caught.value.errno == errno.ENOSPC


def _write(stream: BinaryIO, content: bytes) -> None:
    out = Output(stream, "standard output")
    out.write(content)
    out.flush()


def test_a_reader_that_went_away_is_a_broken_pipe() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb", 0) as stream, pytest.raises(BrokenPipeError):
        Output(stream, "out").write(b"x")


def test_standard_input_that_does_not_block_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python takes "nothing yet" for the end of the file."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)

    def write() -> None:
        with open(writing, "wb", 0) as stream:
            for start in range(0, len(CONTENT), 100_000):
                Output(stream, "in").write(CONTENT[start : start + 100_000])

    with open(reading, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        writer = threading.Thread(target=write)
        with open_input("-") as stream:
            writer.start()
            assert stream.read() == CONTENT
        writer.join()


def test_closed_streams_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(InputError, match="standard input: is closed"), open_input("-"):
        pytest.fail("it was opened")
    with pytest.raises(BilstmCrfError, match="standard output is closed"):
        standard_output()


# ---------------------------------------------------------------- the whole program, in a shell

RUN = f"{shlex.quote(sys.executable)} -m bilstm_crf embeddings list"


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (f"{RUN} >&-", 1, "error: standard output is closed"),
        (f"{RUN} --json > /dev/full", 1, "error: standard output: No space left"),
        (f"{RUN} | true; exit ${{PIPESTATUS[0]}}", 141, ""),
        (f"{RUN} --nonsense 2>&-", 2, ""),
        (f"{RUN} 2> /dev/full <&- > /dev/null", 0, ""),
    ],
    ids=["closed", "full disk", "reader gone", "closed standard error", "full standard error"],
)
def test_what_standard_output_cannot_take_is_said_once(command: str, status: int, said: str) -> None:
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 2
