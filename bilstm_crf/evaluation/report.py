"""The report: every score of one set of predictions against one gold set, each with its signature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bilstm_crf.errors import UsageError
from bilstm_crf.evaluation.bootstrap import Interval, bootstrap
from bilstm_crf.evaluation.confusion import Confusion, confusion
from bilstm_crf.evaluation.counts import sentence_counts
from bilstm_crf.evaluation.semeval import SchemeScore, SchemeScores, semeval
from bilstm_crf.evaluation.semeval_original import flatten, lenient_spans, semeval_original
from bilstm_crf.evaluation.strict import StrictScores, strict
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence, Span
from bilstm_crf.version import __version__

# What tells one scheme from another beside its name: how labels are read, how spans are matched.
READINGS = {
    "strict": ("IOB2", "one-to-one"),
    "semeval": ("IOB2", "one-to-one"),
    "semeval-2013-original": ("lenient", "one-to-many"),
}


@dataclass(frozen=True)
class Report:
    """Scores are fractions from 0 to 1; nothing is rounded."""

    signatures: dict[str, str]  # by scheme: strict, semeval, semeval-2013-original
    sentences: int
    words: int
    strict: StrictScores
    interval: Interval  # of the strict micro F1
    semeval: dict[str, SchemeScores]  # by scheme: strict, exact, partial, type
    semeval_original: dict[str, SchemeScore]  # by the same, all types together
    confusion: Confusion

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        return asdict(self)


def evaluate(
    gold: Sequence[Sentence],
    predicted: Sequence[Sequence[Span]],
    *,
    label_set: LabelSet,
    data_sha256: str,
    predicted_labels: Sequence[Sequence[str]] | None = None,
) -> Report:
    """Scores predictions against gold.

    Parameters
    ----------
    gold
        Sentences with `spans`, their types as they stand in the file; `label_set` maps them here.
    predicted
        The spans of each sentence, with the label set's types (`map_types` maps those of a file).
    data_sha256
        The SHA-256 of the gold file's bytes in hexadecimal, for the signature.
    predicted_labels
        The labels as a system wrote them (B, I and O), where it matters that they may be no legal IOB2: for
        semeval-2013-original alone. None: those that the spans make.

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
        flat = map_types([Sentence([], spans=raw, path="the predicted labels")], label_set)[0]
    return Report(
        signatures={scheme: signature(scheme, label_set, data_sha256) for scheme in READINGS},
        sentences=len(gold),
        words=sum(lengths),
        strict=strict(gold_spans, predicted, lengths),
        interval=bootstrap(sentence_counts(gold_spans, predicted)),
        semeval=semeval(gold_spans, predicted),
        semeval_original=semeval_original(flatten(gold_spans, lengths), flat),
        confusion=confusion(gold_spans, predicted, lengths),
    )


def map_types(sentences: Sequence[Sentence], label_set: LabelSet) -> list[list[Span]]:
    """The spans of each sentence with the label set's types.

    A type that is already one of them (`GPE` for the set `7`) stays, so that the predictions of a model
    trained with the set, and those of one trained with `full`, are both understood. Raises InputError for any
    other type.
    """
    if label_set.types is not None:
        stay = {type_: type_ for type_ in label_set.types.values() if type_ != "O"}
        label_set = replace(label_set, types={**stay, **label_set.types})
    return [label_set.map(sentence) for sentence in sentences]


def require_scorable(model: LabelSet, evaluation: LabelSet) -> None:
    """Raises UsageError where a model of one label set cannot be scored in another.

    It can where the model's types say the evaluation's: mapping a gold type by way of the model's set must
    give what the evaluation's set makes of it, or nothing (MISC, which `full` drops). So `full` can be scored
    as 7, 6 or 4, and 6 as 4. A set that takes types as they stand says nothing to check.
    """
    if model.types is None or evaluation.types is None:
        return
    known = {**{type_: type_ for type_ in evaluation.types.values()}, **evaluation.types}
    for type_, wanted in evaluation.types.items():
        through = model.types.get(type_, type_)
        if through != "O" and known.get(through) != wanted:
            raise UsageError(
                f"a model with the labels {model.name} cannot be scored in the label set {evaluation.name}: "
                f"it says {through} for {type_}, where {evaluation.name} says {wanted}"
            )


def signature(scheme: str, label_set: LabelSet, data_sha256: str) -> str:
    """What a score must share with another one to be compared with it, as sacreBLEU prints it.

    The fields: scheme; reading of labels; label set; what becomes of the type MISC (`O`: dropped, `-`: the
    label set does not speak of it); matching of spans; the first 8 digits of the SHA-256 of the gold data;
    program and version.

    >>> signature("strict", LabelSet.named("full"), "9f2c61ab55d0")  # doctest: +ELLIPSIS
    'strict|IOB2|labels:full|misc:O|one-to-one|data:9f2c61ab|bilstm_crf:...'
    """
    reading, matching = READINGS[scheme]
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
