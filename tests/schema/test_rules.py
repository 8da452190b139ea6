"""Rules between fields, small enough to be checked by hand, and at random against trying every answer."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import ruled

from clinextract.errors import SchemaError
from clinextract.schema.features import fields_of
from clinextract.schema.rules import Rules, head_of, heads
from clinextract.schema.specs import FieldSpec


def yes_no(name: str, **rules: dict[str, list[str]]) -> FieldSpec:
    return FieldSpec(name, "boolean", (False, True), **rules)


SEVERITY = FieldSpec("severity", "choice", ("mild", "severe", None), implies={"severe": ["pain"]})
WOUND = yes_no("wound", implies={"": ["pain"]}, excludes={"": ["fever"]})
NOTE = FieldSpec("note", "text", nullable=True, maximum=9, implies={"": ["wound"]})
WARD = (yes_no("pain"), SEVERITY, WOUND, yes_no("fever"), NOTE)


def test_what_an_answer_breaks_is_said_in_words() -> None:
    rules = Rules(WARD)
    fine = {"pain": True, "severity": "severe", "wound": True, "fever": False, "note": "red"}
    assert rules.broken(fine) == ()
    assert rules.broken(fine | {"pain": False}) == ("severity=severe implies pain", "wound implies pain")
    assert rules.broken(fine | {"fever": True}) == ("wound excludes fever",)
    assert rules.broken(fine | {"wound": False}) == ("note implies wound",)
    assert rules.broken(fine | {"wound": False, "note": None, "severity": "mild", "pain": False}) == ()


def test_what_is_left_looks_ahead() -> None:
    rules = Rules(WARD)
    # With fever there is no wound, so there can be no note.
    assert rules.allowed("note", {"fever": 1}).tolist() == [True, False]
    assert rules.allowed("severity", {"pain": 0}).tolist() == [True, False, True]
    assert rules.allowed("fever", {"note": 1}).tolist() == [True, False]


def test_the_likeliest_combination_is_found() -> None:
    rules = Rules((yes_no("a", implies={"": ["b"]}), yes_no("b")))
    # The best answer to a alone is yes; together with what it implies it is not.
    preferences = {"a": np.log([0.49, 0.51]), "b": np.log([0.99, 0.01])}
    assert rules.best(preferences) == {"a": 0, "b": 0}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ((yes_no("a", implies={"": ["b"]}),), "no field 'b'"),
        ((yes_no("a", implies={"": ["a=perhaps"]}),), "no value 'perhaps'"),
        ((yes_no("a", implies={"": ["b"]}, excludes={"": ["b"]}), yes_no("b")), "could never be 'yes'"),
        ((yes_no("a", implies={"": ["not a"]}),), "could never be 'yes'"),
        ((yes_no("a", implies={"yes": ["b"], "no": ["b"]}), yes_no("b")), "could never be 'no'"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(fields: tuple[FieldSpec, ...], words: str) -> None:
    with pytest.raises(SchemaError) as caught:
        Rules(fields)
    assert words in caught.value.message
    assert caught.value.hint
    assert caught.value.field in {"a", "b"}


def test_two_hundred_features_in_a_chain() -> None:
    chain = [yes_no(f"f{n}", implies={"": [f"f{n + 1}"]} if n < 199 else {}) for n in range(200)]
    rules = Rules(chain)
    assert rules.allowed("f199", {"f0": 1}).tolist() == [False, True]
    assert rules.best({f"f{n}": np.log([0.4, 0.6] if n < 199 else [0.9, 0.1]) for n in range(200)})["f0"] == 1


@given(ruled(), st.data())
@settings(max_examples=80)
def test_search_equals_trying_every_answer(schema: type, data: st.DataObject) -> None:
    fields = fields_of(schema)
    every = list(product(*(range(len(heads(field))) for field in fields)))
    try:
        rules = Rules(fields)
    except SchemaError:
        return
    keeping = [answer for answer in every if rules.broken(example(fields, answer)) == ()]
    assert keeping
    decided = data.draw(st.sampled_from(keeping))
    upto = data.draw(st.integers(0, len(fields) - 1))
    picks = {field.name: decided[n] for n, field in enumerate(fields[:upto])}
    at = fields[upto]
    wanted = [any(k[:upto] == decided[:upto] and k[upto] == head for k in keeping) for head in range(len(heads(at)))]
    assert rules.allowed(at.name, picks).tolist() == wanted
    scores = {
        f.name: np.array([data.draw(st.floats(-5, 0)) for _ in heads(f)]) for f in fields if f.name in rules.names
    }
    best = rules.best(scores)
    spoken = [(n, field.name) for n, field in enumerate(fields) if field.name in rules.names]
    most = max(sum(scores[name][answer[n]] for n, name in spoken) for answer in keeping)
    assert sum(scores[name][best[name]] for _, name in spoken) == pytest.approx(most)


def example(fields: tuple[FieldSpec, ...], answer: tuple[int, ...]) -> dict[str, object]:
    """Values with the heads of an answer."""
    values: dict[str, object] = {}
    for field, head in zip(fields, answer, strict=True):
        values[field.name] = field.values[head] if field.listed else "x" if head == len(heads(field)) - 1 else None
        assert head_of(field, values[field.name]) == head
    return values
