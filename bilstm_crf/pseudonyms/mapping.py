"""The mapping: who got which pseudonym, and what stood where. A CSV file for nobody but its owner.

Columns `record,id,original,pseudonym,file,place`; the records:

    format      pseudonym: the version of the layout; original: the style
    secret      original: the key that the choice of pseudonyms depends on
    name        a name as it was first met, and its pseudonym, word for word
    word        a further word of the same name, such as an initial
    file        original and pseudonymised file; place: their SHA-256, and the encoding of the original
    occurrence  what stood where in the pseudonymised file (code points)

Whoever has it can undo the pseudonymisation. It is created with mode 0600, and refused if others can read it.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bilstm_crf.errors import InputError, UsageError
from bilstm_crf.util.files import open_input, write_whole

FORMAT = "1"
HEADER = ["record", "id", "original", "pseudonym", "file", "place"]
Style = Literal["name", "number", "label"]
STYLES: tuple[Style, ...] = ("name", "number", "label")


@dataclass
class Identity:
    """One person, organisation, place or identifier."""

    id: str  # such as PER-1
    names: dict[str, str] = field(default_factory=dict)  # by original, as first met
    words: dict[str, str] = field(default_factory=dict)  # pseudonym of each further word, as first met

    @property
    def kind(self) -> str:
        return self.id.rpartition("-")[0]

    def in_brackets(self, style: Style) -> str:
        """Return `[PER]` with style `label`, else `[PER-1]`."""
        return f"[{self.kind}]" if style == "label" else f"[{self.id}]"


@dataclass(frozen=True)
class Occurrence:
    """A piece of the pseudonymised text that replaced something."""

    id: str
    original: str
    new: str
    start: int  # in the pseudonymised text, in code points


@dataclass(frozen=True)
class FileRecord:
    """A pseudonymised file."""

    original_name: str
    name: str
    original_sha256: str
    sha256: str
    encoding: str  # of the original
    occurrences: tuple[Occurrence, ...]


@dataclass
class Mapping:
    """The content of a mapping file."""

    style: Style
    secret: str
    identities: dict[str, Identity] = field(default_factory=dict)
    files: list[FileRecord] = field(default_factory=list)
    read_from: tuple[int, int, int] | None = None  # inode, size and time of the file; None: there is none yet
    _counts: Counter[str] = field(default_factory=Counter)  # of the identities, by kind

    @classmethod
    def new(cls, style: Style) -> Mapping:
        """Return an empty mapping with a key of its own."""
        return cls(style, secrets.token_hex(32))

    def add_identity(self, kind: str) -> Identity:
        """Return a new identity, with the next number of its kind."""
        return self.identity(f"{kind}-{self._counts[kind] + 1}")

    def identity(self, id_: str) -> Identity:
        """Return the identity with this id; add it if there is none."""
        if id_ not in self.identities:
            self.identities[id_] = Identity(id_)
            self._counts[self.identities[id_].kind] += 1
        return self.identities[id_]

    def add_file(self, record: FileRecord) -> None:
        """Note a pseudonymised file; a record of the same content is replaced."""
        same = (record.name, record.sha256)
        self.files = [each for each in self.files if (each.name, each.sha256) != same]
        self.files.append(record)


# ---------------------------------------------------------------- reading


def read_mapping(path: str) -> Mapping | None:
    """Return the mapping in a file, None if there is no such file.

    Raises UsageError if anybody else could read it or if it is no file, InputError if it is damaged.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"--mapping {path}: expected a file, to read and to write")
    if os.name != "nt" and status.st_mode & 0o077:
        raise UsageError(
            f"--mapping {path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"whoever reads it knows every name: chmod 600 {path}",
        )
    with open_input(path) as stream:
        content = stream.read()
    mapping = _parse(content, path)
    mapping.read_from = (status.st_ino, status.st_size, status.st_mtime_ns)
    return mapping


