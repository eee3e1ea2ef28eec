"""`tag` and `evaluate` with the TOML file of an ensemble in place of a model's folder."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bilstm_crf import Ensemble
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.formats import read
from bilstm_crf.formats.conllu import SCORE
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.labels import LabelSet
from bilstm_crf.model.model_folder import load_model, save_model
from done import Done
from runs import DEV, ROOT

Cli = Callable[..., Done]
MODEL = ROOT / "tests" / "models" / "version-0.1.0"


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of which one is a little drunk, the other reads groups: `two.toml`."""
    folder = tmp_path_factory.mktemp("ensemble")
    model, random = load_model(MODEL), np.random.default_rng(1)
    weights = {
        name: array + random.normal(scale=0.3, size=array.shape).astype(array.dtype)
        for name, array in model.weights.items()
    }
    save_model(dataclasses.replace(model, weights=weights), folder / "drunk", None)
    models = ["drunk", os.path.relpath(MODEL, folder)]
    (folder / "two.toml").write_text(f"models = {models}\nweights = [1, 2.5]\ngroups = [0, 60]\n", "utf-8")
    return folder / "two.toml"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ensemble") / "one.toml"
    path.write_text(f"models = ['{MODEL}']\n", "utf-8")
    return path


def test_files_are_tagged_as_from_python(cli: Cli, two: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.conllu"
    done = cli("tag", "--model", two, DEV, "-o", out, "--scores", "--threads", 2)
    assert done.status == 0, done.err
    sentences = list(read(DEV))
    Ensemble.load(two).annotate(sentences)
    written = read_labelled([str(out)], LabelSet.named("file")).sentences
    assert [each.token_spans for each in written] == [each.token_spans for each in sentences]
    assert sum(len(each.token_spans or ()) for each in sentences) > 10
    assert out.read_bytes().count(SCORE.encode()) == sum(len(each.scores or ()) for each in sentences)
    few = cli("tag", "--model", two, DEV, "--min-score", 0.9)
    assert few.out.count(b"name=B-") < out.read_bytes().count(b"name=B-")


def test_texts_and_folders_are_tagged(cli: Cli, two: Path, tmp_path: Path) -> None:
    text = "Kari Nordmann flytta til Bergen i juni. Oslo var for stort."
    expected = cli("tag", "--model", two, "--text", text, "--to", "jsonl")
    assert expected.status == 0, expected.err
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(text, "utf-8")
    done = cli("tag", "--model", two, tmp_path, "--to", "jsonl")
    assert [json.loads(line)["entities"] for line in done.out.splitlines()] == 2 * [
        json.loads(line)["entities"] for line in expected.out.splitlines()
    ]


def test_an_ensemble_of_one_scores_as_its_model(cli: Cli, one: Path, two: Path) -> None:
    def scores(model: Path) -> dict:
        done = cli("evaluate", "--model", model, DEV, "--json")
        assert done.status == 0, done.err
        return json.loads(done.out)

    assert scores(one) == scores(MODEL)
    assert scores(one) != scores(two)
    done = cli("errors", "--model", two, DEV)
    assert done.status == 0, done.err
    assert b"two.toml" in done.out


@pytest.mark.parametrize(
    "options",
    [("--flush",), ("--nbest", 2, "--to", "jsonl"), ("--encoder", "x"), ("--embeddings", "x")],
)
def test_what_an_ensemble_cannot_do_is_refused(cli: Cli, one: Path, options: tuple) -> None:
    done = cli("tag", "--model", one, DEV, *options)
    assert done.status == 2
    assert options[0] in done.err
    assert "one.toml" in done.err


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "models"),
        ("models = []", "models"),
        ("models = 'x'", "models"),
        ("models = [1]", "models"),
        ("models = ['MODEL']\nweight = [1]", "weights"),
        ("models = ['MODEL']\nweights = 2", "weights"),
        ("models = ['MODEL']\nweights = ['a']", "weight"),
        ("models = ['MODEL']\nweights = [1, 1]", "2 weights for 1"),
        ("models = ['MODEL']\ngroups = [true]", "group"),
        ("models = ['nowhere']", "nowhere"),
    ],
)
def test_a_bad_file_is_told(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(content.replace("MODEL", str(MODEL)), "utf-8")
    with pytest.raises((UsageError, InputError), match=expected):
        Ensemble.load(path)


def test_a_file_that_is_no_toml_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("models = [", "utf-8")
    with pytest.raises(InputError, match="TOML"):
        Ensemble.load(tmp_path / "bad.toml")
    with pytest.raises(InputError, match=r"none\.toml"):
        Ensemble.load(tmp_path / "none.toml")


def test_an_ensemble_is_no_model_to_overwrite(cli: Cli, one: Path) -> None:
    before = one.read_bytes()
    assert cli("evaluate", "--model", one, DEV, "-o", one).status == 2
    assert one.read_bytes() == before


def test_options_of_decoding_apply(two: Path) -> None:
    ensemble, sentences = Ensemble.load(two), list(read(DEV))
    counts = [
        sum(len(each.token_spans or ()) for each in ensemble.annotate(sentences, decoding))
        for decoding in (Decoding(min_score=0.8), Decoding(), Decoding(recall=0.05))
    ]
    assert counts == sorted(set(counts))
