"""Silver text: raw text and labels, written apart and put together again."""

from __future__ import annotations

import lzma
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bilstm_crf import Tagger
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.inference.ensemble import Ensemble
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence
from runs import ROOT

MODEL = ROOT / "tests" / "models" / "version-0.1.0"
TEXT = """Kari Nordmann flytta til Bergen. Ho trivst der.
Ola sov.

I Oslo møtte Per Statoil-sjefen. «Bergen kommune» svarte ikkje.

Trondheim er ein by.

"""
Run = Callable[..., Path]


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """label.py and silver.py, with two sources of their own and blocks of a document."""
    monkeypatch.syspath_prepend(ROOT / "box")
    import label
    import silver
    from text import Source

    (tmp_path / "one.txt").write_text(TEXT * 3, "utf-8")
    (tmp_path / "two.txt").write_text("Forord\nAnne Berg budde i Noreg.\nGro òg.\n", "utf-8")
    sources = [Source("one.txt", 1, 10**6, 0, 10**6), Source("two.txt", 2, 3, 0, 10**6, single=True)]
    monkeypatch.setattr(label, "SOURCES", sources)
    monkeypatch.setattr(label, "BLOCK_TOKENS", 10)
    return label, silver


@pytest.fixture
def run(modules: tuple[ModuleType, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs one of them, on the text in `tmp_path`."""

    def call(name: str, output: str, *options: object) -> Path:
        path = tmp_path / output
        arguments = ["--text", tmp_path, "-o", path, *options]
        if name == "label":
            arguments += ["--parts", tmp_path / "parts"]
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        {"label": modules[0], "silver": modules[1]}[name].main()
        return path

    return call


def read(path: Path) -> list[Sentence]:
    return read_labelled([str(path)], LabelSet.named("file")).sentences


def found(path: Path) -> list[tuple[list[str], Any]]:
    return [(each.tokens, each.token_spans) for each in read(path)]


def test_text_and_labels_give_what_the_ensemble_finds(run: Run) -> None:
    labels = run("label", "labels.tsv.xz", "--model", MODEL, "--model", MODEL, "--weight", 2, "--weight", 1)
    silver = read(run("silver", "silver.conllu", "--labels", labels))
    assert len(silver) == 3 * 6 + 2
    assert len({each.document for each in silver}) == 3 * 3 + 2
    assert sum(len(each.token_spans or ()) for each in silver) > 5
    expected = [Sentence(each.tokens, document=each.document) for each in silver]
    Ensemble([Tagger.load(MODEL)]).annotate(expected)
    assert [each.token_spans for each in silver] == [each.token_spans for each in expected]
    assert labels.stat().st_size < 2_000


def test_what_is_labelled_is_not_labelled_again(
    run: Run, modules: tuple[ModuleType, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    work, done = modules[0].rows_of, []

    def interrupted(*given: Any) -> Any:
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(given)
        return work(*given)

    monkeypatch.setattr(modules[0], "rows_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run("label", "labels.tsv.xz", "--model", MODEL)
    assert len(done) == 3
    monkeypatch.setattr(modules[0], "rows_of", lambda *given: done.append(given) or work(*given))
    labels = run("label", "labels.tsv.xz", "--model", MODEL)
    count = len(done)
    assert 3 < count < 12  # the text repeats itself, and so do blocks
    again = run("label", "again.tsv.xz", "--model", MODEL, "--threads", 3)
    assert len(done) == count
    assert again.read_bytes() == labels.read_bytes()
    run("label", "fewer.tsv.xz", "--model", MODEL, "--words", 30)
    run("label", "other.tsv.xz", "--model", MODEL, "--group", 20)
    assert len(done) > count


@pytest.mark.parametrize("threads", [1, 2])
def test_drawn_labels_are_written_one_labelling_after_the_other(run: Run, threads: int) -> None:
    options = ("--model", MODEL, "--sample", 3, "--threads", threads)
    labels = run("label", "labels.tsv.xz", *options)
    silver = read(run("silver", "silver.conllu", "--labels", labels, "--drawn"))
    alone = run("label", "b.tsv.xz", "--model", MODEL)
    best = read(run("silver", "b.conllu", "--labels", alone))
    assert found(run("silver", "best.conllu", "--labels", labels)) == found(
        run("silver", "b.conllu", "--labels", alone)
    )
    assert len(silver) == 3 * len(best)
    assert len({each.document for each in silver}) == 3 * len({each.document for each in best})
    versions: dict[str, set[str]] = {}
    for each in silver:
        versions.setdefault(" ".join(each.tokens), set()).add(str(each.token_spans))
    assert max(map(len, versions.values())) > 1
    assert run("label", "again.tsv.xz", *options).read_bytes() == labels.read_bytes()
    with pytest.raises(UsageError, match="drawn"):
        run("silver", "silver.conllu", "--labels", labels, "--drawn", "--min-probability", 0.5)
    with pytest.raises(UsageError, match="drawn"):
        run("silver", "silver.conllu", "--labels", alone, "--drawn")


def test_sentences_in_doubt_can_be_left_out(run: Run) -> None:
    labels = run("label", "labels.tsv.xz", "--model", MODEL)
    with lzma.open(labels, "rt", encoding="utf-8") as stream:
        rows = [line.split("\t") for line in stream.readlines()[1:]]
    everything = found(run("silver", "all.conllu", "--labels", labels))
    sure = found(run("silver", "sure.conllu", "--labels", labels, "--min-probability", 0.9))
    assert 0 < len(sure) < len(everything)
    assert all(each in everything for each in sure)
    place, doubtful = 0, set()
    for behind, *_, probability, _ in rows:
        place += int(behind)
        if int(probability) < 900:
            doubtful.add(place)
    assert sure == [each for number, each in enumerate(everything) if number not in doubtful]
    for wrong in (0.99, -1, float("nan")):
        with pytest.raises(UsageError, match="min-probability"):
            run("silver", "silver.conllu", "--labels", labels, "--min-probability", wrong)


def test_another_text_or_tokeniser_is_told(
    run: Run, tmp_path: Path, modules: tuple[ModuleType, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = run("label", "labels.tsv.xz", "--model", MODEL)
    options = ("silver", "silver.conllu", "--labels", labels)
    with monkeypatch.context() as patch:
        whole = modules[1].tokenised
        patch.setattr(
            modules[1],
            "tokenised",
            lambda *given: ([list(chain(*document))] for document in whole(*given)),
        )
        with pytest.raises(InputError, match=r"one\.txt.* 9 sentences.* 18 ") as error:
            run(*options)
        assert "bilstm_crf" in str(error.value.hint)
    (tmp_path / "two.txt").write_text("Anne Berg budde i Noreg!\nGro òg.\n", "utf-8")
    with pytest.raises(InputError, match=r"two\.txt.*SHA-256"):
        run(*options)
    (tmp_path / "two.txt").unlink()
    with pytest.raises(InputError, match=r"two\.txt.*no such file"):
        run(*options)
    assert not (tmp_path / "silver.conllu").exists()


@pytest.mark.parametrize("content", [b"", b"PK", lzma.compress(b"{}\n"), lzma.compress(b"[1]\n0\t1\n")])
def test_other_files_are_no_labels(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.tsv.xz").write_bytes(content)
    with pytest.raises(InputError, match="labels"):
        run("silver", "silver.conllu", "--labels", tmp_path / "bad.tsv.xz")
