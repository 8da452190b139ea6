"""Regular expressions for whole numbers between two bounds, which regular expressions themselves do not have."""

from __future__ import annotations


def integer_pattern(low: int, high: int) -> str:
    """A pattern that matches the whole numbers from `low` to `high` in canonical form, and nothing else.

    >>> integer_pattern(8, 23)
    '([8-9]|1[0-9]|2[0-3])'
    >>> integer_pattern(-3, 5)
    '(-[1-3]|[0-5])'
    """
    parts = []
    if low < 0:
        parts += ["-" + part for part in _patterns(max(1, -high), -low)]
    if high >= 0:
        parts += _patterns(max(0, low), high)
    return f"({'|'.join(parts)})"


def _patterns(low: int, high: int) -> list[str]:
    """Patterns for `low` to `high`, neither negative, one for every stretch in which the last digits run freely."""
    parts = []
    start = low
    while start <= high:
        free = 0  # how many last digits may be anything
        while start % 10 ** (free + 1) == 0 and start + 10 ** (free + 1) - 1 <= high and start > 0:
            free += 1
        step = 10**free
        # Let the digit before the free ones run as far as it can.
        digit = start // step % 10
        top = digit
        while top < 9 and start + (top - digit + 2) * step - 1 <= high:
            top += 1
        head = str(start // step)[:-1]
        last = f"[{digit}-{top}]" if top > digit else str(digit)
        tail = "" if free == 0 else "[0-9]" if free == 1 else f"[0-9]{{{free}}}"
        parts.append(head + last + tail)
        start += (top - digit + 1) * step
    return parts
