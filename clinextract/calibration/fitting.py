"""Fitting of a whole calibration on labelled calls: each yes/no field by itself, with cross-validated figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from clinextract.calibration import deciding
from clinextract.calibration.calibrator import (
    BAND,
    EVEN,
    Binding,
    Calibrator,
    FieldCalibration,
    Method,
    Quality,
    Risk,
)
from clinextract.calibration.deciding import Band
from clinextract.calibration.maps import Probabilities
from clinextract.calibration.scaling import Scaling, Truth
from clinextract.calibration.validation import (
    FOLDS,
    HeldOut,
    Rule,
    Wanted,
    applied,
    brier,
    cross_validated,
    expected_calibration_error,
    fit_rule,
    least_shown,
    together,
)
from clinextract.errors import CalibrationError

LEAST: Mapping[Scaling, int] = {"temperature": 10, "platt": 20, "isotonic": 50}
"""Least labelled answers of each class: ten a parameter (Peduzzi et al. 1996), and for isotonic, which overfits most
(Niculescu-Mizil and Caruana 2005), more."""
SEED = 0


@dataclass(frozen=True, slots=True)
class Labelled:
    """Answers of labelled calls, n calls by k fields.

    Attributes:
        fields: Names of the yes/no fields, shape (k,).
        truth: Whether the feature is truly present, shape (n, k); read where it is usable.
        probabilities: The model's own P(yes), shape (n, k); NaN where there is none.
        usable: Where there are a label and an answer, shape (n, k).
    """

    fields: Sequence[str]
    truth: Truth
    probabilities: Probabilities
    usable: Truth

    def check(self) -> None:
        """Raises CalibrationError where there is no labelled answer with a probability."""
        if not (self.usable & np.isfinite(self.probabilities)).any():
            raise CalibrationError(
                "there is no labelled answer with a probability",
                hint="Calibrate on predictions of `clinextract run` for calls that the gold standard labels.",
            )


def binding_of(provenance: Mapping[str, frozenset[str]]) -> Binding:
    """What predictions were made with.

    Args:
        provenance: By key of `Provenance`, the values that the predictions have; "language" is that of their prompts.

    Raises:
        CalibrationError: It is not known, is not the same for all, or the predictions are calibrated already.
    """
    again = "Run the labelled calls again with `clinextract run`, with one model and without a calibration."
    if provenance.get("calibration"):
        raise CalibrationError("the predictions were made with a calibration already", hint=again)
    keys = ("schema_hash", "model_hash", "order", "decoding")
    missing = [key for key in (*keys, "prompt_hash", "language") if not provenance.get(key)]
    if missing:
        raise CalibrationError(
            f"the predictions do not say how they were made: {', '.join(missing)} missing from their provenance",
            hint="Calibrate on what `clinextract run` writes, with its provenance.",
        )
    mixed = [f"{len(provenance[key])} of {key}" for key in keys if len(provenance[key]) > 1]
    if mixed:
        raise CalibrationError(f"the predictions were not all made in one way: {', '.join(mixed)}", hint=again)
    one = {key: next(iter(provenance[key])) for key in keys}
    if one["decoding"] != "skeleton":
        raise CalibrationError(
            f"the predictions were made with decoding={one['decoding']!r}, which gives no probabilities", hint=again
        )
    prompts = tuple(sorted(provenance["prompt_hash"]))
    return Binding(**one, prompt_hashes=prompts, languages=tuple(sorted(provenance["language"])))


def fit(
    labelled: Labelled, binding: Binding, wanted: Wanted | None = None, *, model: str = "", seed: int = SEED
) -> Calibrator:
    """Fit a calibration.

    Args:
        labelled: The answers with their labels.
        binding: What they were made with.
        wanted: The method, the thresholds' target and the error rate.
        model: The model's name, for messages.
        seed: Of the folds.

    Raises:
        CalibrationError: There is no labelled answer with a probability.
        ExtraNotInstalled: scipy or scikit-learn is missing.
    """
    wanted = wanted or Wanted()
    labelled.check()
    usable = labelled.usable & np.isfinite(labelled.probabilities)
    fields: dict[str, FieldCalibration] = {}
    held_out: list[HeldOut] = []
    for number, name in enumerate(labelled.fields):
        rows = usable[:, number]
        raw, truth = labelled.probabilities[rows, number], labelled.truth[rows, number]
        fields[name], held = _fit_field(raw, truth, wanted, seed)
        held_out.append(held)
    everything = together(held_out)
    return Calibrator(
        model=model,
        binding=binding,
        method=wanted.method,
        target=wanted.target,
        sensitivity=wanted.sensitivity,
        error_rate=wanted.error_rate,
        folds=FOLDS,
        seed=seed,
        fields=fields,
        quality=_quality(everything),
        reviewed=_share(everything.reviewed),
        risk=_share(everything.answers != everything.truth, ~everything.reviewed),
        curve=_curve(held_out, [one.threshold for one in fields.values()]),
    )


def _fit_field(raw: Probabilities, truth: Truth, wanted: Wanted, seed: int) -> tuple[FieldCalibration, HeldOut]:
    """One field's calibration, and its answers by rules that were fitted without them."""
    positives = int(truth.sum())
    fewest = min(positives, len(truth) - positives)
    method = _affordable(wanted.method, fewest)
    if method is None:
        rule = Rule(None, EVEN, Band(*BAND))
        held = applied(rule, raw, truth)
        kind = "positive" if fewest == positives else "negative"
        note = f"only {fewest} {kind} labels, and {min(LEAST.values())} are needed: nothing was fitted"
        return _record("none", rule, held, [note]), held
    notes = []
    if method != wanted.method:
        notes.append(f"{fewest} labels of the rarer class, and {wanted.method} needs {LEAST[wanted.method]}: {method}")
    held = cross_validated(raw, truth, method, wanted, seed)
    better = brier(held.calibrated, truth) < brier(raw, truth)
    if not better:
        notes.append(f"{method} would not lower the Brier score: the model's own probabilities are kept")
        held = cross_validated(raw, truth, None, wanted, seed)
    rule = fit_rule(raw, truth, method if better else None, wanted)
    if (rule.band.low, rule.band.high) == (0, 1):
        held = replace(held, reviewed=np.ones(len(truth), dtype=bool))
    notes += _warnings(rule, truth, wanted)
    return _record(method if better else "none", rule, held, notes), held


