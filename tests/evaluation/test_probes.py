"""Probes: what is counted is what a look at every single answer finds, and the shipped pairs are what they claim."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from clinextract import Document, Extractor, FakeModel, Feature, PalliativeCall
from clinextract.evaluation.probes import repeatability as repeating
from clinextract.evaluation.probes import tables
from clinextract.evaluation.probes.field_order import field_order, reordered, shuffled
from clinextract.evaluation.probes.negation import KINDS, LANGUAGES, NegationPair, negation, negation_pairs, score
from clinextract.evaluation.probes.probing import probe
from clinextract.evaluation.probes.repeatability import repeatability
from clinextract.evaluation.probes.results import (
    FieldOrder,
    Negation,
    NotApplicable,
    PairAnswers,
    Probes,
    Repeatability,
)
from clinextract.models.base import LogProbs
from clinextract.models.fake import FakeSession
from clinextract.schema.features import fields_of, schema_hash
from clinextract.text import normalise

NAMES = tuple(PalliativeCall.model_fields)
PAIRS = negation_pairs()
CALLS = Path(__file__).parents[2] / "examples" / "train_default_model" / "calls"


class Part(BaseModel):
    left: bool
    grade: Literal["mild", "severe"]


class Ward(BaseModel):
    """What a ward asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fall: bool = Feature(label={"en": "Fall"}, definition={"en": "The patient fell."}, codes={"ICD-10": "W19"})
    mobility: Literal["alone", "with help", "in bed"] | None = None
    falls: int = Field(ge=0, le=20, description="How many times.")
    score: Annotated[int, Field(ge=0, le=100, multiple_of=10)]
    note: str = Field(max_length=12, alias="Note")
    part: Part


class Few(BaseModel):
    pain: bool
    fever: bool
    cough: bool


def documents(count: int = 4) -> list[Document]:
    return [Document(f"Call number {number}: she is resting.", id=f"call-{number}") for number in range(count)]


class FirstIsYes(FakeModel):
    """Says yes to the first field of an answer and no to all others: it knows nothing but the order."""

    def next_byte(self, text: bytes) -> LogProbs:
        answer = text.decode(errors="surrogateescape").rpartition("\n")[2]
        said = answer.count('":') == 1
        self._answers = lambda _: dict.fromkeys(NAMES, 0.9 if said else 0.2)
        return super().next_byte(text)


class LikesCompany(FakeModel):
    """Says yes where it reads several transcripts at once."""

    def session(self, prefix: Any, rows: int) -> FakeSession:
        self._answers = lambda _: dict.fromkeys(NAMES, 0.875 if rows > 1 else 0.25)
        return super().session(prefix, rows)


def told(answer: Callable[[NegationPair, bool], Any]) -> FakeModel:
    """A model that knows the shipped pairs: what it answers depends on the pair and on whether its side states it."""
    known: dict[str, dict[str, Any]] = {}
    for pair in PAIRS:
        known[normalise(pair.stated).text] = {pair.feature: answer(pair, True)}
        known[normalise(pair.negated).text] = {pair.feature: answer(pair, False)}
    return FakeModel(lambda transcript: known[transcript])


# Orders of a schema's fields


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


# Field order


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
    given = [*documents(2), Document("She is resting. " * 300, id="long")]
    extractor = Extractor(PalliativeCall, FirstIsYes(context=2000))
    found = field_order(extractor, given, orders=2, seed=0)
    again = repeatability(extractor, given, seed=0)
    assert isinstance(found, FieldOrder)
    assert isinstance(again, Repeatability)
    assert (found.failed, found.compared, found.answers) == (1, 2 * 13 * 2, 2 * 13)
    assert (again.failed, again.compared) == (1, 2 * 13)


# Negation: the shipped pairs


def test_every_feature_has_pairs_of_every_kind_in_both_languages() -> None:
    counts = Counter((pair.language, pair.feature, pair.kind) for pair in PAIRS)
    assert {key for key, count in counts.items() if count} == {
        (language, name, kind) for language in LANGUAGES for name in NAMES for kind in KINDS
    }
    assert min(Counter((pair.language, pair.feature) for pair in PAIRS).values()) >= 4
    assert len({pair.id for pair in PAIRS}) == len(PAIRS)
    texts = [text for pair in PAIRS for text in (pair.stated, pair.negated)]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
def test_a_pair_is_clean_text_in_its_language(pair: NegationPair) -> None:
    for text in (pair.stated, pair.negated):
        assert text == text.strip()
        assert text == normalise(text).text or pair.language == "fa"  # normalising Persian may fold a spelling
        letters = [letter for letter in text if letter.isalpha()]
        persian = sum("\u0600" <= letter <= "\u06ff" for letter in letters)
        assert persian == (len(letters) if pair.language == "fa" else 0)
        if pair.language == "fa":
            assert not set("يكةى٠١٢٣٤٥٦٧٨٩?;,") & set(text)  # Arabic letters and digits, Latin punctuation
            assert not {"می", "نمی", "ها", "های"} & set(text.replace("\n", " ").split(" "))  # half-spaces are right


