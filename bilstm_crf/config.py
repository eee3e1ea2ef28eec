"""The configuration of a training run: everything that decides its result.

Each part is a frozen dataclass. A field's default is that of the NorNE paper's baseline: NCRF++'s, with the
settings that the paper names. util/fields.py reads and writes the settings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bilstm_crf.errors import UsageError, did_you_mean
from bilstm_crf.util import fields
from bilstm_crf.util.fields import setting
from bilstm_crf.util.records import Seed

MAX_SEED = 2**63 - 1  # the largest integer that every JSON reader can hold
MAX_WEIGHT = 1000  # a larger sampling weight is a typing error
LAYERS = ("last", "last4", "mix")  # several hidden states of an encoder; a number is one of them
Head = Literal["bilstm-crf", "bilstm-linear", "crf", "linear"]
Features = Literal[
    "auto",
    "static",
    "char",
    "encoder",
    "static,char",
    "static,encoder",
    "char,encoder",
    "static,char,encoder",
]
Pooling = Literal["first", "last", "mean"]
Masks = Literal["token", "sentence", "batch"]
Precision = Literal["float32", "bfloat16"]
Unit = Literal["words", "sentences"]


@dataclass(frozen=True)
class DataConfig:
    """What to learn from, and how the files are read: NorNE in `folder`, or one's own files."""

    folder: str | None = setting(
        None, "NorNE's folder, or any with files named as UD's", metavar="DIR", option="--data", main=True
    )
    language: Literal["nob", "nno", "both"] | None = setting(
        None, "NorNE's files: Bokmål, Nynorsk or both; nob by default", option="--language"
    )
    train: tuple[str, ...] = setting((), "Training files", metavar="FILE", option="--train")
    dev: tuple[str, ...] = setting((), "Files that choose the best epoch", metavar="FILE", option="--dev")
    test: tuple[str, ...] = setting((), "Files to score once, at the end", metavar="FILE", option="--test")
    weights: tuple[float, ...] = setting(
        (),
        "Sampling weight of each training file (0.5: half per epoch; 2: every sentence twice)",
        low=1e-9,
        high=MAX_WEIGHT,
        expected=f"a number above 0, at most {MAX_WEIGHT:,}",
        metavar="W",
        option="--weight",
    )
    train_labels: tuple[str, ...] = setting(
        (),
        "Label set of each training file, where it is not --labels",
        metavar="SET",
        option="--train-labels",
    )
    filter: tuple[str, ...] = setting(
        (),
        "Leave out training sentences: ill-formed, empty, leaked (in dev or test), repeated",
        metavar="F",
        option="--filter",
    )
    format: str | None = setting(
        None, "Input format: conllu, conll2003, text, jsonl", metavar="NAME", option="--format"
    )
    misc_key: str = setting("name", "Key of the label in CoNLL-U's MISC", metavar="NAME", option="--misc-key")
    token_column: str | None = setting(
        None, "Column of the token: number or header name", metavar="N|NAME", option="--token-column"
    )
    label_column: str = setting(
        "auto", "Column of the label: number, header name, last", metavar="N|NAME", option="--label-column"
    )
    input_encoding: str | None = setting(
        None, "Character encoding of the input", metavar="NAME", option="--input-encoding"
    )
    repair: Literal["conlleval", "discard"] | None = setting(
        None, "Repair of illegal label sequences", option="--repair"
    )
    documents: str | None = setting(
        None,
        "TSV that maps sentences to documents (sent_id, document, optional genre)",
        metavar="TABLE",
        option="--documents",
    )
    labels: str = setting(
        "full", "Label set: full, 7, 6, 4, file (as read) or a TOML file", metavar="SET", option="--labels"
    )
    keep_misc: bool = setting(
        False, "Keep NorNE's rare type MISC, which is O otherwise", option="--keep-misc"
    )
    encoding: Literal["iob", "iobe", "iobs", "iobes"] = setting(
        "iob", "How spans are written as labels", option="--encoding"
    )


@dataclass(frozen=True)
class WordConfig:
    """Word vectors, and how the word embedding uses them."""

    embeddings: str = setting(
        "none", "Word vectors: a name (sg600, …) or a file", metavar="NAME|PATH", option="--embeddings"
    )
    embeddings_dir: str | None = setting(
        None, "Folder of word vectors", metavar="DIR", compare=False, option="--embeddings-dir"
    )
    dim: int = setting(100, "Size of random word vectors", low=1)
    word_dropout: float = setting(
        0.0, "A word seen n times is replaced by its pretrained vector with probability a / (a + n)", low=0
    )
    subwords: int = setting(0, "Character n-grams that give a vector to words without one", low=0)
    subword_dropout: float = setting(
        0.0, "Share of tokens that get the vector of their n-grams", low=0, below=1
    )


