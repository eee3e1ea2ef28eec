"""Case 02: a column with the number of the sentence, or the name of its document, is no column of tokens."""

import warnings
from pathlib import Path

import pytest

from bilstm_crf.errors import InputWarning
from bilstm_crf.formats import read

NUMBERED = {
    "numbers": "1 Kari B-PER\n1 sov O\n\n2 Ola B-PER\n2 sov O\n\n3 Ja O\n",
    "names": "d1\tKari\tB-PER\nd1\tsov\tO\n\nd1\tOla\tB-PER\nd1\tsov\tO\n\nd2\tJa\tO\n",
    "no empty lines": "d1 Kari B-PER\nd1 sov O\nd1 Ola B-PER\nd1 sov O\nd1 Ja O\n",
    "more columns": "1 Kari NNP B-PER\n1 sov VBD O\n\n2 Ola NNP B-PER\n2 sov VBD O\n\n3 Ja UH O\n",
}
WORDS = {
    "years": "1990 NUM O\n1991 NUM O\n\n1990 NUM O\n1991 NUM O\n",
    "the same words": "ja UH O\nja UH O\n\nnei UH O\nnei UH O\n",
    "one sentence": "10 NUM O\n10 NUM O\n",
    "labels only": "1 O\n1 O\n\n2 O\n2 O\n",
    "a word like a label": "E-post NOUN\nS-bane NOUN\n",
    "the same second column": "7 NUM O\n7 NUM O\n\n8 NUM O\n8 NUM O\n",
    "a list": "1 NUM O\nKari N B-PER\n\n2 NUM O\nOla N B-PER\n",
}


@pytest.mark.parametrize("content", NUMBERED.values(), ids=NUMBERED)
def test_numbers_of_sentences_are_not_tokens(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.conll").write_text(content)
    with pytest.warns(InputWarning, match="column 1 numbers the sentences"):
        sentences = list(read(tmp_path / "a.conll"))
    assert [word for each in sentences for word in each.tokens] == ["Kari", "sov", "Ola", "sov", "Ja"]
    assert [label for each in sentences for label in each.labels or ()] == ["B-PER", "O", "B-PER", "O", "O"]


@pytest.mark.parametrize("content", WORDS.values(), ids=WORDS)
def test_words_that_are_numbers_stay_tokens(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.conll").write_text(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sentences = list(read(tmp_path / "a.conll"))
    assert [word for each in sentences for word in each.tokens] == [
        row.split()[0] for row in content.splitlines() if row
    ]