def _parse(content: bytes, path: str) -> Mapping:
    csv.field_size_limit(max(csv.field_size_limit(), len(content)))  # of the whole process: never lowered
    try:
        text = content.decode("utf-8", "surrogateescape")  # as file names may be
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError(f"damaged: {error}", path=path, hint=RESTORE) from error
    if not rows or rows[0][1] != HEADER:
        found = ",".join(rows[0][1])[:60] if rows else "an empty file"
        raise InputError(
            f"no mapping of `pseudonymise`: expected {','.join(HEADER)}",
            path=path,
            line=1,
            found=found,
            hint=RESTORE,
        )
    mapping = Mapping("name", "")
    pending: list[Occurrence] = []
    for line, row in rows[1:]:
        try:
            _add_row(mapping, pending, row)
        except (ValueError, KeyError, IndexError) as error:
            raise InputError(
                "damaged row", path=path, line=line, found=",".join(row), hint=RESTORE
            ) from error
    if not mapping.secret or pending:
        raise InputError("damaged: it ends too early", path=path, hint=RESTORE)
    return mapping


RESTORE = "restore it from a copy; a spreadsheet program may have changed it"


def _add_row(mapping: Mapping, pending: list[Occurrence], row: list[str]) -> None:
    """Add one row. Occurrences precede their file. Raises ValueError, KeyError or IndexError."""
    record, id_, original, pseudonym, _, place = row
    if record == "format":
        if pseudonym != FORMAT:
            raise ValueError(pseudonym)
        mapping.style = STYLES[STYLES.index(original)]
    elif record == "secret":
        mapping.secret = original
    elif record in ("name", "word"):
        identity = mapping.identity(id_)
        (identity.names if record == "name" else identity.words)[original] = pseudonym
    elif record == "occurrence":
        mapping.identities[id_]
        pending.append(Occurrence(id_, original, pseudonym, int(place)))
    elif record == "file":
        old, new, encoding = place.split(" ")
        mapping.files.append(FileRecord(original, pseudonym, old, new, encoding, tuple(pending)))
        pending.clear()
    else:
        raise ValueError(record)


# ---------------------------------------------------------------- writing


def write_mapping(mapping: Mapping, path: str) -> None:
    """Write the mapping atomically, with mode 0600 from the moment it exists, and wait until it is on disk.

    Raises UsageError if the file has changed since it was read, for example by another run.
    """
    try:
        status = os.stat(path)
        found = (status.st_ino, status.st_size, status.st_mtime_ns)
    except FileNotFoundError:
        found = None
    if found != mapping.read_from:
        raise UsageError(
            f"--mapping {path} was changed by another process while this one worked; nothing was written",
            hint="run it again, one run at a time",
        )
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(_rows(mapping))
    with write_whole(path, mode=0o600) as stream:
        stream.write(text.getvalue().encode("utf-8", "surrogateescape"))
    _sync_folder(Path(path).resolve().parent)
    status = os.stat(path)
    mapping.read_from = (status.st_ino, status.st_size, status.st_mtime_ns)


def _rows(mapping: Mapping) -> Iterator[list[str]]:
    yield HEADER
    yield ["format", "", mapping.style, FORMAT, "", ""]
    yield ["secret", "", mapping.secret, "", "", ""]
    for identity in mapping.identities.values():
        for original, pseudonym in identity.names.items():
            yield ["name", identity.id, original, pseudonym, "", ""]
        for original, pseudonym in identity.words.items():
            yield ["word", identity.id, original, pseudonym, "", ""]
    for file in mapping.files:
        for each in file.occurrences:
            yield ["occurrence", each.id, each.original, each.new, file.name, str(each.start)]
        hashes = f"{file.original_sha256} {file.sha256} {file.encoding}"
        yield ["file", "", file.original_name, file.name, "", hashes]


def _sync_folder(folder: Path) -> None:
    """Let the new name of a file survive a power failure, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
