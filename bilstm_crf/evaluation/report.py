"""Every score of one set of predictions against gold, each with its signature."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bilstm_crf.errors import UsageError
from bilstm_crf.evaluation.comparison import counts_of
from bilstm_crf.evaluation.confusion import Confusion, confusion
from bilstm_crf.evaluation.counts import types_of
from bilstm_crf.evaluation.semeval import SchemeScore, SchemeScores, semeval
from bilstm_crf.evaluation.semeval_original import flatten, lenient_spans, semeval_original
from bilstm_crf.evaluation.significance import Interval, interval_of_mean
from bilstm_crf.evaluation.strict import StrictScores, strict
from bilstm_crf.labels import LABEL_SETS, LabelSet
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.version import __version__

LEGAL_ONLY = "illegal:O"  # labels that are illegal in their encoding make no span
# How each scheme reads illegal labels and matches spans.
READINGS = {
    "strict": (LEGAL_ONLY, "one-to-one"),
    "semeval": (LEGAL_ONLY, "one-to-one"),
    "semeval-2013-original": ("lenient", "one-to-many"),
}


@dataclass(frozen=True)
class Report:
    """Scores as fractions from 0 to 1; nothing is rounded."""

    signatures: dict[str, str]  # by scheme: strict, semeval, semeval-2013-original
    sentences: int
    words: int
    strict: StrictScores
    interval: Interval  # of the strict micro F1
    semeval: dict[str, SchemeScores]  # by scheme: strict, exact, partial, type
    semeval_original: dict[str, SchemeScore]  # by the same, all types together
    confusion: Confusion

    def __post_init__(self) -> None:
        if "strict" not in self.signatures:
            raise ValueError("signatures lacks the field strict")

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Reading:
    """What reading gold and predictions assumed or repaired."""

    repaired: bool = False  # illegal labels make spans as in conlleval (`--repair conlleval`)
    types: frozenset[str] = frozenset()  # gold's, as in the file, where the spans are mapped already


def evaluate(
    gold: Sequence[Sentence],
    predicted: Sequence[Sequence[TokenSpan]],
    *,
    label_set: LabelSet,
    data_sha256: str,
    predicted_labels: Sequence[Sequence[str]] | None = None,
    reading: Reading | None = None,
) -> Report:
    """Score predictions against gold.

    Parameters
    ----------
    gold
        Sentences with `spans`, their types as they stand in the file; `label_set` maps them here.
    predicted
        The spans of each sentence, with the label set's types (`map_types` maps those of a file).
    data_sha256
        The SHA-256 of the gold file's bytes in hexadecimal, for the signature.
    predicted_labels
        The labels (B, I and O) as the system wrote them, which need not be legal IOB2; only
        semeval-2013-original looks at them. None: the labels that the spans make.
    reading
        What the signature says about how the files were read. None: what `gold` shows.

    Raises
    ------
    InputError
        For a gold type that the label set does not know.
    """
    gold_spans = map_types(gold, label_set)
    lengths = [len(sentence) for sentence in gold]
    flat = flatten(predicted, lengths)
    if predicted_labels is not None:
        raw = lenient_spans(label for labels in predicted_labels for label in labels)
        types = _with_own_types(label_set).types or {}
        # An illegal label may have a type that the label set does not know; legal ones were mapped before.
        raw = [span._replace(type=types.get(span.type, span.type)) for span in raw]
        flat = [span for span in raw if span.type != "O" or not types]
    reading = reading or Reading()
    signed = signed_label_set(label_set, reading.types or types_in(gold), predicted)
    return Report(
        signatures={
            scheme: signature(scheme, signed, data_sha256, repaired=reading.repaired) for scheme in READINGS
        },
        sentences=len(gold),
        words=sum(lengths),
        strict=strict(gold_spans, predicted),
        interval=interval_of_mean(counts_of(gold_spans, predicted)),
        semeval=semeval(gold_spans, predicted),
        semeval_original=semeval_original(flatten(gold_spans, lengths), flat),
        confusion=confusion(gold_spans, predicted, lengths),
    )


def types_in(sentences: Iterable[Sentence]) -> set[str]:
    """Return the entity types of the sentences' spans."""
    return {span.type for sentence in sentences for span in sentence.token_spans or ()}


