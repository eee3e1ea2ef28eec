"""Compare tokenisers and sentence splitters on UD Norwegian's own text, by character offsets.

The dev files of NorNE keep the original spacing (`# text`, `SpaceAfter`), but not the paragraphs. So each
document is laid out as running text in several ways, a tokeniser gets the text, and its tokens and
sentences are compared with the treebank's. Every second document is for tuning (`--half tune`), the others
are reported.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Offsets = tuple[int, int]
Tokenizer = Callable[[str], list[list[Offsets]]]  # the tokens of each sentence

LANGUAGES = {"nob": "no_bokmaal", "nno": "no_nynorsk"}
ENDS = tuple(".!?:;…")  # of a sentence that is no headline, byline or list item
CLOSING = "\"'»”’)]–- "


@dataclass
class Gold:
    """A document as running text, with the treebank's tokens in it, sentence by sentence."""

    text: str
    sentences: list[list[Offsets]] = field(default_factory=list)


Forms = list[tuple[str, str]]  # the tokens of one sentence, each with the blank that follows


def read_blocks(folder: Path, half: str) -> Iterator[tuple[str, str]]:
    """Yield (document, sentence as CoNLL-U) of every second document: the odd ones to tune on."""
    document_of: dict[str, str] = {}
    for line in (folder / "documents.tsv").read_text("utf-8").splitlines()[1:]:
        sent_id, document, split = line.split("\t")
        if split == "dev":
            document_of[sent_id] = document
    names = list(dict.fromkeys(document_of.values()))
    wanted = {name for i, name in enumerate(names) if half == "both" or i % 2 == (half == "report")}
    for block in (folder / f"{LANGUAGES[folder.name]}-ud-dev.conllu").read_text("utf-8").split("\n\n"):
        for line in block.splitlines()[:5]:
            if line.startswith("# sent_id") and document_of.get(line.split("=")[1].strip()) in wanted:
                yield document_of[line.split("=")[1].strip()], block


def read_documents(folder: Path, half: str) -> list[list[Forms]]:
    """Return the sentences of each document."""
    documents: dict[str, list[Forms]] = {}
    for document, block in read_blocks(folder, half):
        rows = [line.split("\t") for line in block.splitlines() if line.split("\t")[0].isdigit()]
        forms = [(row[1], "" if "SpaceAfter=No" in row[9].split("|") else " ") for row in rows]
        documents.setdefault(document, []).append(forms)
    return list(documents.values())


def is_headline(sentence: Forms) -> bool:
    """Return whether a sentence ends without a mark: it stood on a line of its own."""
    return not "".join(form + blank for form, blank in sentence).rstrip(CLOSING).endswith(ENDS)


def lay_out(sentences: list[Forms], layout: str, randomness: random.Random) -> list[Gold]:
    """Return the document as text in one of the layouts of `LAYOUTS`."""
    if layout == "line":
        return [_joined([each], lambda *_: "", None) for each in sentences]
    before = {"blank": " ", "paragraphs": "\n", "wrapped": "\n\n"}[layout]
    left = 0

    def separator(last: Forms, following: Forms) -> str:
        nonlocal left
        left -= 1
        if layout == "blank":
            return " "
        if is_headline(last) and is_headline(following):
            return "\n"
        if is_headline(last) or is_headline(following) or left <= 0:
            left = randomness.randint(1, 5)  # sentences of the next paragraph
            return before
        return " "

    return [_joined(sentences, separator, 72 if layout == "wrapped" else None)]


def _joined(sentences: list[Forms], separator: Callable[[Forms, Forms], str], width: int | None) -> Gold:
    gold = Gold("")
    parts: list[str] = []
    position = 0
    for number, sentence in enumerate(sentences):
        if number:
            gap = separator(sentences[number - 1], sentence)
            parts.append(gap)
            position += len(gap)
        places = []
        for index, (form, blank) in enumerate(sentence):
            blank = blank if index + 1 < len(sentence) else ""
            places.append((position, position + len(form)))
            parts += (form, blank)
            position += len(form) + len(blank)
        gold.sentences.append(places)
    gold.text = "".join(parts)
    return _wrapped(gold, width) if width else gold


