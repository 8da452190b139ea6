"""The rows of a batch, driven side by side through one session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from clinextract.decoding.opens import Guides
from clinextract.decoding.plan import Plan
from clinextract.decoding.rows import Constraints, Decisions, Flow, Guess, Request, Row
from clinextract.models.base import Order, Session

Result = TypeVar("Result")


def drive(session: Session, flows: Sequence[Flow[Result]]) -> list[Result]:
    """Run flows to their end, one call of the model for the requests of all.

    A row that is done leaves the session, so that the others' passes cost less.

    Args:
        session: A fresh session with one row per flow.
        flows: What the rows do.

    Returns:
        What each flow returns, in order.

    Raises:
        ModelOutputError: As the flows.
    """
    results: dict[int, Result] = {}
    live = [(number, flow, request) for number, flow in enumerate(flows) if (request := _next(flow, results, number))]
    if live and len(live) < len(flows):
        session.keep([number for number, _, _ in live])
    while live:
        for row, (_, _, request) in enumerate(live):
            session.rewind(row, request.drop)
        answers = session.extend([request.step for _, _, request in live])
        going = [
            (row, number, flow, following)
            for row, ((number, flow, _), reads) in enumerate(zip(live, answers, strict=True))
            if (following := _next(flow, results, number, reads))
        ]
        if going and len(going) < len(live):
            session.keep([row for row, _, _, _ in going])
        live = [(number, flow, following) for _, number, flow, following in going]
    return [results[number] for number in range(len(flows))]


def decode(
    session: Session,
    plan: Plan,
    prompts: Sequence[Sequence[int]],
    guides: Guides,
    *,
    order: Order = "joint",
    guess: Guess | None = None,
    constraints: Constraints | None = None,
    texts: Sequence[str] | None = None,
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
        constraints: Rules between fields, and cut-offs.
        texts: The transcripts, which quotes are taken from; without them there is nothing to quote.

    Returns:
        For every row, the decision on every field, in the plan's order.

    Raises:
        ModelOutputError: An open field cannot go on; names the field. Or the model's logits are not numbers.
    """
    rows = [
        Row(prompt, text, guides, constraints or Constraints())
        for prompt, text in zip(prompts, texts or [""] * len(prompts), strict=True)
    ]
    return drive(session, [row.answer(plan, order, guess or {}) for row in rows])


def _next(
    flow: Flow[Result], results: dict[int, Result], number: int, reads: Sequence[object] | None = None
) -> Request | None:
    """A flow's next request; None where it is done, when its result is kept."""
    try:
        return flow.send(reads)  # type: ignore[arg-type]  # a generator is begun by sending None
    except StopIteration as end:
        results[number] = end.value
        return None