def _affordable(method: Scaling, fewest: int) -> Scaling | None:
    """The method, or the next simpler one that the labels of the rarer class suffice for; None for none."""
    order: tuple[Scaling, ...] = ("isotonic", "platt", "temperature")
    return next((one for one in order[order.index(method) :] if fewest >= LEAST[one]), None)


def _warnings(rule: Rule, truth: Truth, wanted: Wanted) -> list[str]:
    """What the labels cannot show."""
    found = []
    if not rule.reachable:
        found.append(f"{truth.sum()} positive labels cannot promise a sensitivity of {wanted.sensitivity:g}")
    if not rule.band.shown:
        enough = len(truth) >= least_shown(wanted.error_rate)
        what = "no band reaches" if enough else f"{len(truth)} labels cannot show"
        then = "every answer goes to a person" if enough else "the band is the usual one"
        found.append(f"{what} an error rate of {wanted.error_rate:g}: {then}")
    return found


def _record(method: Method, rule: Rule, held: HeldOut, notes: Sequence[str]) -> FieldCalibration:
    fitted = rule.fitted
    line = fitted is not None and fitted.temperature is not None
    return FieldCalibration(
        method=method,
        notes=tuple(notes),
        labelled=len(held.truth),
        positives=int(held.truth.sum()),
        temperature=fitted.temperature if fitted else None,
        bias=fitted.bias if fitted else 0.0,
        knots=tuple(fitted.knots) if fitted and not line else (),
        threshold=rule.threshold,
        low=rule.band.low,
        high=rule.band.high,
        quality=_quality(held),
        reviewed=_share(held.reviewed),
        risk=_share(held.answers != held.truth, ~held.reviewed),
        sensitivity=_share(held.answers, held.truth),
        specificity=_share(~held.answers, ~held.truth),
        curve=_curve([held], [rule.threshold]),
    )


def _curve(held: Sequence[HeldOut], thresholds: Sequence[float]) -> tuple[Risk, ...]:
    points = deciding.risk_coverage([one.calibrated for one in held], [one.truth for one in held], thresholds)
    return tuple(Risk(limit=limit, coverage=coverage, risk=risk) for limit, coverage, risk in points)


def _quality(held: HeldOut) -> Quality | None:
    if not len(held.truth):
        return None
    return Quality(
        brier_before=brier(held.raw, held.truth),
        brier_after=brier(held.calibrated, held.truth),
        ece_before=expected_calibration_error(held.raw, held.truth),
        ece_after=expected_calibration_error(held.calibrated, held.truth),
    )


def _share(what: Truth, among: Truth | None = None) -> float | None:
    chosen = what if among is None else what[among]
    return float(chosen.mean()) if len(chosen) else None
