"""One row's way through a plan: what it asks of the model, and what it makes of the answers.

A row is written as a flow of its own, a generator that gives a request and receives log-probabilities; `decode` drives
the rows of a batch side by side, so that each may need another number of passes and go another way.

Between two places where the way forks, the answer is drafted whole, run in one pass, and read at the choices. Where a
choice disagrees with the draft it is corrected, what was read further on becomes the new draft, and the rest is run
again from there on the same cache. When nothing disagrees, each value is the best one given all values before it,
exactly as a decoder finds that asks the model token by token. The idea is that of speculative decoding (Leviathan et
al. 2023, arXiv 2211.17192) with the grammar as the drafter, and of Jacobi decoding (Santilli et al. 2023, arXiv
2305.10427) for the new drafts.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from clinextract.decoding.choices import Decision, Reader, Scores, favourite, probability
from clinextract.decoding.opens import Guides
from clinextract.decoding.plan import Plan
from clinextract.decoding.probability import shares
from clinextract.decoding.quotes import quotable
from clinextract.decoding.segments import Branch, Choice, Forced, Open, Segment, Unfolding
from clinextract.errors import ModelOutputError
from clinextract.models.base import LogProbs, Order, Read, Step
from clinextract.schema.rules import Rules
from clinextract.schema.specs import FieldSpec, Json

Guess = Mapping[str, Json]
Decisions = dict[str, Decision]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Request:
    """What a row wants run next.

    Attributes:
        step: The step.
        drop: How many of the row's last tokens are taken back before it.
    """

    step: Step
    drop: int


Flow = Generator[Request, Sequence[LogProbs], Result]


@dataclass(frozen=True, slots=True)
class Constraints:
    """What decisions have to keep, beside the plan.

    Attributes:
        rules: Between fields.
        cutoffs: By yes/no field, the probability from which it is yes; elsewhere the better alternative is taken.
    """

    rules: Rules | None = None
    cutoffs: Mapping[str, float] = field(default_factory=dict)


class Row:
    """One document in a session.

    Args:
        prompt: What follows the session's prefix, up to where the answer begins, in tokens; not empty.
        text: The transcript, which quotes are taken from.
        guides: Of the model's tokenizer.
        constraints: What decisions have to keep.
        room: Most tokens that the row may hold behind the prefix; None where there is no limit.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        text: str,
        guides: Guides,
        constraints: Constraints,
        room: int | None = None,
    ) -> None:
        self.pending = list(prompt)  # tokens that come next and have not been run
        self._text = text
        self._guides = guides
        self._room = room
        self._rules = constraints.rules or None
        self._cutoffs = constraints.cutoffs
        self._run = 0  # tokens behind the prefix that are in the cache
        self._drop = 0  # how many of them the next request takes back
        self._last = -1  # the token that was run last
        self._written: list[str] = []
        self._picks: dict[str, int] = {}
        self._chances: dict[str, list[float | None]] = {}
        self._ruled: set[str] = set()

    def answer(self, plan: Plan, order: Order, guess: Guess) -> Flow[Decisions]:
        """Decide on every field; behind it the whole answer stands in the row, run or pending.

        Args:
            plan: Of the schema, for the session's model.
            order: "joint": each field given the ones before it. "independent": each field alone behind the prompt.
            guess: The first draft, by field; by default the first alternative of every choice.
        """
        self._picks |= self._unsaid(plan)
        values: dict[str, Json]
        if order == "joint":
            values = yield from self._object(plan.segments, guess)
        else:
            values = yield from self._independent(plan)
        return {one.name: self._decision(one, values[one.name]) for one in plan.fields}

    def ask(self, reader: Reader) -> Flow[list[Scores]]:
        """Run what a reader has put together, and read its choices; nothing is pending behind it."""
        reads = yield self._request(reader.step())
        return reader.scores(reads)

    def again(self) -> None:
        """Let the token that was run last be run once more, so that branches can hang off it."""
        self._take_back(1)
        self.pending = [self._last]

    def _request(self, step: Step) -> Request:
        drop, self._drop = self._drop, 0
        self._run += len(step.tokens)
        self._last = step.tokens[-1]
        self.pending = []
        return Request(step, drop)

    def _take_back(self, tokens: int) -> None:
        self._drop += tokens
        self._run -= tokens

    def _decision(self, of: FieldSpec, value: Json) -> Decision:
        chances = self._chances.get(of.name, [])
        chance = float(np.prod([1.0 if one is None else one for one in chances]))
        return Decision(value, None if None in chances else chance, of.name in self._ruled)

    def _object(self, segments: Sequence[Segment], guess: Guess) -> Flow[dict[str, Json]]:
        """Write an answer, segment by segment, and read it as JSON."""
        self._written = []
        todo = deque(segments)
        while todo:
            span: list[Forced | Choice] = []
            fork = _next_fork(todo, span)
            if isinstance(fork, Branch):
                pick = yield from self._span([*span, fork.choice], guess)
                todo.extendleft(reversed(fork.bodies[pick]))
            else:
                yield from self._span(span, guess)
                if fork is not None:
                    yield from self._open(fork)
        values: dict[str, Json] = json.loads("".join(self._written))
        return values

    def _span(self, span: Sequence[Forced | Choice], guess: Guess) -> Flow[int]:
        """Decide every choice of a span, and leave what follows the last one pending; gives the last one's pick."""
        drafts = {place: _drafted(one, guess) for place, one in enumerate(span) if isinstance(one, Choice)}
        last = max(drafts, default=-1)
        at = undecided = 0
        while undecided <= last:
            scores = yield from self.ask(self._reader(span, drafts, at, undecided))
            run = [len(_tokens(span, drafts, place)) for place in range(last)]
            at = self._compare(span, drafts, undecided, scores)
            self._take_back(sum(run[at:]))
            undecided = at + 1
        for place in range(max(last, 0), len(span)):
            self.pending += _tokens(span, drafts, place)
        self._written += [
            one.text if isinstance(one, Forced) else one.texts[drafts[place]] for place, one in enumerate(span)
        ]
        return drafts.get(last, 0)

    def _reader(self, span: Sequence[Forced | Choice], drafts: Mapping[int, int], at: int, undecided: int) -> Reader:
        """What is pending, then the draft from a place up to its last choice, read at those still undecided."""
        reader = Reader(self.pending)
        last = max(drafts)
        for place in range(at, last + 1):
            segment = span[place]
            if isinstance(segment, Choice) and place >= undecided:
                reader.choose(segment, drafts[place] if place < last else None)
            else:
                reader.force(_tokens(span, drafts, place))
        return reader

    def _compare(
        self, span: Sequence[Forced | Choice], drafts: dict[int, int], undecided: int, scores: Sequence[Scores]
    ) -> int:
        """Take over what agrees with the draft, correct the first choice that does not, and draft anew behind it.

        Returns:
            The place of that choice; where all agree, of the last one.
        """
        places = [place for place in drafts if place >= undecided]
        picks, wrong = dict(self._picks), places[-1]
        for place, score in zip(places, scores, strict=True):
            choice = span[place]
            assert isinstance(choice, Choice)
            pick, ruled = self._pick(choice, score, picks)
            if choice.heads:
                picks[choice.field] = choice.heads[pick]
            if place <= wrong:
                self._record(choice, score, pick, ruled=ruled)
                if pick != drafts[place]:
                    wrong = place
            drafts[place] = pick
        return wrong

    def _pick(self, choice: Choice, scores: Scores, picks: Mapping[str, int]) -> tuple[int, bool]:
        """The best alternative that the rules leave, and whether they kept the model from a better one."""
        free = favourite(choice, scores, self._cutoffs.get(choice.field))
        if self._rules is None or not choice.heads:
            return free, False
        allowed = self._rules.allowed(choice.field, picks)[list(choice.heads)]
        if allowed[free]:
            return free, False
        return int(np.argmax(np.where(allowed, scores, -np.inf))), True

    def _record(self, choice: Choice, scores: Scores, pick: int, *, ruled: bool) -> None:
        self._chances.setdefault(choice.field, []).append(probability(choice, scores, pick))
        if choice.heads:
            self._picks[choice.field] = choice.heads[pick]
        if ruled:
            self._ruled.add(choice.field)

    def _unsaid(self, plan: Plan) -> dict[str, int]:
        """Quotes that rules speak of and that this transcript has no words for: they are nothing before all else."""
        picks: dict[str, int] = {}
        for one in plan.fields:
            if self._rules is None or one.kind != "quote" or not one.nullable or one.name not in self._rules.names:
                continue
            low, high = max(int(one.minimum), 1), int(one.maximum)
            if not quotable(self._text, low, high) and self._rules.allowed(one.name, picks)[0]:
                picks[one.name] = 0
        return picks

    def _open(self, opened: Open) -> Flow[None]:
        """Generate an open value; a token that is the only one allowed costs no pass."""
        allowed = self._rules.allowed(opened.field, self._picks) if self._rules and opened.head else None
        unsaid = opened.head and opened.field in self._picks
        if unsaid or (allowed is not None and not allowed[1]):
            self._nothing(opened, ruled=not unsaid)
            return
        null = False if allowed is not None and not allowed[0] else None
        if null is False and opened.kind == "quote" and not quotable(self._text, opened.minimum, opened.maximum):
            raise ModelOutputError(
                f"the rules ask for a quote in field {opened.field!r}, and the transcript has none of its length",
                hint="Allow longer quotes in the schema, or take one of its rules out.",
                field=opened.field,
            )
        writer = self._guides.writer(opened, self._text, null=null)
        while not writer.done:
            if self._room is not None and self._run + len(self.pending) >= self._room:
                raise ModelOutputError(
                    f"the answer does not fit the model's context: it ended within field {opened.field!r}",
                    hint="Use shorter texts and lists in the schema, or a model with a longer context.",
                    field=opened.field,
                )
            may = writer.allowed()
            scores = None
            if len(may) > 1:
                step = Step(self.pending, (), (Read(len(self.pending) - 1, may),))
                [scores] = yield self._request(step)
            self.pending.append(writer.take(may, scores))
        self._written.append(writer.written)
        self._chances.setdefault(opened.field, []).append(writer.null)
        if opened.head:
            self._picks[opened.field] = int(writer.null is None)
        if null is False:
            self._ruled.add(opened.field)

    def _nothing(self, opened: Open, *, ruled: bool) -> None:
        """The null that a rule asks for, or that is all there is."""
        text = f" null{opened.ends}"
        self.pending += self._guides.tokenizer.encode(text)
        self._written.append(text)
        self._chances.setdefault(opened.field, []).append(None if ruled else 1.0)
        self._picks[opened.field] = 0
        if ruled:
            self._ruled.add(opened.field)

    def _independent(self, plan: Plan) -> Flow[dict[str, Json]]:
        """Decide each field alone: all choices as branches of one pass, then what is generated, one by one."""
        prompt, start = list(self.pending), self._run + len(self.pending)
        values: dict[str, Json] = {}
        listed = [(one.fields[0], _before(one), choice) for one in plan.alone if (choice := _only_choice(one))]
        if listed:
            reader = Reader(self.pending)
            for _, before, choice in listed:
                reader.choose(choice, None, reader.branch(before))
            scores = yield from self.ask(reader)
            values |= self._together([(one, choice) for one, _, choice in listed], scores)
        for alone in plan.alone:
            if alone.fields[0].name not in values:
                self.pending = [] if self._run >= start else list(prompt)
                values |= yield from self._object(alone.segments, {})
                self._take_back(max(self._run - start, 0))
        self.pending = [] if self._run >= start else list(prompt)
        # What follows, such as a question for evidence, finds an answer in the row as in joint order.
        ordered = {one.name: values[one.name] for one in plan.fields}
        self.pending += self._guides.tokenizer.encode(json.dumps(ordered, ensure_ascii=False))
        return ordered

    def _together(self, listed: Sequence[tuple[FieldSpec, Choice]], scores: Sequence[Scores]) -> dict[str, Json]:
        """The values of fields that were read alone: each the best one, or, under rules, the likeliest combination."""
        picks = {
            choice.field: favourite(choice, score, self._cutoffs.get(choice.field))
            for (_, choice), score in zip(listed, scores, strict=True)
        }
        best = dict(picks)
        if self._rules is not None:
            best |= self._rules.best(
                {
                    choice.field: _preferences(choice, score, self._cutoffs.get(choice.field))
                    for (_, choice), score in zip(listed, scores, strict=True)
                    if choice.field in self._rules.names
                },
                self._picks,
            )
        for (_, choice), score in zip(listed, scores, strict=True):
            pick = best[choice.field]
            self._record(choice, score, pick, ruled=pick != picks[choice.field])
        return {one.name: choice.values[best[choice.field]] for one, choice in listed}


