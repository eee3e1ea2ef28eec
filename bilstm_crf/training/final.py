"""The final phase of a run (`--retrain-on-dev`): train again, on train and dev together.

The first phase found on dev after how many batches to stop, in each stage of a curriculum. The final phase
starts from scratch with the same seed, and stops after as many; its learning rates are the first phase's,
batch for batch.
"""

from __future__ import annotations

from collections.abc import Sequence

from bilstm_crf.config import RunConfig
from bilstm_crf.corpus.mixture import Mixture
from bilstm_crf.training.corpora import Corpora
from bilstm_crf.training.plan import Phase, stop_where_best
from bilstm_crf.training.records import EpochRow


def plan_final_phase(config: RunConfig, corpora: Corpora, first: Phase, history: Sequence[EpochRow]) -> Phase:
    """Plan the final phase after a first one with this history.

    Dev's sentences have weight 1, and pass the same filters as train's. What was removed from train because
    it is in dev is not missed: dev is there now.
    """
    train = corpora.train + corpora.dev
    if config.data.filter:
        train = train.without(config.data.filter, [] if corpora.test is None else corpora.test.sentences)
    weights = [*(config.data.weights or [1.0] * len(corpora.train.sizes)), *[1.0] * len(corpora.dev.sizes)]
    mixture = Mixture(train.sizes, weights)
    batches_per_epoch = config.schedule.batches_per_epoch or -(-len(mixture) // first.plan.batch_size)
    return Phase(train, mixture, stop_where_best(first.plan, history, batches_per_epoch))
