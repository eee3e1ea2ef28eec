"""What a command of the tests left behind."""

from typing import NamedTuple


class Done(NamedTuple):
    """What the fixture `cli` gives."""

    status: int
    out: bytes
    err: str
