"""Select from a stream of tagged sentences of any length: only the best candidates are in memory."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from bilstm_crf.corpus.filters import comparable_text, is_visible
from bilstm_crf.selection.diversity import diverse
from bilstm_crf.selection.units import Kind, Method, Unit, groups_of, score_of, text_of
from bilstm_crf.sentence import Sentence

CANDIDATES = 10  # units kept for each that `diversity` selects


@dataclass(frozen=True)
class Request:
    """The criteria of a selection."""

    method: Method = "least-confidence"
    count: int = 100
    kind: Kind = "sentence"
    min_tokens: int = 1
    max_tokens: float = math.inf
    seed: int = 42  # of `random`


@dataclass
class Selection:
    """The selected units, best first, and how many of the pool's were not eligible."""

    units: list[Unit] = field(default_factory=list)
    pool: int = 0  # units that were read
    known: int = 0  # of these, units that are annotated already
    other_length: int = 0  # shorter or longer than wanted, or nothing visible


class Pool:
    """The units with the highest scores of a stream, each text once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[str, tuple[float, int, Unit]] = {}  # by text: -score and number, which rank it
        self._number = 0
        self._threshold = -math.inf

    def add(self, unit: Unit) -> None:
        """Keep a unit if it is among the best so far; of one text, the copy with the highest score."""
        self._number += 1
        if unit.score <= self._threshold:
            return
        known = self._kept.get(unit.text)
        if known is None or unit.score > known[2].score:
            self._kept[unit.text] = (-unit.score, self._number, unit)
            if len(self._kept) >= 2 * self._size:
                self._shrink()

    def best(self) -> list[Unit]:
        """Return the units that are kept, best first; of equal ones the first of the stream."""
        return [unit for _, _, unit in sorted(self._kept.values(), key=_rank)[: self._size]]

    def _shrink(self) -> None:
        kept = sorted(self._kept.values(), key=_rank)[: self._size]
        self._kept = {entry[2].text: entry for entry in kept}
        self._threshold = kept[-1][2].score


def _rank(entry: tuple[float, int, Unit]) -> tuple[float, int]:
    return entry[:2]


def select(sentences: Iterable[Sentence], request: Request, known: Collection[str] = ()) -> Selection:
    """Select units of tagged sentences, with `uncertainty` unless the method is `random`.

    `known`: the texts (`comparable_text`) of sentences that are annotated; a unit of nothing else is left
    out. Each text is selected once. Memory grows with the number to select, not with the stream.
    """
    selection = Selection()
    size = request.count * (CANDIDATES if request.method == "diversity" else 1)
    pool = Pool(size)
    for group in groups_of(sentences, request.kind):
        selection.pool += 1
        if known and all(comparable_text(sentence) in known for sentence in group):
            selection.known += 1
            continue
        text = text_of(group)
        if not request.min_tokens <= sum(map(len, group)) <= request.max_tokens or not is_visible(text):
            selection.other_length += 1
            continue
        pool.add(Unit(group, score_of(request.method, group, request.seed), text))
    best = pool.best()
    selection.units = diverse(best, request.count) if request.method == "diversity" else best
    return selection
