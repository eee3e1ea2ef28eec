"""Joint training shuffles both standards together; one saved model is scored in every coarser label set."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bilstm_crf import Tagger
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.corpus.norne import split_files
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.features.batches import training_batches
from bilstm_crf.labels import LABEL_SETS, LabelSet
from bilstm_crf.training.checkpoint import seed_epoch
from done import Done
from runs import DEV, SAMPLE

Cli = Callable[..., Done]


def test_the_sentences_of_both_standards_are_shuffled_together() -> None:
    files = split_files(SAMPLE, "both")["train"]
    train = read_labelled([str(path) for path in files], LabelSet.named("full")).sentences
    of_bokmaal = [sentence.path == str(files[0]) for sentence in train]
    assert 0 < sum(of_bokmaal) < len(train)
    batches = list(training_batches(seed_epoch(42, 1).permutation(len(train)), 10))
    assert sorted(number for batch in batches for number in batch) == list(range(len(train)))
    mixed = [len({of_bokmaal[number] for number in batch}) == 2 for batch in batches]
    assert sum(mixed) > 0.9 * len(batches)


@pytest.mark.parametrize("command", ["evaluate", "errors"])
def test_a_model_of_seven_types_is_not_scored_in_the_full_set(
    command: str, tiny_model: Path, tmp_path: Path, cli: Cli
) -> None:
    """Whatever it finds: no other types could have come out."""
    model = shutil.copytree(tiny_model, tmp_path / "model")
    description = json.loads((model / "model.json").read_text("utf-8"))
    description["label_set"] = {"name": "7", "types": LabelSet.named("7").types}
    (model / "model.json").write_text(json.dumps(description), "utf-8")
    done = cli(command, "--model", model, DEV, "--labels", "full")
    assert done.status == 2
    assert "labels 7 cannot be scored in the label set full: GPE_LOC is GPE" in done.err


@pytest.mark.parametrize("labels", LABEL_SETS)
def test_a_model_of_the_full_label_set_is_scored_in_any(labels: str, tiny_model: Path, cli: Cli) -> None:
    done = cli("evaluate", "--model", tiny_model, DEV, "--labels", labels, "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)
    types = LABEL_SETS[labels]
    gold = read_labelled([DEV], LabelSet.named(labels)).sentences
    predicted = Tagger.load(tiny_model).predict(gold)
    mapped = [[span._replace(type=types[span.type]) for span in spans] for spans in predicted]
    expected = strict([each.token_spans or [] for each in gold], mapped)
    assert found["strict"]["micro"]["f1"] == expected.f1 > 0
    assert set(found["strict"]["types"]) <= set(types.values())
    assert f"|labels:{labels}|" in found["signatures"]["strict"]
