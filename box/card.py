"""Score the model in the box on NorNE's dev sets, and write its card.

    python box/card.py --shared ../shared --student runs/box/student

Writes docs/results/box.json, and from card.md.j2 bilstm_crf/box/README.md. Each standard is scored as it is,
sentence by sentence, in capitals, in lower case, without final full stops, in NFD and with soft hyphens.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jinja2
from silver import read_labels

from bilstm_crf import Tagger
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.corpus.labelled import Labelled, read_labelled
from bilstm_crf.evaluation.report import evaluate
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.labels import LabelSet
from bilstm_crf.sentence import Sentence
from bilstm_crf.training.provenance import environment, git_commit
from bilstm_crf.util.files import sha256_of

ROOT = Path(__file__).parents[1]
BOX = ROOT / "bilstm_crf" / "box"
STANDARDS = {"Bokmål": "nob/no_bokmaal-ud-dev.conllu", "Nynorsk": "nno/no_nynorsk-ud-dev.conllu"}
SOFT_HYPHEN = "\u00ad"


def written(change: Callable[[str], str]) -> Callable[[Sequence[Sentence]], list[Sentence]]:
    """Return what changes each token of sentences."""
    return lambda sentences: [replace(each, tokens=[*map(change, each.tokens)]) for each in sentences]


def alone(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Put each sentence into a document of its own."""
    return [replace(each, document=str(number)) for number, each in enumerate(sentences)]


def without_stop(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Leave out the full stop at the end of sentences, if it is in no name."""
    return [
        replace(each, tokens=each.tokens[:-1])
        if len(each) > 1 and each.tokens[-1] == "." and all(s.end < len(each) for s in each.token_spans or ())
        else each
        for each in sentences
    ]


def hyphenated(word: str) -> str:
    """Put a soft hyphen into the middle of a word of letters."""
    half = len(word) // 2
    return word[:half] + SOFT_HYPHEN + word[half:] if len(word) > 3 and word.isalpha() else word


VARIANTS: dict[str, Callable[[Sequence[Sentence]], list[Sentence]]] = {
    "document": list,
    "sentence alone": alone,
    "in capitals": written(str.upper),
    "in lower case": written(str.lower),
    "without final full stops": without_stop,
    "in NFD": written(lambda word: unicodedata.normalize("NFD", word)),
    "with soft hyphens": written(hyphenated),
}


def scores(tagger: Tagger, split: Labelled, names: Sequence[str]) -> dict[str, Any]:
    """Return strict precision, recall and F1 for each variant of the sentences."""
    gold = [sentence.token_spans or [] for sentence in split.sentences]
    found = {}
    for name in names:
        result = strict(gold, tagger.predict(VARIANTS[name](split.sentences)))
        found[name] = {"precision": result.precision, "recall": result.recall, "f1": result.f1}
    return found


def silver_text() -> dict[str, int]:
    """Return how large the silver text is, and how many models labelled it."""
    header = read_labels(Path(__file__).parent / "silver.tsv.xz").header
    totals = {name: sum(source[name] for source in header["sources"]) for name in ("sentences", "tokens")}
    return totals | {"samples": header["samples"], "teachers": len(header["teachers"])}


def read(path: Path) -> Labelled:
    split = read_labelled([str(path)], LabelSet.named("full"))
    Documents().name(split.sentences)
    return split


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--student", type=Path, required=True, help="the small model before it was packed")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs" / "results" / "box.json")
    given = parser.parse_args()
    box, student = Tagger.load(BOX), Tagger.load(given.student)
    files = sorted(path for path in BOX.iterdir() if path.name != "README.md")
    result: dict[str, Any] = {
        "command": "make box",
        "commit": git_commit(ROOT),
        "environment": asdict(environment()),
        "bytes": {path.suffix or path.name: path.stat().st_size for path in files},
        "training": box.model.provenance,
        "silver": silver_text(),
        "scores": {},
    }
    for standard, name in STANDARDS.items():
        path = given.shared / "norne" / name
        split = read(path)
        report = evaluate(
            split.sentences,
            box.predict(split.sentences),
            label_set=box.label_set,
            data_sha256=sha256_of(path),
        )
        result["scores"][standard] = {
            "data": {"file": name, "sha256": sha256_of(path), "sentences": len(split.sentences)},
            "signature": report.signatures["strict"],
            "box": scores(box, split, list(VARIANTS)),
            "types": {type_: asdict(each) for type_, each in report.strict.types.items()},
            "before packing": scores(student, split, ["document", "sentence alone"]),
        }
    given.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    template = (Path(__file__).parent / "card.md.j2").read_text("utf-8")
    made = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    made.filters["percent"] = lambda value: f"{100 * value:.1f}"
    (BOX / "README.md").write_text(made.from_string(template).render(result) + "\n", "utf-8")


if __name__ == "__main__":
    main()
