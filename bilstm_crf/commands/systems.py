"""Gold sentences and the systems to score on them: a model, files, or both; for `evaluate` and `errors`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from bilstm_crf.commands.options import chosen_model, documents_for, format_options, load_tagger_or_ensemble
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.corpus.labelled import read_gold
from bilstm_crf.corpus.overview import warn_of_types
from bilstm_crf.errors import UsageError
from bilstm_crf.evaluation.pair import PairFormats, iob_labels, read_predicted
from bilstm_crf.evaluation.report import Reading, map_types, require_scorable
from bilstm_crf.formats import contents_of
from bilstm_crf.labels import LabelSet, has_illegal_labels
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.util.files import sha256_of_all
from bilstm_crf.util.progress import Waiting, say


@dataclass(frozen=True)
class System:
    """The spans that one system predicts for the gold sentences."""

    name: str
    spans: list[list[TokenSpan]]  # with the label set's types
    labels: list[list[str]] | None = None  # as the system wrote them, if they are B, I and O


@dataclass(frozen=True)
class Systems:
    """Gold sentences with the systems to score on them, at least one."""

    files: Sequence[str]  # of gold
    gold: list[Sentence]
    label_set: LabelSet
    systems: list[System]
    data_sha256: str
    reading: Reading

    @property
    def gold_spans(self) -> list[list[TokenSpan]]:
        """The gold spans with the label set's types."""
        return map_types(self.gold, self.label_set)


def read_systems(
    options: dict[str, Any], label_set: LabelSet | None, documents: Documents | None = None
) -> Systems:
    """Read gold, and tag it with the model or read predictions, as the options of `pair_options` say.

    `label_set` is None where none was asked for; `documents` names the documents of gold. Raises UsageError
    for files that do not belong together, InputError for ill-formed ones.
    """
    model, files, predicted = chosen_model(options), options["files"], options["predicted"]
    if model is not None and files and options["gold"] is None:
        if predicted and len(files) > 1:
            raise UsageError(f"--predicted with {len(files)} gold files, expected one with the same words")
    elif model is None and not files and options["gold"] is not None and predicted:
        files = (options["gold"],)
    else:
        raise UsageError(
            "expected a model and files, or gold and predicted files",
            hint="give [--model DIR] FILE...   or --gold GOLD --predicted A",
        )
    formats_of = _formats(options)
    with Waiting("Reading the files"):
        gold = read_gold_files(files, options, say if model is None else None)
    if documents is not None:
        documents.name(gold)
    tagged = []
    if model is not None:
        found, own_set = _tag(gold, options, label_set, documents)
        label_set = label_set or own_set
        tagged.append((model_name(options), found))
    label_set = label_set or LabelSet.named("file")
    read = [(path, read_predicted(gold, files[0], path, formats_of, say)) for path in predicted]
    systems = [System(name, map_types(sentences, label_set)) for name, sentences in tagged]
    systems += [System(name, map_types(found, label_set), iob_labels(found)) for name, found in read]
    if model is None:
        warn_of_types([*map_types(gold, label_set), *(spans for each in systems for spans in each.spans)])
    by_file = [list(file) for _, file in groupby(gold, key=lambda sentence: sentence.path)]
    illegal = any(map(has_illegal_labels, [*by_file, *(found for _, found in read)]))
    repaired = options["repair"] == "conlleval" and illegal
    return Systems(
        files, gold, label_set, systems, sha256_of_all(contents_of(files)), Reading(repaired=repaired)
    )


def model_name(options: dict[str, Any]) -> str:
    """Return the name of the model in results."""
    return "the model in the box" if options["model"] is None else f"model {options['model']}"


def read_gold_files(
    files: Sequence[str], options: dict[str, Any], tell: Callable[[str], None] | None = None
) -> list[Sentence]:
    """Read labelled files one after another; `tell` is told which are not in IOB2. Raises InputError."""
    formats_of = _formats(options)
    sentences = []
    for file in files:
        found, encoding = read_gold(file, formats_of.gold, formats_of.options, formats_of.repair)
        if encoding != "IOB2" and tell is not None:
            tell(f"{file}: labels read as {encoding}")
        sentences += found
    return sentences


def _formats(options: dict[str, Any]) -> PairFormats:
    format_name = options["format_name"]
    reading = format_options(options, keep_raw=False)
    return PairFormats(format_name, options["predicted_format"] or format_name, reading, options["repair"])


def _tag(
    gold: list[Sentence], options: dict[str, Any], label_set: LabelSet | None, documents: Documents | None
) -> tuple[list[Sentence], LabelSet]:
    """Return the gold sentences with the model's spans, and the model's label set."""
    tagger = load_tagger_or_ensemble(options["model"], options, threads=options["threads"])
    if label_set is not None:
        require_scorable(tagger.label_set, label_set)
    if documents is None:
        documents = documents_for(tagger, options["documents"])
        if documents is not None:
            documents.name(gold)
    with Waiting(f"Tagging {len(gold):,} sentences"):
        predicted = tagger.predict(gold)
    spans = zip(gold, predicted, strict=True)
    path = model_name(options)
    return [replace(sentence, token_spans=found, path=path) for sentence, found in spans], tagger.label_set
