"""The embedded model from a cold process to many transcripts, measured in a process of its own.

Run by `benchmarks.run`: `python -m benchmarks.embedded` reads its settings as JSON from standard input.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from time import perf_counter
from typing import Any

SIZES = (1, 8, 32)
"""Transcripts decoded at once."""
SLICES = 4
"""The sizes take turns, a part of the transcripts each time."""


def measured(model: str, texts: list[str], threads: int, starts: int) -> dict[str, Any]:
    """Start `starts` fresh interpreters for the times of a start, the last of which goes on to the rates.

    Returns:
        "start": for every start, seconds to import, load and answer first, and all three together; "rates":
        transcripts a second by size, one number for each slice; "passes", "transcripts".
    """
    reports = [_run({"model": model, "texts": texts[:1]}, threads) for _ in range(starts)]
    last = _run({"model": model, "texts": texts}, threads)
    return {**last, "start": [report["start"] for report in (*reports, last)]}


def _run(settings: Mapping[str, object], threads: int) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.embedded"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        command, input=json.dumps(settings), capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def main() -> None:
    """Import, load, answer; then, where there is more than one transcript, the rates."""
    settings = json.load(sys.stdin)
    texts = settings["texts"]
    started = perf_counter()
    clinextract = import_module("clinextract")
    imported = perf_counter()
    model = clinextract.load_model(settings["model"])
    loaded = perf_counter()
    extractor = clinextract.Extractor(model=model)
    extractor(texts[0])
    answered = perf_counter()
    start = {
        "import": imported - started,
        "load": loaded - imported,
        "first answer": answered - loaded,
        "together": answered - started,
    }
    report: dict[str, Any] = {"start": start, "parameters": model.info.parameters, "dtype": model.info.dtype}
    if len(texts) > 1:
        report |= _rates(extractor, texts)
    print(json.dumps(report))


def _rates(extractor: Any, texts: list[str]) -> dict[str, Any]:
    passes = [extractor(text).provenance.passes for text in texts[: max(SIZES)]]  # a warm-up, too
    rates: dict[str, list[float]] = {str(size): [] for size in SIZES}
    for number in range(SLICES):
        part = texts[number::SLICES]
        for size in SIZES if part else ():
            started = perf_counter()
            count = sum(1 for _ in extractor.batch(part, batch_size=size)) if size > 1 else len([*map(extractor, part)])
            rates[str(size)].append(count / (perf_counter() - started))
    return {"rates": rates, "transcripts": len(texts), "passes": passes}


if __name__ == "__main__":
    main()
