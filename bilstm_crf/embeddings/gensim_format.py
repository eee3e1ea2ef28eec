"""Read gensim's own format (KeyedVectors.save) without running anything that the file names.

The file is a pickle, and unpickling runs whatever a pickle names. Here Python's own unpickler reads it with a
restricted set of operations, in which every name stands for itself and every call, object and state becomes a
plain `Made`. No name is ever imported. Large tables lie beside the file as `PATH.vectors.npy` and the like.
"""

from __future__ import annotations

import math
import pickle
import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.builder import NGRAMS, VECTORS, Builder, damaged
from bilstm_crf.embeddings.fasttext import MAX_NGRAM
from bilstm_crf.embeddings.ngrams import NgramLengths
from bilstm_crf.errors import InputError
from bilstm_crf.util.progress import Bar

WAY_OUT = (
    "if you trust the file, write its vectors with gensim's "
    "KeyedVectors.save_word2vec_format(FILE, binary=True), and give that file"
)
# The names in files of gensim 3 and 4 besides gensim's own classes. Any other name is refused: it could do no
# harm here, but a file with such a name was made to do something elsewhere.
HARMLESS = {
    "numpy": {
        "ndarray", "dtype", "_reconstruct", "_frombuffer", "scalar", "RandomState", "__randomstate_ctor",
        "__bit_generator_ctor", "__generator_ctor", "MT19937", "PCG64", "Generator", "float32", "float64",
        "int32", "int64", "uint32", "uint64", "bool_", "str_",
    },
    "builtins": {
        "set", "frozenset", "bytearray", "bytes", "object", "hash", "int", "long", "float", "bool", "dict",
        "list", "tuple", "str", "unicode",
    },
    "collections": {"OrderedDict", "defaultdict", "Counter"},
    "copyreg": {"_reconstructor"},
    "_codecs": {"encode"},
}  # fmt: skip
RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}  # Python 2
FLOATS = ("f2", "f4", "f8")
BLOCK = 4096  # rows
MALFORMED = (
    pickle.UnpicklingError, struct.error, EOFError, ValueError, LookupError, TypeError, AttributeError,
    OverflowError, MemoryError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class Name:
    """A name that a pickle would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass
class Made:
    """An object that a pickle would create: the callable's name, its arguments, and the state given to it."""

    name: Name
    arguments: tuple[Any, ...] = ()
    state: Any = None

    def ignore(self, *_: Any) -> None:
        """Ignore what the pickle would put into the object."""

    append = extend = __setitem__ = ignore

    @property
    def attributes(self) -> dict[Any, Any]:
        state = self.state[0] if isinstance(self.state, tuple) and self.state else self.state
        return state if isinstance(state, dict) else {}


class RefusedError(Exception):
    """A pickle that does more than hold vectors."""


def read(path: Path, builder: Builder) -> None:
    """Read the vectors in `path` into `builder`.

    Raises InputError for a pickle of anything else, and if a file beside it is missing or damaged.
    """
    try:
        with open(path, "rb") as stream, Bar(f"Reading  {path.name}") as bar:
            found = _Unpickler(_Input(stream, path.stat().st_size, bar)).load()
    except RefusedError as error:
        raise InputError(
            f"a pickle that {error}: refused, nothing was run", path=path, hint=WAY_OUT
        ) from error
    except MALFORMED as error:
        raise damaged(path, f"a pickle that is damaged or cut short: {error}") from error
    place = str(path)
    if isinstance(found, Made) and isinstance(found.attributes.get("wv"), Made):
        found, place = found.attributes["wv"], f"{path}.wv"  # of a whole model
    if not (isinstance(found, Made) and found.name.name.endswith("KeyedVectors")):
        what = str(found.name) if isinstance(found, Made) else type(found).__name__
        raise InputError(f"a pickle of {what}, expected gensim's KeyedVectors", path=path, hint=WAY_OUT)
    _KeyedVectors(path, place, found.attributes).read_into(builder)


@dataclass
class _KeyedVectors:
    path: Path
    place: str  # the names of its files begin like this
    attributes: dict[Any, Any]

    def read_into(self, builder: Builder) -> None:
        chosen = np.array([builder.add_word(word) for word in self._words()], np.bool_)
        buckets = self._integer("bucket", 1 << 31) if "bucket" in self.attributes else 0
        if not buckets:
            self._add(builder, VECTORS, self._table("vectors", "syn0", "vectors_vocab"), chosen)
            return
        if self.attributes.get("compatible_hash") is not True:
            raise self._error("a fastText model of gensim before 3.8, which hashes n-grams in another way")
        # As in a .bin: the words' own rows, and those of the n-grams.
        self._add(builder, VECTORS, self._table("vectors_vocab"), chosen)
        self._add(builder, NGRAMS, self._table("vectors_ngrams"), None)
        shape = builder.shapes[NGRAMS]
        if shape != (buckets, builder.shapes[VECTORS][1]):
            raise self._error(f"n-grams of the shape {shape}, expected {buckets} rows")
        builder.ngrams = NgramLengths(self._integer("min_n", MAX_NGRAM), self._integer("max_n", MAX_NGRAM))

    def _words(self) -> list[str]:
        names = ("index_to_key", "index2entity", "index2word")
        words = next((self.attributes[name] for name in names if name in self.attributes), None)
        if not isinstance(words, list) or not all(_is_word(word) for word in words):
            raise self._error("it holds no list of words")
        return [str(word) for word in words]

    def _integer(self, name: str, highest: int) -> int:
        value = self.attributes.get(name)
        if not isinstance(value, int) or not 0 <= value <= highest:
            raise self._error(f"no number from 0 to {highest:,} as {name}")
        return value

    def _table(self, *names: str) -> NDArray[Any]:
        """Return the first of these tables that is in the pickle or beside it."""
        separate = self.attributes.get("__numpys")
        for name in names:
            if isinstance(separate, list) and name in separate:
                return self._load_beside(name)
            if (value := self.attributes.get(name)) is not None:
                try:
                    return to_array(value)
                except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
                    raise self._error(f"{name} is no table of numbers: {error}") from error
        raise self._error(f"it holds no {names[0]}")

    def _load_beside(self, name: str) -> NDArray[Any]:
        file = Path(f"{self.place}.{name}.npy")
        try:
            table: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError, SyntaxError, OverflowError, MemoryError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise InputError(
                f"its file {file.name} cannot be read: {reason}",
                path=self.path,
                hint="keep the .npy files that gensim wrote beside it",
            ) from error
        return table

    def _add(
        self, builder: Builder, name: str, table: NDArray[Any], chosen: NDArray[np.bool_] | None
    ) -> None:
        if table.ndim != 2 or table.dtype.kind != "f" or (chosen is not None and len(table) != len(chosen)):
            raise self._error(f"a table of the shape {table.shape} and type {table.dtype}")
        for start in range(0, len(table), BLOCK):
            block = np.asarray(table[start : start + BLOCK], np.float32)
            if not np.isfinite(block).all():
                raise self._error("it holds values that are no numbers")
            builder.add_rows(block if chosen is None else block[chosen[start : start + BLOCK]], name)

    def _error(self, message: str) -> InputError:
        return InputError(f"gensim's own format, and {message}", path=self.path, hint=WAY_OUT)


def _is_word(value: Any) -> bool:
    """A text, or a number that Python writes out at once."""
    return isinstance(value, str) or (isinstance(value, int) and abs(value) < 1 << 60)


def to_array(made: Any) -> NDArray[Any]:
    """Return the array of floats that a pickle asks numpy for. Raises ValueError or the like for another."""
    if not isinstance(made, Made):
        raise ValueError(f"it is a {type(made).__name__}")
    if made.name.name == "_frombuffer":
        data, kind, shape, order = made.arguments
    else:
        _, shape, kind, by_columns, data = made.state
        order = "F" if by_columns else "C"
    dtype = np.dtype({"<": "<", ">": ">"}.get(kind.state[1], "=") + FLOATS[FLOATS.index(kind.arguments[0])])
    if isinstance(data, Made):  # bytes, as Python 3 writes them for Python 2
        data = data.arguments[0]
    if isinstance(data, str):
        data = data.encode("latin-1")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"{len(data):,} bytes of the shape {shape}")
    return np.frombuffer(data, dtype).reshape(shape, order=order)