@dataclass(frozen=True)
class CharacterConfig:
    """The character CNN."""

    dim: int = setting(30, "Size of character embeddings", low=1)
    filters: int = setting(50, "Convolution filters", low=1)
    width: int = setting(3, "Characters that one filter sees", low=1, remainder=1)


@dataclass(frozen=True)
class LstmConfig:
    """The BiLSTM over the words of a sentence."""

    hidden: int = setting(200, "Size of the BiLSTM's output, both directions together", low=1, remainder=0)
    layers: int = setting(1, "BiLSTM layers", low=1)
    recurrent_dropout: float = setting(
        0.0, "Dropout of the recurrent weights, drawn once per batch", low=0, below=1
    )


@dataclass(frozen=True)
class NetworkConfig:
    """What the network reads and what it ends in."""

    features: Features = setting(
        "auto", "What a word is read as: static, char, encoder", metavar="LIST", option="--features"
    )
    head: Head = setting("bilstm-crf", "Layers that read the features", option="--head")
    dropout: float = setting(
        0.5, "Dropout of characters, of word representations and of the BiLSTM's output", low=0, below=1
    )
    input_dropout: Masks = setting("token", "Which tokens share a dropout mask of the word representations")
    ensemble_size: int = setting(1, "Taggers over the same words whose emissions are averaged", low=1)
    init_from: str | None = setting(
        None, "Model to start from; its sizes, words and vectors hold", metavar="MODEL", option="--init-from"
    )


@dataclass(frozen=True)
class MemoryConfig:
    """The document memory: features from other occurrences of a name in the document."""

    size: int = setting(0, "Size of the document-memory layer; 0 disables it", low=0, main=True)
    memory_free_loss_weight: float = setting(
        0.0, "Share of the loss that is computed without the document memory", low=0, below=1
    )


@dataclass(frozen=True)
class Stage:
    """A stage of a curriculum: a context for a number of batches."""

    context: int  # neighbours on each side
    unit: Unit
    batches: int

    @classmethod
    def parse(cls, text: str) -> Stage:
        """Return a stage as a curriculum writes it.

        >>> Stage.parse("2:1000"), Stage.parse("64w:500")
        (Stage(context=2, unit='sentences', batches=1000), Stage(context=64, unit='words', batches=500))
        """
        context, _, batches = text.partition(":")
        unit: Unit = "words" if context.endswith("w") else "sentences"
        return cls(int(context.removesuffix("w")), unit, int(batches or 0))


@dataclass(frozen=True)
class EncoderConfig:
    """A pretrained Transformer, and how its hidden states become features."""

    name: str = setting(
        dataclasses.MISSING,
        "Hugging Face encoder: a name on the hub or a folder",
        metavar="NAME|PATH",
        main=True,
        option="--encoder",
    )
    finetune: bool = setting(False, "Train the encoder too", option="--encoder-finetune")
    layers: str = setting(
        "last4",
        "Hidden states: last, last4 (mean), mix (learned weights) or the number of one",
        pattern="last|last4|mix|0|[1-9][0-9]{0,8}",
        expected="last, last4, mix or a number",
        metavar="NAME|N",
        option="--encoder-layers",
    )
    pooling: Pooling = setting("first", "Subword whose vector is the word's")
    context: str = setting(
        "0", "Neighbouring sentences on each side that the encoder sees, or words as 64w",
        pattern=r"[0-9]{1,9}w?", expected="a number of sentences, or of words as in 64w", metavar="N",
        option="--context",
    )  # fmt: skip
    curriculum: str = setting(
        "",
        "Context that grows during training: stages of CONTEXT:BATCHES, as 0:2000,64w:1000",
        pattern=r"([0-9]{1,9}w?:0*[1-9][0-9]{0,8}(,[0-9]{1,9}w?:0*[1-9][0-9]{0,8})*)?",
        expected="stages of CONTEXT:BATCHES, as in 0:2000,2:1000 or 0w:2000,64w:1000",
        metavar="STAGES",
        option="--curriculum",
    )
    learning_rate: float = setting(2e-5, "Peak learning rate of the encoder (AdamW)", low=0)
    weight_decay: float = setting(0.01, "Weight decay of the encoder", low=0)
    precision: Precision = setting("float32", "Precision of the encoder's products")
    trust_remote_code: bool = setting(
        False, "Run Python code that the encoder brings", compare=False, option="--trust-remote-code"
    )
    embed: bool = setting(False, "Copy a frozen encoder into the model's folder", option="--embed-encoder")

    @property
    def stages(self) -> list[Stage]:
        """The stages of the curriculum; without one, the only stage, of no certain length."""
        return [Stage.parse(each) for each in (self.curriculum or self.context).split(",")]


