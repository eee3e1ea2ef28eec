"""A child process that works in one run's folder, and the lock that keeps every other process out.

The lock is flock on the file `lock` in the folder. The runner and its child share it, and it is free when
both have released it: if the runner is killed, its child continues, and the next runner waits for it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bilstm_crf.util import system

GRACE = 10.0  # seconds that children have to end after Ctrl-C


def take_lock(folder: Path) -> int | None:
    """Return the folder's lock, a file descriptor to be closed; None while another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        system.lock(lock, wait=False)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:  # a file system without locks cannot keep two runners apart
        pass
    return lock


def holder(folder: Path) -> str:
    """Return who has the lock, for a message."""
    number = (folder / "lock").read_text("utf-8", "replace")
    return f"process {number}" if number else "another process"


class Child:
    """A command at work; its output is appended to `train.log` in the run's folder."""

    def __init__(self, command: Sequence[str], folder: Path, lock: int, threads: int) -> None:
        self.log = folder / "train.log"
        with open(self.log, "ab") as log:
            self._start = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"},
                pass_fds=() if os.name == "nt" else (lock,),
                start_new_session=True,  # Ctrl-C reaches the runner alone, which tells each child once
            )
        os.ftruncate(lock, 0)
        os.lseek(lock, 0, os.SEEK_SET)
        os.write(lock, str(self._process.pid).encode())

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it is at work."""
        return self._process.poll()

    def fault(self) -> str:
        """Return why it failed: its last error, else its last line; and how it ended."""
        with open(self.log, "rb") as log:
            log.seek(self._start)
            lines = [line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        status = self._process.returncode
        ended = f"signal {-status}" if status < 0 else f"exit status {status}"
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return f"{[ended, *lines[-1:], *errors[-1:]][-1]} ({ended}; {self.log})"

    def interrupt(self) -> None:
        """Interrupt it as Ctrl-C does."""
        if os.name == "nt":
            self._process.terminate()
        else:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it, if it has not ended."""
        self._process.kill()
        self._process.wait()


def stop(children: Iterable[Child]) -> None:
    """End all children, first as Ctrl-C does; a second Ctrl-C does not wait."""
    children = list(children)
    limit = time.monotonic() + GRACE
    try:
        for child in children:
            child.interrupt()
        while any(child.status is None for child in children) and time.monotonic() < limit:
            time.sleep(0.05)
    finally:
        for child in children:
            child.kill()
