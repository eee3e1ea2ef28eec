"""What a long task says on standard error: a line, and a bar on a terminal after two seconds."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from bilstm_crf.util.terminal import say, visible

__all__ = ["Bar", "say"]

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 2.0  # seconds before the bar shows


class Bar:
    """`with Bar("Reading  sg600.bin", unit="words") as bar: bar.at(done, total)`."""

    def __init__(self, label: str, *, unit: str = "bytes") -> None:
        self._label = visible(label)
        self._unit = unit
        self._shown: Progress | None = None
        self._since = time.monotonic()

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown is not None:
            self._shown.stop()

    def at(self, done: int, total: int | None) -> None:
        """Says how far the work is."""
        if self._shown is None:
            if not sys.stderr.isatty() or time.monotonic() - self._since < PATIENCE:
                return
            self._shown = _start(self._label, self._unit, done, total)
        self._shown.update(self._shown.task_ids[0], completed=done, total=total)


def _start(label: str, unit: str, done: int, total: int | None) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    progress = Progress(
        TextColumn("{task.description}", markup=False),  # a file's name may hold brackets
        BarColumn(),
        DownloadColumn() if unit == "bytes" else MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    progress.add_task(label, completed=done, total=total)
    progress.start()
    return progress