def _wrapped(gold: Gold, width: int) -> Gold:
    """Turn blanks between tokens into line ends, as an editor wraps a paragraph; offsets stay."""
    inside = {i for sentence in gold.sentences for start, end in sentence for i in range(start, end)}
    characters = list(gold.text)
    line_start, last_blank = 0, None
    for i, character in enumerate(characters):
        if character == "\n":
            line_start, last_blank = i + 1, None
        elif character == " " and i not in inside:
            last_blank = i
        if i - line_start >= width and last_blank is not None:
            characters[last_blank] = "\n"
            line_start, last_blank = last_blank + 1, None
    gold.text = "".join(characters)
    return gold


LAYOUTS = {
    "line": "one sentence at a time (tokens only)",
    "paragraphs": "a paragraph of 1 to 5 sentences a line, headlines on lines of their own",
    "wrapped": "the same, wrapped at 72 columns, empty lines between paragraphs",
    "blank": "all sentences of a document joined by blanks, headlines too",
}


# ---------------------------------------------------------------- the tokenisers


def ours() -> Tokenizer:
    from bilstm_crf.formats import norwegian

    return norwegian.sentences


def spacy() -> Tokenizer:
    """Load the rules for Bokmål and the sentencizer of spaCy, as `--tokenise spacy` uses them."""
    import spacy

    pipeline = spacy.blank("nb")
    pipeline.add_pipe("sentencizer")

    def tokenize(text: str) -> list[list[Offsets]]:
        found = []
        for block in _blocks(text):  # `tag` reads up to an empty line
            doc = pipeline(text[block[0] : block[1]])
            for sentence in doc.sents:
                places = [(t.idx + block[0], t.idx + block[0] + len(t)) for t in sentence if not t.is_space]
                found += [places] if places else []
        return found

    return tokenize


def _blocks(text: str) -> list[Offsets]:
    cuts = [0]
    while (found := text.find("\n\n", cuts[-1])) >= 0:
        cuts.append(found + 2)
    return list(zip(cuts, [*cuts[1:], len(text)], strict=True))


def sentencex_ours() -> Tokenizer:
    """Take the sentences of sentencex, which finds no tokens, with our tokens."""
    from sentencex import get_sentence_boundaries

    from bilstm_crf.formats import norwegian

    def tokenize(text: str) -> list[list[Offsets]]:
        ends = iter([each["end_index"] for each in get_sentence_boundaries("no", text)])
        return _grouped(norwegian.words(text), ends)

    return tokenize


def _grouped(tokens: list[Offsets], ends: Iterator[int]) -> list[list[Offsets]]:
    found: list[list[Offsets]] = []
    reached = -1
    for start, end in tokens:
        if start >= reached:
            found.append([])
            while reached <= start:
                reached = next(ends, sys.maxsize)
        found[-1].append((start, end))
    return found


def blingfire() -> Tokenizer:
    from blingfire import text_to_sentences, text_to_words

    def tokenize(text: str) -> list[list[Offsets]]:
        found, reached = [], 0
        for sentence in text_to_sentences(text).split("\n"):
            places = []
            for token in text_to_words(sentence).split():
                start = text.find(token, reached)
                if start >= 0:
                    reached = start + len(token)
                    places.append((start, reached))
            found += [places] if places else []
        return found

    return tokenize


def train_udpipe(norne: Path, path: Path, epochs: int = 20) -> None:
    """Train UDPipe 1's tokeniser on the tuning half of both languages, a tenth of it held out."""
    from ufal.udpipe import InputFormat, ProcessingError, Sentence, Sentences, Trainer

    blocks = [block for language in LANGUAGES for _, block in read_blocks(norne / language, "tune")]
    held_out = len(blocks) // 10
    parts = []
    for part in (blocks[held_out:], blocks[:held_out]):
        reader = InputFormat.newConlluInputFormat()
        reader.setText("\n\n".join(part) + "\n\n")
        parts.append(Sentences())
        sentence, error = Sentence(), ProcessingError()
        while reader.nextSentence(sentence, error):
            parts[-1].append(sentence)
            sentence = Sentence()
    settings = f"epochs={epochs};batch_size=50;dropout=0.1;learning_rate=0.005"
    path.write_bytes(Trainer.train("morphodita_parsito", *parts, settings, "none", "none", ProcessingError()))


