"""The transcripts that every contender sees, chosen by their length in tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

from clinextract.text import language_of
from clinextract.translation.passages import passages

ROOT = Path(__file__).parents[1]
SHORTEST, LONGEST = 150, 400
"""Tokens of a transcript."""


def every() -> list[str]:
    """The shipped examples, and the calls that the embedded model is trained on."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "clinextract" / "demo").glob("*.txt"))]
    for path in sorted((ROOT / "examples" / "train_default_model" / "calls").glob("*.jsonl")):
        texts += [json.loads(line)["transcript"] for line in path.read_text(encoding="utf-8").splitlines()]
    return texts


def chosen(length: Callable[[str], int], each: int) -> dict[str, list[str]]:
    """So many English and so many Persian transcripts, spread evenly over the lengths from `SHORTEST` to `LONGEST`.

    Args:
        length: Of a text, in tokens.
        each: How many in each language; where there are fewer, some come twice.
    """
    groups: dict[str, list[tuple[int, str]]] = {"en": [], "fa": []}
    for text in every():
        groups["fa" if language_of(text) == "fa" else "en"].append((length(text), text))
    return {language: _spread(group, each) for language, group in groups.items()}


def paired(texts: Sequence[str]) -> dict[str, str]:
    """Those of some transcripts that are Persian and have an English of as many passages, with that English."""
    calls: dict[str, dict[str, str]] = {}
    for path in sorted((ROOT / "examples" / "train_default_model" / "calls").glob("*.jsonl")):
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            calls.setdefault(row["pair"], {})[row["language"]] = row["transcript"]
    both = {pair["fa"]: pair["en"] for pair in calls.values() if len(pair) == 2}
    return {
        text: both[text]
        for text in texts
        if text in both and len(passages(text, "fa", "en")) == len(passages(both[text], "en", "fa"))
    }


def _spread(group: list[tuple[int, str]], each: int) -> list[str]:
    inside = [item for item in group if SHORTEST <= item[0] <= LONGEST] or group
    picked: list[str] = []
    for number in range(each):
        wanted = SHORTEST + (LONGEST - SHORTEST) * number / max(1, each - 1)
        left = [item for item in inside if item[1] not in picked]
        if not left:
            break
        picked.append(min(left, key=lambda item: abs(item[0] - wanted))[1])
    return list(islice(cycle(picked), each))
