"""Runs a command as a process of its own and says how long it took and how much memory it had."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

LIMIT = 3 * 3600  # seconds; a process that takes longer hangs


@dataclass(frozen=True)
class Run:
    """The time, memory and output of one process."""

    seconds: float  # from its start to its end
    cpu_seconds: float  # of it and of the processes that it waited for
    peak_mib: float  # memory of all its processes at its highest, mapped files included, what they share once
    out: str
    err: str


class FailedError(Exception):
    """A process ended with another status than 0; the message is the end of what it said."""


def run(command: Sequence[str | os.PathLike[str]], *, threads: int, cwd: Path | None = None) -> Run:
    """Runs `command` on the CPU with so many threads. Raises FailedError.

    Its peak is what the kernel counted for its largest process (which holds this process's own peak too, so
    this one must stay small), or what a look a second found where it has children: a look holds up the
    process that it is at, so one without children is not looked at.
    """
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONUNBUFFERED": "1",
    }
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            [os.fspath(part) for part in command],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        watchdog = threading.Timer(LIMIT, process.kill)
        watchdog.start()
        peaks, done = [0.0], threading.Event()
        threading.Thread(target=_look, args=(process.pid, peaks, done), daemon=True).start()
        try:
            _, status, usage = os.wait4(process.pid, 0)  # the one call that gives a child's own peak
        except BaseException:
            os.kill(process.pid, signal.SIGTERM)
            raise
        finally:
            watchdog.cancel()
            done.set()
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    if process.returncode:
        said = "\n".join((texts[0] + texts[1]).splitlines()[-15:])
        raise FailedError(f"{' '.join(map(str, command))}\nended with status {process.returncode}:\n{said}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Run(seconds, cpu_seconds, max(*peaks, usage.ru_maxrss / 1024), *texts)  # Linux counts it in KiB


def _look(pid: int, peaks: list[float], done: threading.Event) -> None:
    """Adds to `peaks` what the process and its children have in memory together, until it is done."""
    while not done.wait(1):
        if children := _children(pid):
            peaks.append(sum(map(_share, (pid, *children))) / 1024)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _share(pid: int) -> int:
    """KiB of a process; of what it shares with n - 1 others, an nth (the kernel's Pss)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def machine() -> dict[str, Any]:
    """The processor, its cores, memory, load, and the versions of this side."""
    processor = memory = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal"):
            memory = f"{int(line.split()[1]) / 2**20:.0f} GiB"
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "memory": memory,
        "system": platform.platform(),
        "load": [round(load, 2) for load in os.getloadavg()],  # before the first measurement
        "python": sys.version.split()[0],
        "versions": versions(("bilstm_crf", "torch", "numpy", "numba")),
        "commit": commit(Path(__file__).resolve().parent.parent),
    }


def write_report(path: Path | None, report: dict[str, Any]) -> None:
    """The report as JSON, where a path was given."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")


def versions(packages: Sequence[str]) -> dict[str, str]:
    """The versions of those packages that this Python has."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit(folder: Path) -> str | None:
    """The commit of the checkout `folder`, with `+` where files were changed since."""
    if not (folder / ".git").exists():  # else git would answer for a folder around it
        return None
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None
