"""Find, fetch and verify NorNE.

NorNE (Jørgensen and others 2020) is published in the repository ltgoslo/norne, six files in CoNLL-U under
`ud/`. Every file must be valid CoNLL-U with `name=` on each word and the number of sentences of the UD
release; the two dev files are checked by SHA-256 too (the others could not be fetched when this was
written). The files do not mark documents: norne_documents.json does, and `fetch` writes it as a table.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

from bilstm_crf import formats
from bilstm_crf.corpus import documents
from bilstm_crf.errors import DownloadError, InputError, UsageError
from bilstm_crf.util.files import sha256_of, write_whole
from bilstm_crf.util.progress import note

REPOSITORY = "https://raw.githubusercontent.com/ltgoslo/norne/master/ud"  # or $BILSTM_CRF_NORNE
SOURCE_ENVIRONMENT = "BILSTM_CRF_NORNE"
DATA_ENVIRONMENT = "BILSTM_CRF_DATA"
DEFAULT_FOLDER = Path("data/norne")
SIZE = "about 40 MB"

SPLITS = ("train", "dev", "test")
STEMS = {"nob": "no_bokmaal-ud", "nno": "no_nynorsk-ud"}
TREEBANKS = {"nob": "UD_Norwegian-Bokmaal", "nno": "UD_Norwegian-Nynorsk"}


@dataclass(frozen=True)
class CorpusFile:
    """One of the six files, and how to verify it."""

    language: str
    split: str
    sentences: tuple[int, ...]  # any of these; the releases of Bokmål dev differ by one
    sha256: str | None = None

    @property
    def place(self) -> str:
        """The path below the repository's `ud/`."""
        return f"{self.language}/{STEMS[self.language]}-{self.split}.conllu"


PUBLISHED = (
    CorpusFile("nob", "train", (15_696,)),
    CorpusFile(
        "nob", "dev", (2_410, 2_409), "dba752ca6dc0c628f7cf12e9131b2627be0dff082bd96311bafce40590c46f9c"
    ),
    CorpusFile("nob", "test", (1_939,)),
    CorpusFile("nno", "train", (14_174,)),
    CorpusFile("nno", "dev", (1_890,), "6519a00c0ddc4f8ef2605d7c5326adcafb2dfa2df439e281c95e1a0ef218b928"),
    CorpusFile("nno", "test", (1_511,)),
)


def languages_of(language: str) -> tuple[str, ...]:
    """Return the languages of `nob`, `nno` or `both`."""
    return ("nob", "nno") if language == "both" else (language,)


# ---------------------------------------------------------------- finding


def find_corpus(data: str | os.PathLike[str] | None = None) -> Path:
    """Return the corpus's folder: `data` (--data), else $BILSTM_CRF_DATA, else data/norne.

    Raises UsageError if it is not a folder.
    """
    if data is not None:
        if not Path(data).is_dir():
            raise UsageError(f"--data {data}: there is no such folder", hint=_help())
        return Path(data)
    variable = os.environ.get(DATA_ENVIRONMENT)
    folder = Path(variable) if variable else DEFAULT_FOLDER
    if folder.is_dir():
        return folder
    places = f"{DEFAULT_FOLDER} and ${DATA_ENVIRONMENT} (not set)"
    if variable:
        places = f"${DATA_ENVIRONMENT} ({variable})"
    raise UsageError(f"no corpus: looked in {places}", hint=_help())


def _help() -> str:
    return f"Run `bilstm-crf data norne` to download it ({SIZE}), or pass --data DIR."


def split_files(folder: Path, language: str) -> dict[str, list[Path]]:
    """Return the files of each split (train, dev, test) in a folder with UD's file names.

    They are searched in the folder itself, in nob/ and nno/, in ud/ (a checkout of NorNE) and in
    UD_Norwegian-Bokmaal/ and the like. Test is optional. Raises InputError if train or dev is missing.

    >>> split_files(Path("data/norne"), "nob")["dev"]  # doctest: +SKIP
    [PosixPath('data/norne/nob/no_bokmaal-ud-dev.conllu')]
    """
    found: dict[str, list[Path]] = {split: [] for split in SPLITS}
    for each in languages_of(language):
        for split in SPLITS:
            candidates = _candidates(folder, each, split)
            path = next((candidate for candidate in candidates if candidate.is_file()), None)
            if path is not None:
                found[split].append(path)
            elif split != "test":
                places = ", ".join(dict.fromkeys(str(candidate.parent) for candidate in candidates))
                raise InputError(
                    f"no {candidates[0].name} (or .gz) there; looked in {places}", path=folder, hint=_help()
                )
    return found


