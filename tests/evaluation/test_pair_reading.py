from pathlib import Path

import pytest

from bilstm_crf.corpus.labelled import read_gold
from bilstm_crf.errors import InputError
from bilstm_crf.evaluation.pair import iob_labels
from bilstm_crf.formats import FormatOptions
from bilstm_crf.sentence import TokenSpan
from evaluation.pairs import read_pair

KARI = [("Kari", "B-PER"), ("Nordmann", "I-PER"), ("smiler", "O")]
OSLO = [("Oslo", "B-LOC")]


def conllu(path: Path, *sentences: list[tuple[str, str | None]]) -> Path:
    blocks = [
        "".join(
            f"{number}\t{word}\t_\t_\t_\t_\t_\t_\t_\t{f'name={label}' if label else '_'}\n"
            for number, (word, label) in enumerate(sentence, 1)
        )
        for sentence in sentences
    ]
    path.write_text("\n".join(blocks) + "\n", "utf-8")
    return path


def columns(path: Path, *sentences: list[tuple[str, str]]) -> Path:
    blocks = ["".join(f"{word} {label}\n" for word, label in sentence) for sentence in sentences]
    path.write_text("\n".join(blocks), "utf-8")
    return path


def test_files_of_different_formats_and_encodings_are_read_word_by_word(tmp_path):
    bioes = [("Kari", "B-PER"), ("Nordmann", "E-PER"), ("smiler", "O")]
    theirs = columns(tmp_path / "theirs.conll", bioes, [("Oslo", "S-LOC")])
    gold, predicted = read_pair(conllu(tmp_path / "gold.conllu", KARI, OSLO), theirs)
    assert [sentence.token_spans for sentence in gold] == [[TokenSpan(0, 2, "PER")], [TokenSpan(0, 1, "LOC")]]
    assert [sentence.token_spans for sentence in predicted] == [sentence.token_spans for sentence in gold]
    assert iob_labels(gold) == [["B-PER", "I-PER", "O"], ["B-LOC"]]
    assert iob_labels(predicted) is None


def test_spans_with_offsets_are_scored_like_labels(tmp_path):
    theirs = tmp_path / "theirs.jsonl"
    theirs.write_text(
        '{"tokens": ["Kari", "Nordmann", "smiler"], "entities": [{"start": 0, "end": 13, "label": "PER"}]}\n'
        '{"tokens": ["Oslo"], "entities": []}\n',
        "utf-8",
    )
    _, predicted = read_pair(conllu(tmp_path / "gold.conllu", KARI, OSLO), theirs)
    assert [sentence.token_spans for sentence in predicted] == [[TokenSpan(0, 2, "PER")], []]


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        (
            [KARI, [("Bergen", "B-LOC")]],
            r"theirs.conllu, line 5: 'Bergen' \(sentence 2, word 1\), expected 'Oslo' "
            r"as in .*gold.conllu, line 5",
        ),
        (
            [KARI[:2], OSLO],
            r"theirs.conllu, line 2: the end of the sentence \(sentence 1, word 3\), expected 'smiler' "
            r"as in .*gold.conllu, line 3",
        ),
        (
            [[*KARI, ("nå", "O")], OSLO],
            r"theirs.conllu, line 4: 'nå' \(sentence 1, word 4\), expected the end of the sentence "
            r"as in .*gold.conllu, line 3",
        ),
        ([KARI], r"theirs.conllu: has 1 sentences, the gold file .*gold.conllu has 2"),
        ([KARI, OSLO, OSLO], r"theirs.conllu: has 3 sentences, the gold file .*gold.conllu has 2"),
        ([], r"theirs.conllu: has 0 sentences"),
    ],
)
def test_other_words_are_an_error_that_names_the_first_place(tmp_path, theirs, message):
    gold = conllu(tmp_path / "gold.conllu", KARI, OSLO)
    with pytest.raises(InputError, match=message):
        read_pair(gold, conllu(tmp_path / "theirs.conllu", *theirs))


def test_illegal_predicted_labels_count_as_outside(tmp_path):
    stray = [("Kari", "I-PER"), ("Nordmann", "I-PER"), ("smiler", "B-PER")]
    predicted = conllu(tmp_path / "theirs.conllu", stray, [("Oslo", "I-LOC")])
    _, theirs = read_pair(conllu(tmp_path / "gold.conllu", KARI, OSLO), predicted)
    assert iob_labels(theirs) == [["I-PER", "I-PER", "B-PER"], ["I-LOC"]]


def test_what_counts_as_outside_is_said(tmp_path):
    said = []
    gold = conllu(tmp_path / "gold.conllu", KARI, OSLO)
    read_pair(gold, gold, say=said.append)
    assert said == []
    theirs = conllu(tmp_path / "theirs.conllu", KARI, [("Oslo", "I-LOC")])
    read_pair(gold, theirs, say=said.append)
    assert said == [
        f"{theirs}: labels read as IOB2; 1 of 4 are not legal there and count as O, "
        "first I-LOC of 'Oslo' in line 5"
    ]


def test_a_predicted_sentence_without_labels_has_no_entities(tmp_path):
    predicted = conllu(tmp_path / "theirs.conllu", KARI, [("Oslo", None)])
    _, theirs = read_pair(conllu(tmp_path / "gold.conllu", KARI, OSLO), predicted)
    assert theirs[1].token_spans == []


def test_a_predicted_file_without_any_label_is_an_error(tmp_path):
    predicted = conllu(tmp_path / "theirs.conllu", [(word, None) for word, _ in KARI])
    with pytest.raises(InputError, match="no labels in any sentence"):
        read_pair(conllu(tmp_path / "gold.conllu", KARI), predicted)


def test_gold_without_labels_is_an_error_that_says_where(tmp_path):
    path = conllu(tmp_path / "gold.conllu", KARI, [("Oslo", None)])
    with pytest.raises(
        InputError, match=r"gold.conllu, line 5: the sentence that begins with 'Oslo' has no labels"
    ):
        read_gold(path, None, FormatOptions())


def test_the_real_dev_set_scores_one_against_itself(shared):
    from bilstm_crf.evaluation.report import evaluate, map_types
    from bilstm_crf.labels import LabelSet

    path = shared / "norne" / "nob" / "no_bokmaal-ud-dev.conllu"
    gold, predicted = read_pair(path, path)
    for labels, types in (("full", 8), ("7", 7), ("6", 6), ("4", 4)):
        label_set = LabelSet.named(labels)
        scored = evaluate(gold, map_types(predicted, label_set), label_set=label_set, data_sha256="0" * 64)
        assert (scored.strict.f1, scored.strict.macro.f1, scored.interval.low) == (1, 1, 1)
        assert scored.semeval_original["strict"].f1 == 1
        assert len(scored.strict.types) == types
        assert scored.strict.micro.gold == 1688