def udpipe(path: Path) -> Callable[[], Tokenizer]:
    """Load UDPipe 1's tokeniser with a model that `train_udpipe` wrote."""

    def load() -> Tokenizer:
        from ufal.udpipe import Model, ProcessingError, Sentence

        loaded = Model.load(str(path))

        def tokenize(text: str) -> list[list[Offsets]]:
            reader = loaded.newTokenizer(Model.TOKENIZER_RANGES)
            reader.setText(text)
            sentence, error, found = Sentence(), ProcessingError(), []
            while reader.nextSentence(sentence, error):
                words = list(sentence.words)[1:]
                found.append([(word.getTokenRangeStart(), word.getTokenRangeEnd()) for word in words])
                sentence = Sentence()
            return found

        return tokenize

    return load


# ---------------------------------------------------------------- the measure


def f1(gold: Counter[object], found: Counter[object]) -> float:
    """Return F1 in percent of two collections of offsets."""
    return 200 * sum((gold & found).values()) / max(1, sum(gold.values()) + sum(found.values()))


def measure(tokenize: Tokenizer, texts: list[Gold]) -> dict[str, float]:
    """Return token F1, sentence F1 and tokens a second."""
    counters = {name: Counter[object]() for name in ("tokens", "found", "sentences", "found_sentences")}
    seconds = 0.0
    for number, gold in enumerate(texts):
        started = time.process_time()
        found = tokenize(gold.text)
        seconds += time.process_time() - started
        for name, sentences in (("", gold.sentences), ("found", found)):
            counters[name or "tokens"].update((number, span) for s in sentences for span in s)
            spans = [(number, s[0][0], s[-1][1]) for s in sentences]
            counters[f"{name}_sentences".lstrip("_")].update(spans)
    return {
        "token_f1": f1(counters["tokens"], counters["found"]),
        "sentence_f1": f1(counters["sentences"], counters["found_sentences"]),
        "tokens_per_second": sum(counters["found"].values()) / seconds,
    }


def show_errors(tokenize: Tokenizer, texts: list[Gold], sentences: bool) -> None:
    """Print where the tokeniser differs from the treebank, for tuning."""
    for gold in texts:
        found = tokenize(gold.text)
        if sentences:
            right, wrong = ({(s[0][0], s[-1][1]) for s in each} for each in (gold.sentences, found))
        else:
            right, wrong = ({span for s in each for span in s} for each in (gold.sentences, found))
        for sign, spans in (("-", right - wrong), ("+", wrong - right)):
            for start, end in sorted(spans):
                around = (
                    gold.text[max(0, start - 25) : start],
                    gold.text[start:end],
                    gold.text[end : end + 25],
                )
                print(sign, start, textwrap.shorten(repr(around), 240))


def main() -> None:
    """Print one table for each layout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--norne", type=Path, required=True, metavar="DIR", help="NorNE's folder.")
    parser.add_argument("--half", choices=["tune", "report", "both"], default="report")
    parser.add_argument("--udpipe", type=Path, metavar="FILE", help="UDPipe's model; trained if missing.")
    parser.add_argument("--only", nargs="*", help="Names of tokenisers.")
    parser.add_argument("--show", choices=["tokens", "sentences"], help="Print differences instead.")
    parser.add_argument("--layouts", nargs="*", default=list(LAYOUTS), choices=list(LAYOUTS))
    parser.add_argument("--seed", type=int, default=1, help="Seed of the random paragraph lengths.")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="JSON with every figure.")
    options = parser.parse_args()
    loaders = {"ours": ours, "spacy": spacy, "sentencex": sentencex_ours, "blingfire": blingfire}
    if options.udpipe:
        if not options.udpipe.exists():
            train_udpipe(options.norne, options.udpipe)
        loaders["udpipe"] = udpipe(options.udpipe)
    tokenizers: dict[str, Tokenizer] = {}
    for name, load in loaders.items():
        if not options.only or name in options.only:
            try:
                tokenizers[name] = load()
            except ImportError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
    figures = []
    for layout in options.layouts:
        for language in LANGUAGES:
            randomness = random.Random(options.seed)
            texts = [
                gold
                for document in read_documents(options.norne / language, options.half)
                for gold in lay_out(document, layout, randomness)
            ]
            for name, tokenize in tokenizers.items():
                if options.show:
                    show_errors(tokenize, texts, options.show == "sentences")
                    continue
                figures.append(
                    {"layout": layout, "language": language, "name": name} | measure(tokenize, texts)
                )
                row = figures[-1]
                print(
                    f"{layout:<12}{language}  {name:<10}{row['token_f1']:7.2f}{row['sentence_f1']:7.2f}"
                    f"{row['tokens_per_second']:12,.0f}"
                )
    if options.output:
        options.output.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
