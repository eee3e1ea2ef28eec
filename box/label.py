"""Label the raw text of text.py with an ensemble of models; write the labels without the text.

    python box/label.py --text TEXT --model runs/a --model runs/b --parts runs/parts -o box/silver.tsv.xz

TEXT is the folder that `../shared/text/unpack` fills. silver.py makes a training file from the labels and the
text. An interrupted run goes on where it was: what is labelled is in the folder `--parts`, block by block, so
that a run with other `--words` only labels what is new.

The file holds JSON on one line (the hashes of text and models, counts), then a line for each name:

    sentence  start  end  type  probability  labellings

`sentence` counts from the sentence of the line before (of the whole file's first line: from 0), `start` and
`end` are tokens, the probability is in per mille. Labelling 0 is the best one; with --sample, 1 to N are
drawn from the ensemble's distribution: `03` is a name of the best labelling and of the third one drawn. A
sentence with a doubtful token outside its best names has a line of type O: the token that is least surely O,
and the probability that it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from text import SOURCES, Source, tokenised, words_of

from bilstm_crf import Tagger, __version__
from bilstm_crf.errors import BilstmCrfError, UsageError
from bilstm_crf.inference.box import box_folder
from bilstm_crf.inference.ensemble import Ensemble, read_ensemble
from bilstm_crf.inference.tagger import in_order
from bilstm_crf.inference.trimming import trim_spans
from bilstm_crf.sentence import Sentence, TokenSpan
from bilstm_crf.training.provenance import git_commit
from bilstm_crf.util.files import read_json, sha256_of, write_whole

FORMAT = 2  # of the file, and of the blocks in --parts: new where the labels of one model would differ
BLOCK_TOKENS = 20_000  # of whole documents, labelled and kept together
DOUBT = 0.95  # tokens outside names that are less surely O are written
MAX_SAMPLES = 9  # a digit each, and 0 for the best labelling
TOKENS_PER_WORD = 1.17  # for the time left


class Row(NamedTuple):
    """A name, or the most doubtful token outside names: type O."""

    sentence: int
    start: int
    end: int
    type: str
    probability: str  # in per mille
    labellings: str  # that have it, a digit each


class Block(NamedTuple):
    """Documents of one source, as lists of sentences of words."""

    source: int
    documents: list[list[list[str]]]

    @property
    def tokens(self) -> int:
        return sum(len(words) for document in self.documents for words in document)

    @property
    def content(self) -> bytes:
        """The text as it is hashed: a sentence a line, an empty line behind a document."""
        return b"".join(text_of(document) for document in self.documents)


def text_of(document: list[list[str]]) -> bytes:
    """Return a document as it is hashed: a sentence a line, an empty line at the end."""
    return "".join(" ".join(words) + "\n" for words in [*document, []]).encode()


def blocks(folder: Path, sources: Sequence[Source]) -> Iterator[Block]:
    """Yield the text of sources in blocks."""
    for place, source in enumerate(sources):
        block = Block(place, [])
        for document in tokenised(folder, source, source.for_silver):
            block.documents.append(document)
            if block.tokens >= BLOCK_TOKENS:
                yield block
                block = Block(place, [])
        if block.documents:
            yield block


def rows_of(ensemble: Ensemble, block: Block, samples: int, seed: int) -> list[Row]:
    """Label a block; return its rows, with sentences counted from the block's first."""
    sentences = [
        Sentence(words, document=str(number))
        for number, document in enumerate(block.documents)
        for words in document
    ]
    posterior = ensemble.posterior(sentences)
    random = np.random.default_rng(seed)
    best = posterior.best()
    names: list[dict[TokenSpan, str]] = [{} for _ in sentences]
    for labelling, drawn in enumerate([best, *(posterior.sample(random) for _ in range(samples))]):
        for sentence, spans, here in zip(sentences, drawn, names, strict=True):
            for span in trim_spans(sentence, spans):
                here[span] = here.get(span, "") + str(labelling)
    asked = [sorted(here) for here in names]
    outside = posterior.labels[:, 0]
    rows = []
    for number, (spans, scores) in enumerate(zip(asked, posterior.of_spans(asked), strict=True)):
        first, end = posterior.offsets[number : number + 2]
        sure = outside[first:end].copy()
        for span in trim_spans(sentences[number], best[number]):
            sure[span.start : span.end] = 1
        if sure.min(initial=1) < DOUBT:
            least = int(sure.argmin())
            rows.append(Row(number, least, least + 1, "O", per_mille(sure[least]), ""))
        for span, score in zip(spans, scores, strict=True):
            rows.append(Row(number, *span, per_mille(score), names[number][span]))
    return rows


