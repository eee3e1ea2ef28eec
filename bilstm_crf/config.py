"""The configuration of a training run: everything that decides its result.

Each part is a frozen dataclass. A field's default is that of the NorNE paper's baseline: NCRF++'s, with the
settings that the paper names. util/fields.py reads and writes the settings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from typing import Any, Literal

from bilstm_crf.errors import UsageError
from bilstm_crf.util import fields
from bilstm_crf.util.fields import option, setting
from bilstm_crf.util.records import Seed

MAX_SEED = 2**63 - 1  # the largest integer that every JSON reader can hold
LAYERS = ("last", "last4", "mix")  # several hidden states of an encoder; a number is one of them
Head = Literal["bilstm-crf", "bilstm-linear", "crf", "linear"]
Features = Literal[
    "auto", "static", "char", "encoder",
    "static,char", "static,encoder", "char,encoder", "static,char,encoder",
]  # fmt: skip
Pooling = Literal["first", "last", "mean"]
Masks = Literal["token", "sentence", "batch"]
Precision = Literal["float32", "bfloat16"]
Unit = Literal["words", "sentences", "document"]
Preset = Literal["paper", "best"]
Texts = tuple[str, ...]
Maybe = str | None


@dataclass(frozen=True)
class DataConfig:
    """The training data, NorNE in `folder` or your own files, and how to read it."""

    folder: Maybe = option(
        "--data DIR", None, "NorNE's folder, or any with files named like UD's", "data/norne", main=True
    )
    language: Literal["nob", "nno", "both"] | None = option(
        "--language NAME", None, "Written standard of NorNE: nob, nno or both", "nob"
    )
    train: Texts = option("--train FILE", (), "Training file of your own in place of NorNE; repeatable")
    dev: Texts = option("--dev FILE", (), "File that chooses the best epoch, beside --train; repeatable")
    test: Texts = option("--test FILE", (), "File to score once, at the end, beside --train; repeatable")
    weights: tuple[float, ...] = option(
        "--weight W",
        (),
        "Sampling weight of each --train file (0.5: half per epoch)",
        "1",
        low=1e-9,
        expected="a number above 0",
    )
    train_labels: Texts = option("--train-labels SET", (), "Label set of each --train file", "--labels")
    filter: Texts = option(
        "--filter NAME", (), "Drop train sentences: ill-formed, empty, leaked, repeated", "none"
    )
    format: Maybe = option("--format NAME", None, "Input format: conllu, conll2003, text, jsonl", "by suffix")
    misc_key: str = option("--misc-key NAME", "name", "Key of the label in CoNLL-U's MISC")
    token_column: Maybe = option(
        "--token-column N|NAME", None, "Number or header of the token's column", "recognised, else 1"
    )
    label_column: str = option(
        "--label-column N|NAME",
        "auto",
        "Number or header of the label's column, or last",
        "recognised, else last",
    )
    input_encoding: Maybe = option(
        "--input-encoding NAME", None, "Character encoding of the input, such as cp1252", "UTF-8"
    )
    repair: Literal["conlleval", "discard"] | None = option(
        "--repair NAME", None, "Repair of illegal labels: conlleval (I- begins a span), discard", "refuse"
    )
    caseless: float = setting(0.0, "Share of train that each epoch repeats in lower case (with words.robust)")
    documents: Maybe = option(
        "--documents TABLE", None, "TSV of sent_id, document, genre", "documents.tsv beside the file"
    )
    labels: str = option(
        "--labels SET", "full", "Label set: full, 7, 6, 4, file or a TOML file", "full; --train: file"
    )
    keep_misc: bool = option("--keep-misc", False, "Keep NorNE's rare type MISC, which becomes O otherwise")
    encoding: Literal["iob", "iobe", "iobs", "iobes"] = option(
        "--encoding NAME", "iob", "Encoding of spans as labels: iob, iobe, iobs or iobes"
    )


@dataclass(frozen=True)
class WordConfig:
    """Word vectors, and how the word embedding uses them."""

    embeddings: str = option(
        "--embeddings NAME|PATH", "none", "Word vectors: sg600, … or a file", "none: random"
    )
    embeddings_dir: Maybe = option(
        "--embeddings-dir DIR",
        None,
        "Folder of word vectors",
        "$BILSTM_CRF_EMBEDDINGS, embeddings/",
        compare=False,
    )
    dim: int = setting(100, "Dimensions of random word vectors", low=1)
    word_dropout: float = setting(0.0, "Word dropout a: probability a / (a + n) for a word seen n times")
    subwords: int = setting(0, "Character n-grams that give other words a vector; 0: none")
    subword_dropout: float = setting(0.0, "Share of tokens read as their n-grams alone", below=1)
    min_count: int = setting(1, "Words that occur less often in train have no vector of their own", low=1)
    robust: bool = setting(False, "Read text in capitals, lower case or without full stops like other text")


@dataclass(frozen=True)
class CharacterConfig:
    """The character CNN."""

    dim: int = setting(30, "Dimensions of character embeddings", low=1)
    filters: int = setting(50, "Convolution filters over the characters of a word", low=1)
    width: int = setting(3, "Characters that a filter spans (odd)", low=1, remainder=1)


@dataclass(frozen=True)
class LstmConfig:
    """The BiLSTM over the words of a sentence."""

    hidden: int = setting(
        200, "Dimensions of the BiLSTM's output, both directions (even)", low=1, remainder=0
    )
    layers: int = setting(1, "BiLSTM layers", low=1)
    recurrent_dropout: float = setting(0.0, "Dropout of the recurrent weights, drawn once per batch", below=1)


@dataclass(frozen=True)
class NetworkConfig:
    """The network's features, head, dropout and ensemble."""

    features: Features = option(
        "--features LIST", "auto", "Features by commas: static, char, encoder", "static,char(,encoder)"
    )
    head: Head = option("--head NAME", "bilstm-crf", "Output layers: bilstm-crf, bilstm-linear, crf, linear")
    dropout: float = setting(0.5, "Dropout of characters, word representations and BiLSTM output", below=1)
    input_dropout: Masks = setting("token", "Tokens that share a dropout mask: token, sentence or batch")
    ensemble_size: int = setting(1, "Taggers whose emissions are averaged", low=1)
    init_from: Maybe = option(
        "--init-from MODEL", None, "Model to fine-tune; its sizes, words and vectors hold"
    )