@dataclass(frozen=True)
class OptimizerConfig:
    """How a batch's gradients change the weights."""

    method: Literal["sgd", "adam"] = setting(
        "sgd", "Optimizer of all weights but the word vectors", main=True
    )
    learning_rate: float = setting(0.015, "Learning rate of the first epoch", low=0)
    embedding_lr_scale: float = setting(
        1.0, "Learning rate of the word vectors (plain SGD), as a multiple; 0 freezes them", low=0
    )
    weight_decay: float = setting(1e-8, "Weight decay of all weights but the word vectors", low=0)
    momentum: float = setting(0.0, "Momentum of SGD", low=0, below=1)
    gradient_clip: float = setting(0.0, "Largest gradient norm per sentence; 0: no limit", low=0)


@dataclass(frozen=True)
class ScheduleConfig:
    """How long a run trains, and its learning-rate schedule."""

    shape: Literal["inverse", "linear", "cosine"] = setting(
        "inverse", "Learning-rate schedule; linear and cosine fall to 0 at the last batch", main=True
    )
    epochs: int = setting(50, "Number of epochs", low=1, option="--epochs")
    batch_size: int = setting(10, "Sentences per batch", low=1)
    batches_per_epoch: int = setting(0, "Batches between two scores on dev; 0: all of train", low=0)
    learning_rate_decay: float = setting(
        0.05, "Decay of the schedule inverse: the rate of epoch e is divided by 1 + decay * e", low=0
    )
    warmup_fraction: float = setting(
        0.0, "Share of all batches in which the learning rate rises from 0", low=0, below=1
    )
    restarts: int = setting(1, "Number of times that the schedule cosine falls", low=1)
    patience: int = setting(
        0, "Epochs without a better dev F1 before training stops; 0: never", low=0, option="--patience"
    )


@dataclass(frozen=True)
class SystemConfig:
    """The random seed, the machine, and the second phase."""

    seed: Seed = setting(42, "Seed of all random numbers", low=0, high=MAX_SEED, option="--seed")
    threads: int = setting(
        1,
        "Processor cores; 1 and 2 give the same weights unless an encoder is trained",
        low=1,
        compare=False,
        option="--threads",
    )
    device: str = setting("cpu", "Device: cpu or cuda", metavar="NAME", compare=False, option="--device")
    output: str | None = setting(
        None, "Folder of the run and its model", metavar="DIR", option="--output", compare=False
    )
    retrain_on_dev: bool = setting(
        False,
        "Then retrain on train + dev for the number of batches that was best on dev",
        option="--retrain-on-dev",
    )


