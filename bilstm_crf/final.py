"""The second phase of a run: the model to use, from train and dev together.

The first phase found on dev after how many batches to stop. The second begins afresh, with the same seed,
learns from train and dev, and stops after as many: its learning rates are the first phase's, batch for batch.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from bilstm_crf.bert.encoder import Encoder
from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.labelled import Labelled
from bilstm_crf.initialisation import mixture_of
from bilstm_crf.training import History, Observer, Sources, train_for

FOLDER = "final"  # inside the run's


def together(config: RunConfig, train: Labelled, dev: Labelled) -> tuple[RunConfig, Labelled]:
    """Train and dev as one training set, dev's sentences with weight 1."""
    parts = ("sentences", "encodings", "files", "sizes")
    both = Labelled(**{part: [*getattr(train, part), *getattr(dev, part)] for part in parts})
    weights = [*(config.weights or [1.0] * len(config.train)), *[1.0] * len(config.dev)]
    files = [*config.train, *config.dev]
    return dataclasses.replace(config, train=files, weights=weights, train_labels=[]), both  # mapped already


def batches_of(config: RunConfig, train: Labelled, history: History) -> tuple[int, int]:
    """After how many batches dev was best, and how many an epoch had."""
    best = max(history, key=lambda row: row["dev"]["f1"])
    of_epoch = -(-len(mixture_of(config, train)) // config.recipe.batch_size)
    return best["epoch"] * of_epoch, of_epoch


def run(
    config: RunConfig,
    train: Labelled,
    dev: Labelled,
    sources: Sources,
    folder: Path,
    history: History,
    observer: Observer,
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """Trains the final model, in the folder `final` of the run's; what metrics.json records of it.

    Goes on where an earlier attempt was interrupted.
    """
    if sources.encoder is not None and config.bert is not None:
        # As it came: the first phase may have tuned it
        encoder = Encoder.load(config.bert, trust_remote_code=config.trust_remote_code)
        sources = dataclasses.replace(sources, encoder=encoder)
    batches, of_epoch = batches_of(config, train, history)
    whole_config, whole = together(config, train, dev)
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    described = {**provenance, "final": "trained on train and dev; dev of the first phase said when to stop"}
    done = train_for(
        batches,
        whole_config,
        whole,
        sources,
        place,
        observer,
        described,
        schedule_batches=of_epoch,
        resume=True,
    )
    return {
        "folder": FOLDER,
        "batches": batches,
        "sentences": len(whole.sentences),
        "epochs": len(done),
        "seconds": round(sum(row["seconds"] for row in done), 1),
    }
