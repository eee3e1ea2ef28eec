"""Units of selection: sentences or documents, with the score that ranks them.

tagged sentences ─► groups_of ─► score_of ─► Unit ─► Pool (the best of a stream) ─► diverse ─► ranked units
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, get_args

from bilstm_crf.corpus.filters import comparable_text
from bilstm_crf.sentence import Sentence

Method = Literal["least-confidence", "entropy", "diversity", "random"]
METHODS: tuple[Method, ...] = get_args(Method)
Kind = Literal["sentence", "document"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Of scores: what is beyond may differ between processors, and would change the order of equal ones
DECIMALS = 6


@dataclass(frozen=True)
class Unit:
    """A sentence, or the sentences of a document."""

    sentences: list[Sentence]
    score: float  # the higher, the sooner it is selected
    text: str  # as `comparable_text`: units of one text are the same

    @property
    def tokens(self) -> int:
        return sum(map(len, self.sentences))


def groups_of(sentences: Iterable[Sentence], kind: Kind) -> Iterator[list[Sentence]]:
    """Yield the sentences of each unit, without those that have no tokens.

    A document is what its file says; a file that names no documents is one.
    """
    filled = (sentence for sentence in sentences if sentence.tokens)
    if kind == "sentence":
        return ([sentence] for sentence in filled)
    return (list(group) for _, group in groupby(filled, lambda each: (each.path, each.document)))


def text_of(sentences: Sequence[Sentence]) -> str:
    """Return the text by which units are compared."""
    return "".join(map(comparable_text, sentences))


def score_of(method: Method, sentences: Sequence[Sentence], seed: int = 42) -> float:
    """Return the score of a unit; all methods but `random` need `Sentence.uncertainty`.

    Of a document it is a mean, so that a long one is not selected for its length alone:

        entropy, diversity   entropy of the label sequences per token (Settles and Craven 2008)
        least-confidence     1 - P(best label sequence), mean over the sentences (Culotta and McCallum 2005)
        random               uniform from 0 to 1, by the seed and the text, wherever that stands
    """
    if method == "random":
        digest = hashlib.blake2b(text_of(sentences).encode("utf-8", "surrogatepass"), digest_size=8)
        digest.update(str(seed).encode())
        return int.from_bytes(digest.digest()) / 2**64
    found = [sentence.uncertainty for sentence in sentences]
    if None in found:
        raise ValueError("a sentence without `uncertainty`: annotate with Decoding(uncertainty=True)")
    known = [each for each in found if each is not None]
    if method == "least-confidence":
        score = sum(each.least_confidence for each in known) / len(known)
    else:
        score = sum(each.entropy for each in known) / sum(map(len, sentences))
    return round(score, DECIMALS)
