"""Long transcripts: windows at the ends of lines, and how what was found in each becomes one answer.

Nothing is ever cut, and no window wins because it comes last. By default ("any") a feature is present where any window
has it, with the probability of the surest; lists are united; of what is generated the first that was found stands.
Rules between fields hold for the whole as they do for each window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from clinextract.decoding.choices import Decision
from clinextract.decoding.rows import Decisions
from clinextract.errors import ModelOutputError
from clinextract.schema.rules import Rules, head_of, heads
from clinextract.schema.specs import FieldSpec, Json

OVERLAP = 3
"""Lines that a window shares with the one before it: a question and its answer stay together."""
_UNKNOWN = 0.9
"""What a generated value counts for where rules weigh it against others."""
_IMPOSSIBLE = -1e6

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Merged:
    """One field over all windows.

    Attributes:
        decision: What was decided.
        windows: The windows that it rests on, the one that won first.
    """

    decision: Decision
    windows: tuple[int, ...]


def divide(lines: Sequence[Span], fits: Callable[[int, int], bool], *, overlap: int = OVERLAP) -> list[tuple[int, int]]:
    """Windows of whole lines that cover a transcript.

    Args:
        lines: The spans of its lines.
        fits: Whether the lines from a place up to another, that one excluded, fit into a window.
        overlap: Lines that each window shares with the one before it, where that leaves room to go on.

    Returns:
        For every window the place of its first line, and of the first line behind it; empty where a line by itself does
        not fit.
    """
    windows: list[tuple[int, int]] = []
    start = done = 0
    while done < len(lines):
        end = _furthest(start, len(lines), fits)
        if end > done:
            windows.append((start, end))
            done, start = end, max(end - overlap, start + 1)
        elif start < done:
            start += 1  # with so much overlap there is no room to go on
        else:
            return []
    return windows


def _furthest(start: int, count: int, fits: Callable[[int, int], bool]) -> int:
    """The furthest end of a window that begins at a place; bisection, since a longer window never fits better."""
    low, high = start, count
    while low < high:
        middle = (low + high + 1) // 2
        if fits(start, middle):
            low = middle
        else:
            high = middle - 1
    return low


def merge(fields: Sequence[FieldSpec], windows: Sequence[Decisions], rules: Rules) -> dict[str, Merged]:
    """One answer from those of the windows, which are in the transcript's order.

    Raises:
        ModelOutputError: The rules ask for a value that no window has.
    """
    merged = {field.name: _merged(field, [window[field.name] for window in windows]) for field in fields}
    values: dict[str, Json] = {name: one.decision.value for name, one in merged.items()}
    if len(windows) > 1 and rules and rules.broken(values):
        specs = {field.name: field for field in fields}
        preferences = {name: _preferences(specs[name], merged[name]) for name in rules.names}
        for name, head in rules.best(preferences).items():
            if head_of(specs[name], values[name]) != head:
                merged[name] = _ruled(specs[name], merged[name], head)
    return merged


def _merged(field: FieldSpec, found: Sequence[Decision]) -> Merged:
    if len(found) == 1:
        return Merged(found[0], (0,))
    present = [n for n, one in enumerate(found) if not field.absent(one.value)]
    if not present:
        # The least sure of the windows that have nothing: P(yes) is greatest there, P(none) least.
        chances = [one.probability if one.probability is not None else 1.0 for one in found]
        least = int(np.argmax(chances) if field.kind == "boolean" else np.argmin(chances))
        return Merged(found[least], (least,))
    if field.kind in {"several", "list"}:
        return _united(field, found, present)
    if field.merge == "any":
        # The surest, and of equally sure ones, as of generated ones, the first.
        winner = max(present, key=lambda n: (found[n].probability or 0.0, -n))
    else:
        winner = present[0] if field.merge == "first" else present[-1]
    agreeing = [n for n in present if n != winner and repr(found[n].value) == repr(found[winner].value)]
    return Merged(found[winner], (winner, *agreeing))


def _united(field: FieldSpec, found: Sequence[Decision], present: Sequence[int]) -> Merged:
    """All distinct items; listed ones in the schema's order, others in the transcript's, up to the greatest length."""
    items: list[Json] = []
    for n in present:
        for item in found[n].value:  # type: ignore[union-attr]  # a list's value is a list
            if item not in items:
                items.append(item)
    if field.kind == "several":
        items.sort(key=field.values.index)
    chances = [found[n].probability for n in present]
    known = [chance for chance in chances if chance is not None]
    chance = min(known) if len(known) == len(chances) else None
    decision = Decision(items[: int(field.maximum)], chance, any(found[n].ruled for n in present))
    return Merged(decision, tuple(present))


def _preferences(field: FieldSpec, merged: Merged) -> npt.NDArray[np.float64]:
    """How much each head of a field is worth: log-probabilities, as far as the windows tell them."""
    decision = merged.decision
    chance = _UNKNOWN if decision.probability is None else decision.probability
    if field.kind == "boolean":
        return np.asarray(np.log(np.clip([1 - chance, chance], 1e-9, 1)))
    mine = head_of(field, decision.value)
    worth = np.full(len(heads(field)), np.log(max(1 - chance, 1e-9)))
    worth[mine] = np.log(max(chance, 1e-9))
    if not field.listed and mine == 0 and len(worth) == 2:
        worth[1] = _IMPOSSIBLE  # nothing was generated that could stand there
    return worth


def _ruled(field: FieldSpec, merged: Merged, head: int) -> Merged:
    """The field with another head than the windows' own, because the rules leave no other."""
    if field.listed:
        value: Json = field.values[head]
    elif head == 0 and len(heads(field)) == 2:
        value = [] if field.kind in {"several", "list"} else None
    else:
        raise ModelOutputError(
            f"the schema's rules ask for a value of {field.name!r}, and no window of the transcript has one",
            hint="Loosen the rule, or use a model with a longer context.",
            field=field.name,
        )
    chance = merged.decision.probability
    if field.kind != "boolean":
        chance = None if chance is None else 1 - chance
    return Merged(replace(merged.decision, value=value, probability=chance, ruled=True), merged.windows)
