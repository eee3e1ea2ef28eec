"""Find names of the corpus where the tagger missed them: the same words again, also in the genitive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from bilstm_crf.pseudonyms.forms import Form, fold, is_initial, is_particle
from bilstm_crf.pseudonyms.found_names import Words

MIN_LETTERS = 2  # of a name of one word
GENITIVES = ("s", "'", "’", "'s", "’s")


class Match(NamedTuple):
    """Tokens `start` to `end - 1` that say a name."""

    start: int
    end: int
    id: str  # "" for a name of one word that several people of the document have
    words: Words


class NameIndex:
    """Names by their first word. Names of several words match in any case, those of one in theirs."""

    def __init__(self) -> None:
        self._several: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        self._single: dict[str, str] = {}

    def add(self, name: str, id_: str) -> None:
        """Add a name, its words separated by blanks; initials alone are none."""
        words = tuple(map(fold, name.split(" ")))
        if len(words) > 1:
            self._several[words[0]].append((words, id_))
            self._several[words[0]].sort(key=lambda each: -len(each[0]))
        else:
            self.add_word(name, id_)

    def add_word(self, word: str, id_: str) -> None:
        """Add a name of one word."""
        if len(word) >= MIN_LETTERS and not is_initial(word) and not is_particle(word) and word[0].isalpha():
            self._single.setdefault(fold(word), id_)

    def word(self, word: str) -> str | None:
        """Return the id of a name of one word, which must begin with a capital."""
        return self._single.get(fold(word)) if word[:1].isupper() else None

    def has(self, word: str) -> bool:
        """Return whether a name has this word."""
        folded = fold(word)
        return folded in self._single or any(
            folded in words for several in self._several.values() for words, _ in several
        )

    def matches(
        self, tokens: Sequence[str], free: Collection[int], words: Mapping[str, str]
    ) -> Iterator[Match]:
        """Yield names among the `free` tokens, the longest first at each place.

        `words`: the id for each folded name of one word in this document, which goes before the corpus's.
        """
        reached = 0
        for start in range(len(tokens)):
            if start >= reached and start in free:
                match = self._several_at(tokens, start, free) or self._single_at(tokens[start], start, words)
                if match is not None:
                    reached = match.end
                    yield match

    def _several_at(self, tokens: Sequence[str], start: int, free: Collection[int]) -> Match | None:
        for words, id_ in self._several.get(fold(tokens[start]), ()):
            end = start + len(words)
            if end > len(tokens) or any(token not in free for token in range(start, end)):
                continue
            if all(fold(tokens[start + at]) == word for at, word in enumerate(words[:-1])):
                last = _form(tokens[end - 1], words[-1])
                if last is not None:
                    forms = [*(Form(token) for token in tokens[start : end - 1]), last]
                    return Match(start, end, id_, Words(tuple(forms), tuple(range(len(words)))))
        return None

    def _single_at(self, token: str, start: int, words: Mapping[str, str]) -> Match | None:
        if not token[:1].isupper():
            return None
        folded = fold(token)
        for ending in ("", *GENITIVES):
            stem = folded.removesuffix(ending)
            if ending and stem == folded:
                continue
            id_ = words.get(stem, self._single.get(stem))
            if id_ is not None:  # "" is somebody of its own
                cut = len(token) - len(ending)
                return Match(start, start + 1, id_, Words((Form(token[:cut], token[cut:]),), (0,)))
        return None


def _form(token: str, word: str) -> Form | None:
    """Return the token as a form of this folded word, None if it is another word."""
    folded = fold(token)
    if folded == word:
        return Form(token)
    for ending in GENITIVES:
        if folded == word + ending:
            return Form(token[: -len(ending)], token[-len(ending) :])
    return None
