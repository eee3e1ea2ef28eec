"""Seeds of the fuzz targets: small inputs in every layout that a reader knows."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np

COLUMNS = [
    "-DOCSTART- -X- O O\n\nKari NNP B-NP I-PER\nbur VBZ I-VP O\n\n",
    "Kari\tB-PER\nMoe\tI-PER\n\nOla\tO\n",
    "# newdoc id = a\n# sent_id = 1\n1\tKari\tB-PER\tO\n2\tbur\tO\tO\n\n",
    "1 Kari NNP I-NP I-PER\n2 bur VBZ I-VP O\n\n",
    "# global.columns = ID FORM X:NER\n1\tKari\tB-PER\n\n",
    "#begin document (a); part 000\na 0 0 Kari NNP * - - - - (PERSON) -\n\n#end document\n",
    "word\tlabel\nKari\tB-PER\n\n",
    "Kari|B-PER bur|O\nOla|B-PER\n",
    "no:Kari\tB-PER\nno:bur\tO\n",
    "Kari B-PER B-PER\nbur O O\n\n",
    "# O\nbyen O\nBergen S-LOC\n",
    "Kari B_PER\nMoe i-per\nbur 0\nOslo PER-B\n\nOla PERSON\nx _\n",
    "\ufeffKari \tB-PER \r\nMoe\tI-PER\t\r\n\r\n\f\nx\tO",
]
CONLLU = [
    "# newdoc id = a\n# sent_id = 1\n# text = Kari bur\n1\tKari" + "\t_" * 7 + "\tname=B-PER|SpaceAfter=No\n"
    "2\tbur" + "\t_" * 7 + "\tname=O\n\n",
    "1-2\tdel" + "\t_" * 8 + "\n1\tde" + "\t_" * 8 + "\n2\tel" + "\t_" * 8 + "\n2.1\tx" + "\t_" * 8 + "\n\n",
    "1\tKari" + "\t_" * 7 + "\tB-PER\n2\tMoe" + "\t_" * 7 + "\tSpaceAfter=No I-PER\n \n",
]
JSONL = [
    {"id": 1, "document": "a", "text": "Kari Moe.", "tokens": ["Kari", "Moe", "."], "entities": []},
    {"text": "Kari Moe.", "entities": [{"start": 0, "end": 8, "label": "PER"}]},
    {"tokens": ["Kari", "Moe"], "ner_tags": ["B-PER", "I-PER"]},
    {"text": "Kari Moe.", "label": [[0, 8, "PER"]]},
    {"text": "Kari Moe.", "spans": [{"start": 0, "end": 8, "label": "PER"}], "answer": "accept"},
    {"text": " Ka\u00a0 Moe."},
    ["Kari Moe.", {"entities": [[0, 8, "PER"]]}],
    {
        "data": {"text": "Kari"},
        "annotations": [{"result": [{"value": {"start": 0, "end": 4, "labels": ["A"]}}]}],
    },
]
TEXT = [
    "Kari Nordmann bur i [Oslo].\n\nOla (f. 1950) sov. Å\u00ad!\r\n",
    "\ufeff\\[PER x]\f\n\u2028x",
    '(((("«»',
]
LABELS = [
    "B-PER I-PER O\nI-ORG I-ORG",
    "S-A B-A E-A\nU-A L-A M-A",
    "B_PER b-per PER 0 _ - B I",
    "PER-B O-O B-O",
]
TOML = [
    'name = "x"\n[types]\nPER = "PER"\nLOC = "O"\n',
    'title = "t"\nseeds = [42]\n[base]\nembeddings = "sg100"\n[[row]]\nname = "a"\n[row.set]\nepochs = 1\n',
]


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def _zip(content: bytes, *names: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name in names:
            archive.writestr(name, content)
    return packed.getvalue()


def _fasttext() -> bytes:
    """Return a model of two words, two dimensions and one bucket, as fastText 0.9 writes it."""
    head = struct.pack("<2i12id", 793712314, 12, 2, 5, 5, 1, 5, 1, 1, 2, 1, 3, 3, 100, 1e-4)
    words = b"".join(word + b"\0" + struct.pack("<qb", 1, 0) for word in (b"kari", b"oslo"))
    dictionary = struct.pack("<3i2q", 2, 2, 0, 2, -1) + words
    matrix = struct.pack("<?2q", False, 3, 2) + struct.pack("<6f", *range(6))
    return head + dictionary + matrix + struct.pack("<?2q", False, 2, 2) + struct.pack("<4f", *range(4))


def _vectors() -> dict[str, bytes]:
    """Return small files of word vectors in every format and packing."""
    text = b"2 2\nkari 0.1 0.2\noslo 0.3 0.4\n"
    rows = [word + struct.pack("<2f", *row) for word, row in ((b"kari ", (0.1, 0.2)), (b"oslo ", (0.3, 0.4)))]
    plain = {
        "text": text,
        "glove": b"kari\t0.1\t0.2\n",
        "odd text": b"\xef\xbb\xbf a 1e-3 nan\n",
        "binary": b"2 2\n" + b"\n".join(rows) + b"\n",
        "fasttext": _fasttext(),
        "pickle": b"\x80\x04.",
    }
    packed = {pack.__name__: pack.compress(text) for pack in (gzip, bz2, lzma)}
    packed["fasttext gz"] = gzip.compress(plain["fasttext"])
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        packed[f"zip {method}"] = _zip(text, "a/model.txt", "__MACOSX/a/._model.txt", method=method)
    packed["zip of two"] = _zip(text, "a.txt", "b.txt")
    return plain | packed


def gensim_seeds() -> list[bytes]:
    """Return vectors and models as gensim saves them."""
    from gensim.models import FastText, KeyedVectors

    words = ["og", "Oslo", "blåbær"]
    vectors = KeyedVectors(3)
    vectors.add_vectors(words, np.random.default_rng(0).normal(size=(len(words), 3)).astype(np.float32))
    model = FastText([words] * 5, vector_size=3, min_count=1, bucket=20, epochs=1, workers=1, seed=1)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for number, each in enumerate((vectors, model.wv, model)):
            path = Path(folder) / str(number)
            each.save(str(path))
            found.append(path.read_bytes())
    return found


def _documents() -> list[bytes]:
    """Return a document of each format, behind the byte that chooses it."""
    word = io.BytesIO()
    with zipfile.ZipFile(word, "w", zipfile.ZIP_STORED) as archive:  # so that damage reaches the XML
        archive.writestr("word/document.xml", '<w:d xmlns:w="w"><w:p><w:r><w:t>Kari</w:t></w:r></w:p></w:d>')
    open_ = io.BytesIO()
    with zipfile.ZipFile(open_, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("content.xml", '<o:d xmlns:o="o" xmlns:t="t"><t:p>Kari<t:s t:c="2"/>sov</t:p></o:d>')
    page = b"<meta charset=utf-8><p>Kari &amp; <b>Ola<br><script>x</script><pre>a\n\nb"
    mail = (
        b"From: =?utf-8?q?=C3=85se?= <a@b>\nContent-Type: multipart/alternative; boundary=x\n\n--x\n"
        b"Content-Type: text/html; charset=latin-1\nContent-Transfer-Encoding: quoted-printable\n\n"
        b"<p>=C5se\n--x--\n"
    )
    parts = (word.getvalue(), open_.getvalue(), page, mail)
    return [bytes([number]) + part for number, part in enumerate(parts)]


BRAT = [
    "T1\tPER 0 8\tKari Moe\nR1\tIn Arg1:T1 Arg2:T2\nT2\tLOC 14 18\tOslo\n\0Kari Moe er i Oslo. Ja.\n",
    "T1\tPER 2 6;8 11\tKari Moe\r\n#1\tAnnotatorNotes T1\tscore 0.5\r\n\0\ufeff😀 Kari\r\nMoe sov.",
]
VECTORS = _vectors()
SEEDS: dict[str, list[bytes]] = {
    "conllu": [each.encode() for each in CONLLU],
    "columns": [each.encode() for each in COLUMNS],
    "jsonl": [*map(_json, JSONL), _json(JSONL)],
    "brat": [each.encode() for each in BRAT],
    "text": [each.encode() for each in TEXT],
    "documents": _documents(),
    "labels": [each.encode() for each in LABELS],
    "vectors": [*VECTORS.values()],
    "model_json": [b'{"model": "bilstm_crf", "format": 2}'],
    "toml": [each.encode() for each in TOML],
}
