"""How far a second reader agrees with the writers: `python agreement.py` prints Cohen's kappa by feature.

A second reader gets the English texts in a shuffled order and never sees a label. `second_reading/AUTHOR.jsonl` has
a line for every call: {"pair": ..., "true": [features], "first": [features]}, "first" being the writer's labels at that
time. Disagreements were settled by the guidelines afterwards; what is counted here is the state before. `real.jsonl` is
of the public dialogues.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from corpus import FEATURES
from sklearn.metrics import cohen_kappa_score

HERE = Path(__file__).parent


def table(readings: Sequence[dict[str, Any]]) -> str:
    """Kappa and disagreements of each feature, as a Markdown table; no kappa where both say one thing of all."""
    rows = ["| feature | kappa | disagreements |", "|---|---|---|"]
    for name in FEATURES:
        first = [name in one["first"] for one in readings]
        second = [name in one["true"] for one in readings]
        kappa = f"{cohen_kappa_score(first, second):.3f}" if len({*first, *second}) > 1 else "–"
        rows.append(f"| `{name}` | {kappa} | {sum(a != b for a, b in zip(first, second, strict=True))} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table for every author that was read a second time, and for all."""
    files = sorted((HERE / "second_reading").glob("*.jsonl"))
    readings = {file.stem: [json.loads(line) for line in file.open(encoding="utf-8")] for file in files}
    for author, some in readings.items():
        print(f"author {author}: {len(some)} calls\n\n{table(some)}\n")
    every = [one for some in readings.values() for one in some]
    print(f"all: {len(every)} calls\n\n{table(every)}" if every else "nothing was read a second time yet")


if __name__ == "__main__":
    main()