def test_the_pairs_are_marked_as_not_for_training_and_are_in_nothing_that_is_trained_on() -> None:
    texts = {text for pair in PAIRS for text in (pair.stated, pair.negated)}
    for language in LANGUAGES:
        file = files("clinextract.evaluation") / f"negations.{language}.jsonl"
        header = json.loads(file.read_text(encoding="utf-8").splitlines()[0])
        assert "never train or tune on them" in header["about"]
        assert header["canary"]
        shown = files("clinextract") / "templates" / f"palliative_care.examples.{language}.jsonl"
        assert not texts & {json.loads(line)["transcript"] for line in shown.read_text(encoding="utf-8").splitlines()}
    trained = {json.loads(line)["transcript"] for file in CALLS.glob("*.jsonl") for line in file.open("rb")}
    assert trained
    assert not texts & trained


# Negation: the counting


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (lambda pair, stated: stated, "both_right"),
        (lambda pair, stated: True, "always_yes"),
        (lambda pair, stated: False, "always_no"),
        (lambda pair, stated: not stated, "swapped"),
    ],
)
def test_pairs_are_counted_by_what_was_answered_to_both_sides(
    answer: Callable[[NegationPair, bool], bool], counted: str
) -> None:
    found = negation(Extractor(PalliativeCall, told(answer)))
    assert isinstance(found, Negation)
    for group in (found.overall, *found.by_feature.values(), *found.by_language.values(), *found.by_kind.values()):
        outcomes = {key: getattr(group, key) for key in ("both_right", "always_yes", "always_no", "swapped")}
        assert outcomes == dict.fromkeys(outcomes, 0) | {counted: group.pairs}
        assert group.unchanged == (group.pairs if counted.startswith("always") else 0)
        assert group.share == (counted == "both_right")
    assert sum(group.pairs for group in found.by_kind.values()) == found.overall.pairs == len(PAIRS)


def test_a_model_that_overlooks_who_is_meant_fails_on_that_kind_alone() -> None:
    found = negation(Extractor(PalliativeCall, told(lambda pair, stated: stated or pair.kind == "other_person")))
    assert isinstance(found, Negation)
    assert {kind: group.share for kind, group in found.by_kind.items()} == {
        "denied": 1, "past": 1, "other_person": 0, "conditional": 1,
    }  # fmt: skip
    assert found.by_kind["other_person"].always_yes == found.overall.unchanged == 26


def test_probabilities_are_those_of_the_probed_feature() -> None:
    found = negation(Extractor(PalliativeCall, told(lambda pair, stated: 0.75 if stated else 0.25)))
    assert isinstance(found, Negation)
    for pair in found.pairs:
        assert (pair.stated, pair.negated) == (True, False)
        assert pair.stated_probability == pytest.approx(0.75, abs=1e-5)
        assert pair.negated_probability == pytest.approx(0.25, abs=1e-5)


def test_a_schema_is_asked_only_for_the_features_that_it_has() -> None:
    class Mine(BaseModel):
        pain: bool
        fever: Literal["none", "high"]
        mood: bool

    found = negation(Extractor(Mine, FakeModel()))
    assert isinstance(found, Negation)
    assert set(found.by_feature) == {"pain"}
    assert found.overall.pairs == 10
    assert isinstance(negation(Extractor(Ward, FakeModel())), NotApplicable)


def test_a_pair_of_which_a_side_fails_is_in_no_count() -> None:
    longest = max(PAIRS, key=lambda pair: len(pair.negated.encode()))
    model = FakeModel({"pain": True}, context=_tokens(longest.negated) - 1)
    found = negation(Extractor(PalliativeCall, model))
    assert isinstance(found, Negation)
    assert found.failed >= 1
    assert found.overall.pairs == len(PAIRS) - found.failed
    assert next(one for one in found.pairs if one.id == longest.id).negated is None


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.sampled_from([True, False, None])), max_size=12))
def test_every_answered_pair_is_counted_once(sides: list[tuple[bool | None, bool | None]]) -> None:
    found = score(_pair(stated, negated) for stated, negated in sides)
    assert found.pairs == sum(None not in two for two in sides)
    assert found.both_right + found.unchanged + found.swapped == found.pairs
    assert found.unchanged == sum(one is not None and one == two for one, two in sides)
    assert (found.share is None) == (found.pairs == 0)


# Repeatability


def test_a_model_without_moods_repeats_itself() -> None:
    model = FakeModel(lambda text: {"pain": 0.3 if "2" in text else 0.8})
    found = repeatability(Extractor(PalliativeCall, model), documents(12), seed=0)
    assert isinstance(found, Repeatability)
    assert (found.flips, found.moved, found.largest_difference, found.compared) == (0, 0, 0.0, 12 * 13)
    assert found.examples == ()