def per_mille(probability: float) -> str:
    return str(round(1000 * float(probability)))


class Labeller:
    """Labels blocks, and keeps what is labelled in a folder."""

    def __init__(self, ensemble: Ensemble, about: dict[str, Any], samples: int, parts: Path) -> None:
        """`about`: everything that the labels depend on, but the text."""
        self.ensemble, self.samples, self.parts = ensemble, samples, parts
        self._about = json.dumps(about, sort_keys=True).encode()
        parts.mkdir(parents=True, exist_ok=True)

    def label(self, block: Block) -> tuple[list[Row], bool]:
        """Return the rows of a block, and whether they were there already."""
        name = hashlib.sha256(self._about + b"\n" + block.content).hexdigest()
        path = self.parts / f"{name[:24]}.tsv"
        if path.is_file():
            return list(read_rows(path.read_text("utf-8").splitlines())), True
        rows = rows_of(self.ensemble, block, self.samples, int(name[:15], 16))
        with write_whole(path) as out:
            out.write("".join(write_rows(rows)).encode())
        return rows, False


def write_rows(rows: Iterable[Row]) -> Iterator[str]:
    """Yield rows as lines; each tells how many sentences it is behind the one before."""
    before = 0
    for sentence, *others in rows:
        yield "\t".join(map(str, (sentence - before, *others))) + "\n"
        before = sentence


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of lines."""
    sentence = 0
    for line in lines:
        behind, start, end, type_, probability, labellings = line.rstrip("\n").split("\t")
        sentence += int(behind)
        yield Row(sentence, int(start), int(end), type_, probability, labellings)


def teacher(folder: Path, weight: float, group: int) -> dict[str, Any]:
    """Describe a model: what it was trained on, and the hash of everything that it computes with."""
    description = read_json(folder / "model.json")
    provenance = description.get("provenance", {})
    config, data = provenance.get("config", {}), provenance.get("data", {})
    return {
        "name": "the model in the box" if folder == box_folder() else folder.resolve().name,
        "weight": float(weight),
        "group": group,
        "model_sha256": sha256_of(folder / "model.json"),  # which names the hashes of its files
        "preset": config.get("preset"),
        "seed": config.get("run", {}).get("seed"),
        "epoch": provenance.get("epoch"),
        "dev_f1": (provenance.get("dev") or {}).get("f1"),
        "train_sha256": [each.get("sha256") for each in data.get("train", [])],
        "encoder": (provenance.get("encoder") or {}).get("sha256"),
        "commit": provenance.get("commit"),
    }


def describe(source: Source) -> dict[str, Any]:
    """Return a source for the header, without counts."""
    lines = {"file": source.file, "first": source.first, "last": source.last, "single": source.single}
    return {**lines, "words": source.for_silver, "sentences": 0, "tokens": 0}


def main() -> None:
    given = arguments()
    folders, weights, groups = [*map(Path, given.model)] or [box_folder()], given.weight, given.group
    if len(folders) == 1 and folders[0].suffix == ".toml":
        folders, weights, groups = read_ensemble(folders[0])
    weights, groups = weights or [1.0] * len(folders), groups or [0] * len(folders)
    taggers = [
        Tagger.load(folder, device=given.device, trust_remote_code=given.trust_remote_code)
        for folder in folders
    ]
    ensemble = Ensemble(taggers, weights, groups)
    teachers = [teacher(*each) for each in zip(folders, weights, groups, strict=True)]
    about = {"format": FORMAT, "samples": given.sample, "doubt": DOUBT, "teachers": teachers}
    labeller = Labeller(ensemble, about, given.sample, given.parts)
    sources = SOURCES
    if given.words is not None:
        sources = [each._replace(for_silver=min(each.for_silver, given.words)) for each in SOURCES]
    described = [describe(source) for source in sources]
    digests = [hashlib.sha256() for _ in sources]
    rows: list[Row] = []
    sentences = tokens = 0
    progress = Progress(round(TOKENS_PER_WORD * sum(words_of(given.text, each) for each in sources)))
    with ThreadPoolExecutor(given.threads, initializer=one_core) as pool:
        work = in_order(pool, labeller.label, blocks(given.text, sources), ahead=given.threads)
        for block, (found, was_there) in work:
            source, here = described[block.source], sum(map(len, block.documents))
            rows += [row._replace(sentence=sentences + row.sentence) for row in found]
            digests[block.source].update(block.content)
            source["sentences"] += here
            source["tokens"] += block.tokens
            sentences, tokens = sentences + here, tokens + block.tokens
            progress.count(block.tokens, was_there, sources[block.source])
    for source, digest in zip(described, digests, strict=True):
        source["sha256"] = digest.hexdigest()
    files = sorted({source.file for source in sources})
    header = {
        **about,
        "bilstm_crf": __version__,
        "commit": git_commit(Path(__file__).parents[1]),
        "files": {name: sha256_of(given.text / name) for name in files},
        "sources": described,
        "sentences": sentences,
        "tokens": tokens,
        "names": sum("0" in row.labellings for row in rows),
    }
    with write_whole(given.output) as out, lzma.open(out, "wb", preset=9 | lzma.PRESET_EXTREME) as packed:
        packed.write(json.dumps(header, ensure_ascii=False).encode() + b"\n")
        packed.write("".join(write_rows(rows)).encode())
    size = given.output.stat().st_size
    print(f"{given.output}: {tokens:,} tokens, {header['names']:,} names, {size:,} bytes", file=sys.stderr)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--text", type=Path, required=True, help="folder of the raw text")
    add(
        "--model",
        action="append",
        default=[],
        help="folder of a model; repeated, or a TOML file: an ensemble  [the box]",
    )
    add("--weight", action="append", type=float, help="weight of each model, in order  [equal]")
    add("--group", action="append", type=int, help="tokens that each model reads joined, in order  [0]")
    add("--words", type=int, help="words of each source at most  [as text.py says]")
    add("--sample", type=int, default=0, metavar="N", help="draw N labellings beside the best one")
    add("--parts", type=Path, default=Path("runs/silver-parts"), help="folder of what is labelled already")
    add("--threads", type=int, default=1, help="blocks that are labelled at once  [1]")
    add("--device", default="cpu", help="cpu or cuda")
    add("--trust-remote-code", action="store_true", help="run Python code from the encoder's folder")
    add("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    if not 0 <= given.sample <= MAX_SAMPLES:
        raise UsageError(f"--sample {given.sample}, expected a number up to {MAX_SAMPLES}")
    return given


class Progress:
    """Says on standard error how far the work is: after each block, with tokens/s and the time left."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._new = total, 0, 0
        self._started = time.perf_counter()

    def count(self, tokens: int, was_there: bool, source: Source) -> None:
        self._done += tokens
        if was_there:
            return
        self._new += tokens
        speed = self._new / (time.perf_counter() - self._started)
        left = round(max(0, self._total - self._done) / speed / 60)
        print(
            f"{self._done:,} of about {self._total:,} tokens  {speed:,.0f} tokens/s  "
            f"{left // 60}:{left % 60:02} h left  {source}",
            file=sys.stderr,
            flush=True,
        )


def one_core() -> None:
    """Let PyTorch, if it is there, use one core in this thread: others use the others."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


if __name__ == "__main__":
    try:
        main()
    except BilstmCrfError as error:
        sys.exit(f"error: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
