"""How long `evaluate` takes, from files to a report, and how much memory, in a process of its own.

Run by `benchmarks.run`: `python -m benchmarks.evaluation` reads its settings as JSON from standard input.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from clinextract.evaluation.evaluate import evaluate
from clinextract.palliative import PalliativeCall

FEATURES = tuple(PalliativeCall.model_fields)
ONE, TWO = "one set of predictions", "two sets, compared"


def measured(settings: Mapping[str, int]) -> dict[str, Any]:
    """Run `main` in a fresh interpreter.

    Args:
        settings: "transcripts", "rounds", "repetitions".

    Returns:
        The settings; "seconds" by what is evaluated, one a repetition; "memory", bytes that were resident at most.
    """
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.evaluation"]
    done = subprocess.run(command, input=json.dumps(settings), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Write files of simulated calls, evaluate them, and print what it took."""
    settings = json.load(sys.stdin)
    seconds: dict[str, list[float]] = {ONE: [], TWO: []}
    with tempfile.TemporaryDirectory() as folder:
        gold, first, second = _files(Path(folder), settings["transcripts"])
        for _ in range(settings["repetitions"]):
            for name, predictions in ((ONE, [first]), (TWO, [first, second])):
                started = perf_counter()
                evaluate(predictions, gold, rounds=settings["rounds"])
                seconds[name].append(perf_counter() - started)
    print(json.dumps(settings | {"features": len(FEATURES), "seconds": seconds, "memory": _peak()}))


def _files(folder: Path, transcripts: int) -> tuple[Path, Path, Path]:
    """A gold standard as csv and two sets of predictions as `run` writes them, with probabilities."""
    random = np.random.default_rng(0)
    truth = random.random((transcripts, len(FEATURES))) < 0.2
    with (folder / "gold.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", *FEATURES])
        out.writerows([number, *labels] for number, labels in enumerate(truth.astype(int).tolist()))
    for name, skill in (("first", 3.0), ("second", 2.5)):
        shares = 1 / (1 + np.exp(2 - skill * truth - random.normal(0, 1.5, truth.shape)))
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for number, row in enumerate(shares.tolist()):
                probabilities = dict(zip(FEATURES, row, strict=True))
                features = {field: share > 0.5 for field, share in probabilities.items()}
                line = {"id": number, "status": "ok", "features": features, "probabilities": probabilities}
                file.write(json.dumps(line) + "\n")
    return folder / "gold.csv", folder / "first.jsonl", folder / "second.jsonl"


def _peak() -> int:
    """Bytes that were resident at most. The system's own account, where there is one: the other counts the parent."""
    account = Path("/proc/self/status")
    if account.is_file():
        [line] = [line for line in account.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