# ---------------------------------------------------------------- the pickle


class _Input:
    """The file, from which no read can ask for more than there is."""

    def __init__(self, stream: Any, size: int, bar: Bar) -> None:
        self._stream, self._size, self._bar = stream, size, bar

    def read(self, size: int) -> bytes:
        if size > self._size:
            raise EOFError(f"it claims a value of {size:,} bytes")
        if size > 1:
            self._bar.at(self._stream.tell(), self._size)
        data: bytes = self._stream.read(size)
        return data

    def readline(self) -> bytes:
        line: bytes = self._stream.readline()
        return line


OPERATIONS = {each.name: ord(each.code) for each in pickletools.opcodes}
# Operations of `pickle._Unpickler` that only move plain values.
PLAIN = {
    "PROTO", "FRAME", "STOP", "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG",
    "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "EMPTY_LIST", "EMPTY_DICT", "EMPTY_TUPLE", "MARK", "POP", "POP_MARK", "DUP", "TUPLE", "TUPLE1", "TUPLE2",
    "TUPLE3", "LIST", "GLOBAL", "STACK_GLOBAL", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET",
    "LONG_BINGET", "APPEND", "APPENDS",
}  # fmt: skip
# A bytearray would be allocated before it is read; a set would hash its items.
INSTEAD = {"BYTEARRAY8": "BINBYTES8", "EMPTY_SET": "EMPTY_LIST", "FROZENSET": "LIST", "ADDITEMS": "APPENDS"}
PYTHONS: dict[int, Callable[..., None]] = pickle._Unpickler.dispatch


