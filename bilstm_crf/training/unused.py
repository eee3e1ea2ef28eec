"""Find the settings that have no effect in a run, and the reason for each.

`train` refuses those that a user typed; an experiment leaves them out of the run and of its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from bilstm_crf.config import Recipe, RunConfig

OF_ENCODER = tuple(each.name for each in fields(Recipe) if each.name.startswith("bert_"))


@dataclass(frozen=True)
class Unused:
    """Why some settings of the recipe have no effect, and what would give them one."""

    settings: tuple[str, ...]
    reason: str
    hint: str


def unused_settings(config: RunConfig) -> list[Unused]:
    """Return the settings of the recipe whose values cannot change this run's result.

    Only those for which that is certain: a training with another value has the same weights, bit for bit.
    """
    return list(_unused(config))


def _unused(config: RunConfig) -> Iterator[Unused]:
    recipe, features = config.recipe, config.features
    with_vectors = config.embeddings != "none" or config.init_from is not None
    if config.bert is None:
        yield Unused(OF_ENCODER, "no encoder is named", "name one: --bert NAME|PATH")
    elif recipe.bert_weights == "frozen":
        of_tuned = ("bert_learning_rate", "bert_weight_decay", "bert_checkpointing")
        yield Unused(of_tuned, "the encoder is not trained", "--bert-finetune trains it")
    if recipe.curriculum:
        says = f"the curriculum {recipe.curriculum} says how long, in batches"
        yield Unused(("epochs",), says, "shorten its stages, or leave one of the two out")
        yield Unused(
            ("bert_context_unit",), f"the curriculum {recipe.curriculum} has its own", "0w:2000: words"
        )
    elif config.bert is not None and not recipe.bert_context:
        unit = ("bert_context_unit",)
        yield Unused(unit, "the encoder sees each sentence alone", "--context 64w: 64 words on each side")
    if recipe.schedule != "cosine":
        yield Unused(("restarts",), f"the schedule {recipe.schedule} has none", "--set schedule=cosine has")
    if recipe.schedule != "inverse":
        yield Unused(
            ("learning_rate_decay",), f"the schedule is {recipe.schedule}", "--set schedule=inverse has it"
        )
    if recipe.optimiser == "adam":
        yield Unused(("momentum",), "the optimiser is adam", "--set optimiser=sgd has momentum")
    if "static" not in features:
        reason = f"the features {','.join(features)} have no word embeddings"
        yield Unused(("word_dim", "word_rate", "subwords", "composed"), reason, "add static to --features")
    elif with_vectors:
        yield Unused(
            ("word_dim",), "the vectors have their own dimensions", "leave --embeddings out for random ones"
        )
    else:
        yield Unused(("subwords", "composed"), "no vectors are named", "name some: --embeddings NAME|PATH")
    if "char" not in features:
        of_characters = ("character_dim", "character_filters", "character_width")
        yield Unused(of_characters, f"the features are {','.join(features)}", "add char to --features")
    if not recipe.head.startswith("bilstm"):
        of_lstm = ("hidden", "layers", "recurrent_dropout")
        yield Unused(of_lstm, f"the head {recipe.head} has no BiLSTM", "--head bilstm-crf has one")
    if not recipe.document_memory:
        yield Unused(("memory_alone",), "document_memory is 0", "--set document_memory=100 switches it on")