def _next_fork(todo: deque[Segment], span: list[Forced | Choice]) -> Branch | Open | None:
    """Take segments up to the next that the way depends on; those before it go into the span."""
    while todo:
        segment = todo.popleft()
        if isinstance(segment, Branch | Open):
            return segment
        if isinstance(segment, Unfolding):
            todo.extendleft(reversed(segment.unfolded()))
        else:
            span.append(segment)
    return None


def _preferences(choice: Choice, scores: Scores, cutoff: float | None) -> Scores:
    """Log-probabilities of the alternatives, moved so that a yes/no choice is even at its cut-off."""
    preferences = np.log(np.maximum(shares(scores), np.finfo(np.float64).tiny))
    if cutoff is not None and favourite(choice, scores) != favourite(choice, scores, cutoff):
        preferences = preferences[::-1].copy()  # the other one is better by as much
    return np.asarray(preferences, dtype=np.float64)


def _drafted(choice: Choice, guess: Guess) -> int:
    """The alternative that the caller guesses, or the first; 1 and True are equal in Python, and are not here."""
    if choice.field in guess:
        for number, value in enumerate(choice.values):
            if repr(value) == repr(guess[choice.field]):
                return number
    return 0


def _tokens(span: Sequence[Forced | Choice], drafts: Mapping[int, int], place: int) -> tuple[int, ...]:
    """The tokens of a forced text or of the drafted alternative."""
    segment = span[place]
    return segment.tokens if isinstance(segment, Forced) else segment.tokens[drafts[place]]


def _only_choice(alone: Plan) -> Choice | None:
    """The choice of an answer with one field, where that is all that there is to decide."""
    return next((one for one in alone.segments if isinstance(one, Choice)), None) if alone.fields[0].listed else None


def _before(alone: Plan) -> tuple[int, ...]:
    """The tokens of the forced text that an answer with one field begins with."""
    first = alone.segments[0]
    return first.tokens if isinstance(first, Forced) else ()