class _Unpickler(pickle._Unpickler):  # the one that is written in Python
    """Build what a pickle holds, with `Made` for every object that is not a plain value."""

    stack: list[Any]

    def __init__(self, stream: _Input) -> None:
        super().__init__(stream, encoding="latin-1")

    def find_class(self, module: str, name: str) -> Name:
        found = Name(RENAMED.get(module, module), name)
        top = found.module.partition(".")[0]
        if top != "gensim" and found.name not in HARMLESS.get(top if top == "numpy" else found.module, ()):
            raise RefusedError(f"names {ascii(str(found))[1:-1][:60]}")
        return found

    def _refuse(self) -> NoReturn:
        raise RefusedError("uses an operation that vectors do not need")

    def _make(self, keywords: int = 0) -> None:
        del self.stack[len(self.stack) - keywords :]
        arguments, name = self.stack.pop(), self.stack[-1]
        if not isinstance(name, Name) or not isinstance(arguments, tuple):
            raise ValueError("a call of what is not a name")
        self.stack[-1] = Made(name, arguments)  # not a copy, which a call in a loop would multiply

    def _build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if not isinstance(made, Made):
            raise ValueError("a state of what is not an object")
        made.state = state

    def _set_items(self, items: list[Any]) -> None:
        for key, value in zip(items[::2], items[1::2], strict=True):
            # No key whose hash could recurse or be made to collide.
            if not isinstance(key, bytes | None) and not _is_word(key):
                raise ValueError("a key that is no word or number")
            self.stack[-1][key] = value

    dispatch: ClassVar[dict[int, Callable[..., None]]] = {
        **dict.fromkeys(range(256), _refuse),
        **{OPERATIONS[name]: PYTHONS[OPERATIONS[name]] for name in PLAIN},
        **{OPERATIONS[name]: PYTHONS[OPERATIONS[as_if]] for name, as_if in INSTEAD.items()},
        OPERATIONS["REDUCE"]: _make,
        OPERATIONS["NEWOBJ"]: _make,
        OPERATIONS["NEWOBJ_EX"]: lambda self: self._make(keywords=1),
        OPERATIONS["BUILD"]: _build,
        OPERATIONS["SETITEM"]: lambda self: self._set_items([self.stack.pop(-2), self.stack.pop()]),
        OPERATIONS["SETITEMS"]: lambda self: self._set_items(self.pop_mark()),
    }
