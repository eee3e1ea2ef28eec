"""Sentences are dropped for the right reason and once, and nothing else is."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bilstm_crf.corpus.filters import (
    FILTERS,
    Dropped,
    check_filters,
    counts,
    leave_out,
    summary,
    well_formed,
)
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.formats import FormatOptions, read
from bilstm_crf.labels import read_spans
from bilstm_crf.sentence import Sentence
from test_labels import label_sequences


def sentence(text: str, path: str = "train.conllu", line: int = 1) -> Sentence:
    tokens = text.split(" ") if text else []
    return Sentence(tokens, ["O"] * len(tokens), path=path, line=line)


def labelled(labels: list[str], line: int = 1) -> Sentence:
    words = [f"w{position}" for position in range(len(labels))]
    lines = list(range(line, line + len(labels)))
    return Sentence(words, labels, path="a.conll", line=line, lines=lines)


texts = st.sampled_from(
    ["Kari ler", "Kar iler", "kari ler", "Side 3", "Side 4", "", "\u00a0", "å", "a\u030a"]
)
sentences = st.lists(texts.map(sentence), max_size=8)
filters = st.sets(st.sampled_from(sorted(FILTERS)))


def same_text(a: Sentence, b: Sentence) -> bool:
    """The oracle, for the texts above."""
    one, other = ("".join(each.tokens).replace("\u00a0", "").replace("a\u030a", "å") for each in (a, b))
    return one == other


# ---------------------------------------------------------------- empty, leaked, repeated


@given(st.lists(sentences, max_size=3), sentences, filters)
def test_each_sentence_is_kept_or_dropped_by_the_first_filter_that_holds(
    corpora: list[list[Sentence]], evaluation: list[Sentence], names: set[str]
) -> None:
    numbers = {id(each): number for number, each in enumerate(each for c in corpora for each in c)}
    for corpus in corpora:
        for each in corpus:
            each.line = numbers[id(each)]
    expected: dict[int, str] = {}
    so_far: list[Sentence] = []
    for each in (each for corpus in corpora for each in corpus):
        if "empty" in names and same_text(each, sentence("")):
            expected[each.line] = "empty"
        elif "leaked" in names and any(same_text(each, other) for other in evaluation):
            expected[each.line] = "leaked"
        elif "repeated" in names and any(same_text(each, other) for other in so_far):
            expected[each.line] = "repeated"
        else:
            so_far.append(each)
    try:
        kept, dropped = leave_out(corpora, names, evaluation)
    except InputError:
        assert not so_far
        assert expected
        return
    assert {each.line: each.reason for each in dropped} == expected
    assert len(dropped) == len(expected)
    assert kept == [[each for each in corpus if each.line not in expected] for corpus in corpora]
    if any(kept):
        assert leave_out(kept, names, evaluation) == (kept, [])


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Kari Nordmann ler .", "Kari Nordmann ler."),
        ("10 000 kroner", "10\u00a0000 kroner"),
        ("Ås", "A\u030as"),
        ("PB.160 , 6801", "PB. 160 , 6801"),
    ],
    ids=["tokenisation", "no-break space", "decomposed", "abbreviation"],
)
def test_another_tokenisation_or_spelling_in_bytes_hides_no_twin(text: str, other: str) -> None:
    twin = sentence(other, "dev.conllu", 9)
    _, (leaked,) = leave_out([[sentence("x"), sentence(text, line=4)]], {"leaked"}, [twin])
    assert (leaked.reason, leaked.path, leaked.line) == ("leaked", "train.conllu", 4)
    assert leaked.detail == "the text of dev.conllu, line 9"
    _, (repeated,) = leave_out([[twin], [sentence(text, line=4)]], {"repeated"})
    assert (repeated.reason, repeated.line, repeated.detail) == ("repeated", 4, leaked.detail)


@pytest.mark.parametrize("other", ["kari ler", "KARI LER", "Kari ler .", "Kari", "Kari ler 2", "ler Kari"])
def test_what_reads_otherwise_is_another_sentence(other: str) -> None:
    corpus = [sentence("Kari ler"), sentence("Kari ler 1")]
    assert leave_out([corpus], FILTERS, [sentence(other)]) == ([corpus], [])


@pytest.mark.parametrize("text", ["", "\u00a0", "\u200b \ufeff", "\u00ad", "\x7f", "\t"])
def test_what_shows_nothing_is_empty(text: str) -> None:
    _, (dropped,) = leave_out([[sentence("Ja"), sentence(text)]], {"empty"})
    assert dropped.reason == "empty"


@pytest.mark.parametrize("text", [".", "|", "#", "_", "👩\u200d💻", "\u0301", "\u00a0x"])
def test_a_sentence_without_names_or_letters_is_not_empty(text: str) -> None:
    assert leave_out([[sentence(text)]], {"empty"}) == ([[sentence(text)]], [])


def test_no_filter_drops_nothing_and_takes_an_empty_corpus() -> None:
    corpora = [[sentence("Ja"), sentence("Ja"), sentence("")], []]
    assert leave_out(corpora, (), [sentence("Ja")]) == (corpora, [])
    assert leave_out([[]], FILTERS) == ([[]], [])


def test_a_training_set_of_which_nothing_is_left_is_an_error() -> None:
    with pytest.raises(InputError, match=r"no sentence is left .* dropped 2 of 2 sentences: 2 leaked"):
        leave_out([[sentence("Ja"), sentence("Ja")]], FILTERS, [sentence("Ja")])


# ---------------------------------------------------------------- ill-formed


def legal(sentences: Sequence[Sentence]) -> bool:
    try:
        read_spans(sentences)
    except InputError:
        return False
    return True


@given(st.lists(label_sequences("BIESL"), min_size=1, max_size=5))
@example([["O"], ["X-PER"]])
@example([["I-PER"], ["S-PER"], ["E-PER"]])
def test_the_kept_are_the_most_that_are_legal_in_one_encoding(labels: list[list[str]]) -> None:
    """Brute force: no larger choice of the file's sentences can be read."""
    given_sentences = [labelled(each, line=10 * number) for number, each in enumerate(labels)]
    try:
        kept, dropped = well_formed(given_sentences)
    except InputError:
        assert not any(legal([each]) for each in given_sentences)
        return
    assert legal(kept)
    assert sorted([s.line for s in kept] + [d.line for d in dropped]) == [s.line for s in given_sentences]
    assert all(
        not legal(choice)
        for size in range(len(kept) + 1, len(labels) + 1)
        for choice in combinations(given_sentences, size)
    )


