"""A sheet to draw on: matplotlib's own canvas, places in inches, text that is measured before it is set.

Nothing of the caller's plots is touched, and nothing of their settings is used. The same drawing gives the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from clinextract.errors import ExtraNotInstalled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE, NARROW = 7.6, 5.6
"""Widths in inches; a page has 96 dots for each."""
INK, SOFT, LINE, BAND, PAPER = "#1b1f24", "#59636e", "#dde2e7", "#f4f6f8", "#ffffff"
"""Of letters, of letters that matter less, of grids, of every other row, and of the ground; a page replaces them by
its own, so that a figure follows a dark scheme."""
FONT = "DejaVu Sans"
"""It comes with matplotlib, and has Arabic letters."""
SIZE, SMALL = 9.0, 8.0
"""Of letters, in points."""
STEP = 0.165
"""Inches from line to line."""
_INCH = 72.0
_DOTS = 200
_PART = re.compile(r"[^-_./]*[-_./]+(?=[^-_./])|[^-_./]+[-_./]*$|[-_./]+$")
"""Of a word, up to where it may be broken."""


@contextmanager
def drawing() -> Iterator[None]:
    """Matplotlib with settings of our own; the caller's are back afterwards.

    Raises:
        ExtraNotInstalled: matplotlib is absent.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415
    except ImportError:
        raise ExtraNotInstalled(
            "the report's figures need matplotlib", hint='Install it: pip install "clinextract[evaluate]"'
        ) from None
    settings: Any = {
        # Letters as outlines: Persian is shaped alike everywhere, whatever fonts the reader's machine has.
        "svg.fonttype": "path",
        "svg.hashsalt": "clinextract",
        "font.family": FONT,
        "font.size": SIZE,
        "text.color": INK,
        "text.parse_math": False,
        "axes.labelcolor": SOFT,
        "axes.labelsize": SIZE,
        "axes.edgecolor": SOFT,
        "axes.linewidth": 0.7,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": False,
        "grid.color": LINE,
        "grid.linewidth": 0.8,
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "hatch.linewidth": 1.0,
        "lines.solid_capstyle": "butt",
    }
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(settings)
        yield


class Sheet:
    """One figure.

    Args:
        height: In inches.
        width: In inches.
    """

    def __init__(self, height: float, width: float = WIDE) -> None:
        from matplotlib.figure import Figure  # noqa: PLC0415

        self.height, self.width = height, width
        self.figure = Figure(figsize=(width, height), facecolor=PAPER)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes at a place in inches from the upper left corner."""
        box = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def text(self, left: float, top: float, text: str, **how: Any) -> None:
        """Text whose middle line is at a place in inches from the upper left corner."""
        how = {"va": "center_baseline", "ha": "left", "fontsize": SIZE, **how}
        self.figure.text(left / self.width, 1 - top / self.height, text, **how)

    def sign(self, left: float, top: float, marker: str, **how: Any) -> None:
        """A marker, or where it is a line's style a piece of that line, at a place in inches."""
        from matplotlib.lines import Line2D  # noqa: PLC0415

        x, y = left / self.width, 1 - top / self.height
        if marker in {"-", "--", ":"}:
            half = 0.11 / self.width
            line = Line2D([x - half, x + half], [y, y], linewidth=1.6, **how)
            line.set(linestyle=marker)
        else:
            line = Line2D([x], [y], linestyle="none", marker=marker, markersize=6.5, **how)
        self.figure.add_artist(line)

    def svg(self, title: str) -> str:
        """As text."""
        buffer = io.StringIO()
        self.figure.savefig(buffer, format="svg", metadata={"Title": title, "Date": None, "Creator": None})
        return buffer.getvalue()

    def png(self, title: str) -> bytes:
        """As bytes, 200 dots an inch."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=_DOTS, metadata={"Title": title, "Software": None})
        return buffer.getvalue()


@lru_cache(maxsize=4096)
def width_of(text: str, size: float = SIZE) -> float:
    """The width of a line of text in inches, as `drawing` sets it."""
    from matplotlib.font_manager import FontProperties  # noqa: PLC0415
    from matplotlib.textpath import text_to_path  # noqa: PLC0415

    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(family=FONT, size=size), ismath=False)
    return float(width) / _INCH


def wrapped(text: str, room: float, size: float = SIZE, most: int = 2) -> list[str]:
    """Text in lines no wider than there is room, and no more of them than `most`: the rest is left out behind "…"."""
    lines: list[str] = []
    for word in text.split():
        for number, part in enumerate(_PART.findall(word)):
            between = "" if number else " "
            if lines and width_of(lines[-1] + between + part, size) <= room:
                lines[-1] += between + part
            else:
                lines.extend(_pieces(part, room, size, most))
            if len(lines) > most:
                return [*lines[: most - 1], shortened(f"{lines[most - 1]}{between}{lines[most]}", room, size)]
    return lines or [""]


def shortened(text: str, room: float, size: float = SIZE) -> str:
    """Text on one line; where it is too wide its end is left out behind "…"."""
    flat = " ".join(text.split())
    if width_of(flat, size) <= room:
        return flat
    low, high = 0, len(flat)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if width_of(f"{flat[:middle]}…", size) <= room else (low, middle - 1)
    return f"{flat[:low].rstrip()}…"


def _pieces(word: str, room: float, size: float, most: int) -> list[str]:
    """A word, in pieces where it is wider than there is room."""
    if width_of(word, size) <= room:
        return [word]
    pieces = [""]
    for letter in word:
        if pieces[-1] and width_of(pieces[-1] + letter, size) > room:
            if len(pieces) > most:
                break
            pieces.append("")
        pieces[-1] += letter
    return pieces


class Legend:
    """Signs with their names, in as many lines as they need.

    Args:
        entries: The sign, how it is drawn, and the name.
        room: In inches.

    Attributes:
        height: In inches.
    """

    def __init__(self, entries: Sequence[tuple[str, dict[str, Any], str]], room: float) -> None:
        self._placed: list[tuple[float, int, tuple[str, dict[str, Any], str]]] = []
        left, line = 0.0, 0
        for marker, how, name in entries:
            short = shortened(name, room - 0.4)
            needed = 0.28 + width_of(short)
            if left and left + needed > room:
                left, line = 0.0, line + 1
            self._placed.append((left, line, (marker, how, short)))
            left += needed + 0.28
        self.height = 0.22 * (line + 1)

    def draw(self, sheet: Sheet, left: float, top: float) -> None:
        """Draw it with its upper left corner at a place in inches."""
        for across, line, (marker, how, name) in self._placed:
            middle = top + 0.11 + 0.22 * line
            sheet.sign(left + across + 0.11, middle, marker, **how)
            sheet.text(left + across + 0.28, middle, name)
