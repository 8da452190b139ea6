"""What was made once is kept for the next time, up to a number, also where threads share it."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_LOCK = Lock()
"""One for all that is kept: an attribute of what keeps it could not be pickled."""


def keep(kept: OrderedDict[Key, Value], key: Key, value: Value, most: int) -> None:
    """Put a value last, and let go of the first ones beyond `most`. What is looked up meanwhile is always found."""
    with _LOCK:
        kept[key] = value
        kept.move_to_end(key)
        while len(kept) > most:
            kept.popitem(last=False)
