"""`data check` finds every fault at once, with its place, and calls errors what training refuses."""

from __future__ import annotations

import json
import random
import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bilstm_crf.corpus.checks.characters import odd_characters
from bilstm_crf.corpus.checks.check import check_corpus, guess_split
from bilstm_crf.corpus.checks.files import Reading
from bilstm_crf.corpus.checks.findings import KINDS, Finding, Findings
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.formats import format_of
from bilstm_crf.labels import LabelSet
from done import Done
from runs import DEV, TEST, TRAIN

Cli = Callable[..., Done]
FILE_LABELS = LabelSet.named("file")


def check(splits: dict[str, list[str]], **reading: Any) -> dict[str, Finding]:
    findings = Findings()
    check_corpus(splits, Reading(**reading), FILE_LABELS, findings)
    return {each.kind: each for each in findings.all}


def columns(path: Path, *sentences: str) -> str:
    """Write sentences of `word/label` as columns."""
    blocks = ["\n".join(token.replace("/", "\t", 1) for token in each.split()) for each in sentences]
    path.write_text("\n\n".join(blocks) + "\n", "utf-8")
    return str(path)


def lines(finding: Finding) -> list[int | None]:
    return [each.line for each in finding.places]


# ---------------------------------------------------------------- what training refuses


def test_every_fault_is_told_at_once(tmp_path: Path, cli: Cli) -> None:
    path = tmp_path / "train.conll"
    faulty = (
        "Kari\tB-PER\nbur\tO\n\nOslo\n\ni\tO\nOslo\tI-LOC\n\nOla\tQ-PER\n\na\tO\tx\n\nEva\tB-PER\nd\xf8d\tO\n"
    )
    path.write_bytes(faulty.encode("latin-1"))
    done = cli("data", "check", path, "--json")
    assert done.status == 1
    found = {each["kind"]: each for each in json.loads(done.out)["findings"] if each["severity"] == "error"}
    places = {kind: [place["line"] for place in each["places"]] for kind, each in found.items()}
    expected = {"ill-formed": [4, 11], "illegal-label": [7], "unknown-label": [9], "character-encoding": [14]}
    assert places == expected
    assert "cp1252" in found["character-encoding"]["advice"]


BREAKS = {  # a way to break a sentence of each format, given its lines
    "conllu": lambda rows: [*rows[:-1], rows[-1].replace("\t", " ", 1)],
    "conll": lambda rows: [*rows[:-1], rows[-1] + "\tx"],
    "jsonl": lambda rows: [rows[0][:-1]],
}


def block(kind: str, number: int) -> list[str]:
    if kind == "jsonl":
        return [json.dumps({"tokens": [f"w{number}", "."], "labels": ["O", "O"]})]
    words = [f"w{number}", "."]
    if kind == "conll":
        return [f"{word}\tO" for word in words]
    return ["\t".join([str(i), word, *"_______", "name=O"]) for i, word in enumerate(words, 1)]


@pytest.mark.parametrize("kind", BREAKS)
def test_reading_goes_on_after_each_broken_sentence(kind: str, tmp_path: Path) -> None:
    broken = set(random.Random(1).sample(range(1, 40), 9))
    rows, wrong = [], []
    for number in range(40):
        own = block(kind, number)
        if number in broken:
            own = BREAKS[kind](own)
            wrong.append(len(rows) + len(own))
        rows += own if kind == "jsonl" else [*own, ""]
    path = tmp_path / f"train.{kind}"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    findings = Findings()
    (file,) = check_corpus({"train": [str(path)]}, Reading(), FILE_LABELS, findings)
    assert lines(findings.all[0]) == wrong
    assert [each.tokens[0] for each in file.sentences] == [f"w{n}" for n in range(40) if n not in broken]


def test_every_faulty_task_of_an_export_in_one_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    regions = [{"type": "labels", "value": {"start": 0, "end": end, "labels": ["PER"]}} for end in (4, 3)]
    tasks = [
        {"id": n, "data": {"text": "Kari sov"}, "annotations": [{"result": [regions[n % 2]]}]}
        for n in range(6)
    ]
    tasks += [{**tasks[2], "id": 7, "annotations": [{"result": []}]}]
    path.write_text(json.dumps(tasks), "utf-8")
    findings = Findings()
    (file,) = check_corpus({"train": [str(path)]}, Reading(), FILE_LABELS, findings)
    assert len(file.sentences) == 4
    (conflict,) = (each for each in findings.all if each.kind == "conflict")
    assert conflict.places[0].shown.endswith("export.json:1 (id 7)")
    assert "line 1 (id 0)" in conflict.places[0].text
    assert [re.findall(r"task \d", place.text) for place in findings.all[0].places] == [
        ["task 1"],
        ["task 3"],
        ["task 5"],
    ]


