#!/usr/bin/env python3
"""Measure what `pseudonymise` leaves of the people in NorNE's dev, and what it replaces by mistake.

python benchmarks/pseudonymise.py --norne DIR [--model DIR] -o docs/results/pseudonymise.json

A PER token is left if it holds a letter and comes out unchanged; a false alarm is a replaced token that is
in no name of any type. Style `number`, which replaces every word of a name; no identifiers.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import bilstm_crf
import measure
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.formats import FORMATS, FormatOptions
from bilstm_crf.inference.tagger import Tagger
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.pseudonyms.corpus import Pseudonymiser, Request
from bilstm_crf.pseudonyms.forms import fold, split_genitive
from bilstm_crf.pseudonyms.identifiers import KINDS, find_identifiers
from bilstm_crf.pseudonyms.mapping import Mapping
from bilstm_crf.pseudonyms.source import Source
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import sha256_of

DEV = {"nob": "nob/no_bokmaal-ud-dev.conllu", "nno": "nno/no_nynorsk-ud-dev.conllu"}
THRESHOLDS = (None, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02)


class TaggedOnce:
    """A tagger that remembers what it found with each decoding, since a file is measured more than once."""

    reads_neighbours = True

    def __init__(self, tagger: Tagger) -> None:
        self.tagger, self.entity_types = tagger, tagger.entity_types
        self._found: dict[Any, list[Any]] = {}

    def tag_stream(self, sentences: Iterable[Sentence], *, decoding: Any) -> Iterator[Sentence]:
        sentences = list(sentences)
        key = (sentences[0].path, decoding)
        if key not in self._found:
            tagged = self.tagger.tag_stream(iter(sentences), decoding=decoding)
            self._found[key] = [(each.token_spans, each.scores) for each in tagged]
        for sentence, (spans, scores) in zip(sentences, self._found[key], strict=True):
            sentence.token_spans, sentence.scores = spans, scores
            yield sentence


def read(content: bytes, path: str) -> list[Sentence]:
    from io import BytesIO

    return [each for each in FORMATS["conllu"].read(BytesIO(content), path, FormatOptions()) if each.tokens]


def measure_one(tagger: TaggedOnce, path: Path, recall: float | None, *, same_names: bool) -> dict[str, Any]:
    """Pseudonymise a file and compare it with its gold."""
    started = time.perf_counter()
    source = Source(str(path), path.name, FORMATS["conllu"])
    request = Request(frozenset(["PER"]), (), recall, same_names, unsure_below=0.5)
    options = FormatOptions(misc_key="none", known_types=tagger.entity_types)
    run = Pseudonymiser(cast(Tagger, tagger), Mapping.new("number"), request, options, Documents())
    run.survey(source)
    run.decide()
    edited = run.edit(source)
    gold, new = read(source.read(), str(path)), read(edited.text.encode(), str(path))
    return counts(gold, new) | {
        "recall": recall,
        "same_names": same_names,
        "names_found_elsewhere": edited.counts.elsewhere["PER"],
        "seconds": round(time.perf_counter() - started, 1),
    }


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
    parser.add_argument("--thresholds", type=float, nargs="*", default=THRESHOLDS)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    tagger = TaggedOnce(Tagger.load(options.model) if options.model else Tagger.load())
    rows = []
    for language, name in DEV.items():
        path = options.norne / name
        for recall in options.thresholds:
            for same_names in (False, True):
                row = {"language": language, **measure_one(tagger, path, recall, same_names=same_names)}
                rows.append(row)
                left, false = 100 * row["share_left"], row["false_alarms_per_1000"]
                print(
                    f"{language} T {recall} same names {same_names}: {left:.2f} % left, {false:.2f} false",
                    flush=True,
                )
    data = {language: sha256_of(options.norne / name) for language, name in DEV.items()}
    report = {
        "command": sys.argv,
        "machine": measure.machine(),
        "model": description(options.model),
        "data_sha256": data,
        "identifiers": identifiers(options.norne),
        "genitives": {language: genitives(options.norne / name) for language, name in DEV.items()},
        "rows": rows,
    }
    measure.write_report(options.output, report)
    return 0


def identifiers(norne: Path) -> dict[str, int]:
    """Return how many identifiers of each kind the patterns find in all of NorNE, and in how many tokens."""
    found: Counter[str] = Counter()
    for path in sorted(norne.glob("*/*.conllu")):
        for sentence in read(path.read_bytes(), str(path)):
            found["tokens"] += len(sentence)
            found.update(each.kind for each in find_identifiers(sentence.text or "", KINDS))
    return dict(found)


def genitives(path: Path) -> dict[str, int]:
    """Return the number of names of people, of those in the genitive (by LEMMA), and of wrong decisions."""
    names = []
    for sentence in read(path.read_bytes(), str(path)):
        lemmas = [sentence.raw[line - sentence.line].decode().split("\t")[2] for line in sentence.lines]
        for span in ENCODINGS["iob"].decode(sentence.labels or []):
            if span.type == "PER":
                following = sentence.tokens[span.end] if span.end < len(sentence) else None
                word = sentence.tokens[span.end - 1]
                names.append((word, following, lemmas[span.end - 1] in (word[:-1], word[:-2])))
    attested = {fold(word) for word, following, _ in names if not split_genitive(word, following).ending}
    wrong = sum(bool(split_genitive(word, after, attested).ending) != real for word, after, real in names)
    return {"names": len(names), "in_the_genitive": sum(real for *_, real in names), "wrong": wrong}


def description(folder: Path | None) -> dict[str, Any]:
    """Return the SHA-256 of each file of the model's weights."""
    path = folder or Path(bilstm_crf.__file__).parent / "box"
    weights = {
        file.name: sha256_of(file)
        for file in sorted(path.glob("*.safetensors"))
        if "checkpoint" not in file.name
    }
    return {"weights_sha256": weights}


if __name__ == "__main__":
    sys.exit(main())
