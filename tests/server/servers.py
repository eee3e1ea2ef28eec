"""A server as a process of its own, on a free port."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

from clients import Client

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "tests" / "models" / "version-0.1.0"
START = 300  # seconds that a start may take: on a busy machine, numba compiles for a minute


def hear_ctrl_c() -> None:
    """A shell's background job, as CI may be, hands down a deaf ear."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Server(Client):
    """A running `bilstm-crf serve`, and a client for it."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log
        super().__init__(self._port())

    def _port(self) -> int:
        until = time.monotonic() + START
        while time.monotonic() < until:
            if (found := re.search(r"http://127\.0\.0\.1:(\d+)/", self.said)) is not None:
                return int(found[1])
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"the server did not start:\n{self.said}")

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(START)
