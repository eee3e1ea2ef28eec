"""Configuration: everything that decides a run's result, as frozen data that config.json holds.

A `Recipe` is how to train (a preset with single values replaced); a `RunConfig` is a recipe with the data,
the vectors and the seed.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bilstm_crf.errors import UsageError, did_you_mean

MAX_SEED = 2**63 - 1  # that any reader of JSON can hold
Head = Literal["bilstm-crf", "bilstm-linear", "crf", "linear"]
Pooling = Literal["first", "last", "mean"]
LAYERS = ("last", "last4", "mix")  # several of an encoder's hidden states; a number is one of them
Masks = Literal["token", "sentence", "batch"]
Precision = Literal["float32", "bfloat16"]
Unit = Literal["words", "sentences"]
Digits = Literal["zero", "own_first"]
Features = Literal[
    "auto",
    "static",
    "char",
    "bert",
    "static,char",
    "static,bert",
    "char,bert",
    "static,char,bert",
]


@dataclass(frozen=True)
class Stage:
    """Of a curriculum: so much context for so many batches."""

    context: int  # neighbours on each side
    unit: Unit
    batches: int

    @classmethod
    def parse(cls, text: str) -> Stage:
        """As in a recipe's curriculum. Raises ValueError for another text.

        >>> Stage.parse("2:1000"), Stage.parse("64w:500")
        (Stage(context=2, unit='sentences', batches=1000), Stage(context=64, unit='words', batches=500))
        """
        context, batches = text.strip().split(":")
        stage = cls(
            int(context.removesuffix("w")), "words" if context.endswith("w") else "sentences", int(batches)
        )
        if stage.context < 0 or stage.batches < 1:
            raise ValueError("out of range")
        return stage


@dataclass(frozen=True)
class Recipe:
    """How to train. The defaults are the NorNE paper's: NCRF++'s, with the settings that the paper names."""

    features: Features = (
        "auto"  # what a word is to the network; auto: static,char, and bert where there is one
    )
    head: Head = "bilstm-crf"  # what reads the features
    digits: Digits = "zero"  # words are looked up with digits as 0; own_first: with their own before that
    word_dim: int = 100  # dimensions of random word embeddings; those of the vectors where there are any
    character_dim: int = 30
    character_filters: int = 50
    character_width: int = 3  # characters that one filter sees; odd
    hidden: int = 200  # both directions together
    layers: int = 1
    members: int = 1  # BiLSTMs with CRFs that read the same words; tagging takes the mean of their scores
    dropout: float = 0.5  # on characters, on the word's representation and on the BiLSTM's output
    input_dropout: Masks = "token"  # sentence, batch: all its words lose the same places
    recurrent_dropout: float = 0.0  # of the BiLSTM's weights from state to state, drawn once a batch
    document_memory: int = 0  # dimensions of what a name's other occurrences are read as; 0: they are not
    memory_alone: float = 0.0  # the share of the loss that is of each sentence alone, without the memory
    batch_size: int = 10  # sentences; the loss of a batch is their sum
    epochs: int = 50  # without a curriculum, which says itself how long
    epoch_batches: int = 0  # in one epoch: dev is looked at after each; 0: all training sentences
    optimiser: Literal["sgd", "adam"] = "sgd"
    momentum: float = 0.0  # of SGD, but for the word embeddings
    learning_rate: float = 0.015  # of the first epoch
    schedule: Literal["inverse", "linear", "cosine"] = "inverse"  # the last two fall to 0 at the last batch
    learning_rate_decay: float = 0.05  # inverse: rate of epoch e (from 0): learning_rate / (1 + decay * e)
    warm_up: float = 0.0  # the share of all batches in which the rate rises from 0 first
    restarts: int = 1  # cosine: so many times it falls
    accumulate: int = 1  # batches whose gradients make one step
    gradient_clip: float = 0.0  # the largest norm of a batch's gradient, a sentence; 0: any
    l2: float = 1e-8  # on all but the word embeddings, where it is below float32's rounding
    word_rate: float = 1.0  # of the word embeddings, by plain SGD: times the learning rate; 0: frozen
    untuned: float = 0.0  # a of a + n tokens of a word that is met n times come untuned, as unseen words do
    subwords: int = 0  # so many character n-grams give a vector to words that the vectors lack; 0: none does
    composed: float = 0.0  # of tokens come with the vector that their n-grams make, where there are any
    bert_layers: str = "last4"  # the last, the mean of the last four, a learnt mix of all; a number: that one
    bert_pooling: Pooling = "first"  # which of a word's pieces
    bert_context: int = 0  # neighbours on each side that the encoder sees too, of the same document
    bert_context_unit: Unit = "sentences"
    curriculum: str = ""  # stages of context:batches, as 0:2000,2:1000 or 0w:2000,64w:1000; none: one stage
    bert_weights: Literal["frozen", "tuned"] = "frozen"
    bert_learning_rate: float = 2e-5  # tuned: of the first batch after the warm-up, for AdamW
    bert_weight_decay: float = 0.01
    bert_precision: Precision = "float32"  # bfloat16: of the encoder's products; its weights stay in float32
    bert_checkpointing: Literal["off", "on"] = "off"  # tuned: on takes less memory, and more time
    patience: int = 0  # stop after so many epochs without a better dev F1; 0: never

    def __post_init__(self) -> None:
        positive = (
            "word_dim",
            "character_dim",
            "character_filters",
            "character_width",
            "hidden",
            "layers",
            "members",
            "batch_size",
            "epochs",
            "restarts",
            "accumulate",
        )
        for name in positive:
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, expected 1 or more")
        if self.character_width % 2 == 0:
            raise UsageError(f"character_width is {self.character_width}, expected an odd number")
        if self.hidden % 2:
            raise UsageError(f"hidden is {self.hidden}, expected an even number: half for each direction")
        for name in ("dropout", "recurrent_dropout", "memory_alone", "warm_up", "momentum", "composed"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, expected 0 or more and less than 1")
        for name in (
            "learning_rate",
            "learning_rate_decay",
            "l2",
            "patience",
            "gradient_clip",
            "word_rate",
            "untuned",
            "subwords",
            "document_memory",
            "epoch_batches",
            "bert_context",
            "bert_learning_rate",
            "bert_weight_decay",
        ):
            if not 0 <= getattr(self, name) < math.inf:  # nor is NaN
                raise UsageError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if self.document_memory and not self.head.startswith("bilstm"):
            raise UsageError(
                f"document_memory keeps the states of a BiLSTM, which the head {self.head} lacks"
            )
        layer_number(self.bert_layers)
        if self.stages and self.bert_context:
            raise UsageError(
                f"bert_context is {self.bert_context}, but the curriculum says what context there is"
            )

    @property
    def stages(self) -> list[Stage]:
        """Those of the curriculum. Raises UsageError for one that is no list of them."""
        try:
            return [Stage.parse(each) for each in self.curriculum.split(",") if self.curriculum]
        except ValueError:
            raise UsageError(
                f"curriculum is {self.curriculum!r}, expected stages of context:batches",
                hint="0:2000,2:1000 is 2,000 batches without context, then 1,000 with two sentences "
                "on each side; 64w for words",
            ) from None

    def replace(self, settings: Mapping[str, Any]) -> Recipe:
        """The recipe with some values replaced; strings are read as the field's type.

        Raises UsageError for a name that is no field, or a value that is not of its type.
        """
        known = typing.get_type_hints(type(self))
        values: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in known:
                raise UsageError(
                    f"{name} is not a setting of the recipe.{did_you_mean(name, known)}",
                    hint=f"settings: {' '.join(known)}",
                )
            values[name] = _setting(name, value, known[name])
        return dataclasses.replace(self, **values)

    @classmethod
    def preset(cls, name: str) -> Recipe:
        """A named recipe. Raises UsageError for an unknown name."""
        if name not in PRESETS:
            raise UsageError(
                f"--preset {name} is not known.{did_you_mean(name, PRESETS)} There is: {' '.join(PRESETS)}"
            )
        return PRESETS[name]


def layer_number(layers: str) -> int | None:
    """The number of the one hidden state that `bert_layers` is; None for one of `LAYERS`.

    Raises UsageError for what is neither.

    >>> layer_number("6"), layer_number("last4")
    (6, None)
    """
    if layers in LAYERS:
        return None
    if not re.fullmatch("0|[1-9][0-9]{0,8}", layers):
        raise UsageError(
            f"bert_layers is {layers!r}, expected {', '.join(LAYERS)}, or the number of one layer, "
            f"0 being the embeddings.{did_you_mean(layers, LAYERS)}"
        )
    return int(layers)


def _setting(name: str, value: Any, kind: Any) -> int | float | str:
    """A setting's value, read as the field's type: int, float, text, or one of some words."""
    if typing.get_origin(kind) is Literal:
        words = typing.get_args(kind)
        if value not in words:
            raise UsageError(f"{name} is {value!r}, expected {' or '.join(words)}")
        return str(value)
    if kind is str:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise UsageError(f"{name} is {value!r}, expected text")
        return str(value)  # TOML may write a layer's number as one
    try:
        number: int | float = kind(value)
        if isinstance(value, bool) or (isinstance(value, float) and number != value):
            raise ValueError  # true is no number, 2.5 no whole one
    except (TypeError, ValueError, OverflowError):
        expected = "a whole number" if kind is int else "a number"
        raise UsageError(f"{name} is {value!r}, expected {expected}") from None
    return number


PRESETS: dict[str, Recipe] = {
    "paper": Recipe(),
    # Chosen on dev; docs/recipe.md has the reasons
    "best": Recipe(
        hidden=600,
        input_dropout="batch",
        document_memory=100,
        memory_alone=0.5,
        epochs=20,
        optimiser="adam",
        learning_rate=0.002,
        schedule="linear",
        gradient_clip=1.0,
        l2=0.05,
        word_rate=7.5,
        untuned=1.0,
        subwords=65_536,
        composed=0.1,
    ),
}


@dataclass(frozen=True)
class RunConfig:
    """One training run: what to learn from, how, and into which folder."""

    train: list[str]  # files
    dev: list[str]
    test: list[str] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)  # of each file of train in an epoch; none: all 1
    train_labels: list[str] = field(default_factory=list)  # label set of each file of train; none: label_set
    drop: list[str] = field(default_factory=list)  # filters for sentences of train (corpus/dropping.py)
    format: str | None = None  # None: by each file's name
    key: str = "name"  # CoNLL-U: the key in MISC that holds the label
    token_column: str | None = None  # columns: see FormatOptions
    label_column: str = "auto"
    input_encoding: str | None = None
    repair: Literal["conlleval", "discard"] | None = None  # of labels that are not legal in their encoding
    documents: str | None = None  # table of the sentences' documents; None: what lies beside the files
    label_set: str = "full"
    keep_misc: bool = False
    encoding: Literal["iob", "iobe", "iobs", "iobes"] = "iob"
    embeddings: str = "none"  # name or path
    embeddings_dir: str | None = None
    init_from: str | None = None  # the folder of a trained model to go on with, which gives the vectors too
    bert: str | None = None  # a Hugging Face encoder: its folder, or its name on the hub
    trust_remote_code: bool = False  # whether Python code that the encoder brings may run
    embed_encoder: bool = False  # whether the model's folder gets a copy of a frozen one
    final: bool = False  # whether a second phase trains on train and dev, as long as dev says
    preset: str = "paper"
    recipe: Recipe = field(default_factory=Recipe)
    seed: int = 42
    threads: int = 1  # 1 and 2 give the same bits but where an encoder learns; more sum in another order
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("train", "dev"):
            if not getattr(self, name):
                raise UsageError(f"the configuration's {name} names no file")
        for name in ("weights", "train_labels"):
            given = getattr(self, name)
            if given and len(given) != len(self.train):
                raise UsageError(
                    f"{len(given)} {name.replace('_', ' ')} for {len(self.train)} training files, "
                    f"expected one for each: {', '.join(self.train)}"
                )
        for weight in self.weights:
            if not 0 < weight < math.inf:
                raise UsageError(
                    f"a training file's weight is {weight}, expected more than 0",
                    hint="1 takes every sentence once an epoch, 0.5 half of them, 2 each of them twice",
                )
        if not 0 <= self.seed <= MAX_SEED:
            raise UsageError(f"the configuration's seed is {self.seed}, expected 0 to 2**63 - 1")
        if self.threads < 1:
            raise UsageError(f"the configuration's threads is {self.threads}, expected 1 or more")
        if "bert" in self.features and self.bert is None:
            raise UsageError(
                f"the features {self.recipe.features} need an encoder", hint="name one: --bert NAME|PATH"
            )
        if self.init_from is not None and self.embeddings != "none":
            raise UsageError(
                f"the vectors {self.embeddings} and the model {self.init_from} to begin with were both given",
                hint="the model has its words' vectors; leave --embeddings out",
            )
        if "static" not in self.features and self.embeddings != "none":
            raise UsageError(
                f"the vectors {self.embeddings} are named, but the features {self.recipe.features} use none"
            )
        if self.recipe.curriculum and self.bert is None:
            raise UsageError(
                "a curriculum is of an encoder's context", hint="name an encoder: --bert NAME|PATH"
            )
        if "bert" not in self.features and self.bert is not None:
            raise UsageError(
                f"the encoder {self.bert} is named, but not among the features {self.recipe.features}"
            )
        if self.documents is not None and not self.reads_neighbours:
            raise UsageError(
                f"the table of documents {self.documents} is named, but no sentence is read with others",
                hint="--context N and --set document_memory=100 read others of the same document",
            )

    @property
    def lanes(self) -> int:
        """How many parts of the work are done at once.

        One where an encoder learns: it is most of the work, and PyTorch shares out its products.
        """
        learns = self.bert is not None and self.recipe.bert_weights == "tuned"
        return 1 if learns else min(self.threads, 2)

    @property
    def drops_by_test(self) -> bool:
        """Whether the test files have a part in what is learnt: train is left without their sentences."""
        return bool(self.test) and "leaked" in self.drop

    @property
    def reads_neighbours(self) -> bool:
        """Whether the other sentences of a document have a part in what is learnt of one."""
        contexts = [self.recipe.bert_context, *(stage.context for stage in self.recipe.stages)]
        return self.recipe.document_memory > 0 or (self.bert is not None and any(contexts))

    @property
    def features(self) -> list[str]:
        """What a word is to the network: static, char, bert."""
        if self.recipe.features == "auto":
            return ["static", "char"] + ["bert"] * (self.bert is not None)
        return self.recipe.features.split(",")

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunConfig:
        """The inverse of `to_json`; UsageError for a field that is unknown, missing or of a wrong type.

        A setting that an older version did not know is at its default, whatever its preset has now.
        """
        hints = typing.get_type_hints(cls)
        check_fields(content, hints, required=("train", "dev"), where="the configuration")
        values = dict(content)
        recipe = values.pop("recipe", {})
        if not isinstance(recipe, Mapping):
            raise UsageError(f"the configuration's recipe is {recipe!r}, expected a table of settings")
        for name, value in values.items():
            if not is_of_type(value, hints[name]):
                raise UsageError(f"the configuration's {name} is {value!r}, expected {hints[name]}")
        began = Recipe() if "recipe" in content else Recipe.preset(values.get("preset", "paper"))
        return cls(**values, recipe=began.replace(recipe))


def check_fields(
    content: Iterable[str], known: Iterable[str], *, required: Iterable[str], where: str
) -> None:
    """Raises UsageError for a name in `content` that is not known, or a required one that is missing."""
    for name in content:
        if name not in known:
            raise UsageError(f"{where} has no field {name}.{did_you_mean(name, known)}")
    for name in required:
        if name not in content:
            raise UsageError(f"{where} lacks the field {name}")


def is_of_type(value: Any, hint: Any) -> bool:
    """Whether a JSON value is of a field's type: a class, a list of one, literals, or a union of such."""
    if typing.get_origin(hint) is Literal:
        return value in typing.get_args(hint)
    if typing.get_origin(hint) is list:
        return isinstance(value, list) and all(is_of_type(each, typing.get_args(hint)[0]) for each in value)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return any(is_of_type(value, each) for each in typing.get_args(hint))
    if hint is float:
        hint = (float, int)  # JSON and TOML write 1 for 1.0
    return isinstance(value, hint) and (hint is bool or not isinstance(value, bool))
