"""Draft, verify, repair: the greedy constrained answer in about two passes of the model.

The answer is drafted whole, run behind the transcript in one pass, and read at the choices. Where a choice disagrees
with the draft it is corrected, what was read further on becomes the new draft, and the rest is run again from there on
the same cache. When nothing disagrees, each value is the best one given all values before it, exactly as a decoder
finds that asks the model token by token. The idea is that of speculative decoding (Leviathan et al. 2023, arXiv
2211.17192) with the grammar as the drafter, and of Jacobi decoding (Santilli et al. 2023, arXiv 2305.10427) for the new
drafts.

How alternatives are scored is in `choices`, how open fields are generated in `opens`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from clinextract.decoding.choices import Decision, Reader, Scores, decided
from clinextract.decoding.opens import Guides, generate_open
from clinextract.decoding.plan import Plan
from clinextract.decoding.segments import Choice, Forced, Open, Segment
from clinextract.models.base import Order, Session
from clinextract.schema.features import FieldSpec, JsonScalar

Guess = Mapping[str, JsonScalar]
Decisions = dict[str, Decision]


@dataclass(slots=True)
class _Row:
    """One document on its way through the plan.

    Attributes:
        pending: Tokens that come next in the row and have not been run.
        decisions: What has been decided, by field.
        drafts: For every choice of the span, by its place in the span, the alternative drafted or decided.
        at: The place in the span from which the row is run next.
        undecided: The place from which choices are still read.
    """

    pending: list[int]
    decisions: Decisions = field(default_factory=dict)
    drafts: dict[int, int] = field(default_factory=dict)
    at: int = 0
    undecided: int = 0

    def tokens(self, segment: Segment, place: int) -> tuple[int, ...]:
        """The tokens of a forced text or of the drafted alternative."""
        assert not isinstance(segment, Open)
        return segment.tokens if isinstance(segment, Forced) else segment.tokens[self.drafts[place]]

    @property
    def last(self) -> int:
        """The place of the span's last choice; -1 where it has none."""
        return max(self.drafts, default=-1)

    @property
    def done(self) -> bool:
        return self.undecided > self.last


def decode(
    session: Session,
    plan: Plan,
    prompts: Sequence[Sequence[int]],
    guides: Guides,
    *,
    order: Order = "joint",
    guess: Guess | None = None,
) -> list[Decisions]:
    """Answer the plan for every row of a session.

    Args:
        session: A fresh session, one row per prompt.
        plan: Of the schema, for the session's model.
        prompts: What follows the prefix in each row, up to where the answer begins, in tokens; none is empty.
        guides: Of the model's tokenizer, for open fields.
        order: "joint": each field given the ones before it. "independent": each field alone behind the prompt.
        guess: The first draft, by field; by default the first alternative of every choice. It changes the number of
            passes, never the answer.

    Returns:
        For every row, the decision on every field, in the plan's order.

    Raises:
        ModelOutputError: An open field cannot go on; names the field.
    """
    rows = [_Row(list(prompt)) for prompt in prompts]
    if order == "joint":
        _joint(session, rows, plan.segments, guides, guess or {})
    else:
        _independent(session, rows, plan, guides)
    return [{f.name: _decision(row, f) for f in plan.fields} for row in rows]


def _decision(row: _Row, of: FieldSpec) -> Decision:
    # A field with one alternative is forced text, and no choice was read for it.
    return row.decisions[of.name] if len(of.values) != 1 else Decision(of.values[0], 1.0)


def _joint(session: Session, rows: Sequence[_Row], segments: Sequence[Segment], guides: Guides, guess: Guess) -> None:
    """Decide spans and open fields in turn; an open field ends a span."""
    span: list[Segment] = []
    for segment in segments:
        if not isinstance(segment, Open):
            span.append(segment)
            continue
        _decide_span(session, rows, span, guess, last=False)
        span = []
        values = generate_open(session, [row.pending for row in rows], segment, guides)
        for row, (decision, tokens) in zip(rows, values, strict=True):
            row.decisions[segment.field] = decision
            row.pending = tokens[-1:]
    _decide_span(session, rows, span, guess, last=True)


