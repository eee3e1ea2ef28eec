"""The interface of writers: sentences of one or more files in, the bytes of one output out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bilstm_crf.formats import FormatOptions
from bilstm_crf.sentence import Sentence


@dataclass(frozen=True)
class Companion:
    """A second file beside the output, with the same name and another suffix."""

    suffix: str
    compose: Callable[[Sentence], bytes]  # what each sentence adds to it, in order


@dataclass(frozen=True)
class Writer:
    """One kind of output.

    `write` takes all sentences of the inputs, in order, those without tokens included, and yields the output
    in parts. `Sentence.path` tells the inputs apart.
    """

    name: str  # as in `--to NAME`
    kind: str  # for messages: "a CSV table"
    suffixes: tuple[str, ...]
    write: Callable[[Iterable[Sentence], FormatOptions], Iterator[bytes]]
    merges: bool = True  # whether several inputs can go to one output
    is_binary: bool = False  # not for a terminal
    companion: Companion | None = None