@dataclass(frozen=True)
class RunConfig:
    """One training run. `RunConfig()` is the preset `paper`, without files."""

    data: DataConfig = DataConfig()
    words: WordConfig = WordConfig()
    characters: CharacterConfig = CharacterConfig()
    lstm: LstmConfig = LstmConfig()
    network: NetworkConfig = NetworkConfig()
    document_memory: MemoryConfig = MemoryConfig()
    encoder: EncoderConfig | None = None
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    run: SystemConfig = SystemConfig()
    preset: str = setting(
        "paper", "Preset to start from: paper or best", metavar="NAME", compare=False, option="--preset"
    )

    def __post_init__(self) -> None:
        fields.check_bounds(self)
        _refuse_contradictions(self)

    @classmethod
    def of_preset(cls, name: str) -> RunConfig:
        """Return the configuration of a preset, without files. Raises UsageError for an unknown name."""
        if not isinstance(name, str) or name not in PRESETS:
            raise UsageError(
                f"preset {name!r} is unknown.{did_you_mean(str(name), PRESETS)}",
                hint=f"presets: {' '.join(PRESETS)}",
            )
        return fields.replace(cls(preset=name), PRESETS[name])

    def replace(self, values: Mapping[str, Any] = {}, *, text: bool = False, **more: Any) -> RunConfig:
        """Return the configuration with other values, by path, bare name or nested; `a__b` is `a.b`.

        With `text`, values are strings of the command line. Raises UsageError.
        """
        named = {name.replace("__", "."): value for name, value in more.items()}
        return fields.replace(self, {**values, **named}, text=text)

    def to_json(self) -> dict[str, Any]:
        """Return all settings, as config.json holds them."""
        return fields.to_json(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunConfig:
        """Return the configuration of a config.json or TOML file. Raises UsageError.

        What the file does not say is as its preset has it.
        """
        return cls.of_preset(content.get("preset", "paper")).replace(content)

    @property
    def features(self) -> list[str]:
        """What a word is read as: some of static, char, encoder."""
        if self.network.features == "auto":
            return ["static", "char"] + ["encoder"] * (self.encoder is not None)
        return self.network.features.split(",")

    @property
    def encoder_name(self) -> str | None:
        """The name of the encoder; None without one."""
        return None if self.encoder is None else self.encoder.name

    @property
    def has_lstm(self) -> bool:
        """Whether the head has a BiLSTM."""
        return self.network.head.startswith("bilstm")

    @property
    def tunes_encoder(self) -> bool:
        """Whether there is an encoder that is trained."""
        return self.encoder is not None and self.encoder.finetune

    @property
    def stages(self) -> list[Stage]:
        """The stages of the curriculum; none without one."""
        return [] if self.encoder is None or not self.encoder.curriculum else self.encoder.stages

    @property
    def workers(self) -> int:
        """How many parts of the work run at once: one where an encoder is trained, which is most of it."""
        return 1 if self.tunes_encoder else min(self.run.threads, 2)

    @property
    def drops_by_test(self) -> bool:
        """Whether the test files decide which training sentences are left out."""
        return bool(self.data.test) and "leaked" in self.data.filter

    @property
    def reads_neighbours(self) -> bool:
        """Whether a sentence is read with others of its document."""
        context = self.encoder is not None and any(each.context for each in self.encoder.stages)
        return context or self.document_memory.size > 0


PRESETS: dict[str, dict[str, Any]] = {
    "paper": {},
    # Chosen on dev; docs/recipe.md has the reasons
    "best": {
        "lstm.hidden": 600,
        "network.input_dropout": "batch",
        "document_memory.size": 100,
        "document_memory.memory_free_loss_weight": 0.5,
        "words.word_dropout": 1.0,
        "words.subwords": 65_536,
        "words.subword_dropout": 0.1,
        "optimizer.method": "adam",
        "optimizer.learning_rate": 0.002,
        "optimizer.embedding_lr_scale": 7.5,
        "optimizer.weight_decay": 0.05,
        "optimizer.gradient_clip": 1.0,
        "schedule.shape": "linear",
        "schedule.epochs": 20,
    },
}


def _refuse_contradictions(config: RunConfig) -> None:
    """Raise UsageError for settings that cannot be together."""
    data, words, network, encoder = config.data, config.words, config.network, config.encoder
    for name in ("weights", "train_labels"):
        given = getattr(data, name)
        if given and data.train and len(given) != len(data.train):
            raise UsageError(
                f"{len(given)} {name.replace('_', ' ')} for {len(data.train)} training files, "
                f"expected one for each: {', '.join(data.train)}"
            )
    has_encoder = "encoder" in config.features
    contradictions: list[tuple[bool, str, str]] = [
        (
            bool(data.train) and (data.folder or data.language) is not None,
            f"--data {data.folder} or --language {data.language} and --train were both given",
            "--data and --language choose NorNE's files, --train names your own",
        ),
        (
            bool(data.dev or data.test) and not data.train,
            "--dev or --test without --train",
            "they are for files of your own: --train FILE --dev FILE",
        ),
        (
            bool(data.train) and not data.dev,
            "--train without --dev",
            "dev chooses the best epoch: --dev FILE",
        ),
        (
            has_encoder and encoder is None,
            f"features={network.features} needs an encoder",
            "name one: --encoder NAME|PATH",
        ),
        (
            not has_encoder and encoder is not None,
            f"an encoder is named, but it is not among features={network.features}",
            "add encoder to --features",
        ),
        (
            network.init_from is not None and words.embeddings != "none",
            f"--embeddings {words.embeddings} and --init-from {network.init_from} were both given",
            "the model brings its own vectors; leave --embeddings out",
        ),
        (
            "static" not in config.features and words.embeddings != "none",
            f"--embeddings {words.embeddings} is not used by features={network.features}",
            "add static to --features, or leave --embeddings out",
        ),
        (
            config.document_memory.size > 0 and not config.has_lstm,
            f"document_memory needs a BiLSTM, which the head {network.head} lacks",
            "--head bilstm-crf has one",
        ),
        (
            encoder is not None and bool(encoder.curriculum) and Stage.parse(encoder.context).context > 0,
            "encoder.context and encoder.curriculum were both given",
            "the curriculum says what context there is; leave the other out",
        ),
        (
            data.documents is not None and not config.reads_neighbours,
            f"--documents {data.documents} has no effect: each sentence is read without its neighbours",
            "--context N and --set document_memory=100 read others of the same document",
        ),
    ]
    for wrong, message, hint in contradictions:
        if wrong:
            raise UsageError(message, hint=hint)
