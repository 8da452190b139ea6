"""From a file of predictions and a gold standard to a calibration."""

from __future__ import annotations

from pathlib import Path

from clinextract.calibration.calibrator import Calibrator
from clinextract.calibration.fitting import SEED, Labelled, binding_of, fit
from clinextract.calibration.scaling import Scaling
from clinextract.calibration.validation import Wanted
from clinextract.errors import CalibrationError
from clinextract.evaluation.labels import Gold, Predictions, read_gold, read_predictions
from clinextract.evaluation.pairing import pair
from clinextract.prompts import prompt_language


def calibrate(
    predictions: Predictions | str | Path,
    gold: Gold | str | Path,
    *,
    method: Scaling = "temperature",
    sensitivity: float | None = None,
    best_mcc: bool = False,
    error_rate: float = 0.02,
    allow_missing: bool = False,
    seed: int = SEED,
) -> Calibrator:
    """Fit a calibration on labelled calls.

    Args:
        predictions: What `clinextract run` wrote for them, without a calibration; or a file with it.
        gold: Their labels, or a file with them.
        method: "temperature" (one number a field, and no answer changes), "platt" (with a bias, for fields that are
            found too often or too seldom) or "isotonic" (any rising curve, for many labels).
        sensitivity: Choose each field's threshold for this sensitivity.
        best_mcc: Choose it for the best Matthews correlation. With neither it is 0.5.
        error_rate: Share of wrong answers that may stay outside the review bands.
        allow_missing: Whether ids may be in one of the two only.
        seed: Of the cross-validation's folds.

    Raises:
        DataError: A file cannot be read, or the ids do not match.
        CalibrationError: The predictions have no probabilities, do not say how they were made, were not all made in one
            way, or are calibrated already; or some are of calls without labels, and they have several languages.
        ExtraNotInstalled: scipy or scikit-learn is missing.
        ValueError: A share is not between 0 and 1, or a threshold is to have two aims.
    """
    wanted = Wanted(method, sensitivity, best_mcc, error_rate)
    predicted = predictions if isinstance(predictions, Predictions) else read_predictions(predictions)
    known = gold if isinstance(gold, Gold) else read_gold(gold, features=predicted.features or None)
    paired = pair(predicted, known, allow_missing=allow_missing)
    labelled = Labelled(paired.features, paired.truth, paired.probabilities, paired.labelled & paired.answered)
    labelled.check()
    facts = paired.provenance
    languages = frozenset(map(prompt_language, facts.get("language", frozenset())))
    binding = binding_of({**facts, "language": languages})
    if set(predicted.ids) - set(known.ids) and max(len(binding.languages), len(binding.prompt_hashes)) > 1:
        raise CalibrationError(
            "some predictions are of calls without labels, and not all in one language: "
            "it cannot be told which languages the labels cover",
            hint="Give the predictions of the labelled calls alone.",
        )
    return fit(labelled, binding, wanted, model=", ".join(sorted(facts.get("model", ()))), seed=seed)