def test_a_model_that_depends_on_its_batch_is_found_out() -> None:
    found = repeatability(Extractor(PalliativeCall, LikesCompany()), documents(9), seed=0)
    assert isinstance(found, Repeatability)
    # Eight of the nine are in company in the first run, and all are alone in the second.
    assert found.flips == found.moved == 8 * 13
    assert found.by_feature == dict.fromkeys(NAMES, 8)
    assert found.largest_difference == pytest.approx(0.625, abs=1e-5)
    assert found.mean_difference == pytest.approx(0.625 * 8 / 9, abs=1e-5)
    assert len(found.examples) == 5


def test_the_second_run_takes_the_transcripts_in_another_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], int]] = []
    real = repeating.answers

    def watched(extractor: Any, given: Any, batch_size: int = 8) -> Any:
        seen.append(([document.id for document in given], batch_size))
        return real(extractor, given, batch_size)

    monkeypatch.setattr(repeating, "answers", watched)
    repeatability(Extractor(PalliativeCall, FakeModel()), documents(12), seed=0)
    (first, eight), (second, one) = seen
    assert first != second
    assert sorted(first) == sorted(second)
    assert (eight, one) == (8, 1)


def test_the_embedded_model_repeats_its_answers() -> None:
    given = [Document(pair.stated, id=pair.id) for pair in random.Random(0).sample(PAIRS, 12)]
    found = repeatability(Extractor(PalliativeCall, "default"), given, seed=0)
    assert isinstance(found, Repeatability)
    assert found.largest_difference is not None
    assert found.largest_difference < 0.1
    assert found.probabilities == found.compared == 12 * 13


# All of them


def test_probes_become_json_and_come_back() -> None:
    found = probe(Extractor(PalliativeCall, FirstIsYes()), documents(2), orders=2, seed=4)
    assert Probes.model_validate_json(found.model_dump_json()) == found
    assert (found.model, found.transcripts, found.seed, found.order) == ("fake", 2, 4, "joint")
    assert np.isfinite(found.repeatability.largest_difference)  # type: ignore[union-attr,arg-type]


def test_every_key_is_described() -> None:
    schema = Probes.model_json_schema()
    for name, part in {"Probes": schema, **schema["$defs"]}.items():
        for key, prop in part["properties"].items():
            assert prop.get("description"), f"{name}.{key}"


def test_each_probe_is_announced() -> None:
    names: list[str] = []
    probe(Extractor(Few, FakeModel()), ["She is resting."], orders=1, on_probe=names.append)
    assert names == ["field order", "negation", "repeatability"]


def test_no_orders_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="orders"):
        probe(Extractor(Few, FakeModel()), [], orders=0)


def test_no_words_of_a_transcript_are_in_what_is_found() -> None:
    given = [Document("Zarathustra of Quxville has a fever.", id="call-1")]
    found = probe(Extractor(PalliativeCall, FirstIsYes()), given, orders=2)
    assert "Zarathustra" not in found.model_dump_json() + repr(found) + _shown(found)


def test_the_table_fits_a_terminal_and_one_screen(tiny_folder: Path) -> None:
    long = Extractor(PalliativeCall, FirstIsYes())
    for extractor in (long, Extractor(PalliativeCall, str(tiny_folder)), Extractor(Ward, FakeModel())):
        shown = _shown(probe(extractor, documents(3), orders=5)).splitlines()
        assert max(map(len, shown)) <= 80
        assert len(shown) <= 40
        assert not any("…" in line for line in shown)


def test_the_table_says_why_a_probe_was_not_made(tiny_folder: Path) -> None:
    shown = " ".join(_shown(probe(Extractor(PalliativeCall, str(tiny_folder)), documents(2), orders=1)).split())
    assert "Field order: not applicable: the model" in shown
    assert "flips" in shown


def _values(answers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: answer.value for name, answer in answers.items()}


def _pair(stated: bool | None, negated: bool | None) -> PairAnswers:
    return PairAnswers(
        id="x", feature="pain", language="en", kind="denied", stated=stated, negated=negated,
        stated_probability=None, negated_probability=None,
    )  # fmt: skip


def _permutations(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not names:
        yield ()
    for place, name in enumerate(names):
        for rest in _permutations(names[:place] + names[place + 1 :]):
            yield (name, *rest)


def _tokens(text: str) -> int:
    """Tokens of the fake model's prompt, transcript and answer together."""
    extractor = Extractor(PalliativeCall, FakeModel())
    made = extractor(Document(text)).provenance.tokens
    assert extractor.plan is not None
    return made["prefix"] + made["transcript"] + extractor.plan.longest


def _shown(found: Probes) -> str:
    console = Console(width=80, record=True, color_system=None, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(tables.probes(found))
    return console.export_text()