@dataclass(frozen=True)
class MemoryConfig:
    """The document memory: features from other occurrences of a name in the document."""

    size: int = setting(0, "Dimensions of the document-memory layer; 0: no memory", main=True)
    memory_free_loss_weight: float = setting(
        0.0, "Share of the loss computed without the document memory", below=1
    )


@dataclass(frozen=True)
class Stage:
    """A stage of a curriculum: a context for a number of batches."""

    context: int  # neighbours on each side; 1 document
    unit: Unit
    batches: int

    @classmethod
    def parse(cls, text: str) -> Stage:
        """Return a stage as a curriculum writes it.

        >>> Stage.parse("2:1000"), Stage.parse("64w:500")
        (Stage(context=2, unit='sentences', batches=1000), Stage(context=64, unit='words', batches=500))
        """
        if text == "document":
            return cls(1, "document", 0)
        context, _, batches = text.partition(":")
        unit: Unit = "words" if context.endswith("w") else "sentences"
        return cls(int(context.removesuffix("w")), unit, int(batches or 0))


_CONTEXT, _BATCHES = "[0-9]{1,9}w?", "0*[1-9][0-9]{0,8}"


@dataclass(frozen=True)
class EncoderConfig:
    """A pretrained Transformer, and how its hidden states become features."""

    name: str = option(
        "--encoder NAME|PATH",
        MISSING,
        "Hugging Face encoder: a name on the hub or a folder",
        "none",
        main=True,
    )
    finetune: bool = option("--encoder-finetune", False, "Train the encoder too")
    frozen_layers: int = setting(0, "Lowest layers that do not train either")
    layers: str = option(
        "--encoder-layers NAME|N",
        "last4",
        "Hidden states: last, last4 (mean), mix (learned) or N",
        pattern="last|last4|mix|0|[1-9][0-9]{0,8}",
        expected="last, last4, mix or a number",
    )
    pooling: Pooling = setting("first", "Subword that stands for a word: first, last or mean")
    context: str = option(
        "--context N|Nw|document",
        "0",
        "Neighbours the encoder sees: sentences, words (64w), document",
        pattern=f"{_CONTEXT}|document",
        expected="a number of sentences, or of words as in 64w, or document",
    )
    curriculum: str = option(
        "--curriculum STAGES",
        "",
        "Growing context in CONTEXT:BATCHES, as 0:2000,2:1000",
        "none",
        pattern=f"({_CONTEXT}:{_BATCHES}(,{_CONTEXT}:{_BATCHES})*)?",
        expected="stages of CONTEXT:BATCHES, as in 0:2000,2:1000 or 0w:2000,64w:1000",
    )
    learning_rate: float = setting(2e-5, "Peak learning rate of the encoder (AdamW)")
    weight_decay: float = setting(0.01, "Weight decay of the encoder")
    precision: Precision = setting("float32", "Precision of the encoder's products: float32, bfloat16")
    trust_remote_code: bool = option(
        "--trust-remote-code", False, "Run Python code that the encoder brings", compare=False
    )
    embed: bool = option("--embed-encoder", False, "Copy a frozen encoder into the model's folder")

    @property
    def stages(self) -> list[Stage]:
        """The stages of the curriculum; without one, the only stage, of no certain length."""
        return [Stage.parse(each) for each in (self.curriculum or self.context).split(",")]