def _decide_span(session: Session, rows: Sequence[_Row], span: Sequence[Segment], guess: Guess, *, last: bool) -> None:
    """Decide every choice of a span without open fields, in all rows, and leave what follows the last one pending.

    Rows need different numbers of passes. In the last span those that are done leave the session, so that the others'
    passes cost less; before it they rest, since they are needed again.
    """
    for row in rows:
        row.drafts = {
            place: _drafted(segment, guess) for place, segment in enumerate(span) if isinstance(segment, Choice)
        }
        row.at = row.undecided = 0
    live = list(rows)
    while not all(row.done for row in live):
        if last and any(row.done for row in live):
            session.keep([number for number, row in enumerate(live) if not row.done])
            live = [row for row in live if not row.done]
        readers = [None if row.done else _reader(row, span) for row in live]
        answers = session.extend([None if reader is None else reader.step() for reader in readers])
        for number, (row, reader) in enumerate(zip(live, readers, strict=True)):
            if reader is not None:
                dropped = _compare(row, span, reader.scores(answers[number]))
                session.rewind(number, dropped)
    for row in rows:
        start = max(row.last, 0)
        for place in range(start, len(span)):
            row.pending += row.tokens(span[place], place)


def _drafted(choice: Choice, guess: Guess) -> int:
    """The alternative that the caller guesses, or the first; 1 and True are equal in Python, and are not here."""
    if choice.field in guess:
        for number, value in enumerate(choice.values):
            if repr(value) == repr(guess[choice.field]):
                return number
    return 0


def _reader(row: _Row, span: Sequence[Segment]) -> Reader:
    """What the row runs next: what is pending, then the draft up to its last choice, read at those still undecided."""
    reader = Reader(row.pending)
    for place in range(row.at, row.last + 1):
        segment = span[place]
        if isinstance(segment, Choice) and place >= row.undecided:
            reader.choose(segment, row.drafts[place] if place < row.last else None)
        else:
            reader.force(row.tokens(segment, place))
    return reader


def _compare(row: _Row, span: Sequence[Segment], scores: Sequence[Scores]) -> int:
    """Take over what agrees with the draft, correct the first choice that does not, and draft anew behind it.

    Returns:
        How many of the row's last tokens are wrong with that.
    """
    row.pending = []
    places = [place for place in row.drafts if place >= row.undecided]
    best = {place: int(np.argmax(score)) for place, score in zip(places, scores, strict=True)}
    wrong = next((place for place in places[:-1] if best[place] != row.drafts[place]), row.last)
    dropped = sum(len(row.tokens(span[place], place)) for place in range(wrong, row.last))
    for place, score in zip(places, scores, strict=True):
        choice = span[place]
        assert isinstance(choice, Choice)
        if place <= wrong:
            row.decisions[choice.field] = decided(choice, score)
        row.drafts[place] = best[place]
    row.at, row.undecided = wrong, wrong + 1
    return dropped


def _independent(session: Session, rows: Sequence[_Row], plan: Plan, guides: Guides) -> None:
    """Decide each field alone: all choices as branches of one pass, then the open fields one by one."""
    parts = [(one.segments, next((s for s in one.segments if not isinstance(s, Forced)), None)) for one in plan.alone]
    chosen = [(_before(segments), segment) for segments, segment in parts if isinstance(segment, Choice)]
    if chosen:
        readers = [Reader(row.pending) for row in rows]
        for reader in readers:
            for before, choice in chosen:
                reader.choose(choice, None, reader.branch(before))
        answers = session.extend([reader.step() for reader in readers])
        for row, reader, answer in zip(rows, readers, answers, strict=True):
            for (_, choice), score in zip(chosen, reader.scores(answer), strict=True):
                row.decisions[choice.field] = decided(choice, score)
            row.pending = []
    for segments, segment in parts:
        if isinstance(segment, Open):
            pendings = [[*row.pending, *_before(segments)] for row in rows]
            values = generate_open(session, pendings, segment, guides)
            for number, (row, (decision, tokens)) in enumerate(zip(rows, values, strict=True)):
                row.decisions[segment.field] = decision
                # The prompt, where it was pending until now, stays in the cache.
                session.rewind(number, len(pendings[number]) - len(row.pending) + len(tokens) - 1)
                row.pending = []


def _before(segments: Sequence[Segment]) -> tuple[int, ...]:
    """The tokens of the forced text that an answer with one field begins with."""
    first = segments[0]
    return first.tokens if isinstance(first, Forced) else ()
