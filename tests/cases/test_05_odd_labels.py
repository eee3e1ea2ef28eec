"""Labels in other dialects: read with one line that says what was assumed, or refused with their place."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_crf.corpus.labelled import read_gold
from bilstm_crf.errors import InputError, InputWarning
from bilstm_crf.formats import FormatOptions
from bilstm_crf.labels import ENCODINGS, read_spans
from bilstm_crf.sentence import Sentence, TokenSpan
from done import Done
from test_labels import sentences_of_spans

WORDS = ["Kari", "Nordmann", "bur", "i", "Bergen", ".", "Ola", "sover"]
SPANS = [TokenSpan(0, 2, "PER"), TokenSpan(4, 5, "LOC"), TokenSpan(6, 7, "PER")]


def file(path: Path, labels: str) -> Path:
    """Two columns of WORDS, or so many of them; `/` stands between sentences."""
    rows = [f"{word}\t{label}" for word, label in zip(WORDS, labels.replace("/ ", "").split(), strict=False)]
    for position, label in enumerate(labels.split()):
        if label == "/":
            rows.insert(position, "")
    path.write_text("\n".join(rows) + "\n\n", "utf-8")
    return path


def read(path: Path) -> list[TokenSpan]:
    sentences, _ = read_gold(path, None, FormatOptions(keep_raw=False))
    offset, spans = 0, []
    for sentence in sentences:
        spans += [TokenSpan(offset + a, offset + b, type_) for a, b, type_ in sentence.token_spans or ()]
        offset += len(sentence)
    return spans


@pytest.mark.parametrize(
    ("labels", "kinds"),
    [
        ("B_PER I_PER O O B_LOC O / B_PER O", 1),
        ("b-PER i-PER O O b-LOC O / b-PER O", 1),
        ("b-per i-per o o b-loc o / b-per o", 2),
        ("b_per i_per O O b_loc O / b_per O", 1),
        ("b-per l-per o o u-loc o / u-per o", 2),
        ("PER-B PER-I O O LOC-B O / PER-B O", 1),
        ("PER_B PER_E O O LOC_S O / PER_S O", 1),
        ("per-b per-i o o loc-b o / per-b o", 2),
        ("B:PER I:PER O O B:LOC O / B:PER O", 1),
        ("PER:B PER:I O O LOC:B O / PER:B O", 1),
        ("PER PER O O LOC O / PER O", 1),
        ("B-PER I-PER 0 0 B-LOC 0 / B-PER 0", 1),
        ("B-PER I-PER _ _ B-LOC _ / B-PER _", 1),
        ("B-PER I-PER - - B-LOC - / B-PER -", 1),
        ("O O / O", 0),
        ("B-PER I-PER O O B-LOC O / b-PER O", 1),  # odd only later
        ("B-PER I-PER O O B-LOC O / B-PER _", 1),
        ("S-PER O / O O S-LOC O S-PER o", 1),
    ],
)
def test_dialects_say_the_same_spans_and_one_line_a_kind(
    tmp_path: Path, labels: str, kinds: int, recwarn: pytest.WarningsRecorder
) -> None:
    found = read(file(tmp_path / "a.conll", labels))
    assert found == [] if labels.startswith("O O") else {SPANS[1], SPANS[2]} <= set(found)
    if not labels.startswith(("O O", "S-PER")):
        assert found == SPANS
    said = [str(each.message) for each in recwarn.list if each.category is InputWarning]
    assert len(said) == kinds
    assert all("a.conll, line " in line and "read as" in line for line in said)


def test_labels_without_a_type_get_one_and_that_is_said(tmp_path: Path) -> None:
    with pytest.warns(InputWarning, match=r"line 1: label 'B' has no entity type: .*B-ENTITY"):
        found = read(file(tmp_path / "a.conll", "B I O O B O / B O"))
    assert found == [span._replace(type="ENTITY") for span in SPANS]


def test_a_type_in_lower_case_behind_a_standard_prefix_is_kept(tmp_path: Path) -> None:
    """As in WNUT; `b-person` beside it is the same type."""
    assert read(file(tmp_path / "a.conll", "B-person I-person O O B-person")) == [
        TokenSpan(0, 2, "person"),
        TokenSpan(4, 5, "person"),
    ]
    with pytest.warns(InputWarning):
        found = read(file(tmp_path / "a.conll", "B-person I-person O O b-person"))
    assert {span.type for span in found} == {"person"}


@pytest.mark.parametrize(
    ("labels", "line", "label"),
    [
        ("B-PER I-PER O O LOC", 5, "LOC"),
        ("B-PER I-PER O O B", 5, "B"),
        ("B-PER I-PER O O LOC-B", 5, "LOC-B"),
        ("PER PER O O B-LOC", 5, "B-LOC"),
        ("PER-B PER-I O O LOC", 5, "LOC"),
        ("B I O O B-LOC", 5, "B-LOC"),
        ("O O / Q-PER", 4, "Q-PER"),
        ("O O / B-", 4, "B-"),
        ("O B-PER|ANIM", 2, "B-PER|ANIM"),
        ("O o-b", 2, "o-b"),
    ],
)
def test_what_would_be_a_guess_is_refused_with_its_place(
    tmp_path: Path, labels: str, line: int, label: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(file(tmp_path / "a.conll", labels))
    assert caught.value.line == line
    assert repr(label) in str(caught.value)
    assert "CoNLL-U" not in f"{caught.value} {caught.value.hint}"


def test_bare_types_may_stand_beside_another_sign_for_o() -> None:
    """In CoNLL-U, say: a column of such cells alone is not taken for labels."""
    sentence = Sentence(WORDS, ["PER", "PER", "0", "0", "LOC", "0", "PER", "0"], path="a.conllu", line=1)
    with pytest.warns(InputWarning):
        read_spans([sentence])
    assert sentence.token_spans == SPANS


@pytest.mark.parametrize("labels", ["_ _ _", "- - -", "_ - _"])
def test_placeholders_alone_are_no_labels(labels: str) -> None:
    with pytest.raises(InputError, match="every label is"):
        read_spans([Sentence(["a", "b", "c"], labels.split(), path="a.conllu", line=1)])


def test_words_are_not_taken_for_bare_types() -> None:
    """`name=Kari` in MISC, a lemma: nothing tells that these are labels."""
    with pytest.raises(InputError, match="line 1: label 'kari'"):
        read_spans([Sentence(["Kari", "sov"], ["kari", "sove"], path="a.conllu", line=1)])


def test_the_error_speaks_of_the_format_at_hand(tmp_path: Path, cli: Callable[..., Done]) -> None:
    columns, lines = tmp_path / "a.conll", tmp_path / "a.jsonl"
    columns.write_text("Kari PROPN\nsov VERB\n\n", "utf-8")
    lines.write_text('{"tokens": ["Kari", "sov"]}\n', "utf-8")
    for path, word in ((columns, "--label-column"), (lines, '"entities"')):
        done = cli("evaluate", "--gold", path, "--predicted", path)
        assert done.status == 2
        assert "line 1" in done.err
        assert word in done.err
        assert "MISC" not in done.err


def test_every_dialect_can_be_scored_against_another(tmp_path: Path, cli: Callable[..., Done]) -> None:
    gold = file(tmp_path / "gold.conll", "B-PER I-PER O O B-LOC O / B-PER O")
    for labels in ("PER PER O O LOC O / PER O", "per-b per-i o o loc-b o / per-b o"):
        theirs = file(tmp_path / "theirs.conll", labels)
        done = cli("evaluate", "--gold", gold, "--predicted", theirs, "--json", "--labels", "full")
        assert json.loads(done.out)["strict"]["micro"]["f1"] == 1
        assert json.loads(done.out)["semeval_original"]["strict"]["f1"] == 1


def test_an_entity_type_called_o_is_a_type_like_others(tmp_path: Path, cli: Callable[..., Done]) -> None:
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"tokens": ["Kari"], "entities": [{"start": 0, "end": 4, "label": "O"}]}\n', "utf-8")
    for gold in (lines, file(tmp_path / "a.conll", "B-O O")):
        done = cli("evaluate", "--gold", gold, "--predicted", gold, "--json")
        assert json.loads(done.out)["strict"]["types"]["O"]["gold"] == 1


WRITERS: list[Callable[[str], str]] = [
    lambda label: label.replace("-", "_", 1),
    str.lower,
    lambda label: label if label == "O" else "-".join(reversed(label.split("-", 1))),
    lambda label: "0" if label == "O" else label,
]


@given(st.sampled_from(WRITERS), st.sampled_from([*ENCODINGS]), st.lists(sentences_of_spans(), max_size=3))
@pytest.mark.filterwarnings("ignore::bilstm_crf.errors.InputWarning")
def test_whatever_the_dialect_the_spans_are_those_of_the_standard_labels(
    write: Callable[[str], str], encoding: str, given_spans: list[tuple[int, list[TokenSpan]]]
) -> None:
    sentences = []
    for length, spans in given_spans:
        labels = ENCODINGS[encoding].encode(spans, length)
        sentences.append(Sentence(["w"] * length, [write(label) for label in labels], line=1))
    read_spans(sentences)
    for sentence, (_, spans) in zip(sentences, given_spans, strict=True):
        assert sentence.token_spans == spans
