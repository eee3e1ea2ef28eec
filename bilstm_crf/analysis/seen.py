"""Look up what a system has seen before: names in the training data, words with a vector."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.features.vocabulary import Vocabulary, normalise
from bilstm_crf.sentence import Sentence, TokenSpan

NAME_GROUPS = ("seen with this type", "seen with other types only", "unseen")


class TrainNames:
    """The names of the training data, exactly as they are written, with the types they have."""

    def __init__(self, sentences: Sequence[Sentence], spans: Sequence[Sequence[TokenSpan]]) -> None:
        self._types: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
        for sentence, of_sentence in zip(sentences, spans, strict=True):
            for span in of_sentence:
                self._types[tuple(sentence.tokens[span.start : span.end])].add(span.type)

    def group(self, words: Sequence[str], type_: str) -> str:
        """Return one of NAME_GROUPS."""
        types = self._types.get(tuple(words))
        if types is None:
            return "unseen"
        return "seen with this type" if type_ in types else "seen with other types only"


class VocabularyCoverage:
    """The words that occur in the training data or in the vectors.

    Words are looked up as the model does it: digits as 0, the exact form, then the lower-cased one; in
    fastText vectors also by character n-grams.
    """

    def __init__(self, train: Sequence[Sentence] | None, vectors: WordVectors | None) -> None:
        """Take the training data, the vectors or both."""
        self._in_train = Vocabulary.of_corpus(train, ["O"]) if train is not None else None
        self._in_vectors = None
        if vectors is not None:
            self._in_vectors = Vocabulary([], [], ["O"], attached=vectors)
        if train is None:
            self.groups: tuple[str, ...] = ("all in the vectors", "one not in the vectors")
        elif vectors is None:
            self.groups = ("all in train", "one not in train")
        else:
            self.groups = ("all in train", "one in the vectors only", "one in neither")

    def group(self, words: Sequence[str]) -> str:
        """Return one of `groups`, by the least known word."""
        return self.groups[max(map(self._distance, words))]

    def _distance(self, word: str) -> int:
        """Return how many sources lack the word before the first one that has it."""
        distance = 0
        for source in (self._in_train, self._in_vectors):
            if source is not None:
                if source.knows(normalise(word)):
                    break
                distance += 1
        return distance
