"""Training on several files: label sets and weights of their own, sentences left out and listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.errors import InputError, InterruptedRunError, UsageError
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence
from bilstm_crf.training.corpora import load_corpora
from runs import TEST, first_sentences, history, interrupt, resume, small_config, start, weights_hash

GOOD = "1\tKari\t_\t_\t_\t_\t_\t_\t_\tname=B-PER\n2\tbur\t_\t_\t_\t_\t_\t_\t_\tname=O\n\n"


def test_every_weight_of_one_is_the_same_as_none(tmp_path: Path) -> None:
    first, second = small_config(tmp_path).data.train[0], str(first_sentences(TEST, 5, tmp_path / "b.conllu"))
    for name, weights in (("plain", []), ("ones", [1, 1])):
        start(small_config(tmp_path, train=[first, second], weights=weights, epochs=2), tmp_path / name)
    assert weights_hash(tmp_path / "plain") == weights_hash(tmp_path / "ones")


def test_a_weight_says_how_often_a_file_comes(tmp_path: Path) -> None:
    first, second = (
        small_config(tmp_path).data.train[0],
        str(first_sentences(TEST, 10, tmp_path / "b.conllu")),
    )
    seen = []
    for weights in ([1.0, 1.0], [1.0, 0.5], [1.0, 2.0]):
        done: list[int] = []
        config = small_config(tmp_path, train=[first, second], weights=weights, epochs=1)
        start(config, tmp_path / "run", Counting(done), overwrite=True)
        seen.append(done[-1])
    assert seen == [30, 25, 40]


class Counting:
    """An observer that keeps how many sentences were seen."""

    def __init__(self, done: list[int]) -> None:
        self.done = done

    def __enter__(self) -> Counting:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def batch(self, epoch: int, sentences: int, tokens: int, loss: float) -> None:
        self.done.append(sentences)

    def epoch(self, history: object) -> None:
        pass


def test_each_file_has_its_own_label_set(tmp_path: Path) -> None:
    first, second = (
        small_config(tmp_path).data.train[0],
        str(first_sentences(TEST, 10, tmp_path / "b.conllu")),
    )
    people = tmp_path / "people.toml"
    types = types_of(read_labelled([second], LabelSet.named("file")).sentences)
    assert {"PER", "ORG"} < types
    people.write_text("[types]\n" + "".join(f'{each} = "O"\n' for each in types - {"PER"}) + 'PER = "PER"\n')
    config = small_config(tmp_path, train=[first, second], train_labels=["full", str(people)], epochs=1)
    train_set = load_corpora(config.data, print, documents=False).train
    own, only_people = map(types_of, train_set.corpora)
    assert only_people == {"PER"}
    assert len(own) > 3, "the first file keeps its own types"


def types_of(sentences: list[Sentence]) -> set[str]:
    return {span.type for sentence in sentences for span in sentence.token_spans or ()}


def test_a_type_that_the_models_label_set_lacks_is_refused(tmp_path: Path) -> None:
    first, second = (
        small_config(tmp_path).data.train[0],
        str(first_sentences(TEST, 10, tmp_path / "b.conllu")),
    )
    config = small_config(tmp_path, train=[first, second], labels="7", train_labels=["7", "full"])
    with pytest.raises(InputError, match="GPE_LOC") as caught:
        start(config, tmp_path / "run")
    assert caught.value.path == second
    assert caught.value.line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": [1.0, 2.0]}, "2 weights for 1 training files, expected one for each"),
        ({"weights": [0.0]}, "weights is .*0.0.*expected a number above 0"),
        ({"weights": [float("nan")]}, "weights is .*nan"),
        ({"train_labels": ["full", "4"]}, "2 train labels for 1 training files"),
    ],
)
def test_what_does_not_fit_the_files_is_said(
    changes: dict[str, list[object]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        small_config(tmp_path, **changes)


def test_an_unknown_filter_is_said_with_the_near_miss(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"leeked.*leaked"):
        start(small_config(tmp_path, filter=["leeked"]), tmp_path / "run")


def test_dropped_sentences_are_listed_and_nothing_else_changes(tmp_path: Path) -> None:
    """A training file with the dev file's sentences and a broken one behind is the file without them."""
    config = small_config(tmp_path, epochs=2)
    plain = Path(config.data.train[0]).read_text("utf-8")
    dev = str(first_sentences(TEST, 8, tmp_path / "dev.conllu"))
    broken = GOOD.replace("B-PER", "E-PER")
    more = tmp_path / "more.conllu"
    more.write_text(plain + Path(dev).read_text("utf-8") + broken, "utf-8")
    start(small_config(tmp_path, epochs=2, dev=[dev]), tmp_path / "plain")
    drop = ["ill-formed", "leaked"]
    start(small_config(tmp_path, train=[str(more)], dev=[dev], filter=drop, epochs=2), tmp_path / "run")
    assert history(tmp_path / "run") == history(tmp_path / "plain")
    listed = json.loads((tmp_path / "run" / "dropped.json").read_text("utf-8"))
    assert listed["dropped"] == {"ill-formed": 1, "leaked": 8}
    assert len(listed["sentences"]) == 9
    assert listed["kept"] == 20


def test_without_the_filter_an_ill_formed_sentence_refuses_its_file(tmp_path: Path) -> None:
    config = small_config(tmp_path)
    with open(config.data.train[0], "a", encoding="utf-8") as file:
        file.write(GOOD.replace("B-PER", "X-PER"))
    with pytest.raises(InputError):
        start(config, tmp_path / "run")


def test_changed_test_files_are_noticed_where_they_decide_what_is_trained_on(tmp_path: Path) -> None:
    dev, test = (first_sentences(TEST, count, tmp_path / f"{count}.conllu") for count in (6, 4))
    config = small_config(tmp_path, dev=[str(dev)], test=[str(test)], filter=["leaked"])
    with pytest.raises(InterruptedRunError):
        start(config, tmp_path / "run", interrupt(1))
    with open(test, "a", encoding="utf-8") as file:
        file.write("# a comment changes no sentence, and yet the file\n")
    with pytest.raises(InputError, match="the data changed"):
        resume(tmp_path / "run")
