"""The second phase of a run: the model to use, from train and dev together.

The first phase found on dev after how many batches to stop, of each stage of a curriculum. The second begins
afresh, with the same seed, learns from train and dev, and stops after as many: its learning rates are the
first phase's, batch for batch.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.filters import as_dict, counts, leave_out
from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.encoder.encoder import Encoder
from bilstm_crf.training.inputs import Inputs
from bilstm_crf.training.loop import History, Observer, Sources, train_to_the_end
from bilstm_crf.training.plan import Plan, until_best
from bilstm_crf.training.run_folder import DROPPED, FINAL, clean
from bilstm_crf.util.files import write_json


@dataclass(frozen=True)
class SecondPhase:
    """What the second phase trains on, and how long."""

    config: RunConfig
    train: Labelled  # with dev
    plan: Plan

    @property
    def batches(self) -> int:
        return sum(each.batches for each in self.plan.rounds)


def second_phase(config: RunConfig, inputs: Inputs, history: History) -> SecondPhase:
    """After a first phase with this history. Dev's sentences have weight 1, and pass the filters as train's.

    What the first phase left out of train for its being in dev is not missed: it is in dev.
    """
    train, dev = inputs.train, inputs.dev
    both = Labelled(
        sentences=[*train.sentences, *dev.sentences],
        encodings=[*train.encodings, *dev.encodings],
        files=[*train.files, *dev.files],
        sizes=[*train.sizes, *dev.sizes],
    )
    if config.drop:
        tested = [] if inputs.test is None else inputs.test.sentences
        kept, dropped = leave_out(both.corpora, config.drop, tested)
        sentences = [sentence for corpus in kept for sentence in corpus]
        sizes = [len(corpus) for corpus in kept]
        both = dataclasses.replace(both, sentences=sentences, sizes=sizes, dropped=dropped)
    weights = [*(config.weights or [1.0] * len(config.train)), *[1.0] * len(config.dev)]
    files = [*config.train, *config.dev]
    config = dataclasses.replace(config, train=files, weights=weights, train_labels=[])  # mapped already
    return SecondPhase(config, both, until_best(inputs.plan, history, config, both))


def run(
    phase: SecondPhase, sources: Sources, folder: Path, observer: Observer, provenance: dict[str, Any]
) -> dict[str, Any]:
    """Trains the final model, in the folder `final` of the run's; what metrics.json records of it.

    Goes on where an earlier attempt was interrupted.
    """
    config = phase.config
    if config.bert is not None and config.recipe.bert_weights == "tuned":  # as it came, not as it learnt
        encoder = Encoder.load(config.bert, trust_remote_code=config.trust_remote_code)
        sources = dataclasses.replace(sources, encoder=encoder)
    (folder / FINAL).mkdir(exist_ok=True)
    clean(folder / FINAL)
    if phase.train.dropped:
        write_json(folder / FINAL / DROPPED, as_dict(phase.train.dropped, len(phase.train.sentences)))
    described = {
        **provenance,
        "final": "trained on train and dev; dev of the first phase said when to stop",
        "batches": phase.batches,
    }
    done = train_to_the_end(config, phase.train, sources, phase.plan, folder / FINAL, observer, described)
    return {
        "folder": FINAL,
        "batches": phase.batches,
        "sentences": len(phase.train.sentences),
        **({"dropped": counts(phase.train.dropped)} if phase.train.dropped else {}),
        "epochs": len(done),
        "seconds": round(sum(row["seconds"] for row in done), 1),
    }
