#!/usr/bin/env python3
"""Measure what `pseudonymise` leaves of the people in NorNE's dev, and what it replaces by mistake.

python benchmarks/pseudonymise.py --norne DIR [--model DIR] -o docs/results/pseudonymise.json

A PER token is left if it holds a letter and comes out unchanged; a false alarm is a replaced token that is
in no name of any type. Style `number`, which replaces every word of a name; no identifiers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import measure
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.pseudonyms.corpus import Pseudonymiser, Request, Source
from bilstm_crf.pseudonyms.mapping import Mapping
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import sha256_of

DEV = {"nob": "nob/no_bokmaal-ud-dev.conllu", "nno": "nno/no_nynorsk-ud-dev.conllu"}
THRESHOLDS = (None, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02)


def read(content: bytes, path: str) -> list[Sentence]:
    from io import BytesIO

    return [each for each in FORMATS["conllu"].read(BytesIO(content), path, FormatOptions()) if each.tokens]


def measure_one(tagger: Tagger, path: Path, recall: float | None, *, same_names: bool) -> dict[str, Any]:
    """Pseudonymise a file and compare it with its gold."""
    source = Source(str(path), path.name, FORMATS["conllu"])
    request = Request(frozenset(["PER"]), (), recall, same_names, unsure_below=0.5)
    options = FormatOptions(known_types=tagger.entity_types)
    run = Pseudonymiser(tagger, Mapping.new("number"), request, options, Documents())
    run.survey([source])
    edited = run.edit(0, source)
    gold, new = read(source.read(), str(path)), read(edited.text.encode(), str(path))
    return counts(gold, new) | {
        "recall": recall,
        "same_names": same_names,
        **elsewhere(edited.counts.elsewhere),
    }


def elsewhere(found: dict[str, int]) -> dict[str, int]:
    return {"names_found_elsewhere": found["PER"]}


def counts(gold: Iterable[Sentence], new: Iterable[Sentence]) -> dict[str, Any]:
    """Return tokens and names of people, those that are left, and false alarms."""
    tokens = people = left = names = names_left = false = other = 0
    for before, after in zip(gold, new, strict=True):
        spans = ENCODINGS["iob"].decode(before.labels or [])
        type_of = {at: span.type for span in spans for at in range(span.start, span.end)}
        same = [a == b for a, b in zip(before.tokens, after.tokens, strict=True)]
        words = [any(map(str.isalpha, token)) for token in before.tokens]
        tokens += len(same)
        for at, unchanged in enumerate(same):
            is_person = type_of.get(at) == "PER" and words[at]
            people += is_person
            left += is_person and unchanged
            false += not unchanged and at not in type_of
            other += not unchanged and type_of.get(at, "PER") != "PER"
        for span in spans:
            if span.type == "PER":
                names += 1
                names_left += any(same[at] and words[at] for at in range(span.start, span.end))
    return {
        "tokens": tokens,
        "per_tokens": people,
        "per_tokens_left": left,
        "share_left": left / people,
        "per_names": names,
        "per_names_left": names_left,
        "false_alarms": false,
        "false_alarms_per_1000": 1000 * false / tokens,
        "in_names_of_other_types": other,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--norne", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="folder of a model  [the one in the box]")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    tagger = Tagger.load(options.model) if options.model else Tagger.load()
    rows = []
    for language, name in DEV.items():
        path = options.norne / name
        for same_names in (False, True):
            for recall in THRESHOLDS:
                row = {"language": language, **measure_one(tagger, path, recall, same_names=same_names)}
                rows.append(row)
                print(
                    f"{language} T {recall} same names {same_names}: {100 * row['share_left']:.2f} % of PER tokens"
                    f" left, {row['false_alarms_per_1000']:.2f} false alarms in 1,000 tokens",
                    flush=True,
                )
    data = {language: sha256_of(options.norne / name) for language, name in DEV.items()}
    if options.output:
        measure.save(options.output, {"model": model_of(tagger), "data_sha256": data, "rows": rows})
    return 0


def model_of(tagger: Tagger) -> dict[str, Any]:
    return {}


if __name__ == "__main__":
    sys.exit(main())