def refused(path: str) -> bool:
    """What training does with a file."""
    try:
        read_labelled([path], FILE_LABELS)
    except BilstmCrfError:
        return True
    return False


def test_errors_are_what_training_refuses_in_every_shared_case(shared: Path) -> None:
    checked = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted((shared / "cases").rglob("*")):
            try:
                format_of(path)
            except BilstmCrfError:
                continue
            found = check({"train": [str(path)]})
            errors = [each.kind for each in found.values() if each.severity == "error"]
            assert bool(errors) == refused(str(path)), (path, errors)
            checked += 1
    assert checked > 100


label = st.sampled_from(["O", "B-PER", "I-PER", "I-LOC", "E-PER", "S-LOC", "b-per", "Q-X", "PER", "_", ""])


@example([["PER"], ["O", "Q-X"]])  # what is left without the second sentence has another dialect
@given(st.lists(st.lists(label, min_size=1, max_size=4), min_size=1, max_size=5))
def test_errors_are_what_training_refuses_of_any_labels(
    tmp_path_factory: pytest.TempPathFactory, labels: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "train.conll"
    path.write_text("\n\n".join("\n".join(f"w\t{each}" for each in found) for found in labels) + "\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check({"train": [str(path)]})
        assert any(each.severity == "error" for each in found.values()) == refused(str(path))


def test_a_repair_makes_illegal_labels_a_warning(tmp_path: Path) -> None:
    path = columns(tmp_path / "train.conll", "Kari/B-PER bur/O", "i/O Oslo/I-LOC")
    assert check({"train": [path]})["illegal-label"].severity == "error"
    assert check({"train": [path]}, repair="conlleval")["illegal-label"].severity == "warning"


def test_types_that_the_label_set_lacks_are_errors(tmp_path: Path, cli: Cli) -> None:
    path = columns(tmp_path / "a.conll", "Kari/B-PERSON bur/O", "i/O Oslo/B-LOC")
    done = cli("data", "check", path, "--labels", "full", "--json")
    assert done.status == 1
    (found,) = [each for each in json.loads(done.out)["findings"] if each["kind"] == "unknown-type"]
    assert [each["line"] for each in found["places"]] == [1]


def test_the_sample_has_no_errors_and_a_table(cli: Cli) -> None:
    done = cli("data", "check", TRAIN, DEV, TEST)
    assert done.status == 0
    assert done.out.split(b"\n")[0].split() == [b"train", b"dev", b"test"]


def test_nothing_to_check_is_wrong_usage(cli: Cli, tmp_path: Path) -> None:
    assert cli("data", "check").status == 2
    (tmp_path / "a.pdf").write_text("x")
    assert cli("data", "check", tmp_path / "a.pdf").status == 2
    assert cli("data", "check", tmp_path / "missing.conll").status == 1
    assert cli("data", "check", TRAIN, "--folds", 4).status == 2


# ---------------------------------------------------------------- types


def test_types_are_compared_across_splits(tmp_path: Path) -> None:
    often = [f"N{number}/B-PER ." for number in range(9)]
    often = [each.replace(" .", " ./O") for each in often]
    train = columns(tmp_path / "train.conll", *often, "Per/B-Per ./O", "Ola/B-PERS ./O")
    dev = columns(tmp_path / "dev.conll", "Oslo/B-LOC ./O")
    found = check({"train": [train], "dev": [dev]})
    assert sorted(lines(found["near-type"]), key=str) == [28, 31]
    assert [each.text[:4] for each in found["type-not-in-train"].places] == ["LOC:"]
    assert len(found["rare-type"].places) == 2


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("no_bokmaal-ud-train.conllu", "train"),
        ("valid.txt", "dev"),
        ("eng.testa", "dev"),
        ("test1.conll", "test"),
        ("devil.conll", "data"),
    ],
)
def test_splits_are_guessed_from_names(name: str, split: str) -> None:
    assert guess_split(f"test/{name}") == split


# ---------------------------------------------------------------- copies, annotation


