"""Field order: what is counted is what a look at every single answer finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tiny
from hypothesis import given
from hypothesis import strategies as st
from probed import NAMES, FirstIsYes, Ward, documents
from pydantic import BaseModel

from clinextract import Document, Extractor, FakeModel, PalliativeCall
from clinextract.evaluation.probes.field_order import field_order, reordered, shuffled
from clinextract.evaluation.probes.repeatability import repeatability
from clinextract.evaluation.probes.results import FieldOrder, NotApplicable, Repeatability
from clinextract.schema.features import fields_of, schema_hash


@given(st.permutations(list(Ward.model_fields)))
def test_a_reordered_schema_has_the_same_fields_in_another_order(names: list[str]) -> None:
    own = {field.name: field for field in fields_of(Ward)}
    assert fields_of(reordered(Ward, names)) == tuple(own[name] for name in names)


def test_a_schema_in_its_own_order_is_the_same_schema() -> None:
    for schema in (Ward, PalliativeCall):
        assert schema_hash(reordered(schema, list(schema.model_fields))) == schema_hash(schema)


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 5))
def test_shuffled_orders_are_others_and_all_different(size: int, orders: int, seed: int) -> None:
    names = tuple("abcdef"[:size])
    found = shuffled(names, orders, seed)
    assert len({*found, names}) == len(found) + 1
    assert all(sorted(order) == sorted(names) for order in found)
    assert len(found) == min(orders, len(set(_permutations(names))) - 1)
    assert found == shuffled(names, orders, seed)


def test_another_seed_gives_other_orders() -> None:
    assert shuffled(NAMES, 3, seed=0) != shuffled(NAMES, 3, seed=1)


def test_a_model_that_reads_the_transcript_does_not_flip() -> None:
    model = FakeModel(lambda text: {"pain": "2" in text, "fever": 0.7})
    found = field_order(Extractor(PalliativeCall, model), documents(), orders=3, seed=0)
    assert isinstance(found, FieldOrder)
    assert (found.flips, found.share, found.unstable, found.failed) == (0, 0.0, 0, 0)
    assert (found.compared, found.answers) == (4 * 13 * 3, 4 * 13)
    assert [one.name for one in found.features] == list(NAMES)


def test_a_model_that_reads_the_order_alone_flips_as_often_as_the_first_field_changes() -> None:
    found = field_order(Extractor(PalliativeCall, FirstIsYes()), documents(7), orders=4, seed=3)
    assert isinstance(found, FieldOrder)
    firsts = [order[0] for order in shuffled(NAMES, 4, seed=3)]
    assert [one.fields[0] for one in found.orders] == firsts
    # One field loses its yes and another gets it, in each of the seven transcripts.
    assert [one.flips for one in found.orders] == [0 if first == NAMES[0] else 14 for first in firsts]
    expected = Counter(first for first in firsts if first != NAMES[0])
    expected[NAMES[0]] = expected.total()
    assert {one.name: one.flips for one in found.features} == {name: 7 * expected[name] for name in NAMES}
    assert {one.name: one.unstable for one in found.features} == {name: 7 * (expected[name] > 0) for name in NAMES}
    flipped = next(one for one in found.features if one.flips)
    assert flipped.examples == ("call-0", "call-1", "call-2", "call-3", "call-4")
    assert flipped.share == flipped.flips / (7 * 4)
    assert found.flips == sum(one.flips for one in found.orders) == sum(one.flips for one in found.features)


def test_independent_answers_do_not_know_what_stands_before_them() -> None:
    found = field_order(Extractor(PalliativeCall, FirstIsYes(), order="independent"), documents(), orders=3, seed=3)
    assert isinstance(found, FieldOrder)
    assert (found.flips, found.compared) == (0, 4 * 13 * 3)


def test_a_real_model_flips_as_often_as_a_look_at_every_answer_finds() -> None:
    extractor = Extractor(PalliativeCall, tiny.model(), examples=[])
    given = documents(4)
    found = field_order(extractor, given, orders=2, seed=1)
    assert isinstance(found, FieldOrder)
    own = [_values(extractor(document).answers) for document in given]
    flips: Counter[str] = Counter()
    changed: dict[str, set[str]] = {name: set() for name in NAMES}
    for order in shuffled(NAMES, 2, seed=1):
        other = Extractor(reordered(PalliativeCall, order), tiny.model(), examples=[])
        for document, before in zip(given, own, strict=True):
            for name, value in _values(other(document).answers).items():
                if value != before[name]:
                    flips[name] += 1
                    changed[name].add(document.id)
    assert {one.name: one.flips for one in found.features} == {name: flips[name] for name in NAMES}
    assert {one.name: one.unstable for one in found.features} == {name: len(ids) for name, ids in changed.items()}
    assert found.flips > 0  # a random model does flip, so that the comparison above says something


def test_a_model_that_knows_its_own_order_alone_cannot_be_asked_in_another(tiny_folder: Path) -> None:
    found = field_order(Extractor(PalliativeCall, str(tiny_folder)), documents(), orders=2, seed=0)
    assert isinstance(found, NotApplicable)
    assert "own 13 fields in their own order" in found.reason


def test_one_field_has_one_order() -> None:
    class One(BaseModel):
        pain: bool

    assert isinstance(field_order(Extractor(One, FakeModel()), documents(), orders=2, seed=0), NotApplicable)


def test_without_transcripts_there_is_nothing_to_compare() -> None:
    extractor = Extractor(PalliativeCall, FakeModel())
    assert isinstance(field_order(extractor, [], orders=2, seed=0), NotApplicable)
    assert isinstance(repeatability(extractor, [], seed=0), NotApplicable)


def test_a_transcript_that_fails_is_left_out_and_counted() -> None:
    given = [*documents(2), Document("\u200b\u200b", id="nothing to see")]
    extractor = Extractor(PalliativeCall, FirstIsYes())
    found = field_order(extractor, given, orders=2, seed=0)
    again = repeatability(extractor, given, seed=0)
    assert isinstance(found, FieldOrder)
    assert isinstance(again, Repeatability)
    assert (found.failed, found.compared, found.answers) == (1, 2 * 13 * 2, 2 * 13)
    assert (again.failed, again.compared) == (1, 2 * 13)


def _values(answers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: answer.value for name, answer in answers.items()}


def _permutations(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not names:
        yield ()
    for place, name in enumerate(names):
        for rest in _permutations(names[:place] + names[place + 1 :]):
            yield (name, *rest)
