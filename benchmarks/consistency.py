"""Measure `Decoding(consistent=True)` on NorNE's dev: strict F1 with and without, and what changed.

python benchmarks/consistency.py --norne ../shared/norne --model runs/nob-sg600 [--without-memory]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bilstm_crf import Tagger, __version__
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.formats import read
from bilstm_crf.inference.decoding import Decoding
from bilstm_crf.labels import read_spans
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training.provenance import environment
from bilstm_crf.util.files import sha256_of

DEV = {"nob": "no_bokmaal-ud-dev.conllu", "nno": "no_nynorsk-ud-dev.conllu"}
Spans = Sequence[Sequence[TokenSpan]]


def load(folder: str, *, without_memory: bool) -> Tagger:
    tagger = Tagger.load(folder)
    if not without_memory:
        return tagger
    architecture = dataclasses.replace(tagger.model.architecture, document_memory=0)
    return Tagger(dataclasses.replace(tagger.model, architecture=architecture))


def changes(gold: Spans, before: Spans, after: Spans) -> dict[str, int]:
    """Count spans that came and went, by whether they are right."""
    found: Counter[str] = Counter()
    for right, old, new in zip(map(set, gold), map(set, before), map(set, after), strict=True):
        found["added right"] += len((new - old) & right)
        found["added wrong"] += len(new - old - right)
        found["removed right"] += len((old - new) & right)
        found["removed wrong"] += len(old - new - right)
    return dict(found)


def measure(tagger: Tagger, sentences: list[Sentence]) -> dict[str, Any]:
    gold = [sentence.token_spans or [] for sentence in sentences]
    before = tagger.predict(sentences)
    after = tagger.predict(sentences, decoding=Decoding(consistent=True))
    scores = {"without": strict(gold, before), "with": strict(gold, after)}
    return {
        **{name: round(100 * score.micro.f1, 2) for name, score in scores.items()},
        "by type": {
            type_: [round(100 * score.types[type_].f1, 2) for score in scores.values()]
            for type_ in scores["with"].types
            if len({score.types[type_].f1 for score in scores.values()}) > 1
        },
        **changes(gold, before, after),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--norne", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--without-memory", action="store_true", help="Leave out its document memory.")
    arguments = parser.parse_args()
    tagger = load(arguments.model, without_memory=arguments.without_memory)
    results: dict[str, Any] = {
        "bilstm_crf": __version__,
        "environment": dataclasses.asdict(environment()),
        "dev_sha256": {name: sha256_of(arguments.norne / name / file) for name, file in DEV.items()},
        "model": Path(arguments.model).name,
        "without_memory": arguments.without_memory,
    }
    for name, file in DEV.items():
        sentences = list(read(arguments.norne / name / file))
        read_spans(sentences)
        Documents().name(sentences)
        results[name] = measure(tagger, sentences)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
