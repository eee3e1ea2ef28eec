"""gensim's own format (KeyedVectors.save), read without running anything that the file names.

The file is a pickle. A pickle is a program: whoever unpickles it imports and calls what it names. Here its
operations are only followed to see what they would build: each name, call and state becomes a plain record
(`Made`), and no name is ever imported. From the records come the words and the tables; large tables lie
beside the file as `PATH.vectors.npy` and the like.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bilstm_crf.embeddings.fasttext import MAX_NGRAM
from bilstm_crf.embeddings.tables import NGRAMS, VECTORS, Ngrams, Tables
from bilstm_crf.embeddings.word_list import WordList
from bilstm_crf.errors import InputError
from bilstm_crf.util.progress import Bar

WAY_OUT = (
    "write the vectors with gensim's KeyedVectors.save_word2vec_format(FILE, binary=True), "
    "where you trust the file, and give that"
)
# What files of gensim 3 and 4 name besides gensim's own classes. A file that names anything else is refused,
# not because it could do harm here, but because it was made to do something elsewhere.
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


@dataclass(frozen=True)
class Name:
    """A name that a pickle would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass
class Made:
    """An object that a pickle would make: the callable's name, its arguments, and the state given to it."""

    name: Name
    arguments: Any = ()
    state: Any = None

    @property
    def attributes(self) -> dict[Any, Any]:
        state = self.state[0] if isinstance(self.state, tuple) and self.state else self.state
        return state if isinstance(state, dict) else {}


class _RefusedError(Exception):
    """A pickle that does more than hold vectors."""


def read(path: Path, tables: Tables) -> tuple[WordList, Ngrams | None]:
    """Read the vectors in `path` into `tables`, as fasttext.read does.

    Raises InputError for a pickle of anything else, and where a file beside it is missing or damaged.
    """
    try:
        with open(path, "rb") as stream, Bar(f"Reading  {path.name}") as bar:
            found = follow(stream, lambda done: bar.at(done, path.stat().st_size))
    except _RefusedError as error:
        raise InputError(
            f"a pickle that {error}: refused, nothing was run", path=path, hint=WAY_OUT
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise InputError(
            f"a pickle that is damaged or cut short: {error}", path=path, hint="remove it and fetch it anew"
        ) from error
    place = str(path)
    if isinstance(found, Made) and isinstance(found.attributes.get("wv"), Made):
        found, place = found.attributes["wv"], f"{path}.wv"  # a whole model holds its vectors there
    if not (isinstance(found, Made) and found.name.name.endswith("KeyedVectors")):
        what = str(found.name) if isinstance(found, Made) else type(found).__name__
        raise InputError(f"a pickle of {what}, expected gensim's KeyedVectors", path=path, hint=WAY_OUT)
    return _KeyedVectors(path, place, found.attributes).read_into(tables)


@dataclass
class _KeyedVectors:
    path: Path
    place: str  # the files of its attributes begin so
    attributes: dict[Any, Any]

    def read_into(self, tables: Tables) -> tuple[WordList, Ngrams | None]:
        kept = WordList(self.path)
        chosen = np.array([kept.add(word) for word in self._words()], np.bool_)
        buckets = self._integer("bucket", 1 << 31) if "bucket" in self.attributes else 0
        if not buckets:
            self._add(VECTORS, self._table("vectors", "syn0", "vectors_vocab"), tables, chosen)
            return kept, None
        if self.attributes.get("compatible_hash") is not True:
            raise self._error(
                "a fastText model of gensim before 3.8, whose n-grams are hashed in another way"
            )
        # Here as in a .bin: the words' own rows, and those of the n-grams.
        self._add(VECTORS, self._table("vectors_vocab"), tables, chosen)
        self._add(NGRAMS, self._table("vectors_ngrams"), tables, None)
        if tables.shapes[NGRAMS][0] != buckets or tables.shapes[NGRAMS][1] != tables.shapes[VECTORS][1]:
            raise self._error(f"n-grams of the shape {tables.shapes[NGRAMS]}, expected {buckets} rows")
        return kept, Ngrams(self._integer("min_n", MAX_NGRAM), self._integer("max_n", MAX_NGRAM))

    def _words(self) -> list[str]:
        words = next(
            (
                self.attributes[name]
                for name in ("index_to_key", "index2entity", "index2word")
                if name in self.attributes
            ),
            None,
        )
        if not isinstance(words, list) or not all(isinstance(word, str | int) for word in words):
            raise self._error("it holds no list of words")
        return [str(word) for word in words]

    def _integer(self, name: str, most: int) -> int:
        value = self.attributes.get(name)
        if not isinstance(value, int) or not 0 <= value <= most:
            raise self._error(f"no number from 0 to {most:,} as {name}")
        return value

    def _table(self, *names: str) -> NDArray[Any]:
        """The first of these tables that is there, in the pickle or beside it."""
        separate = self.attributes.get("__numpys")
        for name in names:
            if isinstance(separate, list) and name in separate:
                return self._beside(name)
            if (value := self.attributes.get(name)) is not None:
                try:
                    return array(value)
                except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
                    raise self._error(f"{name} is no table of numbers: {error}") from error
        raise self._error(f"it holds no {names[0]}")

    def _beside(self, name: str) -> NDArray[Any]:
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

    def _add(self, name: str, table: NDArray[Any], tables: Tables, chosen: NDArray[np.bool_] | None) -> None:
        if table.ndim != 2 or table.dtype.kind != "f" or (chosen is not None and len(table) != len(chosen)):
            raise self._error(f"a table of the shape {table.shape} and type {table.dtype}")
        for start in range(0, len(table), BLOCK):
            block = np.asarray(table[start : start + BLOCK], np.float32)
            if not np.isfinite(block).all():
                raise self._error("it holds values that are no numbers")
            tables.add(name, block if chosen is None else block[chosen[start : start + BLOCK]])

    def _error(self, message: str) -> InputError:
        return InputError(f"gensim's own format, and {message}", path=self.path, hint=WAY_OUT)


def array(made: Any) -> NDArray[Any]:
    """Build the array of floats that numpy would be asked for. Raises ValueError or the like for another."""
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


@dataclass
class _Machine:
    """A pickle's stack, as its operations leave it."""

    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)  # heights of the stack
    memo: dict[int, Any] = field(default_factory=dict)

    def pop(self, count: int) -> list[Any]:
        """The uppermost values, the last one last."""
        if count > len(self.stack) - (self.marks[-1] if self.marks else 0):
            raise ValueError("its stack is empty")
        values = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return values

    def pop_mark(self) -> list[Any]:
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values


