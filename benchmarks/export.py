"""Compare exported models with Python on all of NorNE's dev, and measure them: sizes, differences, tokens/s.

PYTHONPATH=tests:tests/export python benchmarks/export.py --norne ../shared/norne -o docs/results/export.json

The HTML page runs in Chromium without a window (Playwright), the ONNX graph in onnxruntime.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bilstm_crf import Tagger
from bilstm_crf.export.graph import write_graph
from bilstm_crf.export.inputs import GraphInputs
from bilstm_crf.export.page import write_page
from bilstm_crf.export.vocabulary import vocabulary_of
from bilstm_crf.inference.box import box_folder
from bilstm_crf.inference.network import best_paths
from bilstm_crf.model.model_folder import load_model, weights_of
from bilstm_crf.sentence import Sentence
from bilstm_crf.util.files import sha256_of
from browser import Browser, ask, tag_text, tag_tokens
from exported import documents_of, names_of, running_text, tagged, token_names
from measure import machine, versions, write_report

Names = Sequence[tuple[int, int, str, float]]


class Comparison:
    """Counts units (sentences or documents) with other names, and the largest difference of a score."""

    def __init__(self) -> None:
        self.units = self.names = self.other = 0
        self.score_difference = 0.0

    def add(self, found: Names, expected: Names) -> None:
        self.units += 1
        self.names += len(expected)
        if [each[:3] for each in found] != [each[:3] for each in expected]:
            self.other += 1
            return
        for ours, theirs in zip(found, expected, strict=True):
            self.score_difference = max(self.score_difference, abs(ours[3] - theirs[3]))

    def report(self, unit: str) -> dict[str, Any]:
        return {
            unit: self.units,
            "names": self.names,
            f"{unit} with other names": self.other,
            "largest difference of a score": float(f"{self.score_difference:.1e}"),
        }


def cpu_seconds_below(pid: int) -> float:
    """Return the CPU seconds so far of the processes below this one."""
    parents, seconds = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
            own = int(path.parent.name)
            parents[own] = int(fields[1])
            seconds[own] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def is_below(process: int) -> bool:
        parent = parents.get(process, 0)
        return parent == pid or (parent != 0 and is_below(parent))

    return sum(spent for process, spent in seconds.items() if is_below(process))


def measure_page(folder: Path, tagger: Tagger, documents: Sequence[list[Sentence]]) -> dict[str, Any]:
    by_token, by_text, emission = Comparison(), Comparison(), 0.0
    tokens = [[sentence.tokens for sentence in document] for document in documents]
    count = sum(len(words) for document in tokens for words in document)
    with TemporaryDirectory() as place, Browser() as browser:
        page = Path(place) / "tagger.html"
        page.write_bytes(write_page(folder))
        size = page.stat().st_size
        with browser.opened(page) as tab:
            for document, words in zip(documents, tokens, strict=True):
                alone = [Sentence(each, document="1") for each in words]
                expected = map(token_names, tagged(tagger, alone))
                for ours, theirs in zip(tag_tokens(tab, words), expected, strict=True):
                    by_token.add(ours, theirs)
                found = np.array(ask(tab, "emissions", sentences=words))
                emission = max(emission, float(np.abs(found - tagger.emissions(alone)[0].ravel()).max()))
                text = running_text(document)
                by_text.add(tag_text(tab, text), names_of(tagger.tag(text)))
        with browser.opened(page) as tab:
            texts = [running_text(document) for document in documents]
            run = """async (texts) => {
              const started = performance.now();
              for (const text of texts) await bilstmCrf.tag(text);
              return (performance.now() - started) / 1000;
            }"""
            speeds = []
            for _ in range(3):  # in the first, no word is known yet
                before = cpu_seconds_below(os.getpid())
                seconds = tab.evaluate(run, texts)
                cpu = cpu_seconds_below(os.getpid()) - before
                speeds.append(
                    {
                        "tokens/s": round(count / seconds),
                        "tokens per CPU second of the browser": round(count / cpu),
                        "load": round(os.getloadavg()[0], 2),
                    }
                )
        return {
            "bytes": size,
            "browser": f"Chromium {browser.version}",
            "tokens": by_token.report("sentences"),
            "running text": by_text.report("documents"),
            "largest difference of an emission": float(f"{emission:.1e}"),
            "speed on running text": speeds,
        }


def measure_graph(folder: Path, tagger: Tagger, documents: Sequence[list[Sentence]]) -> dict[str, Any]:
    import onnxruntime as ort

    model = load_model(folder)
    graph = write_graph(model, folder)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(graph, options)
    crf = tagger.decoder.constrained_crf
    emission = marginal = seconds = 0.0
    other = sentences = tokens = 0
    for document in documents:
        alone = [Sentence(each.tokens, document="1") for each in document]
        started = time.process_time()
        given = GraphInputs.of(model, alone)
        found = given.emissions(session.run(None, given.feeds)[0])
        seconds += time.process_time() - started
        expected, offsets = tagger.emissions(alone)
        emission = max(emission, float(np.abs(found - expected).max()))
        ours, theirs = (crf.marginals(each, offsets).labels for each in (found, expected))
        marginal = max(marginal, float(np.abs(ours - theirs).max()))
        for start, end in pairwise(offsets):
            steps = np.ones(end - start, np.int64)
            paths = [best_paths(each[start:end], crf.transitions, steps) for each in (found, expected)]
            other += bool((paths[0] != paths[1]).any())
        sentences, tokens = sentences + len(alone), tokens + len(found)
    return {
        "bytes": len(graph),
        "bytes of the vocabulary": len(json.dumps(vocabulary_of(model), ensure_ascii=False).encode()),
        "sentences": sentences,
        "sentences with other labels": other,
        "largest difference of an emission": float(f"{emission:.1e}"),
        "largest difference of a marginal": float(f"{marginal:.1e}"),
        "tokens per CPU second, inputs included": round(tokens / seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--norne", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="default: the model in the box")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    folder = options.model or box_folder()
    where = machine()
    where["versions"] |= versions(("onnx", "onnxruntime", "playwright"))
    tagger = Tagger.load(folder)
    documents = documents_of(options.norne.parent)
    report = {
        "command": ["python", *sys.argv],
        "machine": where,
        "model": weights_of(folder)[1],
        "data": {
            name: sha256_of(options.norne / name)
            for name in ("nob/no_bokmaal-ud-dev.conllu", "nno/no_nynorsk-ud-dev.conllu")
        },
        "documents": len(documents),
        "tokens": sum(len(sentence) for document in documents for sentence in document),
        "html": measure_page(folder, tagger, documents),
        "onnx": measure_graph(folder, tagger, documents),
    }
    write_report(options.output, report)
    print(report)


if __name__ == "__main__":
    main()
