"""A whole calibration from labelled calls: what it finds, what it says of itself, and what it refuses to guess."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scores import BINDING, scores, table
from sklearn.metrics import brier_score_loss

from clinextract.calibration.calibrator import BAND, EVEN
from clinextract.calibration.fitting import LEAST, Labelled, binding_of, fit
from clinextract.calibration.scaling import Scaling
from clinextract.calibration.validation import Wanted, brier, expected_calibration_error
from clinextract.errors import CalibrationError
from clinextract.evaluation.curves import reliability

METHODS: tuple[Scaling, ...] = ("temperature", "platt", "isotonic")
PROVENANCE = {
    "model": frozenset({"tiny"}),
    "model_hash": frozenset({"6" * 16}),
    "schema_hash": frozenset({"5" * 16}),
    "prompt_hash": frozenset({"7" * 16, "8" * 16}),
    "order": frozenset({"joint"}),
    "decoding": frozenset({"skeleton"}),
    "language": frozenset({"en", "fa"}),
}


@pytest.mark.parametrize("method", METHODS)
def test_what_it_says_of_itself_is_what_fresh_calls_show(method: Scaling) -> None:
    told, seen = [], []
    for seed in range(8):
        field = fit(table(scores(seed, 500)), BINDING, Wanted(method, error_rate=0.05)).fields["a"]
        assert field.method == method
        assert field.quality is not None
        fresh = scores(seed + 500, 4000)
        p = np.array([field.calibrated(one) for one in fresh.raw])
        answers, reviewed = p >= field.threshold, (p > field.low) & (p < field.high)
        told.append([field.quality.brier_after, field.reviewed, field.risk, field.sensitivity, field.specificity])
        seen.append(
            [
                brier(p, fresh.truth),
                reviewed.mean(),
                (answers != fresh.truth)[~reviewed].mean(),
                answers[fresh.truth].mean(),
                (~answers)[~fresh.truth].mean(),
            ]
        )
        assert field.quality.brier_after < field.quality.brier_before
        assert field.quality.ece_after < field.quality.ece_before
    assert np.mean(told, axis=0) == pytest.approx(np.mean(seen, axis=0), abs=0.04)


def test_an_answer_is_yes_from_the_cut_off_on_and_only_then() -> None:
    for wanted in (Wanted("platt", sensitivity=0.9), Wanted("isotonic", best_mcc=True), Wanted()):
        drawn = scores(1, 400)
        field = fit(table(drawn), BINDING, wanted).fields["a"]
        for raw in drawn.raw:
            assert (raw >= field.cutoff) == (field.calibrated(raw) >= field.threshold)


def test_the_wanted_sensitivity_is_reached_on_the_labelled_calls() -> None:
    drawn = scores(2, 300)
    for sensitivity in (0.5, 0.8, 0.95):
        field = fit(table(drawn), BINDING, Wanted(sensitivity=sensitivity)).fields["a"]
        assert (drawn.raw[drawn.truth] >= field.cutoff).mean() >= sensitivity
        assert field.notes == ()
    impossible = fit(table(drawn), BINDING, Wanted(sensitivity=0.999)).fields["a"]
    assert "cannot promise a sensitivity of 0.999" in impossible.notes[0]
    assert (drawn.raw[drawn.truth] >= impossible.cutoff).all()


def test_temperature_alone_changes_no_answer() -> None:
    field = fit(table(scores(3, 400)), BINDING).fields["a"]
    assert field.method == "temperature"
    assert field.cutoff == pytest.approx(0.5, abs=1e-12)
    assert field.cutoff > 0.5  # a tie is no, as without a calibration


@pytest.mark.parametrize("count", [0, 1, LEAST["temperature"] - 1])
@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_too_few_labels_of_a_class_leave_a_field_as_it_was(count: int, kind: str) -> None:
    drawn = scores(4, 200)
    rare = drawn.truth if kind == "positive" else ~drawn.truth
    usable = ~rare
    usable[np.flatnonzero(rare)[:count]] = True
    labelled = replace(table(drawn), usable=usable[:, None])
    field = fit(labelled, BINDING, Wanted(sensitivity=0.9)).fields["a"]
    assert field.method == "none"
    assert (field.threshold, field.low, field.high) == (EVEN, *BAND)
    assert f"only {count} {kind} labels, and 10 are needed" in field.notes[0]
    assert field.labelled == usable.sum()
    assert field.calibrated(0.123) == 0.123


@pytest.mark.parametrize(("positives", "method"), [(50, "isotonic"), (49, "platt"), (20, "platt"), (19, "temperature")])
def test_with_fewer_labels_a_simpler_method_is_used(positives: int, method: str) -> None:
    drawn = scores(5, 400)
    usable = ~drawn.truth
    usable[np.flatnonzero(drawn.truth)[:positives]] = True
    field = fit(replace(table(drawn), usable=usable[:, None]), BINDING, Wanted("isotonic")).fields["a"]
    assert field.method == method
    assert field.positives == positives
    assert bool(field.notes and "isotonic needs 50" in field.notes[0]) == (method != "isotonic")


def test_probabilities_that_are_right_already_are_kept() -> None:
    found = [fit(table(scores(seed, 300, stretch=1)), BINDING).fields["a"] for seed in range(10)]
    assert {one.method for one in found} == {"temperature", "none"}
    for one in found:
        assert one.quality is not None
        if one.method == "none":
            assert "would not lower the Brier score" in one.notes[0]
            assert one.quality.brier_after == one.quality.brier_before
        else:
            assert one.quality.brier_after < one.quality.brier_before


def test_few_labels_cannot_show_a_low_error_rate() -> None:
    field = fit(table(scores(6, 48, prevalence=0.4, apart=4)), BINDING, Wanted(error_rate=0.02)).fields["a"]
    assert (field.low, field.high) == BAND
    assert "48 labels cannot show an error rate of 0.02" in field.notes[-1]


def test_where_no_band_is_good_enough_every_answer_goes_to_a_person() -> None:
    field = fit(table(scores(7, 300, apart=0.05)), BINDING, Wanted(error_rate=0.01)).fields["a"]
    assert (field.low, field.high) == (0, 1)
    assert field.reviewed == 1
    assert field.risk is None
    assert "every answer goes to a person" in field.notes[-1]


def test_fields_are_fitted_each_by_itself_and_counted_together() -> None:
    columns = [scores(seed, 300, stretch=stretch) for seed, stretch in ((1, 3.0), (2, 0.5))]
    both = fit(table(*columns), BINDING)
    assert list(both.fields) == ["a", "b"]
    for name, one in zip("ab", columns, strict=True):
        assert both.fields[name] == fit(table(one), BINDING).fields["a"]
    raw, truth = np.concatenate([one.raw for one in columns]), np.concatenate([one.truth for one in columns])
    assert both.quality is not None
    assert both.quality.brier_before == pytest.approx(brier(raw, truth))
    assert both.quality.ece_after < both.quality.ece_before
    assert both.curve[-1].coverage == 1
    assert both.binding == BINDING


def test_the_same_labels_give_the_same_calibration() -> None:
    drawn = table(scores(8, 200), scores(9, 200))
    assert fit(drawn, BINDING).hash == fit(drawn, BINDING).hash
    assert fit(drawn, BINDING).hash != fit(drawn, BINDING, Wanted(error_rate=0.1)).hash


def test_answers_without_probability_or_label_do_not_count() -> None:
    drawn = table(scores(10, 300))
    holes = Labelled(drawn.fields, drawn.truth.copy(), drawn.probabilities.copy(), drawn.usable.copy())
    holes.probabilities[:50] = np.nan
    holes.usable[50:100] = False
    holes.truth[:100] = ~holes.truth[:100]
    rest = Labelled(drawn.fields, drawn.truth[100:], drawn.probabilities[100:], drawn.usable[100:])
    assert fit(holes, BINDING) == fit(rest, BINDING)


def test_nothing_to_fit_on_is_an_error() -> None:
    drawn = table(scores(10, 30))
    for labelled in (replace(drawn, usable=~drawn.usable), replace(drawn, probabilities=drawn.probabilities * np.nan)):
        with pytest.raises(CalibrationError, match="no labelled answer") as caught:
            fit(labelled, BINDING)
        assert "clinextract run" in caught.value.hint


@pytest.mark.parametrize(
    "wanted", [{"sensitivity": 1.5}, {"error_rate": 0.0}, {"sensitivity": 0.9, "best_mcc": True}], ids=str
)
def test_what_cannot_be_wanted_is_a_programmer_s_mistake(wanted: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Wanted(**wanted)  # type: ignore[arg-type]


def test_the_binding_is_the_predictions_provenance() -> None:
    found = binding_of(PROVENANCE)
    assert (found.schema_hash, found.model_hash, found.order, found.decoding) == (
        "5" * 16,
        "6" * 16,
        "joint",
        "skeleton",
    )
    assert found.prompt_hashes == ("7" * 16, "8" * 16)
    assert found.languages == ("en", "fa")


REFUSED = {
    "calibrated already": ({"calibration": frozenset({"9" * 16})}, "a calibration already"),
    "no provenance": (dict.fromkeys(PROVENANCE, frozenset()), "do not say how they were made"),
    "no prompt": ({"prompt_hash": frozenset()}, "prompt_hash missing"),
    "two models": ({"model_hash": frozenset({"a", "b"})}, "2 of model_hash"),
    "two schemas": ({"schema_hash": frozenset({"a", "b"})}, "2 of schema_hash"),
    "two orders": ({"order": frozenset({"joint", "independent"})}, "2 of order"),
    "outlines": ({"decoding": frozenset({"outlines"})}, "no probabilities"),
}


@pytest.mark.parametrize(("change", "message"), REFUSED.values(), ids=REFUSED)
def test_predictions_that_do_not_bind_are_refused(change: dict[str, frozenset[str]], message: str) -> None:
    with pytest.raises(CalibrationError, match=message) as caught:
        binding_of({**PROVENANCE, **change})
    assert "clinextract run" in caught.value.hint


def test_the_calibration_error_by_hand() -> None:
    # Bins 0.1 to 0.2 and 0.9 to 1: |0.15 - 0.5| for two answers, |1 - 2/3| for three.
    p, truth = np.array([0.1 + 1e-9, 0.2, 1.0, 1.0, 1.0]), np.array([True, False, True, True, False])
    assert expected_calibration_error(p, truth) == pytest.approx((2 * 0.35 + 3 * (1 / 3)) / 5)


@given(st.lists(st.tuples(st.integers(0, 40).map(lambda n: n / 40) | st.floats(0, 1), st.booleans()), min_size=1))
def test_figures_are_those_of_an_evaluation(drawn: list[tuple[float, bool]]) -> None:
    p, truth = np.array([one for one, _ in drawn]), np.array([one for _, one in drawn])
    bins = reliability(p, truth)
    error = sum(one.count * abs(one.mean_probability - one.observed) for one in bins) / len(p)
    assert expected_calibration_error(p, truth) == pytest.approx(error)
    assert brier(p, truth) == pytest.approx(brier_score_loss(truth, p, labels=[False, True]))
