"""A calibration as a file, and in an extractor: what it changes, and where it is refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from scores import BINDING, scores, table
from sklearn.metrics import matthews_corrcoef
from tiny import model as tiny_model

from clinextract.calibration.calibrator import Binding, Calibrator, FieldCalibration
from clinextract.calibration.fitting import Labelled, fit
from clinextract.calibration.maps import logit, sigmoid
from clinextract.calibration.validation import Wanted, brier
from clinextract.decoding.choices import favourite
from clinextract.decoding.segments import Choice
from clinextract.errors import CalibrationError
from clinextract.extractor import Extractor
from clinextract.models.base import Order
from clinextract.models.fake import FakeModel
from clinextract.palliative import PalliativeCall
from clinextract.records import Document, Extraction, Failure
from clinextract.rows import to_row

SECRET = "Zarathustra"


class Ward(BaseModel):
    pain: bool
    mood: Literal["mild", "شدید", None]
    fever: bool


def field(**values: Any) -> FieldCalibration:
    return FieldCalibration(**({"method": "none", "labelled": 100, "positives": 30} | values))


def bound_to(extractor: Extractor[Any], *texts: str, **fields: FieldCalibration) -> Calibrator:
    """A calibration for an extractor's model and schema, as if fitted on these texts."""
    found = [extractor(text).provenance for text in texts or ("She has pain.",)]
    binding = Binding(
        schema_hash=found[0].schema_hash,
        model_hash=found[0].model_hash,
        prompt_hashes=tuple(sorted({one.prompt_hash for one in found})),
        languages=tuple(sorted({one.language for one in found})),
        order=found[0].order,
        decoding=found[0].decoding,
    )
    return Calibrator(
        model=found[0].model, binding=binding, method="temperature", target="even", error_rate=0.02, folds=5, seed=0,
        fields=fields,
    )  # fmt: skip


# The file

probabilities = st.floats(0, 1)
knots = st.lists(st.tuples(st.floats(-30, 30), st.floats(-9, 9)), min_size=1, max_size=5).map(
    lambda drawn: tuple(zip(sorted({x for x, _ in drawn}), sorted({y for _, y in drawn}), strict=False))
)
maps = st.one_of(
    st.just({"method": "none"}),
    st.builds(lambda t: {"method": "temperature", "temperature": t}, st.floats(0.05, 20)),
    st.builds(lambda t, b: {"method": "platt", "temperature": t, "bias": b}, st.floats(0.05, 20), st.floats(-9, 9)),
    st.builds(lambda drawn: {"method": "isotonic", "knots": drawn}, knots),
)
fields = st.builds(
    lambda drawn, threshold, band, counts, notes: field(
        **drawn, threshold=threshold, low=min(band), high=max(band), labelled=sum(counts), positives=counts[0],
        notes=tuple(notes),
    ),
    maps, probabilities, st.tuples(probabilities, probabilities), st.tuples(st.integers(0, 99), st.integers(0, 99)),
    st.lists(st.text(max_size=9), max_size=2),
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=9), fields, max_size=3))
def test_what_is_written_is_read_exactly(drawn: dict[str, FieldCalibration]) -> None:
    written = Calibrator(
        model="tiny", binding=BINDING, method="platt", target="mcc", error_rate=0.1, folds=5, seed=3, fields=drawn
    )
    read = Calibrator.model_validate_json(written.model_dump_json())
    assert read == written
    assert read.hash == written.hash
    assert read.cutoffs == written.cutoffs


def test_a_fitted_calibration_is_saved_and_loaded(tmp_path: Path) -> None:
    made = fit(table(scores(1, 200), scores(2, 200)), BINDING, Wanted("isotonic", sensitivity=0.9), model="tiny")
    file = tmp_path / "calibration.json"
    made.save(file)
    assert Calibrator.load(file) == made
    assert Calibrator.load(str(file)).hash == made.hash
    assert json.loads(file.read_text(encoding="utf-8"))["version"] == "clinextract.calibration.v1"


