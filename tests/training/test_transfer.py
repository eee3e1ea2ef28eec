"""Going on with a trained model: shared words, characters and labels keep their weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.errors import InputError, InterruptedRunError, ModelFolderError, UsageError
from bilstm_crf.labels import LabelSet
from bilstm_crf.model.model_folder import Model, load_model
from bilstm_crf.training.build import build_model
from bilstm_crf.training.pretrained import Pretrained, vectors_of
from bilstm_crf.training.transfer import copy_weights
from done import Done
from runs import TEST, first_sentences, history, interrupt, resume, small_config, start, weights_hash


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    start(small_config(folder), folder / "run")
    return folder / "run"


def begun(tmp_path: Path, trained: Path, label_set: str = "full") -> tuple[Model, Model]:
    """A new model on other sentences, after it took over what it could, and the old one."""
    old = load_model(trained)
    train = str(first_sentences(TEST, 12, tmp_path / "other.conllu"))
    config = small_config(tmp_path, train=[train], labels=label_set)
    sentences = read_labelled(config.data.train, LabelSet.named(label_set)).sentences
    new = build_model(config, sentences, Pretrained(vectors_of(old, str(trained))))
    copy_weights(old, new)
    return new, old


def test_shared_words_labels_and_characters_keep_their_weights(tmp_path: Path, trained: Path) -> None:
    new, old = begun(tmp_path, trained)
    for vocabulary_of in ("words", "characters"):
        assert getattr(new.vocabulary, vocabulary_of).keys() & getattr(old.vocabulary, vocabulary_of).keys()
    for word in new.vocabulary.words.keys() & old.vocabulary.words.keys():
        rows = (m.word_table[m.vocabulary.words[word]] for m in (new, old))
        assert np.array_equal(*rows)
    for character in new.vocabulary.characters.keys() & old.vocabulary.characters.keys():
        places = (m.vocabulary.characters[character] for m in (new, old))
        weights = (m.weights["char_cnn.embedding.weight"] for m in (new, old))
        assert np.array_equal(*(w[p] for w, p in zip(weights, places, strict=True)))
    assert np.array_equal(*(m.weights["members.0.lstm.weight_hh_l0"] for m in (new, old)))
    both = [label for label in new.vocabulary.labels if label in old.vocabulary.labels]
    assert len(both) > 3
    assert new.vocabulary.labels != old.vocabulary.labels
    for label in both:
        here, there = (m.vocabulary.labels.index(label) for m in (new, old))
        of_label = (m.weights["members.0.to_labels.weight"] for m in (new, old))
        assert np.array_equal(next(of_label)[here], next(of_label)[there])
        for other in both:
            from_, to = (m.vocabulary.labels.index(other) for m in (new, old))
            transitions = (m.weights["members.0.crf.transitions"] for m in (new, old))
            assert next(transitions)[here, from_] == next(transitions)[there, to]


def test_new_labels_begin_as_in_any_training(tmp_path: Path, trained: Path) -> None:
    new, old = begun(tmp_path, trained, label_set="4")
    added = [n for n, label in enumerate(new.vocabulary.labels) if label not in old.vocabulary.labels]
    assert added
    assert not new.weights["members.0.crf.transitions"][added].any()
    assert new.weights["members.0.to_labels.weight"][added].any()


def test_the_same_data_go_on_from_the_old_score(tmp_path: Path, trained: Path) -> None:
    config = small_config(tmp_path, init_from=str(trained), learning_rate=0.0, epochs=1)
    start(config, tmp_path / "run")
    best = max(row["dev"]["f1"] for row in history(trained))
    assert history(tmp_path / "run")[0]["dev"]["f1"] == pytest.approx(best, abs=0.02)  # its table is float16


def test_all_members_go_on_from_where_they_were(tmp_path: Path) -> None:
    start(small_config(tmp_path, ensemble_size=2, epochs=8), tmp_path / "trained")
    again = small_config(
        tmp_path, init_from=str(tmp_path / "trained"), ensemble_size=2, learning_rate=0.0, epochs=1
    )
    start(again, tmp_path / "run")
    best = max(row["dev"]["f1"] for row in history(tmp_path / "trained"))
    assert best > 0.3
    assert history(tmp_path / "run")[0]["dev"]["f1"] == pytest.approx(best, abs=0.02)


def test_a_network_of_another_size_is_refused(tmp_path: Path, trained: Path) -> None:
    with pytest.raises(UsageError, match="hidden 20, not 30"):
        start(small_config(tmp_path, init_from=str(trained), hidden=30), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_model_in_the_runs_own_folder_is_not_begun_with(tmp_path: Path, trained: Path) -> None:
    """Its first epoch would take it away, and no --resume could begin with it."""
    own = tmp_path / "own"
    shutil.copytree(trained, own / "final")
    before = weights_hash(own / "final")
    for folder in (own, own / "final"):
        config = small_config(tmp_path, init_from=str(own / "final"))
        with pytest.raises(UsageError, match="which its own model in"):
            start(config, folder, overwrite=True)
        assert weights_hash(own / "final") == before


def test_resumed_from_another_model_than_it_began_with_is_refused(tmp_path: Path, trained: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(trained, model)
    config = small_config(tmp_path, init_from=str(model), features="char", epochs=2)
    with pytest.raises(UsageError, match="static vectors"):
        start(config, tmp_path / "run")
    start(small_config(tmp_path, features="char", epochs=1), model, overwrite=True)
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(1))
    start(small_config(tmp_path, features="char", epochs=1, seed=3), model, overwrite=True)
    with pytest.raises(InputError, match="the model of --init-from changed"):
        resume(tmp_path / "run")


def test_vectors_beside_a_model_are_refused(tmp_path: Path, trained: Path) -> None:
    with pytest.raises(UsageError, match="both given"):
        small_config(tmp_path, init_from=str(trained), embeddings="sg600")


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="no such folder"):
        start(small_config(tmp_path, init_from=str(tmp_path / "none")), tmp_path / "run")


def test_the_command_line_takes_the_models_sizes(
    tmp_path: Path, trained: Path, cli: Callable[..., Done]
) -> None:
    done = cli(
        *("train", "--train", TEST, "--dev", TEST, "--init-from", trained, "--epochs", 1),
        *("--labels", "full", "--output", tmp_path / "run", "--quiet"),
    )
    assert done.status == 0, done.err
    assert load_model(tmp_path / "run").architecture.hidden == 20
