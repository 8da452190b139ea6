"""Regular expressions for numbers and dates between two bounds, which regular expressions themselves do not have."""

from __future__ import annotations

from datetime import date
from decimal import Decimal


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


def decimal_pattern(low: Decimal, high: Decimal, places: int) -> str:
    r"""A pattern of the decimals between two bounds with one to `places` places, spelled as `json.dumps` spells floats.

    Whole ones end with ".0", and others not with a zero.

    >>> decimal_pattern(Decimal("36.5"), Decimal("38.2"), 1)
    '(36\\.(5|6|7|8|9)|(37)\\.([0-9])|38\\.(0|1|2))'
    """
    step = Decimal(1).scaleb(-places)
    parts = []
    if low < 0:
        parts += ["-" + part for part in _decimals(max(step, -high), -low, places)]
    if high >= 0:
        parts += _decimals(max(Decimal(0), low), high, places)
    return f"({'|'.join(parts)})"


def date_pattern(first: date, last: date) -> str:
    """A pattern of the days from `first` to `last` as YYYY-MM-DD; a 29th of February in leap years only."""
    whole = range(first.year + 1, last.year)
    parts = [rf"{integer_pattern(whole[0], whole[-1])}-({_DAYS})"] if whole else []
    leap = [str(year) for year in whole if _is_leap(year)]
    parts += [f"({'|'.join(leap)})-02-29"] if leap else []
    for year in sorted({first.year, last.year}):
        start, end = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
        days = (date.fromordinal(n) for n in range(start.toordinal(), end.toordinal() + 1))
        parts.append(f"{year}-({'|'.join(day.strftime('%m-%d') for day in days)})")
    return f"({'|'.join(parts)})"


_DAYS = "(01|03|05|07|08|10|12)-(0[1-9]|[12][0-9]|3[01])|(04|06|09|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _decimals(low: Decimal, high: Decimal, places: int) -> list[str]:
    """Patterns for `low` to `high`, neither negative: the whole numbers at the ends with their fractions listed."""
    first, last = int(low), int(high)
    if first == last:
        return [rf"{first}\.{_fractions(low - first, high - first, places)}"]
    one = Decimal(1)
    parts = [rf"{first}\.{_fractions(low - first, one, places)}"]
    if last - first > 1:
        free = "[0-9]" if places == 1 else f"([0-9]|[0-9]{{1,{places - 1}}}[1-9])"
        parts.append(rf"({'|'.join(_patterns(first + 1, last - 1))})\.({free})")
    return [*parts, rf"{last}\.{_fractions(Decimal(0), high - last, places)}"]


def _fractions(low: Decimal, high: Decimal, places: int) -> str:
    """The digits behind the point from `low` to `high`, a whole one left out, in their shortest spelling."""
    scale = 10**places
    spelled = (
        f"{n:0{places}d}".rstrip("0") or "0" for n in range(int(low * scale), min(int(high * scale), scale - 1) + 1)
    )
    return f"({'|'.join(spelled)})"
