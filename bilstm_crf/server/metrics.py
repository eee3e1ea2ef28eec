"""Counters in the text format of Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counts of a server. Any thread may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, Labels], float] = defaultdict(float)
        self._times: dict[Labels, list[float]] = {}  # a count for each of SECONDS, the count and the sum
        self._gauges: dict[str, tuple[str, str, Callable[[], float]]] = {}

    def count(self, name: str, number: float = 1, **labels: str) -> None:
        """Add to a counter; its name is one of COUNTERS."""
        with self._lock:
            self._counts[name, tuple(labels.items())] += number

    def observe(self, seconds: float, **labels: str) -> None:
        """Add the time of a request to the histogram."""
        with self._lock:
            times = self._times.setdefault(tuple(labels.items()), [0.0] * (len(SECONDS) + 2))
            place = bisect_left(SECONDS, seconds)
            if place < len(SECONDS):
                times[place] += 1
            times[-2] += 1
            times[-1] += seconds

    def gauge(self, name: str, kind: str, help_: str, value: Callable[[], float]) -> None:
        """Show a value that is asked for at each look; `kind` is gauge or counter."""
        self._gauges[name] = (kind, help_, value)

    def render(self) -> str:
        """Return all metrics as text."""
        with self._lock:
            counts, times = dict(self._counts), {key: list(value) for key, value in self._times.items()}
        lines: list[str] = []
        for name, help_ in COUNTERS.items():
            lines += _header(name, "counter", help_)
            lines += [f"{name}{_shown(k)} {v:.0f}" for (each, k), v in sorted(counts.items()) if each == name]
        lines += _header(LATENCY, "histogram", "Time from the head of a request to the end of its answer.")
        for labels, values in sorted(times.items()):
            total = 0.0
            for bound, value in zip(SECONDS, values, strict=False):
                total += value
                lines.append(f"{LATENCY}_bucket{_shown((*labels, ('le', f'{bound:g}')))} {total:.0f}")
            lines.append(f"{LATENCY}_bucket{_shown((*labels, ('le', '+Inf')))} {values[-2]:.0f}")
            lines.append(f"{LATENCY}_sum{_shown(labels)} {values[-1]:.6f}")
            lines.append(f"{LATENCY}_count{_shown(labels)} {values[-2]:.0f}")
        for name, (kind, help_, value_of) in self._gauges.items():
            lines += [*_header(name, kind, help_), f"{name} {value_of():g}"]
        return "\n".join(lines) + "\n"


LATENCY = "bilstm_crf_request_duration_seconds"
COUNTERS = {
    "bilstm_crf_requests_total": "Requests by path and status.",
    "bilstm_crf_tokens_total": "Tokens tagged, by model.",
    "bilstm_crf_names_total": "Names found, by model.",
    "bilstm_crf_errors_total": "Failures that are the server's fault, by kind.",
}


def _header(name: str, kind: str, help_: str) -> list[str]:
    return [f"# HELP {name} {help_}", f"# TYPE {name} {kind}"]


def _shown(labels: Labels) -> str:
    """Return labels as they are written. Their values are ours: none needs an escape."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""