def test_every_key_is_described() -> None:
    def walk(schema: dict[str, Any]) -> None:
        for name, prop in schema.get("properties", {}).items():
            assert prop.get("description"), name

    schema = Calibrator.model_json_schema()
    walk(schema)
    for one in schema["$defs"].values():
        walk(one)


BYTES = {"no JSON": b"threshold: 0.5", "not UTF-8": b'{"model": "\xff"}', "empty": b"", "a list": b"[]"}
CONTENTS: dict[str, tuple[tuple[str, ...], Any]] = {
    "another version": (("version",), "clinextract.calibration.v2"),
    "an unknown key": (("fields", "a", "treshold"), 0.5),
    "a number as text": (("fields", "a", "threshold"), "0.5"),
    "a probability above 1": (("fields", "a", "high"), 1.5),
    "a band that ends before it begins": (("fields", "a", "high"), -0.0),
    "knots that do not increase": (("fields", "a", "knots"), [[0.0, 1.0], [1.0, 1.0]]),
    "knots out of order": (("fields", "a", "knots"), [[1.0, 0.0], [0.0, 1.0]]),
    "no knots": (("fields", "a", "knots"), []),
    "a temperature beside knots": (("fields", "a", "temperature"), 2.0),
    "a bias beside knots": (("fields", "a", "bias"), 2.0),
    "a hash that is no text": (("binding", "model_hash"), None),
}


