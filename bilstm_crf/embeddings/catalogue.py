"""The NLPL word vector repository: find a table by what it is, and fetch it.

The repository (Fares, Kutuzov, Oepen and Velldal 2017) publishes a JSON catalogue with the sections
`corpora`, `algorithms` and `models`; each model is a zip with `model.bin` or `model.txt` and `meta.json`:

    {"algorithm": {"id": 2, "name": "fastText Skipgram", "tool": "fastText", …},
     "corpus": [{"id": 80, "description": "Norsk Aviskorpus", "language": "nob", "lemmatized": false, …}, …],
     "dimensions": 100, "handle": "http://vectors.nlpl.eu/repository/20/80.zip", "id": 80, …}

In the catalogue, algorithm and corpus may be given in full or as numbers that refer to the other sections,
and sections may be lists or objects; both are read. The live catalogue could not be reached when this was
written, so nothing here trusts an identifier, and each download is tested: the zip's checksums at once, the
dimensions on loading.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from bilstm_crf.embeddings import names, packing
from bilstm_crf.errors import BilstmCrfError, DownloadError, InputError, UsageError
from bilstm_crf.util import download
from bilstm_crf.util.files import read_json
from bilstm_crf.util.progress import Waiting, note

CATALOGUE = "http://vectors.nlpl.eu/repository/20.json"  # release 2.0; $BILSTM_CRF_NLPL names another
ENVIRONMENT = "BILSTM_CRF_NLPL"
CORPORA = ("aviskorpus", "nowac")  # of the paper's vectors (section 5.1)
ALGORITHMS = {"skipgram": r"skip-?gram", "cbow": r"cbow|bag-of-words"}
NORWEGIAN = frozenset({"nob", "nno", "nor"})  # ISO 639-3


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue."""

    id: str
    algorithm: str  # its name and tool, lower-cased: "fasttext skipgram fasttext"
    dim: int
    corpora: tuple[str, ...]  # descriptions, lower-cased
    languages: frozenset[str]
    lemmatized: bool
    url: str
    size: int | None  # bytes, if the catalogue says it
    sha256: str | None

    def fits(self, wanted: names.Known) -> bool:
        """Return whether this is what the name promises: fastText on word forms of the right corpora."""
        text = " ".join(self.corpora)
        return (
            self.dim == wanted.dim
            and "fasttext" in self.algorithm
            and re.search(ALGORITHMS[wanted.algorithm], self.algorithm) is not None
            and not self.lemmatized
            and all(corpus in text for corpus in CORPORA)
            and self.languages <= NORWEGIAN
            and ("nno" in self.languages or "nynorsk" in text) == wanted.joint
        )

    def __str__(self) -> str:
        forms = "lemmas" if self.lemmatized else "word forms"
        return f"{self.id}: {self.algorithm}, {self.dim} dimensions, {' + '.join(self.corpora)} ({forms})"


def entries(catalogue: Any, base: str) -> Iterator[Entry]:
    """Yield the models of a catalogue (parsed JSON) that say enough to be judged.

    `base` is the catalogue's address, for models without a full one.
    """
    if not isinstance(catalogue, dict):
        return
    algorithms = _by_id(catalogue.get("algorithms"))
    corpora = _by_id(catalogue.get("corpora"))
    for model in _by_id(catalogue.get("models")).values():
        algorithm = _resolve(model.get("algorithm"), algorithms)
        trained_on = model.get("corpus", model.get("corpora"))
        if not isinstance(trained_on, list):
            trained_on = [trained_on]
        resolved = [_resolve(corpus, corpora) for corpus in trained_on]
        dim = str(model.get("dimensions", model.get("dimension")))
        if not dim.isdigit() or not algorithm or not all(resolved):
            continue
        size, sha256 = model.get("size"), model.get("sha256")
        yield Entry(
            id=str(model.get("id")),
            algorithm=f"{algorithm.get('name', '')} {algorithm.get('tool', '')}".lower().strip(),
            dim=int(dim),
            corpora=tuple(str(corpus.get("description", "")).lower() for corpus in resolved),
            languages=frozenset(str(corpus.get("language", "")).lower() for corpus in resolved),
            lemmatized=any(corpus.get("lemmatized") is True for corpus in resolved),
            url=_address(model, base),
            size=size if isinstance(size, int) and size > 0 else None,
            sha256=sha256 if isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256) else None,
        )


def _by_id(section: Any) -> dict[str, dict[str, Any]]:
    """Return a section, which may be a list or an object, by identifier."""
    if isinstance(section, dict):
        return {str(key): {"id": key, **item} for key, item in section.items() if isinstance(item, dict)}
    if isinstance(section, list):
        return {str(item.get("id", i)): item for i, item in enumerate(section) if isinstance(item, dict)}
    return {}