def test_copies_conflicts_and_leaks(tmp_path: Path) -> None:
    train = columns(
        tmp_path / "train.conll",
        "Kari/B-PER bur/O her/O i/O dag/O",
        "Kari/B-PER bur/O her/O i/O dag/O",
        "Kari/B-LOC bur/O her/O i/O dag/O",
        "Det/O er/O 12/O grader/O i/O Oslo/B-LOC",
    )
    dev = columns(
        tmp_path / "dev.conll", "Kari/B-PER bur/O her/O i/O dag/O", "det/O er/O 37/O grader/O i/O Oslo/B-LOC"
    )
    found = check({"train": [train], "dev": [dev]})
    assert lines(found["repeated"]) == [7, 13]
    assert lines(found["conflict"]) == [13]
    assert lines(found["leak"]) == [1]
    assert lines(found["near-leak"]) == [7]


def test_a_name_labelled_unlike_the_others_is_a_slip(tmp_path: Path) -> None:
    usual = [f"i/O Oslo/B-LOC {word}/O" for word in "abcdefghijkl"]
    train = columns(
        tmp_path / "train.conll", *usual, "i/O Oslo/O x/O", "i/O Bergen/B-LOC", "i/O Bergen/B-ORG"
    )
    found = check({"train": [train]})
    assert lines(found["slip"]) == [50]
    assert [each.text.split(":")[0] for each in found["inconsistent"].places] == ["'Bergen'"]


def test_odd_sentences_and_documents(tmp_path: Path) -> None:
    path = tmp_path / "train.conll"
    long = "\n".join(["ord O"] * 251)
    path.write_text(f"-DOCSTART- O\n\n-DOCSTART- O\n\n\u200b O\n\n, B-PER\n\n{long}\n", "utf-8")
    found = check({"train": [str(path)]})
    expected = {"empty-document": [1], "empty-sentence": [5], "punctuation": [7], "long-sentence": [9]}
    assert {kind: lines(found[kind]) for kind in expected} == expected


# ---------------------------------------------------------------- characters

ODD = {
    "mojibake": ["Ã¸l", "BjÃ¸rnÃ¥", "Ã\x85se", "donâ€™t", "brÃ¸d\u00ad"],
    "replacement": ["K\ufffdri"],
    "soft-hyphen": ["Helse\u00administer"],
    "control": ["a\x07b", "\ue000", "\U000f0000a"],
    "invisible": ["Ka\u200bri", "\ufeffKari", "Kari\u200e"],
    "look-alike": ["Kаri", "ΑBBA", "Sоlberg-Moe"],
    "normalisation": ["A\u030ase"],
    "blank": ["10\u00a0000", "10 000"],
}
PLAIN = ["Åse", "Sør-Trøndelag", "naïve", "β-blokker", "μm", "Москва", "Ελλάδα", "CAFÉ…", "日本",
         "👩\u200d🚒",
         "می\u200cروم", "«Åse»", "Łódź", "don’t", "½", "№5", "µg", "π", "É–"]  # fmt: skip


@pytest.mark.parametrize(("kind", "token"), [(kind, each) for kind, found in ODD.items() for each in found])
def test_odd_characters_are_told_by_kind(kind: str, token: str) -> None:
    assert kind in dict(odd_characters(token))


@pytest.mark.parametrize("token", PLAIN)
def test_plain_tokens_have_none(token: str) -> None:
    assert list(odd_characters(token)) == []


@given(st.text(alphabet="æøåÆØÅéèäöüßñçŝžšđłčśăôàêâîûïëœ–—’…«»€§", min_size=1, max_size=6))
def test_wrong_decoding_is_recognised_and_right_text_is_not(word: str) -> None:
    wrong = word.encode().decode("cp1252", "ignore")
    if wrong.encode("cp1252") == word.encode():
        assert dict(odd_characters(wrong)).keys() & {"mojibake", "blank"}


@given(st.text(max_size=8))
def test_any_token_is_looked_at(token: str) -> None:
    assert dict(odd_characters(token)).keys() <= KINDS.keys()


# ---------------------------------------------------------------- real files


def test_norne_has_no_errors(shared: Path) -> None:
    def files(split: str) -> Iterable[Path]:
        return sorted((shared / "norne").glob(f"n*/*-{split}.conllu"))

    found = check({"dev": [str(each) for each in files("dev")]})
    assert found
    assert not [each for each in found.values() if each.severity == "error"]
