"""How many words have a vector, looked up as the tagger looks them up."""

import numpy as np

from bilstm_crf.embeddings.coverage import coverage
from bilstm_crf.embeddings.vectors import WordVectors


def vectors(*words: str) -> WordVectors:
    return WordVectors("test", list(words), np.zeros((len(words), 2), np.float32))


def test_words_that_look_alike_are_one_type() -> None:
    counted = coverage(
        {"Åse": 2, "A\u030ase": 3, "\u200bÅse": 1, "ÅSE": 1, "Ola": 1}, vectors("A\u030ase", "åse")
    )
    assert counted.types == {"exact": 1, "lower-cased": 1, "subword": 0, "none": 1}
    assert counted.tokens == {"exact": 6, "lower-cased": 1, "subword": 0, "none": 1}


def test_words_with_digits_are_counted_in_the_form_that_is_found() -> None:
    words = {"TV2": 4, "TV3": 2, "U2": 1, "2019": 3, "1905": 1, "17.": 5, "E16": 1}
    table = vectors("TV2", "u2", "2019", "0000", "00.")
    assert coverage(words, table).types == {"exact": 2, "lower-cased": 0, "subword": 0, "none": 3}
    own = coverage(words, table, "own_first")
    assert own.types == {"exact": 4, "lower-cased": 1, "subword": 0, "none": 2}
    assert own.tokens == {"exact": 13, "lower-cased": 1, "subword": 0, "none": 3}
