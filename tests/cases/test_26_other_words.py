"""Two files that do not have the same words: the error shows both so that they differ on the screen."""

from pathlib import Path

import pytest

from bilstm_crf.errors import InputError
from evaluation.pairs import read_pair

GOLD = ["Åse", "sov", "10\u00a0000", "kr", "–", "a"]


def columns(path: Path, words: list[str]) -> Path:
    path.write_text("".join(f"{word}\tO\n" for word in words) + "\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("position", "word", "found", "expected"),
    [
        (0, "A\u030ase", r"'A\u030ase'", r"'\xc5se'"),
        (1, "sov\u200b", r"'sov\u200b'", "'sov'"),
        (1, "s\u00adov", r"'s\xadov'", "'sov'"),
        (1, "\u0455ov", r"'\u0455ov'", "'sov'"),
        (2, "10 000", "'10 000'", r"'10\xa0000'"),
        (2, "10\u202f000", r"'10\u202f000'", r"'10\xa0000'"),
        (4, "-", "'-'", r"'\u2013'"),
        (4, "—", r"'\u2014'", r"'\u2013'"),
        (0, "Bergen", "'Bergen'", "'Åse'"),
        (1, "søv", "'søv'", "'sov'"),
    ],
)
def test_words_that_look_alike_are_spelt_out(
    tmp_path: Path, position: int, word: str, found: str, expected: str
) -> None:
    gold = columns(tmp_path / "gold.conll", GOLD)
    theirs = columns(tmp_path / "theirs.tsv", [*GOLD[:position], word, *GOLD[position + 1 :]])
    with pytest.raises(InputError) as caught:
        read_pair(gold, theirs)
    assert caught.value.line == position + 1
    assert f"{found} (sentence 1" in str(caught.value)
    assert f"expected {expected} as in {gold}, line {position + 1}" in str(caught.value)


@pytest.mark.parametrize(("position", "word", "form"), [(0, "A\u030ase", "NFC"), (2, "10 000", "NFKC")])
def test_the_hint_names_the_form_in_which_they_are_the_same(
    tmp_path: Path, position: int, word: str, form: str
) -> None:
    gold = columns(tmp_path / "gold.conll", GOLD)
    theirs = columns(tmp_path / "theirs.conll", [*GOLD[:position], word, *GOLD[position + 1 :]])
    with pytest.raises(InputError) as caught:
        read_pair(gold, theirs)
    assert f"form {form}:" in (caught.value.hint or "")