@pytest.mark.parametrize(
    ("labels", "detail"),
    [
        ("O I-PER", "line 6: label I-PER of the word 'w1' after O is not legal IOB2"),
        ("B-PER I-ORG", "line 6: label I-ORG of the word 'w1' after B-PER is not legal IOB2"),
        ("E-PER", "line 5: label E-PER of the word 'w0' after the start of the sentence is not legal IOB2"),
        ("O PER", "line 6: label 'PER' of the word 'w1': expected O, or one of"),
        ("Q-PER", "line 5: label 'Q-PER' of the word 'w0': expected O, or one of"),
    ],
)
def test_what_is_illegal_in_the_files_encoding_is_dropped_and_says_why(labels: str, detail: str) -> None:
    """`O I-PER` alone would be good IOB1, but in a file of IOB2 it is a slip."""
    good = [labelled(["B-PER", "I-PER"], 1), labelled(["O"], 20), labelled(["B-LOC", "O"], 30)]
    bad = labelled(labels.split(), 5)
    kept, (dropped,) = well_formed([good[0], bad, *good[1:]])
    assert kept == good
    assert dropped.reason == "ill-formed"
    assert (dropped.path, dropped.line, dropped.words) == ("a.conll", 5, " ".join(bad.tokens))
    assert dropped.detail.startswith(f"a.conll, {detail}")


def test_a_file_without_a_legal_sentence_is_refused_as_it_was() -> None:
    with pytest.raises(InputError, match="line 3: label 'X' of the word 'w0': expected O"):
        well_formed([labelled(["X"], 3), labelled(["E-PER"], 7)])


def test_no_sentence_at_all_is_well_formed() -> None:
    assert well_formed([]) == ([], [])


# ---------------------------------------------------------------- names, listing


def test_a_filter_that_is_not_known_is_named_with_its_near_miss() -> None:
    check_filters(FILTERS)
    with pytest.raises(UsageError, match=r"'leeked' is not a known filter\. Did you mean leaked\?") as caught:
        check_filters(["empty", "leeked"])
    assert str(caught.value.hint).endswith("ill-formed empty leaked repeated")


def test_the_summary_counts_by_filter_in_their_order() -> None:
    dropped = [Dropped("leaked", "a", 1, "x", "")] * 1009 + [Dropped("ill-formed", "a", 1, "x", "")] * 3
    assert summary(dropped, 14684) == (
        "dropped 1,012 of 15,696 sentences: 3 ill-formed (labels not legal in their file's encoding), "
        "1,009 leaked (text of a dev or test sentence)"
    )
    assert summary([], 7) == "dropped none of 7 sentences"


def test_the_listing_shows_the_first_words_only() -> None:
    hostile = [sentence("en to tre fire fem seks sju"), sentence("x" * 10**5), sentence('"\\\u2028\ud800')]
    _, dropped = leave_out([[sentence("Ja"), *hostile]], {"leaked"}, hostile)
    assert counts(dropped) == {"leaked": 3}
    assert [each.words for each in dropped] == [
        "en to tre fire fem seks …",
        "x" * 60 + " …",
        '"\\\u2028\ud800',
    ]


# ---------------------------------------------------------------- real files


def real(shared: Path, language: str, split: str) -> list[Sentence]:
    (path,) = (shared / "norne" / language).glob(f"*-{split}.conllu")
    return [each for each in read(path, None, FormatOptions(keep_raw=False)) if each.tokens]


def test_norne_has_a_few_dev_sentences_in_train_and_is_well_formed(shared: Path) -> None:
    """Speakers' names, bylines, short answers; two of Nynorsk's are tokenised otherwise than their twin."""
    train = {language: real(shared, language, "train") for language in ("nob", "nno")}
    dev = {language: real(shared, language, "dev") for language in ("nob", "nno")}
    for language, expected in (
        ("nob", {"leaked": 37, "repeated": 237}),
        ("nno", {"leaked": 37, "repeated": 123}),
    ):
        assert well_formed(train[language]) == (train[language], [])
        (kept,), dropped = leave_out([train[language]], FILTERS, dev[language])
        assert counts(dropped) == expected
        assert len(kept) == len(train[language]) - sum(expected.values())
    _, dropped = leave_out([train["nob"], train["nno"]], FILTERS, [*dev["nob"], *dev["nno"]])
    assert counts(dropped) == {"leaked": 92, "repeated": 358}


def test_one_broken_label_in_a_real_file_costs_one_sentence(shared: Path) -> None:
    dev = real(shared, "nno", "dev")
    broken = next(each for each in dev if each.labels and "I-ORG" in each.labels)
    broken.labels = ["O" if label == "B-ORG" else label for label in broken.labels or ()]
    with pytest.raises(InputError, match="is not legal IOB2"):
        read_spans(dev)
    kept, (dropped,) = well_formed(dev)
    assert dropped.line == broken.line
    assert read_spans(kept) == "IOB2"
    assert len(kept) == len(dev) - 1
