"""`bilstm-crf tag` as a real process: pipes that break, files that grow, Ctrl-C, kill -9, a full disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from done import Done
from runs import ROOT, TRAIN, hear_ctrl_c


@pytest.fixture
def process(tiny_model: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a real `bilstm-crf tag --model …`; whatever still runs at the end of the test is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bilstm_crf", "tag", "--model", tiny_model, *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        running = subprocess.Popen([str(each) for each in command], cwd=ROOT, preexec_fn=hear_ctrl_c, **pipes)
        started.append(running)
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.wait()
        for pipe in (each.stdin, each.stdout, each.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 15 MB of CoNLL-U, more than one chunk and than is read ahead."""
    path = tmp_path_factory.mktemp("large") / "large.conllu"
    path.write_bytes(Path(TRAIN).read_bytes() * 180)
    return path


def rows(*words: str) -> bytes:
    return ("\n".join(f"{n}\t{word}" + "\t_" * 8 for n, word in enumerate(words, 1)) + "\n\n").encode()


def test_with_flush_each_sentence_is_answered_before_the_next_is_sent(
    process: Callable[..., subprocess.Popen[bytes]],
) -> None:
    running = process("--format", "conllu", "--flush", stderr=subprocess.DEVNULL)
    assert running.stdin is not None
    assert running.stdout is not None
    for words in (["Kari", "bor"], ["Oslo"], ["Ola", "i", "Bergen", "."]):
        running.stdin.write(rows(*words))
        running.stdin.flush()
        answer = [running.stdout.readline() for _ in range(len(words) + 1)]
        assert [line.split(b"\t")[1].decode() for line in answer[:-1]] == words
        assert all(b"name=" in line for line in answer[:-1])
        assert answer[-1] == b"\n"
    running.stdin.close()
    assert running.stdout.read() == b""
    assert running.wait() == 0


def test_a_reader_that_goes_away_is_no_traceback(
    process: Callable[..., subprocess.Popen[bytes]], large: Path
) -> None:
    running = process(large)
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.readline()
    running.stdout.close()  # as `| head -1` does
    assert running.stderr.read() == b""
    assert running.wait() == 141


BLOWS = {
    "Ctrl-C": signal.SIGINT,
    "kill": pytest.param(signal.SIGTERM, marks=pytest.mark.slow),  # in-process in cases/test_06_leftovers.py
    "closed terminal": pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    "kill -9": signal.SIGKILL,
}


@pytest.mark.parametrize("blow", BLOWS.values(), ids=BLOWS)
def test_a_tagging_that_was_cut_off_leaves_the_old_output(
    process: Callable[..., subprocess.Popen[bytes]], large: Path, tmp_path: Path, blow: signal.Signals
) -> None:
    (tmp_path / "out.conllu").write_bytes(b"as it was")
    running = process(large, "-o", tmp_path / "out.conllu")
    while not any(path.name.startswith(".out.conllu") and path.stat().st_size for path in tmp_path.iterdir()):
        assert running.poll() is None
        time.sleep(0.005)
    running.send_signal(blow)
    _, said = running.communicate()
    assert (tmp_path / "out.conllu").read_bytes() == b"as it was"
    if blow != signal.SIGKILL:
        assert running.returncode == 128 + blow
        assert said.decode().strip() == f"Interrupted; {tmp_path / 'out.conllu'} was not written"
        assert os.listdir(tmp_path) == ["out.conllu"], "nothing else is left"


def test_a_full_disk_is_an_error_and_leaves_no_output(
    cli: Callable[..., Done], tiny_model: Path, large: Path, tmp_path: Path
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        done = cli("tag", "--model", tiny_model, large, "-o", tmp_path / "out.conllu")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.status == 1
    assert done.err.startswith(f"error: {tmp_path / 'out.conllu'}: File too large; it was not written")
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
def test_a_full_standard_output_is_an_error(process: Callable[..., subprocess.Popen[bytes]]) -> None:
    with open("/dev/full", "wb") as full:
        running = process(TRAIN, stdout=full)
        _, said = running.communicate()
    assert running.returncode == 1
    assert said.decode().startswith("error: ")
    assert "No space left on device" in said.decode()
    assert "Traceback" not in said.decode()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(
    process: Callable[..., subprocess.Popen[bytes]], large: Path, tmp_path: Path
) -> None:
    peaks = []
    for times in (1, 6):
        (tmp_path / "in.conllu").write_bytes(large.read_bytes() * times)
        running = process(tmp_path / "in.conllu", "-o", tmp_path / "out.conllu")
        _, _, usage = os.wait4(running.pid, 0)
        peaks.append(usage.ru_maxrss)
    assert peaks[1] < 1.1 * peaks[0]
