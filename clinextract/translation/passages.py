"""A transcript taken apart into the lines to translate, and put together again with the way back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from clinextract.text import Line, lines, normalise

_CLAUSE = re.compile(r"[,،;؛:]\s+|\s+[-–—]\s+")
_SENTENCE = re.compile(r"[.!?؟…]+[\"'”’»)\]]*\s+")
PHRASE = 8
"""Words in a piece, at most, where nothing larger translates."""

# The nurse stays the nurse: a label that changes from line to line would make several speakers of one.
_ENGLISH_LABELS = {
    "پرستار": "Nurse",
    "دکتر": "Doctor",
    "پزشک": "Doctor",
    "بیمار": "Patient",
    "مریض": "Patient",
    "مددجو": "Patient",
    "همراه": "Companion",
    "مراقب": "Caregiver",
    "تماس\u200cگیرنده": "Caller",
    "اپراتور": "Operator",
    "کارشناس": "Agent",
    "مشاور": "Counsellor",
    "منشی": "Receptionist",
    "همسر": "Spouse",
    "شوهر": "Husband",
    "زن": "Wife",
    "مادر": "Mother",
    "پدر": "Father",
    "دختر": "Daughter",
    "پسر": "Son",
    "برادر": "Brother",
    "خواهر": "Sister",
}
_PERSIAN_LABELS = {english: persian for persian, english in reversed(_ENGLISH_LABELS.items())}
_LABELS = {("fa", "en"): _ENGLISH_LABELS, ("en", "fa"): _PERSIAN_LABELS}


@dataclass(frozen=True, slots=True)
class Passage:
    """A line of a transcript on its way through a translator.

    Attributes:
        number: Of the line, from 1, as `text.lines` counts.
        start, end: Offsets of the whole line in the original.
        breaks: Line breaks between it and the line before it: at least one, and more where lines are blank.
        label: What stands before the words, with its speaker in the other language where that is known: "Nurse: ".
        body: The words, in their normal form; empty where only invisible characters stand there.
    """

    number: int
    start: int
    end: int
    breaks: int
    label: str
    body: str

    def __repr__(self) -> str:
        return f"Passage({self.number}, characters={len(self.body)})"


def passages(text: str, source: str, target: str) -> tuple[Passage, ...]:
    """The lines of a transcript, as `text.lines` divides it, in their normal form and without their speakers' labels.

    Args:
        text: The transcript.
        source: ISO 639-1 code of its language.
        target: That of the other. Labels such as "پرستار" are known in Persian and English, others stay.
    """
    found: list[Passage] = []
    end = 0
    for line in lines(text):
        between = normalise(text[end : line.start]).text.count("\n")
        words = normalise(text[line.start : line.end]).text
        label = _label(words, line)
        speaker = _relabelled(label, line.speaker, source, target) if label else ""
        breaks = max(between, 1) if found else between
        found.append(Passage(line.number, line.start, line.end, breaks, speaker, words[len(label) :]))
        end = line.end
    return tuple(found)


def assembled(
    text: str, parts: Sequence[Passage], renderings: Iterable[str]
) -> tuple[str, tuple[tuple[int, int, int, int], ...]]:
    """The translated text, and its spans as `Origin` has them.

    Args:
        text: The original.
        parts: Its passages.
        renderings: For every passage its body in the other language, without line breaks.
    """
    pieces: list[str] = []
    spans: list[tuple[int, int, int, int]] = []
    length = 0
    for part, rendering in zip(parts, renderings, strict=True):
        line = (part.label + rendering).rstrip()
        start = length + part.breaks
        pieces += ["\n" * part.breaks, line]
        length = start + len(line)
        spans.append((start, length, part.start, part.end))
    after = normalise(text[parts[-1].end if parts else 0 :]).text.count("\n")
    return "".join(pieces) + "\n" * after, tuple(spans)


def smaller(line: str, depth: int) -> list[str]:
    """A line in smaller pieces, for a translator that fails on the whole of it.

    Args:
        line: In its normal form.
        depth: 1 divides at the ends of sentences, 2 at those of clauses too, 3 also every eight words.
    """
    pieces = [line]
    if depth >= 1:
        pieces = [piece for one in pieces for piece in _divided(one, _SENTENCE)]
    if depth >= 2:
        pieces = [piece for one in pieces for piece in _divided(one, _CLAUSE)]
    if depth >= 3:
        pieces = [piece for one in pieces for piece in _phrases(one)]
    return pieces


def _divided(text: str, ends: re.Pattern[str]) -> list[str]:
    cuts = [0, *(match.end() for match in ends.finditer(text)), len(text)]
    return [piece for a, b in pairwise(cuts) if (piece := text[a:b].strip())]


def _phrases(text: str) -> list[str]:
    words = text.split(" ")
    return [" ".join(words[at : at + PHRASE]) for at in range(0, len(words), PHRASE)]


def _label(words: str, line: Line) -> str:
    """What a line begins with if that is its speaker's label, with the colon or brackets around it."""
    if line.speaker is None:
        return ""
    speaker = re.escape(normalise(line.speaker).text)
    found = re.match(rf"(?:[-–—•*] ?)?(?:\[ ?{speaker} ?\] ?[:：]?|{speaker} ?[:：])(?: |$)", words)
    return found[0] if found else ""


def _relabelled(label: str, speaker: str | None, source: str, target: str) -> str:
    """A label with its speaker in the other language, where that is known."""
    spoken = normalise(speaker or "").text
    known = _LABELS.get((source, target), {})
    other = known.get(spoken) or known.get(spoken.title())
    return label.replace(spoken, other) if spoken and other else label
