"""NorNE: where it lies, which files are which split, and how to fetch and verify it.

NorNE (Jørgensen and others 2020) is published in the repository ltgoslo/norne, six files in CoNLL-U under
`ud/`. What is verified: the SHA-256 of the two dev files as they were when this was written, and of every
file that it is CoNLL-U with `name=` on each word and has the number of sentences of the UD release. There is
no hash for train and test: those files could not be had where this was written.

The files do not say where a document ends; norne_documents.json does, and `fetch` puts it beside them.
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
from bilstm_crf.util import download
from bilstm_crf.util.files import sha256_of, write_whole
from bilstm_crf.util.progress import say

REPOSITORY = "https://raw.githubusercontent.com/ltgoslo/norne/master/ud"  # $BILSTM_CRF_NORNE: another
SOURCE_ENVIRONMENT = "BILSTM_CRF_NORNE"
DATA_ENVIRONMENT = "BILSTM_CRF_DATA"
DEFAULT_FOLDER = Path("data/norne")
SIZE = "some 40 MB"  # by the size of the dev files; each file's own is said when it is fetched

SPLITS = ("train", "dev", "test")
STEMS = {"nob": "no_bokmaal-ud", "nno": "no_nynorsk-ud"}
TREEBANKS = {"nob": "UD_Norwegian-Bokmaal", "nno": "UD_Norwegian-Nynorsk"}


@dataclass(frozen=True)
class CorpusFile:
    """One of the six files: its place below the repository's `ud/`, and what is known of it."""

    language: str
    split: str
    sentences: tuple[int, ...]  # any of these; the releases of Bokmål dev differ by one
    sha256: str | None = None

    @property
    def place(self) -> str:
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
    """`nob`, `nno`, or the two of `both`."""
    return ("nob", "nno") if language == "both" else (language,)


# ---------------------------------------------------------------- finding


def find_corpus(data: str | os.PathLike[str] | None = None) -> Path:
    """The corpus's folder: `data` (--data), else $BILSTM_CRF_DATA, else data/norne.

    Raises UsageError where that is no folder; what is in it `split_files` finds out.
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
    raise UsageError(f"the corpus is not here: looked in {places}", hint=_help())


def _help() -> str:
    return f"`bilstm-crf data norne` fetches it ({SIZE}), or give --data DIR"


def split_files(folder: Path, language: str) -> dict[str, list[Path]]:
    """The files of each split (train, dev, test) in any folder that holds files with UD's names.

    They are looked for in the folder itself, in nob/ and nno/, in ud/ (a checkout of NorNE) and in folders
    with the treebanks' names (UD_Norwegian-Bokmaal/). There may be no test file. Raises InputError where
    train or dev is missing.

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
    """The files of each split, as `split_files` gives them; fetched into data/norne where no place was named.

    Raises what `find_corpus` and `split_files` raise, and DownloadError where the corpus is neither here nor
    to be had.
    """
    if data is not None or os.environ.get(DATA_ENVIRONMENT):
        return split_files(find_corpus(data), language)
    try:
        return split_files(DEFAULT_FOLDER, language)
    except InputError:
        say(f"the corpus is not here: looked in {DEFAULT_FOLDER} and ${DATA_ENVIRONMENT} (not set)")
    try:
        fetch(DEFAULT_FOLDER, language)
    except DownloadError as error:
        hints = [error.hint, "without a network: give --data DIR, a folder with files of UD's names"]
        hint = "\n  ".join(filter(None, hints))
        raise DownloadError(f"the corpus could not be fetched: {error}", hint=hint) from error
    return split_files(DEFAULT_FOLDER, language)


def _candidates(folder: Path, language: str, split: str) -> list[Path]:
    name = f"{STEMS[language]}-{split}.conllu"
    places = ("", language, f"ud/{language}", TREEBANKS[language], f"ud/{TREEBANKS[language]}")
    return [folder / place / each for place in places for each in (name, f"{name}.gz")]


# ---------------------------------------------------------------- fetching


def fetch(folder: Path = DEFAULT_FOLDER, language: str = "both") -> list[Path]:
    """Downloads and verifies the published files of `language` (or both), into folder/nob and folder/nno.

    Beside them documents.tsv, the table of their sentences' documents. Files that are there and whole stay;
    a download that broke off goes on. Raises DownloadError where a file cannot be had, or is not what it
    should be; then it is not there under its name, and no empty folder is left.
    """
    base = os.environ.get(SOURCE_ENVIRONMENT, REPOSITORY).rstrip("/")
    wanted = [published for published in PUBLISHED if published.language in languages_of(language)]
    missing = [published for published in wanted if not (folder / published.place).is_file()]
    if missing:
        say(f"NorNE: {len(missing)} of {len(wanted)} files to fetch into {folder} (all six are {SIZE})")
    fetched = [_fetch(published, base, folder) for published in wanted]
    for each in dict.fromkeys(published.language for published in wanted):
        _write_documents(each, folder / each / documents.NAME)
    return fetched


def _write_documents(language: str, path: Path) -> None:
    """The table of the documents, unless one is there: of the sentences of all three splits, by `sent_id`."""
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
    check = partial(_verify, published)
    return download.fetch(f"{base}/{published.place}", target, label=target.name, check=check)


def _verify(published: CorpusFile, path: Path) -> None:
    """Raises DownloadError for what is not this file; says so where it is only another version of it."""
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
        say(
            f"warning: {published.place} is well formed and has its {sentences:,} sentences, but its SHA-256 "
            "is not that of the version which this program's results were made with"
        )


def _not_the_file(published: CorpusFile, what: str) -> DownloadError:
    return DownloadError(
        f"not NorNE's {published.place}: {what}",
        hint="if it was there before, move it away and try again; else something answers for the source",
    )


def _count_sentences(path: Path) -> int:
    """The sentences of a CoNLL-U file. Raises InputError for ill-formed input and missing `name=`."""
    sentences = 0
    for sentence in formats.read(path, "conllu", formats.FormatOptions(keep_raw=False)):
        if sentence.tokens and sentence.labels is None:
            raise InputError("a sentence without name= in MISC", path=path, line=sentence.line)
        sentences += bool(sentence.tokens)
    return sentences
