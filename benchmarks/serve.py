"""Throughput and latency of the server with many clients, beside the tagger's own speed.

    python benchmarks/serve.py --output docs/results/serve.json

Starts a real server, and 32 clients in a process of their own that post the documents of a file, one after
another, for 30 seconds. Before and after, `Tagger.tag` tags the same documents in this process with as many
threads, a list of 32 at a time, with the same options: the share is of the mean of both. All runs on this
machine, clients included. On a busy machine the share by CPU seconds says more than that by the clock.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from measure import machine

CLIENTS = 32


def documents(path: Path) -> list[str]:
    """Return the texts of a CoNLL-U file's documents, as the table beside it has them."""
    from bilstm_crf.corpus.documents import Documents
    from bilstm_crf.formats import read

    texts: list[str] = []
    for _, group in itertools.groupby(Documents(None).named(read(path)), key=lambda each: each.document):
        sentences = list(group)
        for start in range(0, len(sentences), 20):  # where no table is, the file would be one document
            part = sentences[start : start + 20]
            texts.append(" ".join(each.text or " ".join(each.tokens) for each in part))
    return texts


def own_speed(texts: list[str], threads: int, seconds: float) -> tuple[float, float]:
    """Return the tokens and the CPU seconds a second of `Tagger.tag` in so many threads."""
    from bilstm_crf.inference.tagger import Tagger

    tagger = Tagger.load()
    tagger.tag(texts[:CLIENTS])
    batches = [texts[at : at + CLIENTS] for at in range(0, len(texts), CLIENTS)]
    end, started, before = time.perf_counter() + seconds, time.perf_counter(), time.process_time()

    def work(place: int) -> int:
        tokens = 0
        for batch in itertools.islice(itertools.cycle(batches), place, None, threads):
            if time.perf_counter() >= end:
                return tokens
            tokens += sum(len(sentence) for document in tagger.tag(batch) for sentence in document.sentences)
        return tokens

    with ThreadPoolExecutor(threads) as pool:
        tokens = sum(pool.map(work, range(threads)))
    passed = time.perf_counter() - started
    return tokens / passed, (time.process_time() - before) / passed


async def client(port: int, bodies: Iterator[bytes], end: float, times: list[float]) -> None:
    """Post one document after another over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = (
        "POST /v1/tag HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        "Content-Length: {}",
    )
    head = "\r\n".join((*lines, "", ""))
    while time.perf_counter() < end:
        body = next(bodies)
        started = time.perf_counter()
        writer.write(head.format(len(body)).encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", answer)
        assert answer.startswith(b"HTTP/1.1 200")
        assert found is not None
        await reader.readexactly(int(found[1]))
        times.append(time.perf_counter() - started)
    writer.close()


def load(port: int, texts: list[str], seconds: float, answer: Any) -> None:
    """Be the clients, and send the time of each request."""
    bodies = itertools.cycle([json.dumps({"text": text}, ensure_ascii=False).encode() for text in texts])
    times: list[float] = []

    async def run() -> None:
        end = time.perf_counter() + seconds
        await asyncio.gather(*(client(port, bodies, end, times) for _ in range(CLIENTS)))

    asyncio.run(run())
    answer.send((times, time.process_time()))


def counter(port: int, name: str) -> float:
    """Return the sum of a counter of the server."""
    from urllib.request import urlopen

    text = urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    return sum(float(each) for each in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, flags=re.MULTILINE))


def cpu_of(process: int) -> float:
    """Return the CPU seconds of a process so far."""
    ticks = Path(f"/proc/{process}/stat").read_text().split()[13:15]
    return sum(map(float, ticks)) / os.sysconf("SC_CLK_TCK")


def served_speed(texts: list[str], threads: int, seconds: float) -> dict[str, Any]:
    """Return what the clients of a server found."""
    command = [sys.executable, "-m", "bilstm_crf", "serve", "--port", "0", "--threads", str(threads)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        found = None
        while found is None:
            found = re.search(r":(\d+)/", server.stderr.readline())
        port = int(found[1])
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        for duration in (2.0, seconds):  # the first one warms up
            names = ("bilstm_crf_tokens_total", "bilstm_crf_jobs_total", "bilstm_crf_batches_total")
            before, started = [counter(port, name) for name in names], time.perf_counter()
            cpu = -cpu_of(server.pid)
            process = multiprocessing.get_context("spawn").Process(
                target=load, args=(port, texts, duration, theirs)
            )
            process.start()
            times, clients_cpu = ours.recv()
            process.join()
            passed = time.perf_counter() - started
            cpu += cpu_of(server.pid)
            tokens, jobs, batches = (counter(port, n) - b for n, b in zip(names, before, strict=True))
        passed = min(passed, seconds + max(times))  # without the start of the clients' process
    finally:
        server.terminate()
        server.wait()
    times.sort()
    return {
        "requests": len(times),
        "tokens_per_second": round(tokens / passed),
        "p50_ms": round(1000 * times[len(times) // 2], 1),
        "p99_ms": round(1000 * times[int(len(times) * 0.99)], 1),
        "max_ms": round(1000 * times[-1], 1),
        "requests_per_batch": round(jobs / max(batches, 1), 2),
        "clients_cpu_seconds": round(clients_cpu, 1),
        "server_cpu_seconds": round(cpu, 1),
        "tokens_per_cpu_second": round(tokens / cpu),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=Path("../shared/norne/nob/no_bokmaal-ud-dev.conllu"))
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    texts = documents(given.file)
    before, cpu_before = own_speed(texts, given.threads, given.seconds / 2)
    served = served_speed(texts, given.threads, given.seconds)
    after, cpu_after = own_speed(texts, given.threads, given.seconds / 2)
    own = (before + after) / 2
    result = {
        "command": f"python benchmarks/serve.py --seconds {given.seconds:g} --threads {given.threads}",
        "machine": machine(),
        "load": [round(each, 1) for each in os.getloadavg()],
        "clients": CLIENTS,
        "seconds": given.seconds,
        "threads": given.threads,
        "texts": len(texts),
        "characters_per_text": round(sum(map(len, texts)) / len(texts)),
        "own_tokens_per_second": [round(before), round(after)],
        "own_cores_used": [round(cpu_before, 2), round(cpu_after, 2)],
        "own_tokens_per_cpu_second": round(own / ((cpu_before + cpu_after) / 2)),
        "served": served,
        "share_of_own": round(served["tokens_per_second"] / own, 3),
        "share_of_own_per_cpu_second": round(
            served["tokens_per_cpu_second"] * (cpu_before + cpu_after) / 2 / own, 3
        ),
    }
    content = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    if given.output is not None:
        given.output.write_text(content, "utf-8")
    print(content)


if __name__ == "__main__":
    main()
