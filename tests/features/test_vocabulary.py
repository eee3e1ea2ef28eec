"""Words, characters and labels to ids, with and without vectors attached."""

import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.features.vocabulary import UNKNOWN, Vocabulary, normalise
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.word_forms import Digits, compatible_form, zero_digits

words = st.text(min_size=1, max_size=6)


def vocabulary(*corpus: str, vectors: WordVectors | None = None, digits: Digits = "zero") -> Vocabulary:
    return Vocabulary.of_corpus([Sentence(list(corpus))], ["O", "B-PER"], digits, vectors)


def word_id(vocabulary: Vocabulary, word: str) -> int:
    (number,) = vocabulary.encode([[word]]).word_ids
    return int(number)


def vector(vocabulary: Vocabulary, word: str) -> list[float] | None:
    """The vector of a word that has no row."""
    encoded = vocabulary.encode([[word]])
    own = encoded.word_ids[0] <= len(vocabulary.words)
    return None if own else encoded.vectors[0].tolist()


class Lengths:
    """Vectors of a word's length in each dimension; words in -x have none."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def vector(self, word: str) -> np.ndarray | None:
        return None if word.endswith("x") else np.full(self.dim, len(word), np.float32)


def table(*words: str, subword: bool = False) -> WordVectors:
    """Row r is the word r's; a vector from n-grams is the word's length, and words in -x have none."""
    matrix = np.arange(2 * len(words), dtype=np.float32).reshape(-1, 2)
    return WordVectors("test", words, matrix, Lengths(2) if subword else None)


# ---------------------------------------------------------------- normalise


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("1905", "0000"),
        ("17.5.-05", "00.0.-00"),
        ("F16", "F00"),
        ("٣٤", "00"),  # Arabic-Indic digits
        ("１２", "00"),  # full-width digits
        ("m²", "m0"),  # a superscript is a digit to Python, as in NCRF++
        ("½", "½"),  # a fraction is not, nor a Roman numeral
        ("Ⅷ", "Ⅷ"),
        ("Ærfugl", "Ærfugl"),
        ("A\u030a", "Å"),
        ("Trom\u00adsø", "Tromsø"),
        ("\u200b", "\u200b"),  # nothing else is there
        ("100\u00a0000", "000\u00a0000"),
        ("a\nb", "a b"),
        ("", ""),
    ],
)
def test_every_digit_becomes_a_nought(word: str, expected: str) -> None:
    assert normalise(word) == expected


def ncrfpp_normalize_word(word: str) -> str:
    """NCRF++, utils/functions.py, line for line."""
    new_word = ""
    for char in word:
        if char.isdigit():
            new_word += "0"
        else:
            new_word += char
    return new_word


def test_normalising_is_ncrfpps_for_every_character_there_is() -> None:
    everything = [chr(code) for code in range(sys.maxunicode + 1) if chr(code) != "\n"]
    everything = [each for each in everything if unicodedata.is_normalized("NFC", each)]
    assert [normalise(character) for character in everything] == list(map(ncrfpp_normalize_word, everything))


@given(words)
def test_normalising_is_done_once(word: str) -> None:
    assert normalise(word)
    assert normalise(normalise(word)) == normalise(word)


# ---------------------------------------------------------------- words


def test_ids_count_from_one_in_the_order_of_the_corpus() -> None:
    made = vocabulary("Kari", "er", "35", "er", "36")
    assert made.words == {"Kari": 1, "er": 2, "00": 3}
    assert list(made.characters) == ["K", "a", "r", "i", "e", "0"]
    assert min(made.characters.values()) == 1


def test_the_exact_form_goes_before_the_lower_cased_one() -> None:
    made = vocabulary("Ola", "ola")
    assert word_id(made, "Ola") == 1
    assert word_id(made, "ola") == 2
    assert word_id(made, "OLA") == 2
    assert word_id(made, "Ole") == UNKNOWN


def test_lower_case_never_finds_an_upper_cased_word() -> None:
    assert word_id(vocabulary("OLA"), "ola") == UNKNOWN


def test_an_attached_word_has_its_vector_and_an_id_beyond_the_table() -> None:
    made = vocabulary("Ola", "ola", vectors=table("Kari", "ola", "Ola"))
    assert word_id(made, "Kari") == len(made.words) + 1
    assert vector(made, "Kari") == [0, 1]
    assert word_id(made, "ola") == made.words["ola"]  # its own, trained row goes first


def test_an_attached_exact_form_goes_before_an_own_lower_cased_one() -> None:
    made = vocabulary("oslo", vectors=table("Oslo", "bergen"))
    assert word_id(made, "OSLO") == 1
    assert [vector(made, word) for word in ("Oslo", "OSLO", "Bergen")] == [[0, 1], None, [2, 3]]


def test_a_vector_from_ngrams_comes_last() -> None:
    made = vocabulary("c", vectors=table("a", "b", subword=True))
    words = ["c", "C", "a", "A", "lang", "Lang", "lang", "lax"]
    encoded = made.encode([words])
    ids = encoded.word_ids[encoded.tokens].tolist()
    assert ids == [1, 1, 2, 3, 4, 5, 4, UNKNOWN]
    assert encoded.vectors.tolist() == [[0, 1], [0, 1], [4, 4], [4, 4]]


def test_a_look_up_changes_nothing() -> None:
    """A stream brings new words without end, and threads share a vocabulary."""
    made = vocabulary("b", vectors=table("a", subword=True))
    first = made.encode([["ny", "nyare"]])
    second = made.encode([["nyast"]])
    assert (first.word_ids.tolist(), second.word_ids.tolist()) == ([2, 3], [2])
    assert first.vectors.tolist() == [[2, 2], [5, 5]]
    assert second.vectors.tolist() == [[5, 5]]


def test_the_attached_table_is_never_written_to() -> None:
    matrix = np.ones((2, 3), np.float32)
    matrix.flags.writeable = False
    vectors = WordVectors("test", ["a", "b"], matrix, Lengths(3))
    made = Vocabulary([], [], ["O"], attached=vectors)
    assert made.encode([["b", "c"]]).vectors.tolist() == [[1, 1, 1]] * 2
    assert matrix.min() == 1


@pytest.mark.parametrize(
    ("word", "row"), [("Ola", 1), ("OLA", 0), ("ola", 0), ("KARI", 3), ("kari", 3), ("Xx", None)]
)
def test_the_table_alone_looks_up_exact_then_lower_cased_then_ngrams(word: str, row: int | None) -> None:
    vectors = table("ola", "Ola", "Kari", subword=True)
    found = vectors.find(word)
    expected = None if row is None else [len(word)] * 2 if row == 3 else [2 * row, 2 * row + 1]
    assert (None if found is None else found.tolist()) == expected
    if row == 3:
        assert table("ola", "Ola", "Kari").find(word) is None


# ---------------------------------------------------------------- look-alikes


ALIKE = {
    "Tromsø": ["Trom\u00adsø", "\u200bTromsø", "Tromsø\u200e", "\ufeffTrom\u200csø", "\u2060Tromsø\ufe0f"],
    "Åse": ["A\u030ase", "\u212bse", "A\u034f\u030ase"],  # NFD, the Ångström sign, with a joiner between
    "Kari": ["Ｋａｒｉ", "\U0001d40a\U0001d41a\U0001d42b\U0001d422"],
    "Office": ["O\ufb03ce"],
    "km": ["㎞"],
}


@pytest.mark.parametrize(("word", "alike"), [(word, each) for word, all_ in ALIKE.items() for each in all_])
@pytest.mark.parametrize("source", ["training", "lower-cased", "vectors", "n-grams", "nothing"])
def test_words_that_look_alike_are_one_word_with_the_same_characters(
    word: str, alike: str, source: str
) -> None:
    vectors = {"vectors": table("x", word), "n-grams": table("x", subword=True)}.get(source)
    corpus = {"training": word, "lower-cased": word.lower()}.get(source, "y")
    made = vocabulary(corpus, "Nils", vectors=vectors)
    plain, other = made.encode([[word]]), made.encode([[alike]])
    assert plain.word_ids.tolist() == other.word_ids.tolist()
    assert plain.characters.tolist() == other.characters.tolist()


@given(st.text(alphabet="aÅ\u030a\u00ad\u200bＫ1²ﬁ", min_size=1, max_size=5))
def test_no_look_up_depends_on_what_is_never_displayed(word: str) -> None:
    made = vocabulary("a", "Å", "aÅ", "K", "fi", "a1")
    shown = word.replace("\u00ad", "").replace("\u200b", "")
    if shown:
        one, other = made.encode([[word]]), made.encode([[unicodedata.normalize("NFC", shown)]])
        assert one.word_ids.tolist() == other.word_ids.tolist()
        assert one.characters.tolist() == other.characters.tolist()


def test_a_trained_look_alike_goes_before_its_plain_form() -> None:
    made = vocabulary("Ｋａｒｉ", "Kari")
    assert [word_id(made, word) for word in ("Ｋａｒｉ", "Kari", "ＫＡＲＩ")] == [1, 2, UNKNOWN]


def test_rows_and_vectors_under_another_form_are_found_by_the_plain_one() -> None:
    """As older models and tables of others have them."""
    old = Vocabulary(["A\u030ase", "Åse", "O\u0308ystein"], [], ["O"])
    assert [word_id(old, word) for word in ("Åse", "Öystein", "O\u0308ystein")] == [2, 3, 3]
    vectors = WordVectors("nfd", ["A\u030ase", "Tr\u00adøen", "Trøen"], np.zeros((3, 2), np.float32))
    assert (vectors.index["Åse"], vectors.index["Trøen"]) == (0, 2)


def test_a_training_word_that_looks_alike_begins_with_the_plain_ones_vector() -> None:
    found = table("x", "kari").find("ＫＡＲＩ")
    assert found is not None
    assert found.tolist() == [2, 3]


# ---------------------------------------------------------------- digits


def test_words_share_a_row_by_their_digits_unless_their_own_form_has_a_vector() -> None:
    vectors = table("TV2", "u2", "0000", "2019")
    corpus = ["TV2", "TV3", "TV4", "U2", "U3", "2019", "2020", "ja"]
    made = vocabulary(*corpus, vectors=vectors, digits="own_first")
    assert list(made.words) == ["TV2", "TV0", "U2", "U0", "2019", "0000", "ja"]
    assert made.counts([Sentence([*corpus, "TV9"])]) == [0, 1, 3, 1, 1, 1, 1, 1]
    assert list(vocabulary(*corpus, vectors=vectors).words) == ["TV0", "U0", "0000", "ja"]
    assert list(made.characters) == list("TV0Uja")  # no digit but 0 is a character of its own


def test_own_digits_are_looked_up_first_and_then_noughts() -> None:
    vectors = table("TV2", "p4", "F00", "f16")
    made = vocabulary("F17", "S2", vectors=vectors, digits="own_first")
    assert list(made.words) == ["F00", "S0"]
    assert [word_id(made, word) for word in ("F17", "S3", "f18", "TV3")] == [1, 2, UNKNOWN, UNKNOWN]
    assert [vector(made, word) for word in ("TV2", "P4", "F16")] == [[0, 1], [2, 3], [6, 7]]
    zero = vocabulary("F17", "S2", vectors=vectors)
    assert [word_id(zero, word) for word in ("F17", "S3", "TV2", "F16")] == [1, 2, UNKNOWN, 1]


@given(st.lists(st.text(alphabet="aA12", min_size=1, max_size=2), min_size=1, max_size=6))
def test_a_training_word_always_finds_a_row_of_its_own_table(corpus: list[str]) -> None:
    vectors = table("a1", "A2", "11", "a0", "12", "A", subword=True)
    made = vocabulary(*corpus, vectors=vectors, digits="own_first")
    assert all(1 <= word_id(made, word) <= len(made.words) for word in corpus)


def test_without_digits_in_the_vectors_both_settings_are_one() -> None:
    corpus, vectors = ["TV2", "U2", "2019", "TV3"], table("TV0", "ja")
    one, other = (vocabulary(*corpus, vectors=vectors, digits=each) for each in ("zero", "own_first"))
    assert one.words == other.words


# ---------------------------------------------------------------- encoding


@given(st.lists(st.lists(words, max_size=4), max_size=4))
def test_encoded_sentences_say_what_the_words_say(sentences: list[list[str]]) -> None:
    made = Vocabulary(["a", "0"], ["a", "b", "0"], ["O"])
    encoded = made.encode(sentences)
    assert len(encoded) == len(sentences)
    assert encoded.lengths.tolist() == list(map(len, sentences))
    for number, sentence in enumerate(sentences):
        tokens = encoded.tokens[encoded.offsets[number] : encoded.offsets[number + 1]]
        for token, word in zip(tokens, sentence, strict=True):
            assert encoded.word_ids[token] == word_id(made, normalise(word))
            start, end = encoded.character_offsets[token : token + 2]
            form = normalise(word)
            if not {form, form.lower()} & made.words.keys():
                form = zero_digits(compatible_form(form))
            assert encoded.characters[start:end].tolist() == [made.characters.get(c, 0) for c in form]


def test_a_word_that_comes_often_is_kept_once() -> None:
    encoded = vocabulary("ja").encode([["ja", "nei"], ["ja"]] * 3)
    assert encoded.tokens.tolist() == [0, 1, 0] * 3
    assert encoded.word_ids.tolist() == [1, UNKNOWN]


def test_an_empty_word_has_a_character_as_well() -> None:
    """Only Python can give one; without a character its features would be minus infinity."""
    encoded = vocabulary("ja").encode([["", "ja"]])
    assert np.diff(encoded.character_offsets).tolist() == [1, 2]


def test_half_a_surrogate_pair_is_an_unknown_word() -> None:
    assert vocabulary("ja").encode([["\ud83d"]]).word_ids.tolist() == [UNKNOWN]


def test_labels_become_their_ids_token_by_token() -> None:
    encoded = vocabulary("a").encode([["a", "b"], [], ["c"]], [["O", "B-PER"], [], ["B-PER"]])
    assert encoded.labels is not None
    assert encoded.labels.tolist() == [0, 1, 1]
    assert vocabulary("a").encode([["a"]]).labels is None


def test_a_label_without_an_id_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="B-LOC"):
        vocabulary("a").encode([["a"]], [["B-LOC"]])


@pytest.mark.parametrize("sentences", [[], [[]], [[], []]])
def test_nothing_is_encoded_as_nothing(sentences: list[list[str]]) -> None:
    encoded = vocabulary("a").encode(sentences)
    assert len(encoded) == len(sentences)
    assert encoded.characters.dtype == encoded.tokens.dtype == encoded.word_ids.dtype == np.int64
    assert len(encoded.tokens) == 0
