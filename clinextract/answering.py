"""The one call of the model: texts that are prepared, and what it decides on them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Literal

from clinextract.decoding.choices import Decision
from clinextract.decoding.decode import drive
from clinextract.decoding.opens import Guides
from clinextract.decoding.plan import Plan
from clinextract.decoding.rows import Constraints, Decisions, Flow, Guess, Row
from clinextract.errors import ModelOutputError
from clinextract.evidence.alone import Passage, passages, supported
from clinextract.evidence.asking import locate, replies
from clinextract.models.base import GuidedModel, LogitModel, Order
from clinextract.preparing import UNPLANNED_TOKENS, Reading
from clinextract.schema.specs import FieldSpec

Decoding = Literal["skeleton", "outlines"]
Located = Mapping[str, tuple[int, ...]]
"""By field the lines of a reading that show it, the best one first."""
_TOGETHER = 32
"""Passages that are read at once for their evidence."""


@dataclass(frozen=True, slots=True)
class Job:
    """One reading of a document of a batch, and the text that it reads."""

    position: int
    view: int
    window: int
    reading: Reading = field(repr=False)
    text: str = field(repr=False)
    document_id: str

    @property
    def place(self) -> tuple[int, int, int]:
        """What tells it from the others."""
        return self.position, self.view, self.window

    @property
    def lines(self) -> list[str]:
        """The lines of its text."""
        first = self.reading.span[0]
        return [self.text[start - first : end - first] for start, end in self.reading.lines]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the model said of one reading, and what it took.

    Attributes:
        located: Where evidence was asked for: for each field that is present, the lines that show it.
    """

    decisions: Decisions = field(repr=False)
    seconds: float
    passes: int
    located: Located = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Alone:
    """Some lines of a batch's text of this number, to be read by themselves."""

    number: int
    passage: Passage
    row: Row = field(repr=False)


class Answerer:
    """Asks one model for one schema's answers.

    Args:
        model: The model.
        fields: The schema's fields.
        plan: The schema's plan; None where answers are generated under `regex`, token by token.
        regex: Of the whole answer.
        order: Of decoding.
        constraints: What decisions have to keep.
        evidence: Whether the lines that show what is present are wanted.
    """

    def __init__(
        self,
        model: LogitModel,
        fields: Sequence[FieldSpec],
        plan: Plan | None,
        regex: str,
        *,
        order: Order,
        constraints: Constraints,
        evidence: bool,
    ) -> None:
        self._model = model
        self._fields = fields
        self._plan = plan
        self._regex = regex
        self._order: Order = order
        self._constraints = constraints
        self._evidence = model.info.evidence if evidence else None
        self._guides = Guides(model.tokenizer)

    def __call__(self, batch: Sequence[Job], guess: Guess | None = None) -> list[Decoded]:
        """The answers on readings with the same prompt.

        Raises:
            ModelOutputError: An answer did not come to its end, or the model's logits are not numbers.
            ModelError: The model failed.
        """
        if self._plan is None:
            return [self._generate(job) for job in batch]
        started = perf_counter()
        prefix = self._model.prefill(batch[0].reading.compiled.prefix)
        session = self._model.session(prefix, len(batch))
        room = None if self._model.info.context is None else self._model.info.context - prefix.length
        rows = [Row(job.reading.tokens, job.text, self._guides, self._constraints, room) for job in batch]
        answers = drive(
            session, [self._flow(row, job, self._plan, guess or {}) for row, job in zip(rows, batch, strict=True)]
        )
        seconds = (perf_counter() - started) / len(batch)
        decoded = [Decoded(decisions, seconds, session.passes, located) for decisions, located in answers]
        return self._read_alone(batch, decoded, self._plan) if self._evidence == "alone" else decoded

    def _flow(self, row: Row, job: Job, plan: Plan, guess: Guess) -> Flow[tuple[Decisions, Located]]:
        """One reading's way: the answer, then, of a model that can be asked, the evidence of what is present."""
        decisions = yield from row.answer(plan, self._order, guess)
        present = self._present(decisions)
        if self._evidence != "asked" or not present:
            return decisions, {}
        questions = {name: job.reading.compiled.questions[name] for name in present}
        located = yield from locate(row, questions, replies(job.lines, self._model.tokenizer))
        return decisions, located

    def _present(self, decisions: Decisions) -> list[str]:
        """The fields that have something to show; a quote is its own evidence."""
        return [one.name for one in self._fields if one.kind != "quote" and not one.absent(decisions[one.name].value)]

    def _read_alone(self, batch: Sequence[Job], decoded: Sequence[Decoded], plan: Plan) -> list[Decoded]:
        """The same with evidence: the lines that give the answer when they are all that is read."""
        wanted = {
            number: present
            for number, (job, one) in enumerate(zip(batch, decoded, strict=True))
            if job.view == 0 and (present := self._present(one.decisions))
        }
        asked = [
            _Alone(number, passage, self._alone(batch[number], passage))
            for number in wanted
            for passage in passages(len(batch[number].lines))
        ]
        asked.sort(key=lambda one: len(one.row.pending))
        started, passes = perf_counter(), Counter[int]()
        found: dict[int, list[tuple[Passage, Decisions]]] = {number: [] for number in wanted}
        prefix = self._model.prefill(batch[0].reading.compiled.prefix)
        for start in range(0, len(asked), _TOGETHER):
            portion = asked[start : start + _TOGETHER]
            session = self._model.session(prefix, len(portion))
            answers = drive(session, [one.row.answer(plan, self._order, {}) for one in portion])
            passes.update(dict.fromkeys({one.number for one in portion}, session.passes))
            for one, decisions in zip(portion, answers, strict=True):
                found[one.number].append((one.passage, decisions))
        seconds = (perf_counter() - started) / len(batch)
        return [
            replace(
                one,
                seconds=one.seconds + seconds,
                passes=one.passes + passes[number],
                located={
                    name: supported(one.decisions[name], [(passage, said[name]) for passage, said in found[number]])
                    for name in wanted.get(number, ())
                },
            )
            for number, one in enumerate(decoded)
        ]

    def _alone(self, job: Job, passage: Passage) -> Row:
        """A row that reads some lines of a transcript as if there were no others.

        Rules are left out: what follows from another answer would be found in lines that do not show it.
        """
        text = "\n".join(job.lines[passage[0] : passage[1]])
        tokens = job.reading.compiled.around(self._model.tokenizer.encode(text))
        return Row(tokens, text, self._guides, Constraints(None, self._constraints.cutoffs))

    def _generate(self, job: Job) -> Decoded:
        """Token by token under `outlines.Generator`."""
        assert isinstance(self._model, GuidedModel)
        started = perf_counter()
        tokens = [*job.reading.compiled.prefix, *job.reading.tokens]
        limit = self._model.info.context
        room = UNPLANNED_TOKENS if limit is None else min(UNPLANNED_TOKENS, limit - len(tokens))
        text = self._model.generate(tokens, self._regex, room)
        try:
            values = json.loads(text)
        except ValueError:  # also for a number of thousands of digits
            raise ModelOutputError(
                f"the answer was not complete after {room} tokens",
                hint="Bound the schema's texts, or use decoding='skeleton'.",
                document_id=job.document_id,
            ) from None
        decisions = {name: Decision(value, None) for name, value in values.items()}
        return Decoded(decisions, perf_counter() - started, len(self._model.tokenizer.encode(text)))