def map_types(sentences: Sequence[Sentence], label_set: LabelSet) -> list[list[TokenSpan]]:
    """Return the spans of each sentence with the label set's types.

    A type that is already one of them (`GPE` for the set `7`) stays, so that a model trained with the set and
    one trained with `full` can both be scored. Raises InputError for any other type.
    """
    label_set = _with_own_types(label_set)
    return [label_set.map(sentence) for sentence in sentences]


def _with_own_types(label_set: LabelSet) -> LabelSet:
    if label_set.types is None:
        return label_set
    stay = {type_: type_ for type_ in label_set.types.values() if type_ != "O"}
    return replace(label_set, types={**stay, **label_set.types})


def signed_label_set(
    label_set: LabelSet, gold_types: Iterable[str], predicted: Sequence[Sequence[TokenSpan]]
) -> LabelSet:
    """Return the label set that the signature names.

    Label sets that change no type of the data give the same scores: `full` and `file` do for NorNE's types.
    The first such set stands for all of them, so that comparable scores have the same signature.
    `gold_types` are those of the gold file; `predicted` has the label set's types.
    """
    in_gold = set(gold_types)
    in_predicted = set(types_of(predicted))

    def keeps(types: dict[str, str] | None) -> bool:
        return types is None or (
            all(types.get(type_) == type_ for type_ in in_gold)
            and all(types.get(type_, type_) == type_ for type_ in in_predicted)
        )

    if not keeps(label_set.types):
        return label_set
    return next(each for each in map(LabelSet.named, (*LABEL_SETS, "file")) if keeps(each.types))


def require_scorable(model: LabelSet, evaluation: LabelSet) -> None:
    """Raise UsageError if a model of one label set cannot be scored in another.

    Mapping a gold type through the model's set must give what the evaluation's set makes of it, or nothing
    (MISC, which `full` drops). So `full` can be scored as 7, 6 or 4, and 6 as 4. With a label set that keeps
    every type, there is nothing to check.
    """
    if model.types is None or evaluation.types is None:
        return
    known = {**{type_: type_ for type_ in evaluation.types.values()}, **evaluation.types}
    for type_, wanted in evaluation.types.items():
        through = model.types.get(type_, type_)
        if through != "O" and known.get(through) != wanted:
            raise UsageError(
                f"a model with the labels {model.name} cannot be scored in the label set {evaluation.name}: "
                f"{type_} is {through} in {model.name} and {wanted} in {evaluation.name}"
            )


def signature(scheme: str, label_set: LabelSet, data_sha256: str, *, repaired: bool = False) -> str:
    """Return what two scores must share to be comparable, in the manner of sacreBLEU.

    The fields: scheme; what illegal labels count as (`O`, or spans as in conlleval if `repaired`); label set;
    what becomes of the type MISC (`O`: dropped, `-`: not in the label set); matching of spans; the first
    8 digits of the SHA-256 of the gold data; program and version.

    >>> signature("strict", LabelSet.named("full"), "9f2c61ab55d0")  # doctest: +ELLIPSIS
    'strict|illegal:O|labels:full|misc:O|one-to-one|data:9f2c61ab|bilstm_crf:...'
    """
    reading, matching = READINGS[scheme]
    if repaired and reading == LEGAL_ONLY:
        reading = "illegal:conlleval"
    misc = "MISC" if label_set.types is None else label_set.types.get("MISC", "-")
    return "|".join(
        (
            scheme,
            reading,
            f"labels:{label_set.name}",
            f"misc:{misc}",
            matching,
            f"data:{data_sha256[:8]}",
            f"bilstm_crf:{__version__}",
        )
    )
