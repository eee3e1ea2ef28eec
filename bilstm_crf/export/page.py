"""One HTML file that tags offline: the model, an engine in JavaScript and a page, with nothing to load.

model folder ─► tensors (safetensors, gzip, base64) ─┐
                about (JSON: labels, patterns, words) ├─► page, whose policy allows its own scripts alone
                javascript/*.js ─► a worker's code ───┘

The engine is a second implementation of tagging. The tests compare both on NorNE's dev.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from bilstm_crf.embeddings.subwords import MAX_NGRAM, MIN_NGRAM
from bilstm_crf.errors import UsageError
from bilstm_crf.export.patterns import javascript_patterns, norwegian_words
from bilstm_crf.inference.decoding import Decoder
from bilstm_crf.inference.network import mean_transitions
from bilstm_crf.labels import ENCODINGS
from bilstm_crf.model.description import read_description
from bilstm_crf.model.model_folder import Model, load_model, weights_of
from bilstm_crf.model.packed import TEXTS, Arrays
from bilstm_crf.output.page import HUES, OTHER_HUES, SURE
from bilstm_crf.render.page import markup, templates
from bilstm_crf.util.word_forms import plain_forms
from bilstm_crf.version import __version__

MAX_BYTES = 22_000_000  # of a page: what can be sent by mail, and opens at once
ENGINE = ("unicode", "words", "norwegian", "kernel", "network", "crf", "spans", "tagger", "worker")
JAVASCRIPT = Path(__file__).parent / "javascript"


def write_page(folder: Path) -> bytes:
    """Return the page of a folder's model.

    Raises ModelFolderError as `load_model`, and UsageError for a model with an encoder and for one that is
    too large.
    """
    model = load_exportable(folder)
    path, _ = weights_of(folder)
    _require_fit(path.stat().st_size * 4 // 5, folder)  # hopeless, however well the rest is compressed
    arrays = tensors_of(model, path, packed=read_description(folder).packed)
    compressed = gzip.compress(save(arrays), 9, mtime=0)
    page = _assembled(about(model), base64.b64encode(compressed).decode())
    _require_fit(len(page), folder)
    return page


def load_exportable(folder: Path) -> Model:
    """Return a folder's model. Raises UsageError for one with an encoder, else as `load_model`."""
    if read_description(folder).encoder is not None:
        raise UsageError(
            f"--model {folder} reads a pretrained encoder, which `export` does not write",
            hint="export a model without one: character CNN, word vectors, BiLSTM, CRF",
        )
    return load_model(folder)


def _require_fit(size: int, folder: Path) -> None:
    if size > MAX_BYTES:
        raise UsageError(
            f"--model {folder}: the page takes {size / 1e6:.1f} MB, at most {MAX_BYTES / 1e6:g} are allowed",
            hint=f"bilstm-crf model pack --model {folder} -o SMALL makes a small copy of the model",
        )


def tensors_of(model: Model, path: Path, *, packed: bool) -> Arrays:
    """Return what the engine computes with: the arrays of the weights file, and the constrained CRF."""
    arrays = load_file(path)
    for name in TEXTS if packed else ():
        if name in arrays:  # the whole is compressed later
            arrays[name] = np.frombuffer(_text(model, name).encode(), np.uint8)
    crf = decoder_of(model).constrained_crf
    return arrays | {
        "crf.start": crf.start,
        "crf.end": crf.end,
        "crf.between": crf.between,
        "crf.prefixes": crf.prefixes,
        "crf.continues": crf.continues.astype(np.uint8),
    }


def _text(model: Model, name: str) -> str:
    if name == "words":
        return "\n".join(model.vocabulary.words)
    assert model.subwords is not None
    return "\n".join(model.subwords.ngrams)


def decoder_of(model: Model) -> Decoder:
    """Return the decoder of a model."""
    labels, transitions = model.vocabulary.labels, mean_transitions(model.weights)
    return Decoder(ENCODINGS[model.encoding], labels, transitions, model.temperature)


def about(model: Model) -> dict[str, Any]:
    """Return everything but the tensors that the engine is told."""
    a = model.architecture
    sizes = ("characters", "layers", "ensemble_size", "document_memory")
    vocabulary = model.vocabulary
    return {
        "version": __version__,
        "labels": vocabulary.labels,
        "temperature": model.temperature,
        "digits": vocabulary.digits,
        "ngrams": [MIN_NGRAM, MAX_NGRAM],
        # Older models have rows for words that are not in their plain form
        "aliases": {form: place + 1 for form, place in plain_forms(vocabulary.words).items()},
        "architecture": {name: getattr(a, name) for name in sizes},
        "patterns": javascript_patterns(),
        "norwegian": norwegian_words(),
    }


def _assembled(content: dict[str, Any], model: str) -> bytes:
    """Return the page. Its policy names the hashes of its scripts and styles."""
    labels = content["labels"]
    names = dict.fromkeys(label[2:] for label in labels[1:])
    types = [
        {"name": name, "number": number, "hue": HUES.get(name, OTHER_HUES[number % 2])}
        for number, name in enumerate(names, 1)
    ]
    page = (
        templates()
        .get_template("tagger.html")
        .render(
            about=markup(_as_json({**content, "types": types, "sure": SURE})),
            engine=markup(_script(*ENGINE)),
            script=markup(_script("page")),
            types=types,
            sure=f"{SURE:.0%}",
            version=content["version"],
        )
    )
    scripts, styles = (
        " ".join(f"'sha256-{_hash(text)}'" for text in re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL))
        for tag in ("script", "style")
    )
    policy = (
        f"default-src 'none'; script-src {scripts} 'wasm-unsafe-eval'; style-src {styles}; worker-src blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    # Last, and not by the template: the model is longer than everything else
    head, between, tail = re.split("@policy@|@model@", page)
    return "".join((head, policy, between, model, tail)).encode()


def _script(*names: str) -> str:
    return "\n".join((JAVASCRIPT / f"{name}.js").read_text("utf-8") for name in names)


def _as_json(content: Any) -> str:
    """Return JSON that can stand in a script element."""
    return json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
