"""The NLPL word vector repository: finds a table by what it is, and fetches it.

The repository (Fares, Kutuzov, Oepen and Velldal 2017) publishes a JSON catalogue with three sections,
`corpora`, `algorithms` and `models`; every model is a zip with `model.bin` or `model.txt` and `meta.json`.
What a model says of itself is known from published `meta.json` files:

    {"algorithm": {"id": 2, "name": "fastText Skipgram", "tool": "fastText", …},
     "corpus": [{"id": 80, "description": "Norsk Aviskorpus", "language": "nob", "lemmatized": false, …}, …],
     "dimensions": 100, "handle": "http://vectors.nlpl.eu/repository/20/80.zip", "id": 80, …}

In the catalogue itself, algorithm and corpus may stand as such or as numbers that point to the other
sections, and sections may be lists or tables; both are read. Where this was written the live catalogue could
not be reached: which models it lists, whether it gives sizes or checksums, and whether one fits every name,
nobody has checked. So nothing here trusts an identifier, and what comes is tested: the zip's checksums at
once, the dimensions on loading.
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
from bilstm_crf.util.progress import say

CATALOGUE = "http://vectors.nlpl.eu/repository/20.json"  # release 2.0; $BILSTM_CRF_NLPL names another
ENVIRONMENT = "BILSTM_CRF_NLPL"
# The corpora of the paper's vectors (section 5.1): the Norwegian Newspaper Corpus and NoWaC.
CORPORA = ("aviskorpus", "nowac")


@dataclass(frozen=True)
class Entry:
    """One model of the catalogue."""

    id: str
    algorithm: str  # its name and tool, lower-cased: "fasttext skipgram fasttext"
    dim: int
    corpora: tuple[str, ...]  # descriptions, lower-cased
    languages: frozenset[str]  # ISO 639-3: nob, nno, nor
    lemmatized: bool
    url: str
    size: int | None  # bytes, where the catalogue says it
    sha256: str | None

    def fits(self, wanted: names.Known) -> bool:
        """Whether this is such a table as the name promises: fastText on forms, of that kind and corpus."""
        kinds = {"skipgram": r"skip-?gram", "cbow": r"cbow|bag-of-words"}
        text = " ".join(self.corpora)
        return (
            self.dim == wanted.dim
            and "fasttext" in self.algorithm
            and re.search(kinds[wanted.algorithm], self.algorithm) is not None
            and not self.lemmatized
            and all(corpus in text for corpus in CORPORA)
            and self.languages <= {"nob", "nor", "nno"}
            and ("nno" in self.languages or "nynorsk" in text) == wanted.joint
        )

    def __str__(self) -> str:
        forms = "lemmas" if self.lemmatized else "word forms"
        return f"{self.id}: {self.algorithm}, {self.dim} dimensions, {' + '.join(self.corpora)} ({forms})"


def entries(catalogue: Any, base: str) -> Iterator[Entry]:
    """The models of a catalogue (parsed JSON) that say enough to be judged; the others are left out.

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
        dim = model.get("dimensions", model.get("dimension"))
        if not str(dim).isdigit() or not algorithm or not all(resolved):
            continue
        size, sha256 = model.get("size"), model.get("sha256")
        yield Entry(
            id=str(model.get("id")),
            algorithm=f"{algorithm.get('name', '')} {algorithm.get('tool', '')}".lower().strip(),
            dim=int(str(dim)),
            corpora=tuple(str(corpus.get("description", "")).lower() for corpus in resolved),
            languages=frozenset(str(corpus.get("language", "")).lower() for corpus in resolved),
            lemmatized=any(corpus.get("lemmatized") is True for corpus in resolved),
            url=_address(model, base),
            size=size if isinstance(size, int) and size > 0 else None,
            sha256=sha256 if isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256) else None,
        )


def _by_id(section: Any) -> dict[str, dict[str, Any]]:
    """A section as a table by identifier, whether it is a table or a list."""
    if isinstance(section, dict):
        return {str(key): {"id": key, **item} for key, item in section.items() if isinstance(item, dict)}
    if isinstance(section, list):
        return {str(item.get("id", i)): item for i, item in enumerate(section) if isinstance(item, dict)}
    return {}


