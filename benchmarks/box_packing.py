"""Measure the cost of packing: size and dev F1 of a model and of packed copies of several sizes.

    python benchmarks/box_packing.py --model runs/joint --norne ../shared/norne -o packing.json

F1 is strict, with the model's label set: once with the corpus's documents, once with each sentence alone.
A setting is DIM,WORD,NGRAM: dimensions of a word, bytes of its codes, bytes of an n-gram's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bilstm_crf import Tagger
from bilstm_crf.corpus.documents import Documents
from bilstm_crf.corpus.labelled import read_labelled
from bilstm_crf.evaluation.strict import strict
from bilstm_crf.model.model_folder import load_model, save_packed
from bilstm_crf.model.pack import Sizes, pack
from bilstm_crf.sentence import Sentence, TokenSpan
from measure import machine, write_report

FILES = {"nob": "nob/no_bokmaal-ud-dev.conllu", "nno": "nno/no_nynorsk-ud-dev.conllu"}
SETTINGS = ("256,128,64", "256,64,32", "192,96,48", "192,48,24", "128,64,32", "64,32,16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, type=Path)
    parser.add_argument("--norne", required=True, type=Path)
    parser.add_argument("-o", "--output", required=True, type=Path)
    parser.add_argument("settings", nargs="*", default=SETTINGS)
    given = parser.parse_args()
    model = load_model(given.model)
    corpora = {
        name: read_labelled([str(given.norne / file)], model.label_set).sentences
        for name, file in FILES.items()
    }
    for sentences in corpora.values():
        Documents().name(sentences)
    rows = [{"setting": None, "bytes": bytes_of(given.model), **scores_of(Tagger(model), corpora)}]
    show(rows[-1])
    for setting in given.settings:
        packed = pack(model, Sizes(*map(int, setting.split(","))))
        with tempfile.TemporaryDirectory() as folder:
            save_packed(packed.model, Path(folder), packed.tables)
            rows.append(
                {
                    "setting": setting,
                    "bytes": bytes_of(Path(folder)),
                    **scores_of(Tagger.load(folder), corpora),
                }
            )
        show(rows[-1])
    record = {
        "command": ["python", *sys.argv],
        "machine": machine(),
        "weights": [path.name for path in given.model.glob("weights-*")],
        "data": {file: len(corpora[name]) for name, file in FILES.items()},
        "rows": rows,
    }
    write_report(given.output, record)


def bytes_of(folder: Path) -> int:
    """Return the bytes of model.json and the weights."""
    return sum(path.stat().st_size for path in [folder / "model.json", *folder.glob("weights-*")])


def scores_of(tagger: Tagger, corpora: dict[str, list[Sentence]]) -> dict[str, float]:
    """Return the strict F1 of each corpus, with documents and with each sentence alone."""
    found = {}
    for name, gold in corpora.items():
        alone = [replace(sentence, document=str(number)) for number, sentence in enumerate(gold)]
        found[name] = f1(gold, tagger.predict(gold))
        found[f"{name} alone"] = f1(gold, tagger.predict(alone))
    return found


def f1(gold: Sequence[Sentence], predicted: Sequence[Sequence[TokenSpan]]) -> float:
    """Return the strict F1 in per cent."""
    return 100 * strict([sentence.token_spans or [] for sentence in gold], predicted).f1


def show(row: dict[str, object]) -> None:
    print(*(f"{value:.2f}" if isinstance(value, float) else value for value in row.values()), flush=True)


if __name__ == "__main__":
    main()