def follow(stream: BinaryIO, progress: Callable[[int], None] | None = None) -> Any:
    """Return what a pickle would build, with `Made` for every object that is no plain value.

    Raises _RefusedError for a name that files of vectors have no use for, ValueError and the like for a
    pickle that is damaged.
    """
    machine = _Machine()
    for operation, argument, position in pickletools.genops(stream):
        name = operation.name
        if name in VALUES:
            machine.stack.append(argument)
        elif (do := OPERATIONS.get(name)) is not None:
            do(machine, argument)
        elif name == "STOP":
            return machine.pop(1)[0]
        elif name == "FRAME":
            if progress is not None and position is not None:
                progress(position)
        elif name != "PROTO":
            raise _RefusedError(f"uses the operation {name}")
    raise ValueError("it has no end")


VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING",
    "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
}  # fmt: skip


def _name(module: Any, name: Any) -> Name:
    found = Name(RENAMED.get(str(module), str(module)), str(name))
    top = found.module.partition(".")[0]
    if top != "gensim" and found.name not in HARMLESS.get(top if top == "numpy" else found.module, ()):
        raise _RefusedError(f"names {ascii(str(found))[1:-1][:60]}")
    return found


def _make(machine: _Machine, count: int) -> None:
    name, arguments, *_ = machine.pop(count)
    if not isinstance(name, Name):
        raise ValueError("it calls what is no name")
    machine.stack.append(Made(name, arguments))


def _set_items(target: Any, items: list[Any]) -> None:
    if isinstance(target, dict):
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Nothing whose hash could recurse or be made to collide.
            if not isinstance(key, str | bytes | None) and not (isinstance(key, int) and abs(key) < 1 << 60):
                raise ValueError("a key that is no word or number")
            target[key] = value
    elif not isinstance(target, Made):
        raise ValueError("items of what is no dict")


def _extend(target: Any, items: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(items)
    elif not isinstance(target, Made):
        raise ValueError("items of what is no list")


def _build(machine: _Machine) -> None:
    (state,) = machine.pop(1)
    if not isinstance(machine.stack[-1], Made):
        raise ValueError("a state of what is no object")
    machine.stack[-1].state = state


def _push(make: Callable[[], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.stack.append(make())


def _tuple(count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.stack.append(tuple(machine.pop(count)))


def _remember(machine: _Machine, number: int) -> None:
    machine.memo[number] = machine.stack[-1]


def _discard_mark(machine: _Machine, _: Any) -> None:
    machine.pop_mark()


OPERATIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "NONE": _push(lambda: None),
    "NEWTRUE": _push(lambda: True),
    "NEWFALSE": _push(lambda: False),
    "EMPTY_LIST": _push(list),
    "EMPTY_DICT": _push(dict),
    "EMPTY_TUPLE": _push(tuple),
    "EMPTY_SET": _push(list),  # a list as well: nothing here is ever hashed
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "POP": lambda machine, _: machine.pop(1).clear(),
    "POP_MARK": _discard_mark,
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_mark())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": lambda machine, _: machine.stack.append(machine.pop_mark()),
    "FROZENSET": lambda machine, _: machine.stack.append(machine.pop_mark()),
    "APPEND": lambda machine, _: _extend(machine.stack[-2], machine.pop(1)),
    "APPENDS": lambda machine, _: _extend_marked(machine),
    "ADDITEMS": lambda machine, _: _extend_marked(machine),
    "SETITEM": lambda machine, _: _set_items(machine.stack[-3], machine.pop(2)),
    "SETITEMS": lambda machine, _: _set_marked(machine),
    "GLOBAL": lambda machine, argument: machine.stack.append(_name(*argument.split(" ", 1))),
    "STACK_GLOBAL": lambda machine, _: machine.stack.append(_name(*machine.pop(2))),
    "REDUCE": lambda machine, _: _make(machine, 2),
    "NEWOBJ": lambda machine, _: _make(machine, 2),
    "NEWOBJ_EX": lambda machine, _: _make(machine, 3),
    "BUILD": lambda machine, _: _build(machine),
    "PUT": _remember,
    "BINPUT": _remember,
    "LONG_BINPUT": _remember,
    "MEMOIZE": lambda machine, _: _remember(machine, len(machine.memo)),
    "GET": lambda machine, number: machine.stack.append(machine.memo[number]),
    "BINGET": lambda machine, number: machine.stack.append(machine.memo[number]),
    "LONG_BINGET": lambda machine, number: machine.stack.append(machine.memo[number]),
}


def _extend_marked(machine: _Machine) -> None:
    items = machine.pop_mark()
    _extend(machine.stack[-1], items)


def _set_marked(machine: _Machine) -> None:
    items = machine.pop_mark()
    _set_items(machine.stack[-1], items)
