"""All probes of a model in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from clinextract.evaluation.probes.field_order import field_order
from clinextract.evaluation.probes.negation import negation
from clinextract.evaluation.probes.repeatability import repeatability
from clinextract.evaluation.probes.results import Probes
from clinextract.extractor import Extractor
from clinextract.records import Document
from clinextract.schema.features import schema_hash


def probe(
    extractor: Extractor[Any],
    documents: Iterable[str | Document],
    *,
    orders: int = 5,
    seed: int = 0,
    on_probe: Callable[[str], None] | None = None,
) -> Probes:
    """Probe a model with a schema: order of the fields, negation, repetition.

    It needs no labels. Every transcript is extracted `orders` + 3 times, and the shipped minimal pairs once.

    Args:
        extractor: Gives the schema, the model and the settings.
        documents: Transcripts of the kind that the model is for. They are all kept in memory. Without any only the
            negation probe is made.
        orders: Shuffled orders of the fields, besides the schema's own.
        seed: Of the shuffled orders and of the second run's sequence.
        on_probe: Told the name of each probe when it begins.

    Returns:
        What was found; a probe that cannot be made is a `NotApplicable` with its reason.

    Raises:
        ValueError: `orders` is not positive.
        RecordInvalid: A document is empty or is not text.
    """
    if orders < 1:
        raise ValueError("orders must be at least 1")
    given = [one if isinstance(one, Document) else Document(one) for one in documents]
    told = on_probe or (lambda _: None)
    told("field order")
    by_order = field_order(extractor, given, orders=orders, seed=seed)
    told("negation")
    by_pair = negation(extractor)
    told("repeatability")
    repeated = repeatability(extractor, given, seed=seed)
    info = extractor.model.info
    return Probes(
        version=version("clinextract"),
        model=info.name,
        model_hash=info.hash,
        device=info.device,
        dtype=info.dtype,
        schema_name=extractor.schema.__name__,
        schema_hash=schema_hash(extractor.schema),
        decoding=extractor.decoding,
        order=extractor.order,
        transcripts=len(given),
        seed=seed,
        field_order=by_order,
        negation=by_pair,
        repeatability=repeated,
    )
