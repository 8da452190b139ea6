"""Where a choice begins and ends in tokens.

A vocabulary may have a token that holds the last sign of one thing and the first of the next (`",` after a quoted
value, ` true` with the space before it). So the text is encoded with each alternative in place, and what all these
encodings share before and behind the value is forced; what is left is the alternative. An answer assembled from such
stretches has the very tokens that encoding the whole text gives, which is checked before the plan is handed out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from clinextract.decoding.segments import Choice, Fixed, Forced
from clinextract.errors import PlanError
from clinextract.models.base import Tokenizer
from clinextract.schema.specs import JsonScalar

CHECKED_PATHS = 8
"""Random answers whose encoding as one text is compared with the plan's, beside the first and the last alternatives."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one of several texts, not yet cut into tokens.

    Attributes:
        field: The schema's field.
        values: The alternatives, shape (n,); empty within a group.
        texts: How each is written, shape (n,).
    """

    field: str
    values: tuple[JsonScalar, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Window:
    """Where a choice lies, in bytes relative to its value's first byte and to the first byte behind its value.

    Attributes:
        start: From the value's first byte; negative where the window begins before the value.
        end: From the first byte behind the value.
    """

    choice: Choice
    start: int
    end: int


def align(parts: Sequence[str | Slot], tokenizer: Tokenizer) -> list[Fixed]:
    """Cut literals and slots, which alternate and begin and end with a literal, into forced texts and choices.

    Raises:
        PlanError: The tokens of a value cannot be told from what stands around it, or the tokenizer loses text.
    """
    literals, slots = _merged(parts)
    windows = [_window(literals, slots, i, tokenizer) for i in range(len(slots))]
    segments: list[Fixed] = []
    for i in range(len(literals)):
        segments += _forced(literals, slots, windows, i, tokenizer)
        if i < len(windows):
            segments.append(windows[i].choice)
    _check(literals, slots, segments, tokenizer)
    return segments


def _merged(parts: Sequence[str | Slot]) -> tuple[list[str], list[Slot]]:
    """Literals and slots apart, a slot with a single alternative being a literal."""
    literals, slots = [""], []
    for part in parts:
        if isinstance(part, str):
            literals[-1] += part
        elif len(part.texts) == 1:
            literals[-1] += part.texts[0]
        else:
            slots.append(part)
            literals.append("")
    return literals, slots


def _window(literals: list[str], slots: list[Slot], i: int, tokenizer: Tokenizer) -> _Window:
    """The choice of slot `i`, found in the text from the slot before it to the slot behind it."""
    slot = slots[i]
    before = (literals[i - 1] + slots[i - 1].texts[0] if i else "") + literals[i]
    after = literals[i + 1] + (slots[i + 1].texts[0] + literals[i + 2] if i + 1 < len(slots) else "")
    encodings = [encoded(before + text + after, tokenizer, slot.field) for text in slot.texts]
    starts = [list(accumulate((len(piece) for _, piece in one), initial=0)) for one in encodings]
    sizes = [len(text.encode()) for text in slot.texts]
    head, tail = len(before.encode()), len(after.encode())

    first = _shared(encodings)
    last = _shared([one[::-1] for one in encodings])
    # What is shared behind the value begins behind the value: "mild pain" and "chest pain" both end with the same word.
    while last and any(at[-1] - at[-1 - last] > tail for at in starts):
        last -= 1
    # A token of each must be left, and a number that others continue needs the token that ends it.
    first = min(first, min(len(one) - last for one in encodings) - 1)
    several = any(len(one) - last - first > 1 for one in encodings)
    if several and any(
        at[-1 - last] == head + size and not text.endswith('"')
        for at, size, text in zip(starts, sizes, slot.texts, strict=True)
    ):
        last -= 1
    first, last = _on_characters(encodings[0], first, last)
    pieces = [one[first : len(one) - last] for one in encodings]
    if last < 0 or first < 0 or not prefix_free([tuple(t for t, _ in piece) for piece in pieces]):
        raise _unaligned(slot.field)
    choice = Choice(
        slot.field,
        slot.values,
        tuple(_decoded(piece, slot.field) for piece in pieces),
        tuple(tuple(token for token, _ in piece) for piece in pieces),
        tuple(range(len(slot.values))),
    )
    return _Window(choice, starts[0][first] - head, starts[0][-1 - last] - head - sizes[0])


def _forced(
    literals: list[str], slots: list[Slot], windows: list[_Window], i: int, tokenizer: Tokenizer
) -> list[Fixed]:
    """The forced stretch that literal `i` becomes, less what its neighbours' windows took of it."""
    left = literals[i - 1] + slots[i - 1].texts[0] if i else ""
    right = slots[i].texts[0] + (literals[i + 1] if i + 1 < len(literals) else "") if i < len(slots) else ""
    field = slots[min(i, len(slots) - 1)].field if slots else ""
    tokens = encoded(left + literals[i] + right, tokenizer, field)
    start = len(left.encode()) + (windows[i - 1].end if i else 0)
    end = len((left + literals[i]).encode()) + (windows[i].start if i < len(windows) else 0)
    starts = list(accumulate((len(piece) for _, piece in tokens), initial=0))
    if start > end or start not in starts or end not in starts:
        raise _unaligned(field)
    stretch = tokens[starts.index(start) : starts.index(end)]
    return [Forced(_decoded(stretch, field), tuple(t for t, _ in stretch))] if stretch else []


