"""Read a text in capitals, in lower case or without full stops as if it were written as usual.

Headlines, telegrams and chat messages have no case that tells a name from a common word. Their words are read
in the case in which each is most often written (truecasing, Lita et al. 2003). The file stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bilstm_crf.util.word_forms import plain_form, zero_digits


class RobustReading:
    """Turns the words of a sentence into those that the network reads."""

    def __init__(self, words: Iterable[str]) -> None:
        """`words`: of all words that differ only in case, the most frequent one."""
        self.usual = {word.lower(): word for word in words}

    def __call__(self, tokens: Sequence[str]) -> Sequence[str]:
        """Return the tokens that the network reads: without a final full stop, in their usual case.

        Only a sentence that is all in capitals or all in lower case is changed, apart from the stop.

        >>> read = RobustReading(["Solberg", "møtte", "NHO", "i"])
        >>> read(["SOLBERG", "MØTTE", "NHO", "I", "SANDNES", "."])
        ['Solberg', 'møtte', 'NHO', 'i', 'sandnes']
        >>> read(["nho", "møtte", "solbergs", "venn"]), read(["Møt", "NHO", "."])
        (['NHO', 'møtte', 'Solbergs', 'venn'], ['Møt', 'NHO'])
        """
        if len(tokens) > 1 and tokens[-1] == ".":
            tokens = tokens[:-1]
        text = "".join(tokens)
        if not (text.isupper() or text.islower()):
            return tokens
        first, *others = map(self._usual, tokens)
        return [first[:1].upper() + first[1:], *others]

    def _usual(self, token: str) -> str:
        """Return a word in its usual case: lower case, if nobody knows it."""
        lower = zero_digits(plain_form(token)).lower()
        if (known := self.usual.get(lower)) is not None:
            return known
        if "-" in lower and len(lower) > 1:
            return "-".join(map(self._usual, lower.split("-")))
        if lower.endswith("s") and (name := self.usual.get(lower[:-1], "")) != name.lower():  # a genitive
            return name + "s"
        return lower


def usual_words(words: Iterable[str]) -> list[str]:
    """Return the first of those words that differ only in case; `words` in falling frequency.

    >>> usual_words(["på", "Oslo", "På", "OSLO", "NATO"])
    ['på', 'Oslo', 'NATO']
    """
    first: dict[str, str] = {}
    for word in words:
        first.setdefault(word.lower(), word)
    return list(first.values())
