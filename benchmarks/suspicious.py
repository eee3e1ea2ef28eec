"""Measure how many of the wrong labels put into NorNE's dev `data check --suspicious` finds.

python benchmarks/suspicious.py --norne ../shared/norne --embeddings embeddings/sg100.bin -o out.json
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bilstm_crf import __version__
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.embeddings.read import load
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence
from bilstm_crf.training.provenance import environment
from bilstm_crf.training.suspicious import find_suspicious
from measure import write_report

FILE = "nob/no_bokmaal-ud-dev.conllu"
TYPES = ("PER", "ORG", "GPE_LOC", "PROD")
KINDS = ("missing", "other type", "cut short")
FIRST = (25, 50, 100)  # places, the surest first


def spoil(sentences: Sequence[Sentence], share: float, draw: random.Random) -> dict[int | None, str]:
    """Make a share of the entities wrong; return the kind of each error by its line."""
    wrong: dict[int | None, str] = {}
    for sentence in sentences:
        spans = []
        for span in sentence.token_spans or []:
            if draw.random() >= share:
                spans.append(span)
                continue
            kind = draw.choice(KINDS)
            if kind == "cut short" and span.end - span.start == 1:
                kind = "missing"
            if kind == "other type":
                spans.append(span._replace(type=draw.choice([each for each in TYPES if each != span.type])))
            elif kind == "cut short":
                spans.append(span._replace(end=span.end - 1))
            wrong[sentence.lines[span.start]] = kind
        sentence.token_spans = spans
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--norne", type=Path, required=True)
    parser.add_argument("--embeddings", default="none")
    parser.add_argument("--share", type=float, default=0.05, help="Share of the entities to make wrong.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    data = read_labelled([str(arguments.norne / FILE)], LabelSet.named("file"))
    entities = sum(len(each.token_spans or []) for each in data.sentences)
    wrong = spoil(data.sentences, arguments.share, random.Random(arguments.seed))
    vectors = load(arguments.embeddings)
    started = time.process_time()
    places = find_suspicious(data.sentences, print, vectors=vectors)
    hits = [place.line in wrong for place in places]
    found = {place.line for place in places}
    result: dict[str, Any] = {
        "bilstm_crf": __version__,
        "command": ["python", *sys.argv],
        "environment": asdict(environment()),
        "data_sha256": data.files[0].sha256,
        "vectors_sha256": None if vectors is None or vectors.source is None else vectors.source.sha256,
        "seed": arguments.seed,
        "sentences": len(data.sentences),
        "entities": entities,
        "wrong": len(wrong),
        "places": len(places),
        "places that were made wrong": sum(hits),
        "of the first": {str(number): sum(hits[:number]) for number in FIRST},
        "found by kind": {
            kind: [
                sum(line in found for line, of in wrong.items() if of == kind),
                list(wrong.values()).count(kind),
            ]
            for kind in KINDS
        },
        "processor_seconds": round(time.process_time() - started, 1),
    }
    print(json.dumps(result, indent=1))
    write_report(arguments.output, result)


if __name__ == "__main__":
    main()
