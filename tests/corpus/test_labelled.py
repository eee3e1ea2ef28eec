"""Labelled sentences from files of several kinds, and what cannot be trained on."""

import gzip
import json
from pathlib import Path

import pytest

from bilstm_crf.corpus.labelled import read_gold, read_labelled
from bilstm_crf.errors import InputError
from bilstm_crf.formats import FormatOptions
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import TokenSpan
from bilstm_crf.util.files import sha256_of

FILE = LabelSet.named("file")


def columns(path: Path, *sentences: str) -> str:
    """A two-column file: `Kari B-PER` a word, separated by `, `."""
    path.write_text("".join(sentence.replace(", ", "\n") + "\n\n" for sentence in sentences), "utf-8")
    return str(path)


def conllu(path: Path, *misc: str) -> str:
    rows = [f"{n}\tw{n}" + "\t_" * 7 + f"\t{each}\n" for n, each in enumerate(misc, 1)]
    path.write_text("".join(rows) + "\n", "utf-8")
    return str(path)


def test_files_of_different_encodings_and_formats_are_one_split(tmp_path: Path) -> None:
    iob2 = columns(tmp_path / "a.conll", "Kari B-PER, og O, Ola B-PER", "Ja O")
    iobes = columns(tmp_path / "b.conll", "Den B-ORG, Norske I-ORG, Bank E-ORG, Ola S-PER")
    misc = conllu(tmp_path / "c.conllu", "name=B-LOC|SpaceAfter=No", "name=I-LOC")
    split = read_labelled([iob2, iobes, misc], FILE)
    assert split.encodings == ["IOB2", "IOBES", "IOB2"]
    assert split.tokens == 3 + 1 + 4 + 2
    assert [sentence.token_spans for sentence in split.sentences] == [
        [TokenSpan(0, 1, "PER"), TokenSpan(2, 3, "PER")],
        [],
        [TokenSpan(0, 3, "ORG"), TokenSpan(3, 4, "PER")],
        [TokenSpan(0, 2, "LOC")],
    ]
    counts = {file.path: (file.sentences, file.sha256) for file in split.files}
    assert counts == {path: (n, sha256_of(path)) for path, n in ((iob2, 2), (iobes, 1), (misc, 1))}


def test_types_become_those_of_the_label_set(tmp_path: Path) -> None:
    path = columns(tmp_path / "a.conll", "Noreg B-GPE_ORG, i O, Oslo B-GPE_LOC, x B-MISC")
    (sentence,) = read_labelled([path], LabelSet.named("6")).sentences
    assert sentence.token_spans == [TokenSpan(0, 1, "ORG"), TokenSpan(2, 3, "LOC")]


def test_gzip_files_are_read_like_others(tmp_path: Path) -> None:
    plain = columns(tmp_path / "a.conll", "Kari B-PER")
    (tmp_path / "b.conll.gz").write_bytes(gzip.compress(Path(plain).read_bytes()))
    split = read_labelled([plain, str(tmp_path / "b.conll.gz")], FILE)
    assert [sentence.token_spans for sentence in split.sentences] == [[TokenSpan(0, 1, "PER")]] * 2


def test_another_key_holds_the_labels(tmp_path: Path) -> None:
    path = conllu(tmp_path / "a.conllu", "name=O|ner=B-PER")
    assert read_labelled([path], FILE, options=FormatOptions(misc_key="ner", keep_raw=False)).sentences[
        0
    ].token_spans == [TokenSpan(0, 1, "PER")]


def test_a_format_that_is_named_goes_before_the_files_name(tmp_path: Path) -> None:
    path = columns(tmp_path / "a.conllu", "Kari B-PER")
    assert read_labelled([path], FILE, format="conll2003").tokens == 1


def test_jsonl_says_its_entities(tmp_path: Path) -> None:
    line = {"text": "Kari Nordmann ler", "tokens": ["Kari", "Nordmann", "ler"]}
    entities = [{"start": 0, "end": 13, "label": "PER"}]
    (tmp_path / "a.jsonl").write_text(json.dumps({**line, "entities": entities}) + "\n")
    assert read_labelled([str(tmp_path / "a.jsonl")], FILE).sentences[0].token_spans == [
        TokenSpan(0, 2, "PER")
    ]


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n\n", "\ufeff"])
def test_a_file_without_sentences_is_an_input_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.conllu").write_text(content, "utf-8")
    with pytest.raises(InputError, match=r"a\.conllu: has no sentences"):
        read_labelled([str(tmp_path / "a.conllu")], FILE)


def test_an_unlabelled_sentence_is_named_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    labelled = conllu(tmp_path / "a.conllu", "name=O")
    whole = Path(labelled).read_text("utf-8") + "# text = w1\n1\tw1" + "\t_" * 8 + "\n\n"
    Path(labelled).write_text(whole, "utf-8")
    with pytest.raises(InputError, match=r"a\.conllu, line 3: the sentence .* 'w1' has no labels") as caught:
        read_gold(labelled, None, FormatOptions())
    assert "--misc-key" in (caught.value.hint or "")


def test_a_wrong_key_says_which_key_was_looked_for(tmp_path: Path) -> None:
    path = conllu(tmp_path / "a.conllu", "name=B-PER")
    with pytest.raises(InputError, match="has no labels") as caught:
        read_labelled([path], FILE, options=FormatOptions(misc_key="ner", keep_raw=False))
    assert "ner=" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("Kari B-PER, i O, Oslo I-LOC", r"a\.conll, line 5: label I-LOC of the word 'Oslo' after O is not"),
        ("Kari B-PER, i X-O", r"a\.conll, line 4: label 'X-O' of the word 'i': expected O, or one of"),
        ("Kari B-PERSON", r"a\.conll, line 3: entity type PERSON is not in the label set full"),
    ],
)
def test_bad_labels_are_named_with_their_line(tmp_path: Path, sentence: str, message: str) -> None:
    path = columns(tmp_path / "a.conll", "Ja O", sentence)
    with pytest.raises(InputError, match=message):
        read_labelled([path], LabelSet.named("full"))


def test_real_files_are_iob2_in_the_label_set(shared: Path) -> None:
    """Bokmål dev, the published file: every type is known, and MISC never occurs."""
    path = str(next((shared / "norne").glob("nob/*-dev.conllu")))
    split = read_labelled([path], LabelSet.named("full"))
    assert split.encodings == ["IOB2"]
    types = {span.type for sentence in split.sentences for span in sentence.token_spans or ()}
    assert types == {"PER", "ORG", "GPE_LOC", "PROD", "LOC", "GPE_ORG", "DRV", "EVT"}
