"""The ONNX graph, run by onnxruntime, and its vocabulary, read by a program in another language."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bilstm_crf import Tagger
from bilstm_crf.export.inputs import GraphInputs
from bilstm_crf.export.vocabulary import vocabulary_of
from bilstm_crf.formats import read
from bilstm_crf.inference import box
from bilstm_crf.inference.network import best_paths
from bilstm_crf.model.model_folder import load_model, save_model
from bilstm_crf.sentence import Sentence
from done import Done
from exported import KINDS, box_tagger, documents_of, random_model, tagged, token_names
from runs import DEV, ROOT

EXAMPLE = ROOT / "examples" / "onnx-node"
EMISSIONS, MARGINALS = 1e-4, 1e-4

ort: Any = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
pytest.importorskip("onnx", reason="needs the extra onnx")


def session_of(folder: Path) -> Any:
    from bilstm_crf.export.graph import write_graph

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(write_graph(load_model(folder), folder), options)


@pytest.fixture(scope="module")
def box_session() -> Any:
    if not (box.FOLDER / "model.json").is_file():
        pytest.skip("needs the model in the box: this checkout has none")
    return session_of(box.FOLDER)


def emissions_of(session: Any, tagger: Tagger, sentences: list[Sentence]) -> np.ndarray:
    given = GraphInputs.of(tagger.model, sentences)
    assert {each.name for each in session.get_inputs()} == given.feeds.keys()
    return given.emissions(session.run(None, given.feeds)[0])


def assert_same(session: Any, tagger: Tagger, sentences: list[Sentence]) -> None:
    """The same emissions, the same labels, the same probabilities of each label."""
    found = emissions_of(session, tagger, sentences)
    expected, offsets = tagger.emissions(sentences)
    np.testing.assert_allclose(found, expected, atol=EMISSIONS)
    crf = tagger.decoder.constrained_crf
    ours, theirs = (crf.marginals(each, offsets).labels for each in (found, expected))
    np.testing.assert_allclose(ours, theirs, atol=MARGINALS)
    for start, end in pairwise(offsets):
        one_by_one = np.ones(end - start, np.int64)
        paths = [
            best_paths(each[start:end], crf.transitions, one_by_one).tolist() for each in (found, expected)
        ]
        assert paths[0] == paths[1]


@pytest.mark.parametrize("length", [1, 2, 7, 500, 5_000])
def test_sentences_of_any_length(box_session: Any, length: int) -> None:
    words = [word for sentence in read(DEV) for word in sentence.tokens]
    sentence = Sentence((words * (1 + length // len(words)))[:length], document="1")
    assert_same(box_session, box_tagger(), [sentence])


def test_a_document_with_its_memory(box_session: Any) -> None:
    sentences = [Sentence(each.tokens, document="1") for each in read(DEV)]
    assert_same(
        box_session, box_tagger(), [*sentences, Sentence(["KARI", "ﬁnt", "Xyzzy", "."], document="1")]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_models_of_every_kind(kind: str, tmp_path: Path) -> None:
    save_model(random_model(*KINDS[kind], own_digits=kind == "one"), tmp_path, None)
    sentences = [Sentence(each.tokens, document="1") for each in list(read(DEV))[:20]]
    assert_same(session_of(tmp_path), Tagger.load(tmp_path), sentences)


@pytest.mark.slow
def test_all_of_dev(box_session: Any, shared: Path) -> None:
    for sentences in documents_of(shared):
        alone = [Sentence(each.tokens, document="1") for each in sentences]
        assert_same(box_session, box_tagger(), alone)


def test_the_vocabulary_is_the_models(tiny_model: Path) -> None:
    model = load_model(tiny_model)
    content = json.loads(json.dumps(vocabulary_of(model)))
    assert content["words"] == list(model.vocabulary.words)
    assert content["labels"] == model.vocabulary.labels
    types = [label[2:] for label in model.vocabulary.labels if label.startswith("B-")]
    assert list(content["spans"]) == types
    inner = model.vocabulary.labels.index(f"I-{types[0]}")
    assert content["crf"]["start"][inner] is None
    assert content["crf"]["between"][0][inner] is None
    assert content["crf"]["between"][inner][inner] is not None


# ---------------------------------------------------------------- the command, and another language


def test_the_command_writes_graph_and_vocabulary(
    cli: Callable[..., Done], tiny_model: Path, tmp_path: Path
) -> None:
    done = cli("export", "--format", "onnx", "--model", tiny_model, "-o", tmp_path / "tagger.onnx")
    assert done.status == 0, done.err
    tagger = Tagger.load(tiny_model)
    assert_same(ort.InferenceSession(tmp_path / "tagger.onnx"), tagger, [Sentence(["Kari", "bor", "her"])])
    assert (
        json.loads((tmp_path / "tagger.json").read_text("utf-8"))["labels"] == tagger.model.vocabulary.labels
    )


def test_a_name_that_promises_another_format_is_refused(
    cli: Callable[..., Done], tiny_model: Path, tmp_path: Path
) -> None:
    for format_name, name in (("onnx", "x.html"), ("onnx", "x.json"), ("html", "x.onnx")):
        done = cli("export", "--format", format_name, "--model", tiny_model, "-o", tmp_path / name)
        assert done.status == 2
        assert f"--format {format_name}" in done.err or "-o" in done.err
    assert not list(tmp_path.iterdir())


def test_a_models_own_files_are_not_overwritten(cli: Callable[..., Done], tmp_path: Path) -> None:
    save_model(random_model(*KINDS["one"]), tmp_path, None)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    done = cli("export", "--format", "onnx", "--model", tmp_path, "-o", tmp_path / "model.onnx")
    assert done.status == 2
    assert "model.json" in done.err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_missing_package_names_the_extra(
    cli: Callable[..., Done], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    done = cli("export", "--format", "onnx", "--model", tiny_model, "-o", tmp_path / "tagger.onnx")
    assert done.status == 2
    assert "bilstm_crf[onnx]" in done.err


@pytest.mark.slow
def test_node_finds_the_same_names(cli: Callable[..., Done], tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("needs Node.js and npm: there is no npm on the path")
    folder = tmp_path / "onnx-node"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules", "package-lock.json"))
    installed = subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder, capture_output=True)
    if installed.returncode:
        pytest.skip("needs npm's registry: the package onnxruntime-web cannot be installed")
    assert cli("export", "--format", "onnx", "-o", tmp_path / "tagger.onnx").status == 0
    sentences = [Sentence(each.tokens, document="1") for each in read(DEV)]
    sentences += [
        Sentence(text.split(), document="1")
        for text in (
            "OSLO KOMMUNE BETALER IKKE .",
            "kari nordmann i os-lo",
            "½ ² Trom\u00adsø ﬁnt 𝐊ari",
            "Ja",
            ".",
        )
    ]
    program = [
        "node",
        "tag.mjs",
        str(tmp_path / "tagger.onnx"),
        *(" ".join(each.tokens) for each in sentences),
    ]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for ours, sentence in zip(found, tagged(box_tagger(), sentences), strict=True):
        expected = token_names(sentence)
        assert [(each["start"], each["end"], each["label"]) for each in ours] == [
            each[:3] for each in expected
        ]
        assert [each["score"] for each in ours] == pytest.approx([each[3] for each in expected], abs=1e-4)


def test_the_example_pins_what_was_tested() -> None:
    package = json.loads((EXAMPLE / "package.json").read_text("utf-8"))
    assert re.fullmatch(r"\d+\.\d+\.\d+", package["dependencies"]["onnxruntime-web"])
    assert not any("http" in path.read_text("utf-8") for path in EXAMPLE.glob("*.*"))
