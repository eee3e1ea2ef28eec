"""Train a small network in memory, without a run folder: for cross-validation and simulations."""

from __future__ import annotations

from bilstm_crf.config import RunConfig, Stage
from bilstm_crf.corpus.mixture import Mixture
from bilstm_crf.embeddings.vectors import WordVectors
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.sentence import Sentence
from bilstm_crf.training.build import build_model
from bilstm_crf.training.loop import Observer, Trainer
from bilstm_crf.training.optimizer import Optimizer
from bilstm_crf.training.plan import plan_training
from bilstm_crf.training.pretrained import Pretrained

# A small network that learns fast: the preset `best` without what takes time
QUICK = {
    "lstm.hidden": 100,
    "words.dim": 50,
    "words.word_dropout": 1.0,
    "network.input_dropout": "batch",
    "network.dropout": 0.25,  # the default, 0.5, needs more epochs
    "optimizer.method": "adam",
    "optimizer.learning_rate": 0.003,
    "optimizer.embedding_lr_scale": 5.0,
    "optimizer.gradient_clip": 1.0,
    "schedule.shape": "linear",
    "data.labels": "file",
}


def train_in_memory(
    config: RunConfig,
    sentences: list[Sentence],
    vectors: WordVectors | None,
    observer: Observer,
    *,
    batches: int = 0,
) -> Tagger:
    """Return a tagger trained for so many batches, or for all epochs of the configuration.

    `sentences` have gold `token_spans`. No epoch is scored; the last weights are kept.
    """
    model = build_model(config, sentences, Pretrained(vectors))
    plan = plan_training(config.schedule, [Stage(0, "sentences", batches)], Mixture([len(sentences)], [1.0]))
    optimizer = Optimizer(model.network, config.optimizer, plan.schedule)
    trainer = Trainer(model, optimizer, sentences, plan, config.run.seed)
    trainer.enter(0)
    for number in range(1, len(plan.epochs) + 1):
        trainer.train_epoch(number, observer)
    return Tagger(trainer.model.snapshot())
