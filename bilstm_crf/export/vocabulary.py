"""Write the JSON file beside an ONNX graph: all that a program in another language needs to use it."""

from __future__ import annotations

from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.subwords import MAX_NGRAM, MIN_NGRAM
from bilstm_crf.export.page import decoder_of
from bilstm_crf.features.occurrences import MAX_OTHERS
from bilstm_crf.model.model_folder import Model
from bilstm_crf.util.word_forms import plain_forms
from bilstm_crf.version import __version__

FORMAT = 1  # raised when a reader must change


def vocabulary_of(model: Model) -> dict[str, Any]:
    """Return the content of the JSON file.

    words         the words of rows 1, 2, …; row 0 is for unknown ones
    aliases       rows of further forms
    usual         None, or rows: of words that differ only in case, the most frequent one
    characters    the characters of ids 1, 2, …; 0 is for unknown ones
    digits        `zero`: look words up with digits as 0; `own_first`: as they are first
    ngrams        None, or the n-grams of ids 0, 1, …, and how long they are
    crf           scores of the first label, the last one and each pair; None: not legal
    spans         the labels of a span's only, first, inner and last token, by entity type
    max_others    None, or how many other occurrences of a name the document memory reads
    """
    vocabulary, crf = model.vocabulary, decoder_of(model).constrained_crf
    usual = None
    if vocabulary.reading is not None:
        is_usual = [vocabulary.reading.usual.get(word.lower()) == word for word in vocabulary.words]
        usual = list(compress(range(1, len(is_usual) + 1), is_usual))
    ngrams = None
    if model.subwords is not None:
        ngrams = {"shortest": MIN_NGRAM, "longest": MAX_NGRAM, "list": list(model.subwords.ngrams)}
    return {
        "format": FORMAT,
        "bilstm_crf": __version__,
        "labels": vocabulary.labels,
        "temperature": model.temperature,
        "digits": vocabulary.digits,
        "words": list(vocabulary.words),
        "aliases": {form: place + 1 for form, place in plain_forms(vocabulary.words).items()},
        "usual": usual,
        "characters": list(vocabulary.characters),
        "ngrams": ngrams,
        "crf": {name: _scores(getattr(crf, name)) for name in ("start", "end", "between")},
        "spans": dict(zip(crf.types, crf.prefixes.tolist(), strict=True)),
        "max_others": MAX_OTHERS if model.architecture.document_memory else None,
    }


def _scores(values: NDArray[np.float64]) -> list[Any]:
    """Return scores as JSON has them: None for minus infinity."""
    if values.ndim > 1:
        return [_scores(row) for row in values]
    return [None if score == -np.inf else score for score in values.tolist()]
