"""The inputs of the ONNX graph (see graph.py), from the sentences of a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.subwords import ngrams_of
from bilstm_crf.features.occurrences import MAX_OTHERS, MemoryIndex
from bilstm_crf.features.vocabulary import Vocabulary, _own_form
from bilstm_crf.model.model_folder import Model
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.word_forms import compatible_form, zero_digits

Ints = NDArray[np.int32]


@dataclass(frozen=True)
class GraphInputs:
    """The graph's inputs for a document, and the place of each token's emissions in the output."""

    feeds: dict[str, Ints]
    offsets: NDArray[np.int64]  # (S + 1,) where the tokens of each sentence begin

    @classmethod
    def of(cls, model: Model, sentences: Sequence[Sentence]) -> GraphInputs:
        """Return the inputs for sentences of one document, with a token or more among them."""
        vocabulary = model.vocabulary
        read = [vocabulary.as_read(sentence.tokens) for sentence in sentences]
        lengths = np.array([len(words) for words in read])
        numbers: dict[str, int] = {}
        tokens = np.zeros((lengths.max(), len(read)), np.int32)
        for s, words in enumerate(read):
            for t, word in enumerate(words):
                tokens[t, s] = numbers.setdefault(word, len(numbers))
        feeds = _word_feeds(model, list(numbers))
        feeds |= {"tokens": tokens, "lengths": lengths.astype(np.int32)}
        if model.architecture.document_memory:
            feeds |= _memory_feeds(vocabulary, sentences, lengths)
        return cls(feeds, np.cumsum([0, *lengths]))

    def emissions(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the emissions (N, K) of the tokens, from the graph's output (T, S, K)."""
        lengths = np.diff(self.offsets)
        return np.concatenate([output[:length, s] for s, length in enumerate(lengths.tolist())])


def _word_feeds(model: Model, words: Sequence[str]) -> dict[str, Ints]:
    """Return the inputs for distinct words."""
    vocabulary, rows = model.vocabulary, len(model.word_table)
    ids: list[int] = []
    characters: list[list[int]] = []
    ngrams: list[list[int]] = []
    counts: list[int] = []
    known = vocabulary.characters
    for word in words:
        row, form = _row_and_form(vocabulary, word)
        zero = zero_digits(form)
        characters.append([known.get(each, 0) for each in zero])
        found: list[int] = []
        if row is None and model.subwords is not None:
            all_ngrams = ngrams_of(form if vocabulary.digits == "own_first" else zero)
            found = [number for each in all_ngrams if (number := model.subwords.index.get(each)) is not None]
        if found:
            ids.append(rows + len(ngrams))
            ngrams.append(found)
            counts.append(len(all_ngrams))
        else:
            ids.append(row or 0)
    feeds = {"words": np.array(ids, np.int32)}
    if model.architecture.characters:
        feeds["characters"] = padded(characters)
    if model.subwords is not None and model.word_table.shape[1]:
        feeds |= {"ngrams": padded(ngrams), "ngram_counts": np.array(counts, np.int32)}
    return feeds


def _row_and_form(vocabulary: Vocabulary, word: str) -> tuple[int | None, str]:
    """Return a word's row, and the form that was looked up: what `Vocabulary` does, without the vectors."""
    form = _own_form(word)
    found = vocabulary._rows.get(form) if form.isalpha() else None
    row = vocabulary._find(form) if found is None else found
    if row is None and (compatible := compatible_form(form)) != form:
        form = compatible
        row = vocabulary._find(form)
    assert row is None or isinstance(row, int), "a model's folder has no vectors but its own"
    return row, form


def _memory_feeds(
    vocabulary: Vocabulary, sentences: Sequence[Sentence], lengths: NDArray[np.int64]
) -> dict[str, Ints]:
    """Return the tokens with other occurrences in the document, and these."""
    batch = MemoryIndex(sentences, vocabulary.as_read).batch(np.arange(lengths.sum()))
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    step = np.arange(len(sentence)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    place = step * len(lengths) + sentence  # of each token, in (T, S)
    token_of = np.empty(len(batch.kept_rows), np.int64)
    token_of[batch.kept_places] = batch.kept_rows
    others = np.split(place[token_of[batch.places]], np.cumsum(batch.lengths)[:-1])
    rows = padded([each.tolist() for each in others] if len(batch.rows) else [], MAX_OTHERS)
    return {"remembering": place[batch.rows].astype(np.int32), "others": rows}


def padded(rows: Sequence[Sequence[int]], width: int = 0) -> Ints:
    """Return rows as an array, with -1 behind the end of each.

    >>> padded([[1, 2], [3]]).tolist()
    [[1, 2], [3, -1]]
    """
    table = np.full((len(rows), max(width, *map(len, rows), 1) if rows else max(width, 1)), -1, np.int32)
    lengths = np.array([len(row) for row in rows], np.int64)
    inside = np.arange(table.shape[1]) < lengths[:, None]
    table[inside] = np.fromiter(chain.from_iterable(rows), np.int32)
    return table