def _resolve(reference: Any, section: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return an object itself, or the one that a number refers to; {} for neither."""
    return reference if isinstance(reference, dict) else section.get(str(reference), {})


def _address(model: dict[str, Any], base: str) -> str:
    """Return the zip's address beside the catalogue: the last two parts of its handle, else NUMBER.zip.

    A handle is permanent and has the repository's own host name, also in a mirror's catalogue.
    """
    handle = str(model.get("handle", model.get("url", "")))
    match = re.search(r"([^/]+/[^/]+\.zip)$", handle)
    folder = base.rsplit("/", 1)[-1].removesuffix(".json")
    return urljoin(base, match[1] if match else f"{folder}/{model.get('id')}.zip")


def select(found: list[Entry], name: str, address: str) -> Entry:
    """Return the entry that fits a name; of several, the one on the fewest corpora, then the newest.

    Raises DownloadError, which names the nearest entries, if none fits.
    """
    wanted = names.KNOWN[name]
    fitting = [entry for entry in found if entry.fits(wanted)]
    if fitting:
        return min(
            fitting, key=lambda entry: (len(entry.corpora), -int(entry.id) if entry.id.isdigit() else 0)
        )
    near = [str(entry) for entry in found if entry.languages & NORWEGIAN and entry.dim == wanted.dim]
    raise DownloadError(
        f"no entry of {address} ({len(found)} in all) is what {name} promises",
        hint=f"expected fastText {wanted.algorithm}, {wanted.dim} dimensions, word forms of "
        f"{' and '.join(CORPORA)}{' and Nynorsk' if wanted.joint else ''}; "
        f"nearest there: {'; '.join(near[:5]) or 'none'}",
    )


def fetch(name: str, embeddings_dir: str | os.PathLike[str] | None = None) -> Path:
    """Download the table of a known name into the first folder that is searched for names.

    Raises DownloadError if the catalogue or the table cannot be fetched, or the zip is damaged.
    """
    address = os.environ.get(ENVIRONMENT) or CATALOGUE
    try:
        entry = select(list(entries(_read(address), address)), name, address)
        note(f"{name} is entry {entry}")
        return download.fetch(
            entry.url,
            _target(name, embeddings_dir),
            sha256=entry.sha256,
            size=entry.size,
            label=f"{name}.zip",
            check=_check,
        )
    except DownloadError as error:
        raise missing(name, embeddings_dir, because=error) from error


def _target(name: str, embeddings_dir: str | os.PathLike[str] | None) -> Path:
    return names.folders(embeddings_dir)[0] / f"{name}.zip"


def find_whole(name: str, embeddings_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the file of a known name; None if `fetch` must get it, also to replace a damaged zip.

    Raises InputError for a damaged zip that `fetch` would not replace.
    """
    path = names.find(name, embeddings_dir)
    damage = damage_of(path) if path is not None and path.suffix == ".zip" else None
    if path is None or damage is None:
        return path
    if path != _target(name, embeddings_dir):
        raise InputError(f"is a damaged zip: {damage}", path=path, hint="remove it, and fetch it again")
    note(f"{path} is damaged ({damage}): it is fetched again")
    return None


def _read(address: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = download.fetch(address, Path(folder) / "catalogue.json", label="the NLPL catalogue")
        try:
            return read_json(path)
        except InputError as error:
            raise DownloadError(f"the catalogue at {address} is not JSON: {error.__cause__}") from error


def _check(path: Path) -> None:
    """Raise DownloadError for a zip that arrived damaged."""
    damage = damage_of(path)
    if damage is not None:
        raise DownloadError(
            f"{path.name.removesuffix('.part')} came damaged and was removed ({damage})",
            hint="try again; if the error stays, the file is damaged at its source",
        )


def damage_of(path: Path) -> str | None:
    """Read a whole zip against its checksums; return what is wrong with it, None if it is intact."""
    try:
        waiting = Waiting(f"Checking  {path.name}")
        with waiting, open(path, "rb") as stream, packing.open_zip(stream, path) as archive:
            for info in archive.infolist():
                with packing.open_member(archive, info, path) as member:
                    while member.read(1 << 20):
                        pass
    except InputError as error:
        return str(error)
    return None


def missing(
    name: str, embeddings_dir: str | os.PathLike[str] | None = None, *, because: DownloadError | None = None
) -> BilstmCrfError:
    """Return the error for vectors that are not here: where they were searched, and what would help."""
    here = f"the vectors {name} are not here: looked in {names.where_looked(embeddings_dir)}"
    ways = (
        f"put a file {name}.bin (.txt, .zip …) into {names.DEFAULT_FOLDER}/, name its folder in "
        f"${names.ENVIRONMENT}, give any file as --embeddings PATH, or train your own vectors: "
        "`bilstm-crf embeddings train`"
    )
    if because is None:
        return UsageError(here, hint=f"`bilstm-crf embeddings fetch {name}` downloads them; or {ways}")
    hints = [because.hint, f"without it: {ways}"]
    return DownloadError(f"{here}, and {because}", hint="\n  ".join(filter(None, hints)))
