import numpy as np
import pytest

from bilstm_crf.analysis.seen import TrainNames, VocabularyCoverage
from bilstm_crf.embeddings.subwords import Subwords
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.sentence import Sentence, TokenSpan


def test_a_name_is_seen_word_for_word_with_its_type():
    sentence = Sentence(["Hilde", "Borg", "i", "Borg"])
    names = TrainNames([sentence], [[TokenSpan(0, 2, "PER"), TokenSpan(3, 4, "GPE_LOC")]])
    assert names.group(["Hilde", "Borg"], "PER") == "seen with this type"
    assert names.group(["Borg"], "ORG") == "seen with other types only"
    assert names.group(["Hilde"], "PER") == "unseen"
    assert names.group(["borg"], "GPE_LOC") == "unseen"


def vectors(*words: str, subword: bool = False) -> WordVectors:
    matrix = np.zeros((len(words), 2), dtype=np.float32)
    scales, mean = np.ones(1, np.float32), np.zeros(2, np.float32)
    ngrams = Subwords(["<sub"], np.zeros((1, 2), np.int8), scales, mean) if subword else None
    return WordVectors("v", words, matrix, ngrams)


TRAIN = [Sentence(["Kari", "i", "1905"])]


@pytest.mark.parametrize(
    ("train", "table", "words", "group"),
    [
        (TRAIN, None, ["Kari"], "all in train"),
        (TRAIN, None, ["1814", "I"], "all in train"),  # looked up as 0000 and, lower-cased, as i
        (TRAIN, None, ["Kari", "Ås"], "one not in train"),
        (TRAIN, vectors("Ås"), ["Kari", "Ås"], "one in the vectors only"),
        (TRAIN, vectors("Ås"), ["Ås", "Kari", "Bø"], "one in neither"),
        (TRAIN, vectors("Ås"), ["Kari"], "all in train"),
        (None, vectors("Kari"), ["Kari"], "all in the vectors"),
        (None, vectors("kari"), ["Kari"], "all in the vectors"),
        (None, vectors("Kari"), ["Kari", "Bø"], "one not in the vectors"),
        (None, vectors("Kari", subword=True), ["subarktisk"], "all in the vectors"),
        (None, vectors("Kari", subword=True), ["Bø"], "one not in the vectors"),
    ],
)
def test_the_least_known_word_decides(train, table, words, group):
    known = VocabularyCoverage(train, table)
    assert known.group(words) == group
    assert group in known.groups