def find_or_fetch(data: str | os.PathLike[str] | None, language: str) -> dict[str, list[Path]]:
    """Return the files of each split; fetch them into data/norne if no folder is named and they are missing.

    Raises as `find_corpus` and `split_files`, and DownloadError if the corpus cannot be fetched.
    """
    if data is not None or os.environ.get(DATA_ENVIRONMENT):
        return split_files(find_corpus(data), language)
    try:
        return split_files(DEFAULT_FOLDER, language)
    except InputError:
        looked = f"looked in {DEFAULT_FOLDER} and ${DATA_ENVIRONMENT} (not set)"
        note(f"no corpus: {looked}")
    try:
        fetch(DEFAULT_FOLDER, language)
    except DownloadError as error:
        hints = [
            f"The download failed: {error}",
            error.hint,
            "Without a network: pass --data DIR, a folder with files of UD's names.",
        ]
        hint = "\n  ".join(filter(None, hints))
        raise DownloadError(f"no corpus: {looked}", hint=hint) from error
    return split_files(DEFAULT_FOLDER, language)


def _candidates(folder: Path, language: str, split: str) -> list[Path]:
    name = f"{STEMS[language]}-{split}.conllu"
    places = ("", language, f"ud/{language}", TREEBANKS[language], f"ud/{TREEBANKS[language]}")
    return [folder / place / each for place in places for each in (name, f"{name}.gz")]


# ---------------------------------------------------------------- fetching


def fetch(folder: Path = DEFAULT_FOLDER, language: str = "both") -> list[Path]:
    """Download and verify the published files into folder/nob and folder/nno, with tables documents.tsv.

    Existing files are verified and kept, interrupted downloads resumed. Raises DownloadError if a file
    cannot be fetched or fails verification; it is then not left under its name.
    """
    base = os.environ.get(SOURCE_ENVIRONMENT, REPOSITORY).rstrip("/")
    wanted = [published for published in PUBLISHED if published.language in languages_of(language)]
    missing = [published for published in wanted if not (folder / published.place).is_file()]
    if missing:
        note(f"NorNE: {len(missing)} of {len(wanted)} files to fetch into {folder} (all six are {SIZE})")
    fetched = [_fetch(published, base, folder) for published in wanted]
    for each in dict.fromkeys(published.language for published in wanted):
        _write_documents(each, folder / each / documents.NAME)
    return fetched


def _write_documents(language: str, path: Path) -> None:
    """Write the table of documents of all three splits, unless there is one."""
    if path.exists():
        return
    text = resources.files("bilstm_crf.corpus").joinpath("norne_documents.json").read_text("utf-8")
    names = [name for name, sentences in json.loads(text)[language].items() for _ in range(sentences)]
    rows = [f"{number:06}\t{name}" for number, name in enumerate(names, start=1)]
    with write_whole(path) as stream:
        stream.write("\n".join(["sent_id\tdocument", *rows, ""]).encode("utf-8"))


def _fetch(published: CorpusFile, base: str, folder: Path) -> Path:
    target = folder / published.place
    if target.is_file():
        _verify(published, target)
        return target
    from bilstm_crf.util import download  # needs requests, which the base installation lacks

    check = partial(_verify, published)
    return download.fetch(f"{base}/{published.place}", target, label=target.name, check=check)


def _verify(published: CorpusFile, path: Path) -> None:
    """Raise DownloadError if this is not the file; warn if it is another version of it."""
    if published.sha256 is not None and sha256_of(path) == published.sha256:
        return
    try:
        sentences = _count_sentences(path)
    except InputError as error:
        raise _not_the_file(published, str(error)) from error
    if sentences not in published.sentences:
        expected = " or ".join(f"{number:,}" for number in published.sentences)
        raise _not_the_file(published, f"{path}: {sentences:,} sentences, expected {expected}")
    if published.sha256 is not None:
        note(
            f"warning: {published.place} is valid and has {sentences:,} sentences, but its SHA-256 differs "
            "from the version that the results of this program were made with"
        )


def _not_the_file(published: CorpusFile, what: str) -> DownloadError:
    return DownloadError(
        f"not NorNE's {published.place}: {what}",
        hint="move an existing file away and try again; otherwise a proxy may be intercepting the request",
    )


def _count_sentences(path: Path) -> int:
    """Count the sentences of a CoNLL-U file. Raises InputError if it is ill-formed or lacks `name=`."""
    sentences = 0
    for sentence in formats.read(path, "conllu", formats.FormatOptions(keep_raw=False)):
        if sentence.tokens and sentence.labels is None:
            raise InputError("a sentence without name= in MISC", path=path, line=sentence.line)
        sentences += bool(sentence.tokens)
    return sentences