@dataclass(frozen=True)
class OptimizerConfig:
    """The optimizer: method, rates and decay."""

    method: Literal["sgd", "adam"] = setting(
        "sgd", "Optimizer: sgd or adam (AdamW); word vectors always take SGD", main=True
    )
    learning_rate: float = setting(0.015, "Learning rate of the first epoch")
    embedding_lr_scale: float = setting(1.0, "Learning rate of word vectors as a multiple; 0 freezes them")
    weight_decay: float = setting(1e-8, "Weight decay of all weights but the word vectors")
    momentum: float = setting(0.0, "Momentum of SGD", below=1)
    gradient_clip: float = setting(0.0, "Largest gradient norm per sentence; 0: no limit")
    averaging: float = setting(0.0, "Averaged weights: decay per batch; 0: none", below=1)


@dataclass(frozen=True)
class ScheduleConfig:
    """The length of a run and its learning-rate schedule."""

    shape: Literal["inverse", "linear", "cosine"] = setting(
        "inverse", "Learning-rate schedule: inverse, linear or cosine", main=True
    )
    epochs: int = option("--epochs N", 50, "Number of epochs", low=1)
    batch_size: int = setting(10, "Sentences per batch", low=1)
    batches_per_epoch: int = setting(0, "Batches between two scores on dev; 0: all of train")
    learning_rate_decay: float = setting(0.05, "Decay d of inverse: epoch e has learning_rate / (1 + d * e)")
    warmup_fraction: float = setting(
        0.0, "Share of all batches in which the learning rate rises from 0", below=1
    )
    restarts: int = setting(1, "Number of times that cosine falls to 0", low=1)
    patience: int = option("--patience N", 0, "Epochs without a better dev F1 before training stops", "never")


