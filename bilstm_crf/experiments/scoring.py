"""Score a trained run: its predictions as spans, in the label set of each evaluation.

    python -m bilstm_crf.experiments.scoring RUN JOBS [--trust-remote-code]

The runner starts it as a process of its own, so that memory and threads are freed when it ends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.experiments.records import Evaluation, Score, SentenceCounts
from bilstm_crf.experiments.results import model_folder, score_path
from bilstm_crf.formats import contents_of
from bilstm_crf.util.files import read_json, sha256_of_all, write_json
from bilstm_crf.util.records import parse_record


@dataclass(frozen=True)
class ScoringJob:
    """An evaluation to make, and how its files are read."""

    evaluation: Evaluation
    files: tuple[str, ...]
    format: str | None = None
    misc_key: str = "name"


def score(run: Path, jobs: Sequence[ScoringJob], *, trust_remote_code: bool = False) -> None:
    """Tag the files of each job with the run's model and write the scores.

    Predictions are decoded to spans by the model's own encoding; their types and those of the gold spans are
    mapped to the label set of the evaluation; spans are compared. Raises what `Tagger.load` and `read_gold`
    raise, and InputError for a type that the label set does not know.
    """
    from bilstm_crf.corpus.documents import Documents
    from bilstm_crf.corpus.labelled import read_gold
    from bilstm_crf.evaluation.counts import sentence_counts
    from bilstm_crf.evaluation.report import evaluate, map_types
    from bilstm_crf.formats import FormatOptions
    from bilstm_crf.inference.decoding import UNCONSTRAINED
    from bilstm_crf.inference.tagger import Tagger
    from bilstm_crf.labels import LabelSet
    from bilstm_crf.sentence import Sentence

    load = cache(lambda folder: Tagger.load(folder, trust_remote_code=trust_remote_code))
    documents = Documents()
    for job in jobs:
        folder = model_folder(run, job.evaluation)
        tagger = load(folder)
        options = FormatOptions(misc_key=job.misc_key, keep_raw=False)
        gold = [s for file in job.files for s in read_gold(file, job.format, options)[0]]
        if tagger.reads_neighbours:
            documents.name(gold)
        label_set = LabelSet.named(job.evaluation.labels)
        tagged = [
            Sentence(sentence.tokens, token_spans=spans, path=f"model {folder}")
            for sentence, spans in zip(gold, tagger.predict(gold, decoding=UNCONSTRAINED), strict=True)
        ]
        predicted = map_types(tagged, label_set)
        sha256 = sha256_of_all(contents_of(job.files))
        found = Score(
            evaluation=job.evaluation,
            model=folder.relative_to(run).as_posix(),
            model_sha256=read_json(folder / "model.json")["sha256"],
            files=list(job.files),
            data_sha256=sha256,
            report=evaluate(gold, predicted, label_set=label_set, data_sha256=sha256),
            counts=SentenceCounts.of(sentence_counts(map_types(gold, label_set), predicted)),
        )
        path = score_path(run, job.evaluation)
        path.parent.mkdir(exist_ok=True)
        write_json(path, asdict(found))


def main(arguments: Sequence[str]) -> int:
    """Run what the runner starts: the run's folder, and a list of scoring jobs as JSON."""
    run, content, *trust = arguments
    try:
        jobs = [parse_record(ScoringJob, each, "JOBS") for each in json.loads(content)]
        score(Path(run), jobs, trust_remote_code=bool(trust))
    except BilstmCrfError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
