"""The most memory that one contender takes, measured in a process of its own.

Run by `benchmarks.run`: `python -m benchmarks.memory` reads its settings as JSON from standard input.
"""

from __future__ import annotations

import ctypes
import gc
import json
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from benchmarks.architectures import build, cache_bytes, weight_bytes
from benchmarks.contenders import Bench

SELF = Path("/proc/self")
MEGABYTE = 1 << 20


def measured(settings: Mapping[str, object]) -> dict[str, Any]:
    """Run `main` in a fresh interpreter.

    Args:
        settings: "architecture", "tokenizer", "device", "contender", "texts" (of one batch, or one), "threads".

    Returns:
        Bytes: "loaded" (resident after the model was loaded), "peak", "weights", "cache".
    """
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory"]
    done = subprocess.run(command, input=json.dumps(settings), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Load, note what is resident, run, and print the peak."""
    settings = json.load(sys.stdin)
    torch.set_num_threads(settings["threads"])
    model = build(settings["architecture"], Path(settings["tokenizer"]), settings["device"])
    _forget(settings["device"])
    loaded = _resident(settings["device"])
    bench = Bench(model, settings["texts"])
    for _ in range(2):
        _run(bench, settings["contender"])
    longest = max(len(item.prefix) + len(item.tokens) + len(item.answer) for item in bench.items)
    report = {
        "loaded": loaded,
        "peak": _peak(settings["device"]),
        "weights": weight_bytes(model),
        "cache": cache_bytes(model, longest) * len(bench.items),
    }
    print(json.dumps(report))


def _run(bench: Any, name: str) -> None:
    rows = range(len(bench.items))
    contenders = bench.contenders(rows, 1, 1) if len(rows) == 1 else bench.batches([rows], 1, 1)
    contenders[name].run(0)


def _settle() -> None:
    """Give freed memory back, so that what was needed only to load does not count as loaded."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _resident(device: str) -> int:
    if device == "cuda":
        return torch.cuda.memory_allocated()
    return _status("VmRSS") or _peak(device)


def _forget(device: str) -> None:
    """Start the peak anew, where the system can: loading has a peak of its own."""
    _settle()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with suppress(OSError):
        (SELF / "clear_refs").write_text("5")


def _peak(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(key: str) -> int:
    """A line of the system's own account of this process, in bytes; 0 where there is none."""
    with suppress(OSError):
        for line in (SELF / "status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    return 0


def table(names: Sequence[str], texts: Sequence[str], settings: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """`measured` for every contender, one after the other."""
    return {name: measured({**settings, "contender": name, "texts": list(texts)}) for name in names}


if __name__ == "__main__":
    main()