@pytest.mark.parametrize("change", [*BYTES, *CONTENTS, "a folder", "not there"])
def test_a_broken_file_is_refused_with_its_name_and_a_remedy(change: str, tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    if change in BYTES:
        file.write_bytes(BYTES[change])
    elif change in CONTENTS:
        content = json.loads(fit(table(scores(1, 200)), BINDING, Wanted("isotonic")).model_dump_json())
        (*way, last), value = CONTENTS[change]
        place = content
        for key in way:
            place = place[key]
        place[last] = value
        file.write_text(json.dumps(content), encoding="utf-8")
    elif change == "a folder":
        file.mkdir()
    with pytest.raises(CalibrationError, match=r"calibration\.json") as caught:
        Calibrator.load(file)
    assert "calibrate" in caught.value.hint
    assert caught.value.usage


def test_a_folder_that_is_not_there_is_no_place_to_save(tmp_path: Path) -> None:
    made = fit(table(scores(1, 60)), BINDING)
    with pytest.raises(CalibrationError, match="cannot be written"):
        made.save(tmp_path / "no" / "such" / "file.json")


def test_it_cannot_be_changed() -> None:
    made = fit(table(scores(1, 60)), BINDING)
    with pytest.raises(ValidationError):
        made.fields["a"].threshold = 0.1  # type: ignore[misc]


# In an extractor


def test_probability_value_and_review_follow_the_calibration() -> None:
    told = FakeModel({"pain": 0.3, "fever": 0.8, "mood": "mild"})
    plain = Extractor(Ward, told)
    made = bound_to(
        plain,
        pain=field(method="platt", temperature=2.0, bias=0.5, threshold=0.5, low=0.1, high=0.4),
        fever=field(threshold=0.9, low=0.85, high=0.95),
    )
    found = Extractor(Ward, told, calibrator=made)("She has pain.")
    # logit(0.3) / 2 + 0.5 = 0.0764, of which the probability is 0.519
    assert found.answers["pain"].probability == pytest.approx(0.519, abs=1e-3)
    assert found.features.pain
    assert not plain("She has pain.").features.pain
    assert not found.features.fever  # 0.8 does not reach 0.9
    assert found.answers["fever"].probability == pytest.approx(0.8, abs=1e-3)
    assert found.review == ()  # the usual band would have had both
    assert plain("She has pain.").review == ("pain",)
    assert found.features.mood == "mild"
    assert found.answers["mood"] == plain("She has pain.").answers["mood"]


@pytest.mark.parametrize("order", ["joint", "independent"])
def test_a_calibration_that_changes_nothing_changes_nothing(order: Order) -> None:
    made = tiny_model("bytes", "qwen2", 3)
    plain = Extractor(PalliativeCall, made, order=order)
    same = bound_to(plain, **{name: field(threshold=0.5, low=0.25, high=0.75) for name in PalliativeCall.model_fields})
    for text in ("She has pain.", "He sleeps well and eats."):
        assert Extractor(PalliativeCall, made, order=order, calibrator=same)(text).answers == plain(text).answers


@pytest.mark.parametrize("made", [field(), field(method="temperature", temperature=2.0)], ids=["none", "temperature"])
def test_a_tie_is_no_as_without_a_calibration(made: FieldCalibration) -> None:
    choice = Choice("pain", (False, True), ("false", "true"), ((1,), (2,)))
    for totals in ([-1.0, -1.0], [-1.0, -1.001], [-1.001, -1.0]):
        assert favourite(choice, np.array(totals), made.cutoff) == favourite(choice, np.array(totals))


@pytest.mark.parametrize("order", ["joint", "independent"])
@pytest.mark.parametrize("seed", range(4))
def test_every_answer_is_yes_exactly_where_its_calibrated_probability_reaches_the_threshold(
    order: Order, seed: int
) -> None:
    chance = random.Random(seed)
    made = tiny_model("bytes", "qwen2", seed)
    plain = Extractor(PalliativeCall, made, order=order)
    drawn = {
        name: field(
            method="platt", temperature=chance.uniform(0.3, 3), bias=chance.uniform(-1, 1),
            threshold=chance.choice([0.0, 0.2, 0.5, 0.8, 1.0]),
        )
        for name in PalliativeCall.model_fields
    }  # fmt: skip
    calibrated = Extractor(PalliativeCall, made, order=order, calibrator=bound_to(plain, **drawn))
    for text in ("She has pain.", "He sleeps well and eats.", "No fever at all."):
        for name, answer in calibrated(text).answers.items():
            assert answer.value == (answer.probability >= drawn[name].threshold)
            if drawn[name].threshold in {0, 1}:
                assert answer.value == (drawn[name].threshold == 0)


def test_in_joint_order_later_fields_follow_the_value_that_is_given_out() -> None:
    made = tiny_model("bytes", "qwen2", 5)
    plain = Extractor(PalliativeCall, made, order="joint")
    first, *others = PalliativeCall.model_fields
    before = plain("She has pain.")
    turned = bound_to(plain, **{first: field(threshold=0.0 if not before.features.visit_request else 1.0)})
    after = Extractor(PalliativeCall, made, order="joint", calibrator=turned)("She has pain.")
    assert after.answers[first].value != before.answers[first].value
    assert after.answers[first].probability == before.answers[first].probability
    assert any(after.answers[name].probability != before.answers[name].probability for name in others)


def test_a_batch_gives_what_single_calls_give() -> None:
    made = tiny_model("bytes", "qwen2", 6)
    names = PalliativeCall.model_fields
    calibrator = bound_to(Extractor(PalliativeCall, made), **{n: field(threshold=0.3) for n in names})
    extractor = Extractor(PalliativeCall, made, calibrator=calibrator)
    texts = ["She has pain.", "no", "He slept well and has no complaint at all today.", "She coughs."]
    for text, result in zip(texts, extractor.batch(texts), strict=True):
        assert isinstance(result, Extraction)
        assert result.features == extractor(text).features


def test_provenance_and_row_name_the_calibration() -> None:
    plain = Extractor(Ward, FakeModel())
    made = bound_to(plain, pain=field(threshold=0.3))
    found = Extractor(Ward, FakeModel(), calibrator=made)("She has pain.")
    assert found.provenance.calibration == made.hash
    assert to_row(found)["provenance"]["calibration"] == made.hash
    assert plain("She has pain.").provenance.calibration is None
    assert to_row(plain("She has pain."))["provenance"]["calibration"] is None
    assert json.dumps(to_row(found))


def test_another_model_schema_or_order_is_refused_at_construction() -> None:
    class Other(Ward):
        cough: bool

    made = bound_to(Extractor(Ward, FakeModel()))
    with pytest.raises(CalibrationError, match="another model ") as caught:
        Extractor(Ward, FakeModel({"pain": True}), calibrator=made)
    assert "calibrate" in caught.value.hint
    with pytest.raises(CalibrationError, match="another schema "):
        Extractor(Other, FakeModel(), calibrator=made)
    with pytest.raises(CalibrationError, match=r"another order of decoding \(joint, here independent\)"):
        Extractor(Ward, FakeModel(), order="independent", calibrator=made)
    with pytest.raises(CalibrationError, match=r"schema .* and another model .* and another order"):
        Extractor(Other, FakeModel({"pain": True}), order="independent", calibrator=made)


def test_outlines_has_no_probabilities_to_calibrate() -> None:
    made = tiny_model()
    calibrator = bound_to(Extractor(Ward, made))
    with pytest.raises(CalibrationError, match="no probabilities") as caught:
        Extractor(Ward, made, decoding="outlines", calibrator=calibrator)
    assert "skeleton" in caught.value.hint


@pytest.mark.parametrize("shared_prompt", [True, False])
def test_a_language_that_was_not_labelled_is_refused_at_its_document(*, shared_prompt: bool) -> None:
    made = FakeModel() if shared_prompt else tiny_model()  # compact.v1 says the same in every language
    plain = Extractor(PalliativeCall, made)
    hashes = {plain(text).provenance.prompt_hash for text in ("She has pain.", "درد دارد")}
    assert len(hashes) == (1 if shared_prompt else 2)
    english = Extractor(PalliativeCall, made, calibrator=bound_to(plain, "She has pain."))
    persian = Document(f"درد دارد {SECRET}", id="call-2", language="fa")
    with pytest.raises(CalibrationError, match="calls in en, and this one is in fa") as caught:
        english(persian)
    assert caught.value.document_id == "call-2"
    good, bad = english.batch(["She has pain.", persian])
    assert isinstance(good, Extraction)
    assert isinstance(bad, Failure)
    assert (bad.id, bad.stage) == ("call-2", "prepare")
    assert bad.error.hint
    assert SECRET not in str(bad.error) + repr(bad)
    both = Extractor(PalliativeCall, made, calibrator=bound_to(plain, "She has pain.", "درد دارد"))
    assert all(isinstance(one, Extraction) for one in both.batch(["She has pain.", persian]))


def test_other_examples_are_another_prompt() -> None:
    made = tiny_model()
    calibrator = bound_to(Extractor(PalliativeCall, made))
    with pytest.raises(CalibrationError, match="for another prompt"):
        Extractor(PalliativeCall, made, examples=[], calibrator=calibrator)("She has pain.")


def test_fitted_on_an_extractor_s_own_answers_it_makes_them_better() -> None:
    """From labelled calls to calibrated answers: a model that is too sure, and says yes too seldom."""
    drawn = scores(1, 700, shift=2.0)
    truth = {f"call {n}": bool(one) for n, one in enumerate(drawn.truth)}
    raw = {f"call {n}": float(one) for n, one in enumerate(sigmoid(logit(drawn.raw).clip(-10, 10)))}
    made = FakeModel(lambda text: {"pain": raw[text]})
    plain = Extractor(Ward, made)
    seen, fresh = list(truth)[:400], list(truth)[400:]
    answers = np.array([[plain(text).answers["pain"].probability] for text in seen])
    labelled = Labelled(["pain"], np.array([[truth[text]] for text in seen]), answers, np.isfinite(answers))
    calibrator = fit(labelled, bound_to(plain, "call 1").binding, Wanted("platt", best_mcc=True))

    def figures(extractor: Extractor[Ward]) -> tuple[float, float]:
        found = [extractor(text).answers["pain"] for text in fresh]
        true = [truth[text] for text in fresh]
        p = np.array([one.probability for one in found])
        return matthews_corrcoef(true, [one.value for one in found]), brier(p, np.array(true))

    (mcc_before, brier_before), (mcc_after, brier_after) = (
        figures(one) for one in (plain, Extractor(Ward, made, calibrator=calibrator))
    )
    assert mcc_after > mcc_before + 0.1
    assert brier_after < brier_before - 0.05
