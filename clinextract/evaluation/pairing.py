"""Predictions beside the gold standard: the same transcripts in the same order, the same features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np

from clinextract.errors import ColumnMissing, DataError
from clinextract.evaluation.cells import ids_of, listed
from clinextract.evaluation.labels import Gold, Predictions
from clinextract.evaluation.metrics import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Paired:
    """Predictions beside the gold standard: its n transcripts in its order, the k features that both have.

    Attributes:
        name, gold: Names of the predictions and of the gold standard.
        ids: Of the transcripts, n.
        features: Names of the features in the predictions' order, k.
        truth, labelled: (n, k), as in `Gold`.
        predicted, answered, probabilities: (n, k), as in `Predictions`.
        failed: (n,) whether the prediction is a failure.
        without_prediction: (n,) whether the predictions lack the id.
        columns: Of the gold standard.
        provenance: Of the predictions.
        notes: Of both, and of what was left out here.
    """

    name: str
    gold: str
    ids: tuple[str, ...]
    features: tuple[str, ...]
    truth: Bools
    labelled: Bools
    predicted: Bools
    answered: Bools
    probabilities: Floats
    failed: Bools
    without_prediction: Bools
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provenance: Mapping[str, frozenset[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Paired(name={self.name!r}, transcripts={len(self.ids)}, features={len(self.features)})"


def only(predictions: Predictions, features: Sequence[str]) -> Predictions:
    """Predictions of some of their features.

    Args:
        predictions: What was predicted.
        features: Which of the features, in this order.

    Raises:
        ColumnMissing: There is no such feature.
    """
    names = tuple(dict.fromkeys(features))
    lacking = [name for name in names if name not in predictions.features]
    if lacking:
        raise ColumnMissing(
            f"{predictions.name} has no answers for: {listed(lacking)}", hint="Name features that it has."
        )
    columns = [predictions.features.index(name) for name in names]
    by_cell = ("values", "answered", "probabilities")
    return replace(predictions, features=names, **{name: getattr(predictions, name)[:, columns] for name in by_cell})


def pair(predictions: Predictions, gold: Gold, *, allow_missing: bool = False) -> Paired:
    """Put predictions beside the gold standard.

    Args:
        predictions: What was predicted.
        gold: What is true. Features that only it has are left out, with a note.
        allow_missing: Whether ids may be in one of the two only. Those that only the gold standard has are then
            without prediction, the others are left out.

    Raises:
        ColumnMissing: The gold standard lacks a feature that the predictions have.
        DataError: Ids are in one of the two only, and that was not allowed; or none is in both.
    """
    features = predictions.features or gold.features
    _check_features(predictions, gold)
    notes = [*predictions.notes, *_unmatched(predictions, gold, allowed=allow_missing)]
    apart = [name for name in gold.features if name not in features]
    if apart:
        notes.append(f"{predictions.name} does not have, and so is not compared on: {listed(apart)}")
    bare = unanswered(gold, features)
    places = {one: at for at, one in enumerate(predictions.ids)}
    at = np.array([places.get(one, -1) for one in gold.ids], dtype=np.intp)
    there = at >= 0
    bare = replace(
        bare,
        name=predictions.name,
        failed=there & predictions.failed[at],
        without_prediction=~there,
        provenance=predictions.provenance,
        notes=tuple(notes),
    )
    if not predictions.features:
        return bare
    answered = there[:, None] & predictions.answered[at]
    return replace(
        bare,
        predicted=answered & predictions.values[at],
        answered=answered,
        probabilities=np.where(answered, predictions.probabilities[at], np.nan),
    )


def unanswered(gold: Gold, features: Sequence[str]) -> Paired:
    """The gold standard without any prediction.

    Args:
        gold: What is true.
        features: Which of its features, in this order.
    """
    columns = [gold.features.index(name) for name in features]
    nothing = np.zeros((len(gold.ids), len(columns)), dtype=bool)
    return Paired(
        name="",
        gold=gold.name,
        ids=gold.ids,
        features=tuple(features),
        truth=gold.values[:, columns],
        labelled=gold.labelled[:, columns],
        predicted=nothing,
        answered=nothing,
        probabilities=np.full(nothing.shape, np.nan),
        failed=nothing[:, 0],
        without_prediction=~nothing[:, 0],
        columns=gold.columns,
    )


def take(paired: Paired, kept: Bools, features: Sequence[str] | None = None) -> Paired:
    """Some of the transcripts, in their order, and of the features.

    Args:
        paired: Of n transcripts.
        kept: Which of them, (n,).
        features: Which of the features; None for all.
    """
    names = tuple(features or paired.features)
    columns = [paired.features.index(name) for name in names]
    by_cell = ("truth", "labelled", "predicted", "answered", "probabilities")
    return replace(
        paired,
        ids=tuple(compress(paired.ids, kept)),
        features=names,
        failed=paired.failed[kept],
        without_prediction=paired.without_prediction[kept],
        columns={name: tuple(compress(values, kept)) for name, values in paired.columns.items()},
        **{name: getattr(paired, name)[kept][:, columns] for name in by_cell},
    )


def _check_features(predictions: Predictions, gold: Gold) -> None:
    lacking = [name for name in predictions.features if name not in gold.features]
    if lacking:
        raise ColumnMissing(
            f"{gold.name} has no labels for what {predictions.name} predicts: {listed(lacking)}",
            hint="Name the features to compare with --features, or add the columns.",
        )


def _unmatched(predictions: Predictions, gold: Gold, *, allowed: bool) -> list[str]:
    """What there is to say of ids that are in one of the two only."""
    predicted, known = set(predictions.ids), set(gold.ids)
    sides = (
        ("of {0} have no prediction in {1}", gold.name, predictions.name, gold.ids, predicted),
        ("of {0} are not in {1}", predictions.name, gold.name, predictions.ids, known),
    )
    found = []
    for words, here, there, ids, others in sides:
        only = [one for one in ids if one not in others]
        if only:
            found.append(f"{len(only)} of {len(ids)} ids {words.format(here, there)}: {ids_of(only)}")
    if not predicted & known:
        raise DataError(
            f"no id of {predictions.name} is in {gold.name}",
            hint="Give the two files of the same calls, and name the column of the ids with --id.",
        )
    if found and not allowed:
        raise DataError("; ".join(found), hint="With --allow-missing the other transcripts are evaluated.")
    return found