@dataclass(frozen=True)
class SystemConfig:
    """The random seed, the machine, and the second phase."""

    seed: Seed = option("--seed N", 42, "Seed of all random numbers", high=MAX_SEED)
    threads: int = option(
        "--threads N",
        1,
        "Processor cores; 1 and 2 give the same weights",
        "2 if there are",
        low=1,
        compare=False,
    )
    device: str = option("--device NAME", "cpu", "Device: cpu or cuda", compare=False)
    output: Maybe = option(
        "--output DIR", None, "Folder of the run and its model", "runs/CORPUS-VECTORS", compare=False
    )
    retrain_on_dev: bool = option(
        "--retrain-on-dev", False, "Retrain on train + dev afterwards, as long as was best"
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
    preset: Preset = option("--preset NAME", "paper", "Preset to start from: paper or best", compare=False)

    def __post_init__(self) -> None:
        fields.check_bounds(self)
        _refuse_contradictions(self)

    @classmethod
    def of_preset(cls, name: str) -> RunConfig:
        """Return the configuration of a preset, without files. Raises UsageError for an unknown name."""
        known: type = cls
        name = fields.settings_of(known)["preset"].read(name)
        return fields.replace(cls(), {"preset": name, **PRESETS[name]})

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunConfig:
        """Return the configuration of a table of JSON or TOML; the rest is as its preset has it.

        Raises UsageError.
        """
        return cls.of_preset(content.get("preset", "paper")).replace(content)

    def to_json(self) -> dict[str, Any]:
        """Return all settings, as config.json holds them."""
        return dataclasses.asdict(self)

    def replace(self, values: Mapping[str, Any] = {}, **more: Any) -> RunConfig:
        """Return the configuration with other values, by path, bare name or nested; `a__b` is `a.b`.

        Raises UsageError.
        """
        named = {name.replace("__", "."): value for name, value in more.items()}
        return fields.replace(self, {**values, **named})

    @property
    def features(self) -> list[str]:
        """The features of a word: some of static, char, encoder."""
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
        """Whether an encoder is fine-tuned."""
        return self.encoder is not None and self.encoder.finetune

    @property
    def stages(self) -> list[Stage]:
        """The stages of the curriculum; none without one."""
        return [] if self.encoder is None or not self.encoder.curriculum else self.encoder.stages

    @property
    def workers(self) -> int:
        """The number of parallel workers; one for a fine-tuned encoder, whose threads PyTorch uses."""
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
    files = config.data.train
    for name in ("weights", "train_labels"):
        given = getattr(config.data, name)
        if files and given and len(given) != len(files):
            raise UsageError(
                f"{len(given)} {name.replace('_', ' ')} for {len(files)} training files, expected one for "
                f"each: {', '.join(files)}"
            )
    for message, is_wrong in _CONTRADICTIONS.items():
        if is_wrong(config):
            raise UsageError(message.format(c=config))


# What is said of settings that contradict one another, and when
_CONTRADICTIONS: dict[str, Callable[[RunConfig], bool]] = {
    "--train takes files of your own, --data and --language choose NorNE's: expected one of them": (
        lambda c: bool(c.data.train) and (c.data.folder or c.data.language) is not None
    ),
    "--dev or --test without --train: they are for files of your own": (
        lambda c: bool(c.data.dev or c.data.test) and not c.data.train
    ),
    "--train without --dev, which chooses the best epoch": lambda c: bool(c.data.train) and not c.data.dev,
    "features={c.network.features} needs an encoder: --encoder NAME|PATH": (
        lambda c: "encoder" in c.features and c.encoder is None
    ),
    "the encoder {c.encoder_name} is not among features={c.network.features}": (
        lambda c: "encoder" not in c.features and c.encoder is not None
    ),
    "robust reads other words than an encoder and needs word vectors: leave it out": (
        lambda c: c.words.robust and (c.encoder is not None or "static" not in c.features)
    ),
    "--init-from and --embeddings {c.words.embeddings} were both given: the model brings its vectors": (
        lambda c: c.network.init_from is not None and c.words.embeddings != "none"
    ),
    "--embeddings {c.words.embeddings} is not used by features={c.network.features}; add static": (
        lambda c: "static" not in c.features and c.words.embeddings != "none"
    ),
    "document_memory={c.document_memory.size} needs a BiLSTM, which head={c.network.head} lacks": (
        lambda c: c.document_memory.size > 0 and not c.has_lstm
    ),
    "encoder.context and encoder.curriculum, which has contexts of its own, were both given": (
        lambda c: bool(c.stages) and Stage.parse(fields.get(c, "encoder.context")).context > 0
    ),
    "--context document is for a frozen encoder; with --encoder-finetune use --context 2 or 64w": (
        lambda c: c.tunes_encoder and fields.get(c, "encoder.context") == "document"
    ),
    "--documents {c.data.documents} needs --context N or --set document_memory=100": (
        lambda c: c.data.documents is not None and not c.reads_neighbours
    ),
}
