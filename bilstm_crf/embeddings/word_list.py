"""The words of a vector file as they are read: which are kept, and how many are left out and why."""

from __future__ import annotations

from collections import Counter

from bilstm_crf.errors import InputError

MAX_USELESS = 10_000  # words (or lines) of a damaged file before reading on is pointless


class WordList:
    """The words kept so far (`words`, each once) and the numbers of those left out, by reason (`skipped`)."""

    def __init__(self, path: object) -> None:
        self.words: list[str] = []
        self.skipped: Counter[str] = Counter()
        self.read = 0
        self._path = path
        self._seen: set[str] = set()

    def add(self, raw: bytes | str) -> bool:
        """Keep the next word of the file, unless it cannot be used; return whether it was kept.

        Raises InputError once most of very many words cannot be used: the file is damaged.
        """
        self.read += 1
        word = raw if isinstance(raw, str) else self._decoded(raw)
        if word is None:
            return False
        if "\n" in word or not word:
            self._leave_out("empty or with a line break")
            return False
        if word in self._seen:
            self._leave_out("seen before")
            return False
        self._seen.add(word)
        self.words.append(word)
        return True

    def _decoded(self, raw: bytes) -> str | None:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self._leave_out("not UTF-8")
            return None

    def _leave_out(self, why: str) -> None:
        self.skipped[why] += 1
        if self.skipped[why] > max(MAX_USELESS, self.read / 2):
            raise InputError(
                f"{self.skipped[why]:,} of the first {self.read:,} words are {why}: the file is damaged",
                path=self._path,
            )
