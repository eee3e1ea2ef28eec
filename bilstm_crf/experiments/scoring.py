"""Scores of a trained run: its predictions as spans in each evaluation's label set, beside the model.

    python -m bilstm_crf.experiments.scoring RUN JSON [--trust-remote-code]

The runner starts it, so that memory and threads are given back when it ends.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bilstm_crf.errors import BilstmCrfError
from bilstm_crf.experiments.results import model_of, score_path
from bilstm_crf.experiments.settings import Evaluation
from bilstm_crf.util.files import read_json, sha256_of_all, write_json


class Asked(NamedTuple):
    """An evaluation that is to be made, and how its files are read."""

    evaluation: Evaluation
    files: Sequence[str]
    format: str | None = None
    key: str = "name"


def score(run: Path, evaluations: Sequence[Asked], *, trust_remote_code: bool = False) -> None:
    """Tags the files of each evaluation with the run's model and writes the scores.

    The rule: predictions are decoded to spans by the model's own encoding; their types, and those of the gold
    spans, are mapped to the label set of the evaluation; spans are compared. Raises what `Tagger.load` and
    `read_gold` raise, and InputError for a type that the label set does not know.
    """
    from bilstm_crf.corpus.documents import Documents
    from bilstm_crf.corpus.labelled import read_gold
    from bilstm_crf.evaluation.counts import sentence_counts
    from bilstm_crf.evaluation.report import evaluate, map_types
    from bilstm_crf.formats import FormatOptions
    from bilstm_crf.inference.tagger import Tagger
    from bilstm_crf.labels import LabelSet
    from bilstm_crf.sentence import Sentence

    load = cache(lambda folder: Tagger.load(folder, trust_remote_code=trust_remote_code))
    documents = Documents()
    for evaluation, files, format_name, key in evaluations:
        folder = model_of(run, evaluation)
        tagger = load(folder)
        model = read_json(folder / "model.json")
        options = FormatOptions(misc_key=key, keep_raw=False)
        gold = [s for file in files for s in read_gold(file, format_name, options)[0]]
        if tagger.reads_neighbours:
            documents.name(gold)
        label_set = LabelSet.named(evaluation.labels)
        tagged = [
            Sentence(sentence.tokens, spans=spans, path=f"model {folder}")
            for sentence, spans in zip(gold, tagger.predict(gold), strict=True)
        ]
        predicted = map_types(tagged, label_set)
        report = evaluate(gold, predicted, label_set=label_set, data_sha256=sha256_of_all(files))
        counts = sentence_counts(map_types(gold, label_set), predicted)
        path = score_path(run, evaluation)
        path.parent.mkdir(exist_ok=True)
        content = {
            "evaluation": vars(evaluation),
            "model": folder.relative_to(run).as_posix(),
            "model_sha256": model["sha256"],
            "files": list(files),
            "data_sha256": sha256_of_all(files),
            **report.as_dict(),
            # one number a sentence, in the order of the files
            "counts": {
                name: [count[part] for count in counts]
                for part, name in enumerate(("correct", "gold", "predicted"))
            },
        }
        write_json(path, content)


def main(arguments: Sequence[str]) -> int:
    """What the runner starts: the run's folder, and [[evaluation, files, format, key], …] as JSON."""
    run, evaluations, *trust = arguments
    try:
        asked = [Asked(Evaluation(**each), *how) for each, *how in json.loads(evaluations)]
        score(Path(run), asked, trust_remote_code=bool(trust))
    except BilstmCrfError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
