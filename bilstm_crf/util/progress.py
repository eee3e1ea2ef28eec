"""Messages for people on standard error, and progress bars on a terminal.

The command line has a person who reads (`listening`); a program that uses the library has none, and is told
nothing: notes go to the logger `bilstm_crf`, bars stay away. Nothing that is printed here can steer a
terminal: control characters are escaped.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.progress import Progress

# Characters that change the writing direction can disguise a file name.
DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
DELAY = 2.0  # seconds before a bar, or a line in its place, appears
INTERVAL = 0.1  # seconds between two updates of a bar


_listener: int | None = None  # the process whose standard error somebody reads; its forks keep quiet


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """In the block, notes are printed and bars appear; `be_quiet` ends that."""
    global _listener
    before, _listener = _listener, os.getpid()
    try:
        yield
    finally:
        _listener = before


def be_quiet() -> None:
    """Print no notes and show no bars from now on (`--quiet`)."""
    global _listener
    _listener = None


def note(message: str) -> None:
    """Tell what is going on: on standard error if somebody listens, else to the logger `bilstm_crf`."""
    if _listener == os.getpid():
        say(message)
    else:
        logging.getLogger("bilstm_crf").info(message)


class Waiting:
    """`with Waiting("Loading PyTorch"):` says so if the block takes longer than DELAY.

    For work that cannot tell how much of it is done. `begin` and `end` may be called many times: the message
    comes once, when the parts have taken that long together.
    """

    def __init__(self, message: str) -> None:
        self._message = f"{message} …"
        self._spent = 0.0  # seconds
        self._told = False
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        if _listener == os.getpid() and not self._told:
            self._started = time.monotonic()
            self._timer = threading.Timer(max(0.0, DELAY - self._spent), self._tell)
            self._timer.daemon = True
            self._timer.start()

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._spent += time.monotonic() - self._started

    def _tell(self) -> None:
        self._told = True
        note(self._message)

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(self, *error: object) -> None:
        self.end()


def say(message: str) -> None:
    """Print one line on standard error.

    A line that cannot be printed (closed stream, full disk) is dropped: it must not cost the result.
    """
    if sys.stderr is None:  # print() would use standard output instead
        return
    with contextlib.suppress(OSError, ValueError):
        print(visible(message), file=sys.stderr, flush=True)


def visible(line: str) -> str:
    r"""Escape control characters, line ends and changes of the writing direction.

    >>> print(visible("a\x1b[2J b"))
    a\x1b[2J b
    """
    if line.isprintable():
        return line
    return "".join(
        character.encode("unicode_escape").decode() if _steers(character) else character for character in line
    )


def _steers(character: str) -> bool:
    if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
        return True
    return unicodedata.bidirectional(character) in DIRECTIONS


class Bar:
    """`with Bar("Reading  sg600.bin", unit="words") as bar: bar.at(done, total)`.

    Appears after `delay` seconds (DELAY) if standard error is a terminal and `shown`; disappears at the end.
    Where it is no terminal, the label is printed once instead. `unit=None` shows the `note` of each update in
    place of the numbers.
    """

    def __init__(
        self, label: str, *, unit: str | None = "bytes", delay: float | None = None, shown: bool = True
    ) -> None:
        delay = DELAY if delay is None else delay
        heard = shown and _listener == os.getpid()
        self.live = heard and sys.stderr is not None and sys.stderr.isatty()
        self._in_lines = heard and not self.live
        self._waiting = Waiting(label) if self._in_lines and delay else None
        self._label, self._unit = visible(label), unit
        self._progress: Progress | None = None
        self._next = time.monotonic() + delay

    def __enter__(self) -> Self:
        if self._waiting is not None:
            self._waiting.begin()
        return self

    def __exit__(self, *error: object) -> None:
        if self._waiting is not None:
            self._waiting.end()
        if self._progress is not None:
            self._progress.stop()

    def at(self, done: int, total: int | None, *, label: str | None = None, note: str = "") -> None:
        """Show how much of the work is done."""
        if not self.live or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + INTERVAL
        if self._progress is None:
            self._progress = _start(self._unit)
        self._progress.update(
            self._progress.task_ids[0],
            description=label or self._label,
            completed=done,
            total=total,
            note=note,
            refresh=True,
        )

    def say(self, message: str) -> None:
        """Print a line above the bar."""
        if self._progress is None:
            say(message)
        else:
            self._progress.console.print(visible(message), markup=False)


def _start(unit: str | None) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Column

    numbers = TextColumn("{task.fields[note]}", markup=False) if unit is None else MofNCompleteColumn()
    progress = Progress(
        TextColumn("{task.description}", markup=False),  # a file name may contain brackets
        BarColumn(bar_width=24),
        DownloadColumn() if unit == "bytes" else numbers,
        TimeRemainingColumn(table_column=Column(min_width=7, no_wrap=True)),  # not cut on narrow terminals
        TextColumn("left"),
        console=Console(stderr=True, highlight=False),
        transient=True,
        auto_refresh=False,  # by a thread, which a fork must not meet
    )
    progress.add_task("", total=None, note="")
    progress.start()
    return progress


def clock(seconds: float) -> str:
    """Return a duration in hours, minutes and seconds.

    >>> clock(3725.2)
    '1:02:05'
    """
    minutes, whole = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{whole:02}"


def human(size: int | None) -> str:
    """Return a number of bytes in decimal units.

    >>> human(29_200_000)
    '29.2 MB'
    """
    if size is None:
        return "of unknown size"
    if size < 1_000_000:
        return f"{size / 1000:.0f} kB" if size >= 1000 else f"{size} bytes"
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"


class TrainingProgress(Bar):
    """Observe training: a live bar on a terminal, one line per epoch elsewhere."""

    def __init__(self, epochs: int, sentences: int, *, quiet: bool = False, done: int = 0) -> None:
        """`done` epochs were finished before (a resumed run)."""
        super().__init__("Epoch", unit=None, delay=0, shown=not quiet)
        self.epochs, self.sentences = epochs, sentences
        self.quiet = quiet
        self._first = done
        self._started = self._epoch_started = time.perf_counter()
        self._first_batch: tuple[float, int] | None = None  # the time after it, and its sentences
        self._sentence_seconds = 0.0  # of the first epoch, without its first batch, which may compile
        self._dev = ""

    def batch(self, epoch: int, sentences: int, tokens: int, loss: float) -> None:
        now = time.perf_counter()
        if self._first_batch is None:
            self._first_batch = (now, sentences)
        elif epoch == self._first + 1:
            started, before = self._first_batch
            self._sentence_seconds = (now - started) / (sentences - before)
        if self.live:
            speed = tokens / (time.perf_counter() - self._epoch_started)
            self.at(
                (epoch - 1) * self.sentences + sentences,
                self.epochs * self.sentences,
                label=f"Epoch {epoch:>2}/{self.epochs}",
                note=f"loss {loss:>9,.1f}  {speed:>6,.0f} tokens/s{self._dev}",
            )

    def epoch(self, history: Sequence[Any]) -> None:
        row = history[-1]
        if row.dev is not None:
            best = max(each.dev_f1 for each in history)
            self._dev = f"  dev F1 {100 * row.dev_f1:.2f} (best {100 * best:.2f})"
        line = (
            f"Epoch {row.epoch:>2}/{self.epochs}  loss {row.loss:>9,.1f}  "
            f"{row.tokens_per_second:>6,} tokens/s{self._dev}"
        )
        now = time.perf_counter()
        if self.live:
            self.say(line)
        elif not self.quiet:
            left = self._epoch_seconds(now, row.epoch - self._first) * (self.epochs - row.epoch)
            say(f"{line}  {clock(left)} left")
        self._epoch_started = now
        if row.epoch == self._first + 1:
            self._started = now

    def _epoch_seconds(self, now: float, done: int) -> float:
        """Return the expected time of an epoch after `done` epochs; the first one says little as a whole."""
        if done > 1:
            return (now - self._started) / (done - 1)
        return self._sentence_seconds * self.sentences or now - self._started


class TokenProgress(Bar):
    """Observe work on `total` tokens: a live bar on a terminal, at most eleven lines elsewhere.

    The lines come at 1 %, 10 %, 20 %, …; those that would follow another within DELAY are left out.
    """

    def __init__(self, label: str, total: int) -> None:
        super().__init__(label, unit=None)
        self._total, self._done = total, 0
        self._started = time.monotonic()
        self._due = 0.01  # the share of the work at which the next line comes

    def count(self, tokens: int) -> None:
        """Count this many further tokens as done."""
        self._done += tokens
        if not (self.live or self._in_lines) or (now := time.monotonic()) < self._next:
            return
        seconds = max(now - self._started, 1e-9)
        speed = f"{self._done / seconds:,.0f} tokens/s"
        if self.live:
            self.at(self._done, self._total, note=speed)
        elif self._due <= (share := self._done / self._total) < 1:
            self._next = now + DELAY
            self._due = (int(share * 10) + 1) / 10
            say(f"{self._label}  {share:>4.0%}  {speed}  {clock(seconds / share - seconds)} left")


class TaggingProgress(Bar):
    """A bar over one file; labels hardly change its size, so the bytes written measure the progress."""

    def __init__(self, path: str, *, shown: bool) -> None:
        super().__init__(f"Tagging  {os.path.basename(path)}", unit=None, delay=0, shown=shown)
        known = self.live and os.path.isfile(path) and not path.lower().endswith(".gz")
        self._total = os.path.getsize(path) if known else None
        self._bytes = self.tokens = self.names = 0
        self._started = time.perf_counter()

    def count(self, tokens: int, names: int) -> None:
        """Count this many further tokens and names as found."""
        self.tokens += tokens
        self.names += names

    def wrote(self, size: int) -> None:
        """Count this many further bytes as written; 0 if their number says nothing about the input."""
        self._bytes += size
        if self.live:
            self.at(self._bytes, self._total if self._bytes else None, note=self._speed())

    def _speed(self) -> str:
        speed = self.tokens / (time.perf_counter() - self._started)
        return f"{self.tokens:,} tokens  {speed:,.0f} tokens/s"


class BatchProgress(TaggingProgress):
    """A bar over many files."""

    def __init__(self, label: str, total: int, *, shown: bool) -> None:
        super().__init__(label, shown=shown)
        self.files, self._total = 0, total

    def count(self, tokens: int, names: int, *, files: int = 0) -> None:
        """Count this many further tokens, names and files as done."""
        super().count(tokens, names)
        self.files += files
        if self.live:
            done = f"{self.files:,} of {self._total:,} files"
            self.at(self.files, self._total, note=f"{done}  {self._speed()}")
