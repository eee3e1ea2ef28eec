"""What a person sees while training or tagging runs: a live bar on a terminal, a line an epoch elsewhere."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bilstm_crf.util.files import is_gzip
from bilstm_crf.util.progress import say
from bilstm_crf.util.terminal import visible

if TYPE_CHECKING:
    from bilstm_crf.training.loop import History


class _WithBar:
    """A context manager that shows the bar `_bar`, and takes it away at the end."""

    _bar: Progress

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


class TrainingProgress(_WithBar):
    """An Observer of training. Use it as a context manager, so that the bar is taken away at the end."""

    def __init__(self, epochs: int, sentences: int, *, quiet: bool = False, done: int = 0) -> None:
        """`done` epochs were finished before (a resumed run)."""
        self.epochs, self.sentences = epochs, sentences
        self.quiet = quiet
        self._first = done
        self._started = self._epoch_started = time.perf_counter()
        self._live = not quiet and sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("Epoch {task.fields[epoch]:>2}/{task.fields[epochs]}"),
            BarColumn(bar_width=24),
            TextColumn(
                "loss {task.fields[loss]:>9,.1f}  {task.fields[speed]:>6,.0f} tokens/s{task.fields[dev]}"
            ),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True, highlight=False),
            disable=not self._live,
        )
        self._task = self._bar.add_task(
            "", total=epochs * sentences, completed=done * sentences,
            epoch=done + 1, epochs=epochs, loss=0.0, speed=0.0, dev="",
        )  # fmt: skip

    def batch(self, epoch: int, sentences: int, tokens: int, loss: float) -> None:
        if self._live:
            speed = tokens / (time.perf_counter() - self._epoch_started)
            completed = (epoch - 1) * self.sentences + sentences
            self._bar.update(self._task, completed=completed, epoch=epoch, loss=loss, speed=speed)

    def epoch(self, history: History) -> None:
        row = history[-1]
        dev = ""  # as where dev is trained on too
        if "dev" in row:
            best = max(each["dev"]["f1"] for each in history)
            dev = f"  dev F1 {100 * row['dev']['f1']:.2f} (best {100 * best:.2f})"
        now = time.perf_counter()
        if self._live:
            self._bar.update(self._task, dev=dev)
            self._bar.console.print(self._line(row, dev))
        elif not self.quiet:
            left = (now - self._started) / (row["epoch"] - self._first) * (self.epochs - row["epoch"])
            minutes, seconds = divmod(round(left), 60)
            hours, minutes = divmod(minutes, 60)
            say(f"{self._line(row, dev)}  {hours}:{minutes:02}:{seconds:02} left")
        self._epoch_started = now

    def _line(self, row: dict[str, Any], dev: str) -> str:
        return (
            f"Epoch {row['epoch']:>2}/{self.epochs}  loss {row['loss']:>9,.1f}  "
            f"{row['tokens_per_second']:>6,} tokens/s{dev}"
        )


class TaggingProgress(_WithBar):
    """A bar over one file. Labels hardly change its size, so the bytes written say how far the work is."""

    def __init__(self, path: str, *, shown: bool) -> None:
        self._bytes = self._tokens = 0
        self._last = self._started = time.perf_counter()
        self._shown = shown
        self._bar = Progress(
            TextColumn("Tagging  {task.description}", markup=False),  # a file's name may hold brackets
            BarColumn(bar_width=24),
            TextColumn("{task.fields[tokens]:,} tokens  {task.fields[speed]:,.0f} tokens/s"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=Console(stderr=True, highlight=False),
            disable=not shown,
        )
        known = shown and os.path.isfile(path) and not is_gzip(path)
        total = os.path.getsize(path) if known else None
        self._task = self._bar.add_task(visible(os.path.basename(path)), total=total, tokens=0, speed=0.0)

    def at(self, tokens: int, size: int) -> None:
        """So many further tokens and bytes are done."""
        self._tokens += tokens
        self._bytes += size
        if self._shown and (now := time.perf_counter()) - self._last > 0.1:
            self._last = now
            speed = self._tokens / (now - self._started)
            self._bar.update(self._task, completed=self._bytes, tokens=self._tokens, speed=speed)
