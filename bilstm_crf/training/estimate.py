"""Estimate how long a run will take, before it starts.

Microseconds a token, fitted to the quiet runs of docs/results/experiments on two cores: words without
vectors 40 (24,600 tokens a second), sg600 71 (14,000), preset `best` 204 (4,900); and, for what each batch
costs whatever its size, to batches of 1 to 256 sentences in docs/results/scale.json.
"""

from __future__ import annotations

from dataclasses import dataclass

from bilstm_crf.config import RunConfig
from bilstm_crf.model.architecture import Architecture
from bilstm_crf.training.corpora import Corpora
from bilstm_crf.training.plan import Plan

PER_TOKEN, PER_BATCH = 5.6, 4100.0  # microseconds
PER_DIMENSION = 0.034  # of a word vector
PER_PRODUCT = 0.0664e-3  # of the BiLSTM's matrices, in both directions
SCORING = 0.2  # the share of a training step, without what a batch costs, that tagging takes


@dataclass(frozen=True)
class Estimate:
    """The expected time of a run."""

    epochs: int
    tokens: int  # in an epoch
    seconds: float

    def line(self) -> str:
        """Return a line for the user.

        >>> Estimate(50, 243_906, 840.0).line()
        'time     about 14 minutes on two quiet cores like ours: 50 epochs of 243,906 tokens'
        """
        epochs = f"{self.epochs} epoch{'s' * (self.epochs != 1)}"
        time = f"{show_time(self.seconds)} on two quiet cores like ours"
        return f"time     {time}: {epochs} of {self.tokens:,} tokens"


def estimate(
    config: RunConfig, plan: Plan, corpora: Corpora, network: tuple[Architecture, int], done: int = 0
) -> Estimate | None:
    """Return the expected time of the epochs after `done` and their dev scores.

    `network`: the architecture, and the dimensions of a word vector. None where nothing comparable was
    measured: with an encoder, or on a GPU.
    """
    if config.encoder is not None or config.run.device != "cpu":
        return None
    architecture, dim = network
    epochs = [plan.epoch(number) for number in range(done + 1, len(plan.epochs) + 1)]
    batches = sum(each.batches for each in epochs)
    drawn = sum(min(each.batches * plan.batch_size, len(corpora.mixture)) for each in epochs)
    tokens = drawn * corpora.train.tokens / max(1, len(corpora.train.sentences))
    training = training_seconds(architecture, dim, tokens, batches)
    training *= 2 if config.run.retrain_on_dev else 1
    scoring = training_seconds(architecture, dim, len(epochs) * corpora.dev.tokens * SCORING, 0)
    return Estimate(len(epochs), round(tokens / max(1, len(epochs))), training + scoring)


def training_seconds(architecture: Architecture, dim: int, tokens: float, batches: int) -> float:
    """Return the expected seconds of training on this many tokens and batches, on two quiet cores.

    >>> round(243_906 / training_seconds(Architecture(hidden=100), 600, 243_906, 1570), -3)  # tokens/s, sg600
    14000.0
    """
    hidden = architecture.hidden
    inputs = dim + architecture.character_filters * architecture.characters
    products = architecture.ensemble_size * 4 * hidden * (inputs + hidden / 2)
    products += max(0, architecture.layers - 1) * 4 * hidden * (hidden + hidden / 2)
    token = PER_TOKEN + PER_DIMENSION * dim + PER_PRODUCT * products
    return (tokens * token + batches * PER_BATCH) / 1e6


def show_time(seconds: float) -> str:
    """Return a time in the unit that fits, rounded to what an estimate can know.

    >>> [show_time(each) for each in (20, 70, 840, 7000)]
    ['under a minute', 'about 1 minute', 'about 14 minutes', 'about 2 hours']
    """
    minutes = seconds / 60
    if minutes < 0.9:
        return "under a minute"
    number, unit = (round(minutes), "minute") if minutes < 90 else (round(minutes / 60), "hour")
    return f"about {number} {unit}{'s' * (number != 1)}"
