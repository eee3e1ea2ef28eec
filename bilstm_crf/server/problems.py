"""Refusals: what a client did wrong, as an HTTP status and a JSON body."""

from __future__ import annotations

import json
from typing import Any

from bilstm_crf.errors import BilstmCrfError

Headers = dict[str, str]


class ProblemError(Exception):
    """A request that is refused.

    A message may quote what a client sent: it is for the client alone, and never logged.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        hint: str | None = None,
        line: int | None = None,
        headers: Headers | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.hint, self.line = status, message, hint, line
        self.headers = headers or {}

    @property
    def body(self) -> bytes:
        """The answer: {"error": {"status", "message", "hint", "line"}}."""
        details: dict[str, Any] = {"status": self.status, "message": self.message}
        details |= {"hint": self.hint} if self.hint else {}
        details |= {"line": self.line} if self.line is not None else {}
        return to_json({"error": details})


def problem_of(error: BilstmCrfError) -> ProblemError:
    """Return the refusal for an error in what a client sent."""
    return ProblemError(400, error.message, hint=error.hint, line=error.line)


def to_json(value: Any) -> bytes:
    """Return JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