def _resolve(reference: Any, section: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What stands there, or what the number that stands there points to; {} for neither."""
    return reference if isinstance(reference, dict) else section.get(str(reference), {})


def _address(model: dict[str, Any], base: str) -> str:
    """The zip's address: as the model says, else NUMBER.zip in the folder named like the catalogue.

    A handle is a life-time identifier under the repository's own name; a mirror's catalogue keeps it, so
    only its last parts count and are looked for beside the catalogue.
    """
    name = f"{model.get('id')}.zip"
    handle = str(model.get("handle", model.get("url", "")))
    match = re.search(r"([^/]+/[^/]+\.zip)$", handle)
    folder = base.rsplit("/", 1)[-1].removesuffix(".json")
    return urljoin(base, match[1] if match else f"{folder}/{name}")


def select(found: list[Entry], name: str, address: str) -> Entry:
    """The entry that fits a name; of several the one on the fewest corpora, then the newest.

    Raises DownloadError where none fits, with the nearest ones.
    """
    wanted = names.KNOWN[name]
    fitting = [entry for entry in found if entry.fits(wanted)]
    if fitting:
        return min(
            fitting, key=lambda entry: (len(entry.corpora), -int(entry.id) if entry.id.isdigit() else 0)
        )
    norwegian = [entry for entry in found if entry.languages & {"nob", "nor", "nno"}]
    near = [str(entry) for entry in norwegian if entry.dim == wanted.dim]
    raise DownloadError(
        f"no entry of {address} ({len(found)} in all) is fastText {wanted.algorithm} with {wanted.dim} "
        f"dimensions on word forms of {' and '.join(CORPORA)}{' and Nynorsk' if wanted.joint else ''}",
        hint=f"nearest there: {'; '.join(near[:5]) or 'none'}",
    )


def fetch(name: str, embeddings_dir: str | os.PathLike[str] | None = None) -> Path:
    """Downloads the table of a known name into the first of the folders where names are looked for.

    Raises DownloadError where the catalogue or the table cannot be had, or the zip is damaged.
    """
    address = os.environ.get(ENVIRONMENT) or CATALOGUE
    folder = names.folders(embeddings_dir)[0]
    try:
        entry = select(list(entries(_read(address), address)), name, address)
        say(f"{name} is entry {entry}")
        return download.fetch(
            entry.url,
            folder / f"{name}.zip",
            sha256=entry.sha256,
            size=entry.size,
            label=f"{name}.zip",
            check=_check,
        )
    except DownloadError as error:
        raise missing(name, embeddings_dir, because=error) from error


def find_whole(name: str, embeddings_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the file of a known name; None where `fetch` has to get it, also in place of a damaged zip.

    Raises InputError for a damaged zip elsewhere than where `fetch` puts it.
    """
    path = names.find(name, embeddings_dir)
    damage = damage_of(path) if path is not None and path.suffix == ".zip" else None
    if path is None or damage is None:
        return path
    if path != names.folders(embeddings_dir)[0] / f"{name}.zip":
        raise InputError(f"is a damaged zip: {damage}", path=path, hint="remove it, and fetch it again")
    say(f"{path} is damaged ({damage}): it is fetched again")
    return None


def _read(address: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = download.fetch(address, Path(folder) / "catalogue.json", label="the NLPL catalogue")
        try:
            return read_json(path)
        except InputError as error:
            raise DownloadError(f"the catalogue at {address} is not JSON: {error.__cause__}") from error


def _check(path: Path) -> None:
    """Raise DownloadError for a zip that came damaged."""
    damage = damage_of(path)
    if damage is not None:
        raise DownloadError(
            f"{path.name.removesuffix('.part')} came damaged and was removed ({damage})",
            hint="try again; if it stays so, the file is damaged at its source",
        )


def damage_of(path: Path) -> str | None:
    """Read a whole zip against its checksums; what is wrong with it, None where it is whole."""
    try:
        with open(path, "rb") as stream, packing.open_zip(stream, path) as archive:
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
    """The one message for vectors that are neither here nor to be had: where was looked, what would help."""
    here = f"the vectors {name} are not here: looked in {names.where_looked(embeddings_dir)}"
    ways = (
        f"put a file {name}.bin (.txt, .zip …) into {names.DEFAULT_FOLDER}/, name its folder in "
        f"${names.ENVIRONMENT}, give any file as --embeddings PATH, or train vectors of your own: "
        "`bilstm-crf embeddings train`"
    )
    if because is None:
        return UsageError(
            here, hint=f"`bilstm-crf embeddings fetch {name}` gets them from the network; or {ways}"
        )
    hints = [because.hint, f"without it: {ways}"]
    return DownloadError(f"{here}, and {because}", hint="\n  ".join(filter(None, hints)))
