"""Noise that real transcripts have: recogniser output, lost half-spaces, typing errors.

Every function changes the text of single segments only, so labels and places stay with them.
"""

import random
import re
from dataclasses import replace

from segments import Segment

HALF_SPACE = "\u200c"
SPEAKER = re.compile(r"^[^\s:][^:\n]{0,24}:\s+")
PUNCTUATION = re.compile(r"(?<!\d)[.,:](?!\d)|[.,:](?!\d)|[!?؟،؛;…«»\"“”()\-–—]")


def as_recognised(text: str) -> str:
    """What a speech recogniser leaves: no speakers, no punctuation, no capitals."""
    bare = PUNCTUATION.sub(" ", SPEAKER.sub("", text)).replace(HALF_SPACE, " ")
    return re.sub(r"\s+", " ", bare).strip().lower() or text


def mistyped(text: str, rate: float, rng: random.Random) -> str:
    """Letters dropped, doubled or exchanged with the next one; digits are left alone."""
    letters = list(text)
    for at in range(len(letters) - 1):
        if letters[at].isalpha() and rng.random() < rate:
            kind = rng.randrange(3)
            if kind == 0:
                letters[at] = ""
            elif kind == 1:
                letters[at] *= 2
            else:
                letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)


def noisy(segments: list[Segment], rng: random.Random) -> list[Segment]:
    """One mix with the noise of one imagined source, or none."""
    texts = [segment.text for segment in segments]
    lines = [segment.new_line for segment in segments]
    # Before what is drawn line by line, so that two mixes of one seed are of one source, whatever their lines.
    rate = rng.choice((0.005, 0.01, 0.03)) if rng.random() < 0.3 else 0.0
    if rng.random() < 0.2:
        texts = [as_recognised(text) for text in texts]
        if rng.random() < 0.6:
            lines = [rng.random() < 0.1 for _ in lines]
    else:
        if rng.random() < 0.12:
            texts = [SPEAKER.sub("", text) or text for text in texts]
        if rng.random() < 0.12:
            texts = [text.lower() for text in texts]
        if rng.random() < 0.15:
            other = rng.choice((" ", " ", ""))
            texts = [text.replace(HALF_SPACE, other) for text in texts]
    if rate:
        texts = [mistyped(text, rate, rng) for text in texts]
    return [
        replace(segment, text=text, new_line=line) for segment, text, line in zip(segments, texts, lines, strict=True)
    ]
