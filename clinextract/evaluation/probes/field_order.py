"""Field-order probe: the same transcripts with the schema's fields in other orders.

With joint decoding each answer is given after those before it, and a prompt that lists the fields lists them in some
order. Neither has anything to do with the patient, so an answer that changes with the order was not read from the
transcript alone. With independent decoding only the prompt is left; what that does is measured and not assumed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import factorial
from typing import Any

from pydantic import BaseModel, create_model

from clinextract.errors import SchemaError
from clinextract.evaluation.probes.answers import EXAMPLES, Answers, answers, share
from clinextract.evaluation.probes.results import FeatureFlips, FieldOrder, NotApplicable, OrderFlips
from clinextract.extractor import Extractor
from clinextract.records import Document

Run = Sequence[Answers | None]


def reordered(schema: type[BaseModel], names: Sequence[str]) -> type[BaseModel]:
    """The schema with its fields in another order.

    Validators of the schema's own are left behind: decoding does not know them, and it is decoding that is probed.

    Args:
        schema: A Pydantic model class.
        names: All its fields.
    """
    fields: dict[str, Any] = {name: (schema.model_fields[name].annotation, schema.model_fields[name]) for name in names}
    return create_model(
        schema.__name__, __config__=schema.model_config, __doc__=schema.__doc__, __module__=schema.__module__, **fields
    )


def shuffled(names: Sequence[str], orders: int, seed: int) -> list[tuple[str, ...]]:
    """Orders of the names that differ from the given one and from each other; fewer where there are no more."""
    chance = random.Random(seed)  # noqa: S311 - nothing here is secret
    first = tuple(names)
    found: dict[tuple[str, ...], None] = {}
    while len(found) < min(orders, factorial(len(first)) - 1):
        order = tuple(chance.sample(first, len(first)))
        if order != first:
            found[order] = None
    return list(found)


def field_order(
    extractor: Extractor[Any], documents: Sequence[Document], *, orders: int, seed: int
) -> FieldOrder | NotApplicable:
    """Extract with the schema's fields in shuffled orders, and count the answers that are not those of its own order.

    A calibration belongs to one order, so all orders are run without it.

    Args:
        extractor: Gives the schema, the model and the settings.
        documents: The transcripts.
        orders: How many shuffled orders.
        seed: Of the shuffling.
    """
    names = tuple(extractor.schema.model_fields)
    reason = _obstacle(extractor, names, documents)
    if reason is not None:
        return NotApplicable(reason=reason)
    runs: list[Run] = []
    plan = [names, *shuffled(names, orders, seed)]
    for order in plan:
        try:
            asked = Extractor(reordered(extractor.schema, order), extractor.model, **extractor.settings)
        except SchemaError as error:
            return NotApplicable(reason=f"the schema cannot be asked in another order: {error.message}")
        runs.append(answers(asked, documents))
    features = tuple(_feature(name, documents, runs) for name in names)
    compared, flips = (sum(getattr(one, key) for one in features) for key in ("compared", "flips"))
    return FieldOrder(
        orders=tuple(_order(order, runs[0], run) for order, run in zip(plan[1:], runs[1:], strict=True)),
        features=features,
        compared=compared,
        flips=flips,
        share=share(flips, compared),
        answers=sum(len(names) for given in runs[0] if given is not None),
        unstable=sum(one.unstable for one in features),
        failed=sum(any(run[row] is None for run in runs) for row in range(len(documents))),
    )


def _obstacle(extractor: Extractor[Any], names: Sequence[str], documents: Sequence[Document]) -> str | None:
    """Why there is no other order to ask in."""
    info = extractor.model.info
    if info.fields:
        return f"the model {info.name!r} knows its own {len(info.fields)} fields in their own order only"
    if len(names) < 2:
        return "a schema of one field has one order"
    return None if documents else "no transcripts were given"


def _flips(first: Run, other: Run, name: str) -> list[bool | None]:
    """By document, whether the answer differs; None where one of the two is missing."""
    return [
        None if one is None or two is None else one[name].value != two[name].value
        for one, two in zip(first, other, strict=True)
    ]


def _feature(name: str, documents: Sequence[Document], runs: Sequence[Run]) -> FeatureFlips:
    columns = [_flips(runs[0], run, name) for run in runs[1:]]
    known = [flip for column in columns for flip in column if flip is not None]
    unstable = [document.id for document, row in zip(documents, zip(*columns, strict=True), strict=True) if any(row)]
    return FeatureFlips(
        name=name,
        compared=len(known),
        flips=sum(known),
        share=share(sum(known), len(known)),
        unstable=len(unstable),
        examples=tuple(unstable[:EXAMPLES]),
    )


def _order(order: tuple[str, ...], first: Run, run: Run) -> OrderFlips:
    known = [flip for name in order for flip in _flips(first, run, name) if flip is not None]
    return OrderFlips(fields=order, compared=len(known), flips=sum(known))
