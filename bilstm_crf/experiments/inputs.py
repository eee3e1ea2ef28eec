"""The files that experiments need: NorNE's, and those of corpora of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bilstm_crf.corpus.norne import SPLITS, find_corpus, find_or_fetch, languages_of, split_files
from bilstm_crf.errors import UsageError
from bilstm_crf.experiments.corpora import OwnCorpus
from bilstm_crf.experiments.definition import Experiment


def find_files(
    data: str | None, experiments: Sequence[Experiment], *, fetch: bool = True
) -> dict[str, dict[str, list[str]]]:
    """The files that the experiments need, by language or own corpus.

    NorNE's are fetched as `train` does, where `fetch` allows it. A split whose files are not all there has
    none. Raises what `find_or_fetch` raises for NorNE.
    """
    needed: set[str] = set()
    for experiment in experiments:
        needed |= set(languages_of(experiment.language) if experiment.statistics else ())
        needed |= {cell.settings.language for cell in experiment.cells}
        needed |= {cell.evaluation.language for cell in experiment.cells}
    own = {name: each for name, each in own_corpora(experiments).items() if name in needed}
    corpus: dict[str, dict[str, list[str]]] = {}
    for language in sorted(needed.difference(own).union(*(each.of_norne for each in own.values()))):
        splits = find_or_fetch(data, language) if fetch else split_files(find_corpus(data), language)
        whole = len(languages_of(language))
        corpus[language] = {
            split: [str(path) for path in paths] if len(paths) == whole else []
            for split, paths in splits.items()
        }
    norne = dict(corpus)
    for name, each in own.items():
        resolved = each.resolved(norne)
        corpus[name] = {
            split: [] if each.missing(split) else list(getattr(resolved, split)) for split in SPLITS
        }
    return corpus


def own_corpora(experiments: Iterable[Experiment]) -> dict[str, OwnCorpus]:
    """The corpora that the files define. Raises UsageError where two mean different ones by one name."""
    found: dict[str, OwnCorpus] = {}
    for experiment in experiments:
        for name, each in experiment.corpora.items():
            if found.setdefault(name, each) != each:
                raise UsageError(
                    f"{experiment.path} and another of the files define [corpus.{name}] differently",
                    hint="give one of the two another name, or run the files one after the other",
                )
    return found
