"""Contenders measured side by side, and what is said of their times."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

Seconds = dict[tuple[int, int], float]
"""By (repetition, item)."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way of doing the same thing.

    Attributes:
        run: Does it for the item of an index.
        repetitions: How often each item is done; a slow contender takes part in the first ones only.
    """

    run: Callable[[int], object]
    repetitions: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some numbers, and the quartiles around it."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Spread:
        """Of at least one number."""
        if len(numbers) == 1:
            return cls(numbers[0], numbers[0], numbers[0], 1)
        low, middle, high = statistics.quantiles(numbers, n=4, method="inclusive")
        return cls(middle, low, high, len(numbers))

    def scaled(self, factor: float) -> Spread:
        """In another unit."""
        return Spread(self.median * factor, self.low * factor, self.high * factor, self.count)


def interleave(
    contenders: Mapping[str, Contender], items: int, after: Callable[[], object] = lambda: None
) -> dict[str, Seconds]:
    """Time every contender on every item, in turn, so that a busy minute of the machine is shared by all.

    Each contender does the first item once before, untimed: indices, prefixes and allocators are then warm.

    Args:
        contenders: By name.
        items: How many items there are.
        after: Called at the end of each timing, to wait for a device.
    """
    for contender in contenders.values():
        contender.run(0)
    times: dict[str, Seconds] = {name: {} for name in contenders}
    rounds = max(contender.repetitions for contender in contenders.values())
    for repetition in range(rounds):
        for item in range(items):
            for name, contender in contenders.items():
                if repetition < contender.repetitions:
                    after()
                    started = perf_counter()
                    contender.run(item)
                    after()
                    times[name][repetition, item] = perf_counter() - started
        print(f"  repetition {repetition + 1} of {rounds}", file=sys.stderr, flush=True)
    return times


def ratio(slow: Seconds, fast: Seconds) -> Spread:
    """How many times longer, over the pairs measured side by side."""
    return Spread.of([slow[key] / fast[key] for key in slow if key in fast])


def flat(times: Mapping[str, Seconds]) -> dict[str, list[list[float]]]:
    """Times for a JSON file: for every contender (repetition, item, seconds)."""
    return {name: [[*key, seconds] for key, seconds in one.items()] for name, one in times.items()}
