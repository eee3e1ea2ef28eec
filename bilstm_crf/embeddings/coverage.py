"""Count how many of a corpus's words have a vector, and how it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.util.word_forms import Digits, plain_form, zero_digits

WAYS = ("exact", "lower-cased", "subword", "none")


@dataclass
class Coverage:
    """Numbers of types (distinct words) and tokens by the way in which their vector was found."""

    types: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))

    def line(self) -> str:
        """Return one line: `tokens 96.9 % exact, 0.2 % lower-cased, 2.8 % none; types 80.6 % …`."""
        return f"tokens {_shares(self.tokens)}; types {_shares(self.types)}"

    def table(self) -> str:
        """Return a small table with numbers."""
        lines = [f"{'':10}" + "".join(f"{way:>20}" for way in WAYS)]
        for what, counts in (("tokens", self.tokens), ("types", self.types)):
            total = sum(counts.values()) or 1
            cells = (f"{counts[way]:,} ({100 * counts[way] / total:.1f} %)" for way in WAYS)
            lines.append(f"{what:10}" + "".join(f"{cell:>20}" for cell in cells))
        return "\n".join(lines)


def _shares(counts: dict[str, int]) -> str:
    total = sum(counts.values()) or 1
    return ", ".join(
        f"{100 * count / total:.1f} % {way}" for way, count in counts.items() if count or way == "exact"
    )


def coverage(words: Mapping[str, int], vectors: WordVectors, digits: Digits = "zero") -> Coverage:
    """Count how the vectors of `words` (each with its number of occurrences) are found.

    Words that are looked up alike are one type: those with the same `plain_form`, with digits as 0 or, with
    `own_first`, with the digits that are found.
    """
    forms: Counter[str] = Counter()
    for word, count in words.items():
        form = plain_form(word)
        if digits == "zero" or _way(form, vectors) not in ("exact", "lower-cased"):
            form = zero_digits(form)
        forms[form] += count
    counted = Coverage()
    for form, count in forms.items():
        way = _way(form, vectors)
        counted.types[way] += 1
        counted.tokens[way] += count
    return counted


def _way(word: str, vectors: WordVectors) -> str:
    if word in vectors.index:
        return "exact"
    if word.lower() in vectors.index:
        return "lower-cased"
    if vectors.from_ngrams(word) is not None:
        return "subword"
    return "none"
