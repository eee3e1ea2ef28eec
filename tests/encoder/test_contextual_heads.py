"""Every head on every feature: it learns, and what is saved finds what was trained; what a linear head is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from bilstm_crf import Tagger
from bilstm_crf.config import Head, RunConfig
from bilstm_crf.encoder.contextual import TrainableFeatures
from bilstm_crf.formats import read
from bilstm_crf.inference.decoding import UNCONSTRAINED
from bilstm_crf.labels import ENCODINGS, read_spans
from bilstm_crf.model.model_folder import Model, save_model
from bilstm_crf.sentence import TokenSpan
from bilstm_crf.training import loop as training
from contextual_runs import batch_of, corpus_of, tiny_config, untrained
from runs import history, start

FEATURES = ["static", "char", "encoder", "static,char", "static,encoder", "static,char,encoder"]


pytestmark = pytest.mark.usefixtures("features_cache")


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> list[list[list[TokenSpan]]]:
    """What the model that trains finds in the corpus, each time that it is saved."""
    found: list[list[list[TokenSpan]]] = []

    def predict_and_save(model: Any, *arguments: Any, **options: Any) -> None:
        corpus = corpus_of(RunConfig.from_json(model.provenance["config"]))
        found.append(Tagger(model).predict(corpus, decoding=UNCONSTRAINED))
        save_model(model, *arguments, **options)

    monkeypatch.setattr(training, "save_model", predict_and_save)
    return found


def assert_saved_as_trained(config: RunConfig, run: Path, in_memory: list[list[list[TokenSpan]]]) -> None:
    metrics = start(config, run)
    sentences = corpus_of(config)
    loaded = Tagger.load(run).predict(sentences, decoding=UNCONSTRAINED)
    assert loaded == in_memory[-1]
    best = max(history(run), key=lambda row: row["dev"]["f1"])
    assert metrics.dev.strict.f1 == best["dev"]["f1"] > 0.3
    right = sum(
        len(set(found) & set(s.token_spans or ())) for found, s in zip(loaded, sentences, strict=True)
    )
    gold, predicted = sum(len(s.token_spans or ()) for s in sentences), sum(map(len, loaded))
    assert best["dev"]["f1"] == pytest.approx(2 * right / (gold + predicted))


@pytest.mark.parametrize("head", get_args(Head))
@pytest.mark.parametrize("features", FEATURES)
def test_any_head_on_any_features_learns_and_finds_when_loaded_what_it_found_when_saved(
    features: str, head: Head, wordpiece: Path, tmp_path: Path, in_memory: list[list[list[TokenSpan]]]
) -> None:
    encoder = wordpiece if "encoder" in features else None
    layers = {"encoder.layers": "mix"} if encoder else {}
    config = tiny_config(tmp_path, encoder, features=features, head=head, **layers)
    assert_saved_as_trained(config, tmp_path / "run", in_memory)
    (path,) = (tmp_path / "run").glob("weights-*.safetensors")
    names = load_file(path).keys()
    assert ("mix.weights" in names, "char_cnn.embedding.weight" in names) == (
        "encoder" in features,
        "char" in features,
    )
    parts = ("members.0.crf.transitions", "members.0.lstm.weight_hh_l0")
    assert [part in names for part in parts] == ["crf" in head, "bilstm" in head]


@pytest.mark.parametrize("head", get_args(Head))
def test_several_members_with_any_head_find_when_loaded_what_they_found_when_saved(
    head: Head, wordpiece: Path, tmp_path: Path, in_memory: list[list[list[TokenSpan]]]
) -> None:
    config = tiny_config(tmp_path, wordpiece, head=head, ensemble_size=3)
    assert_saved_as_trained(config, tmp_path / "run", in_memory)


@pytest.mark.parametrize("layers", ["last", "last4", "mix"])
@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
def test_any_vector_read_off_an_encoder_that_learns_is_saved_with_it(
    pooling: str, layers: str, wordpiece: Path, tmp_path: Path, in_memory: list[list[list[TokenSpan]]]
) -> None:
    settings = {"encoder.pooling": pooling, "encoder.layers": layers, "encoder.finetune": True}
    config = tiny_config(tmp_path, wordpiece, head="crf", **settings, encoder__learning_rate=1e-3)
    assert_saved_as_trained(config, tmp_path / "run", in_memory)


def test_the_mix_of_layers_is_learnt(wordpiece: Path, tmp_path: Path) -> None:
    start(tiny_config(tmp_path, wordpiece, encoder__layers="mix", features="encoder"), tmp_path / "run")
    weights = Tagger.load(tmp_path / "run").model.weights
    assert len(weights["mix.weights"]) == 4  # the embeddings and three layers
    assert weights["mix.weights"].std() > 0.01
    assert abs(weights["mix.gamma"] - 1) > 0.01


# ---------------------------------------------------------------- the linear head


@pytest.fixture
def linear(wordpiece: Path, tmp_path: Path) -> tuple[RunConfig, Model]:
    """An untrained model for token classification, as Devlin et al. (2019, section 5.3) have it."""
    config = tiny_config(
        tmp_path, wordpiece, features="encoder", head="linear", encoder__layers="last", dropout=0
    )
    return config, untrained(config)


def test_a_linear_head_on_an_encoder_is_token_classification(linear: tuple[RunConfig, Model]) -> None:
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    config, model = linear
    use, labels = model.contextual, model.vocabulary.labels
    assert use is not None
    assert config.encoder is not None
    tokenizer: Any = AutoTokenizer.from_pretrained(config.encoder.name)
    oracle = AutoModelForTokenClassification.from_pretrained(
        config.encoder.name, num_labels=len(labels)
    ).eval()
    oracle.classifier.load_state_dict(model.network.members[0].to_labels.state_dict())
    sentences = corpus_of(config)
    logits = []
    with torch.no_grad():
        for sentence in sentences:
            encoding = tokenizer(sentence.tokens, is_split_into_words=True, return_tensors="pt")
            words = encoding.word_ids()
            firsts = [words.index(number) for number in range(len(sentence))]
            logits.append(oracle(**encoding).logits[0, firsts])

    found = Tagger(model).predict(sentences, decoding=UNCONSTRAINED)
    assert sum(map(len, found)) > 10
    for sentence, spans, scores in zip(sentences, found, logits, strict=True):
        path = [labels[number] for number in scores.argmax(dim=1)]
        assert len(sentence) == len(path)
        assert spans == ENCODINGS["iob"].decode(path)

    batch = batch_of(model, sentences, 5, 0, 9)
    contextual = TrainableFeatures(use.encoder, sentences, use.settings).of(batch.layout)
    gold = [ENCODINGS["iob"].encode(sentence.token_spans or [], len(sentence)) for sentence in sentences]
    ids = [torch.tensor([labels.index(label) for label in path]) for path in gold]
    expected = sum(F.cross_entropy(logits[each], ids[each], reduction="sum") for each in (5, 0, 9))
    torch.testing.assert_close(model.network.loss(batch, contextual), expected)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_labels_that_make_no_span_are_none_and_never_written(
    encoding: str, wordpiece: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    """Without a CRF nothing keeps I-PER from standing alone."""
    config = tiny_config(tmp_path, wordpiece, features="encoder", head="linear", encoding=encoding)
    model = untrained(config)
    legal = ENCODINGS[encoding]
    found, written = Tagger(model), tmp_path / "out.conllu"
    sentences = corpus_of(config)
    emissions, offsets = found.emissions(sentences)
    parts = np.split(emissions.argmax(axis=1), offsets[1:-1])
    paths = [[model.vocabulary.labels[number] for number in path] for path in parts]
    spans = found.predict(sentences, decoding=UNCONSTRAINED)
    assert [legal.encode(each, len(path)) for each, path in zip(spans, paths, strict=True)] != paths
    assert spans == [legal.decode(path) for path in paths]
    assert any(spans)
    spans = found.predict(sentences)  # the best of the paths that are legal
    assert any(spans)

    save_model(model, tmp_path / "model", None)
    assert cli("tag", "--model", tmp_path / "model", config.data.dev[0], "-o", written).status == 0
    tagged = list(read(written))
    read_spans(tagged)  # which refuses labels that are not legal
    assert [sentence.token_spans for sentence in tagged] == spans