def _check(literals: list[str], slots: list[Slot], segments: Sequence[Fixed], tokenizer: Tokenizer) -> None:
    """Answers encoded whole have the plan's tokens: the first and last alternatives, and some at random."""
    generator = random.Random(0)  # noqa: S311 - the same paths every time
    sizes = [len(slot.texts) for slot in slots]
    paths = [[0] * len(sizes), [size - 1 for size in sizes]]
    paths += [[generator.randrange(size) for size in sizes] for _ in range(CHECKED_PATHS if sizes else 0)]
    for path in paths:
        text = literals[0]
        for slot, pick, literal in zip(slots, path, literals[1:], strict=True):
            text += slot.texts[pick] + literal
        whole = [token for token, _ in encoded(text, tokenizer, slots[0].field if slots else "")]
        at, picks = 0, iter(path)
        for segment in segments:
            tokens = segment.tokens[next(picks)] if isinstance(segment, Choice) else segment.tokens
            if tuple(whole[at : at + len(tokens)]) != tokens:
                raise _unaligned(segment.field if isinstance(segment, Choice) else "")
            at += len(tokens)
        if at != len(whole):
            raise _unaligned("")


def encoded(text: str, tokenizer: Tokenizer, field: str) -> list[tuple[int, bytes]]:
    """(token, its bytes) pairs whose bytes are the text's."""
    tokens = tokenizer.encode(text)
    pieces = [tokenizer.token_bytes[token] or b"" for token in tokens]
    if b"".join(pieces) != text.encode():
        raise PlanError(
            f"the tokenizer does not give back the text of field {field!r}" if field else "the tokenizer loses text",
            hint="Use ASCII names and values for the fields, or a model with a byte-level vocabulary.",
            field=field or None,
        )
    return list(zip(tokens, pieces, strict=True))


def _shared(encodings: Sequence[Sequence[tuple[int, bytes]]]) -> int:
    """How many tokens all encodings begin with."""
    count = 0
    for column in zip(*encodings, strict=False):
        if any(pair != column[0] for pair in column):
            break
        count += 1
    return count


def _on_characters(encoding: Sequence[tuple[int, bytes]], first: int, last: int) -> tuple[int, int]:
    """The same counts of shared tokens, less those that would cut a character of several bytes in two."""
    while first > 0 and _is_inside(encoding[first][1]):
        first -= 1
    while last > 0 and _is_inside(encoding[-last][1]):
        last -= 1
    return first, last


def _is_inside(piece: bytes) -> bool:
    return 0x80 <= piece[0] < 0xC0


def prefix_free(alternatives: Sequence[tuple[int, ...]]) -> bool:
    """Whether no alternative is empty or begins with all of another's tokens."""
    ordered = sorted(alternatives)
    # Sorted, a prefix stands directly before one of its continuations.
    return all(b[: len(a)] != a for a, b in pairwise(ordered)) and all(ordered)


def _decoded(pieces: Sequence[tuple[int, bytes]], field: str) -> str:
    try:
        return b"".join(piece for _, piece in pieces).decode()
    except UnicodeDecodeError:
        raise _unaligned(field) from None


def _unaligned(field: str) -> PlanError:
    where = f"field {field!r}" if field else "the answer's fixed text"
    return PlanError(
        f"the tokenizer cannot be aligned with {where}: its tokens reach across the value's ends",
        hint="Let the field's values differ in whole words, pass decoding='outlines', or use another model.",
        field=field or None,
    )
