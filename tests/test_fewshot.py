"""Examples from a pool: never the transcript itself, the same for the same seed, as many as asked for."""

from __future__ import annotations

import json
import random
import sys
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinextract.errors import DataError, ExtraNotInstalled, SchemaError
from clinextract.examples import Example, check_examples
from clinextract.fewshot import Choose, FewShot, _Words, read_examples
from clinextract.palliative import PalliativeCall
from clinextract.records import Document, Origin

CALLS = Path(__file__).parents[1] / "examples" / "train_default_model" / "calls"
ALL: tuple[Choose, ...] = ("fixed", "random", "similar")
SECRET = "Zarathustra"
NOTHING = "Nobody answers; line engaged."
"""What has nothing to do with any example."""

ways = pytest.mark.parametrize("choose", ALL)
seeds = st.integers(0, 2**32)


@cache
def calls(author: str = "b", count: int = 12) -> tuple[Example, ...]:
    """Calls of one author, each in Persian and in English."""
    return read_examples(CALLS / f"{author}.jsonl", PalliativeCall)[: 2 * count]


def small(*answers: str, language: str = "en") -> list[Example]:
    """Examples of three features, "y" for present."""
    letters = random.Random(5)
    texts = ["".join(letters.choices("abcdefghijklmnop ", k=60)) for _ in answers]
    return [
        Example(text, {name: one == "y" for name, one in zip(("pain", "fever", "cough"), answer, strict=True)},
                language=language)
        for text, answer in zip(texts, answers, strict=True)
    ]  # fmt: skip


def present(examples: tuple[Example, ...]) -> list[str]:
    return ["".join("ny"[bool(value)] for value in example.answer.values()) for example in examples]


@st.composite
def retold(draw: st.DrawFn, text: str) -> str:
    """The same call as another keyboard, recogniser or pen would have it."""
    changes = {
        "letters": str.maketrans("یک", "يك"),
        "digits": str.maketrans("0123456789۰۱۲۳۴۵۶۷۸۹", "۰۱۲۳۴۵۶۷۸۹٩٨٧٦٥٤٣٢١٠"),
        "half-spaces": str.maketrans({"\u200c": draw(st.sampled_from(["", " ", "\u200c\u200c"]))}),
        "punctuation": str.maketrans({",": " ", "،": " ", ":": " -", "«": '"', "»": '"'}),
        "spaces": str.maketrans({" ": draw(st.sampled_from(["  ", "\t", "\u00a0"])), "\n": "\r\n\r\n"}),
    }
    for name in draw(st.sets(st.sampled_from(sorted(changes)))):
        text = text.translate(changes[name])
    words = text.split(" ")
    for place in draw(st.lists(st.integers(0, len(words) - 1), max_size=len(words) // 10)):
        words[place] = draw(st.sampled_from(["پدرم", "mother", "ssss", "37"]))
    part = draw(st.sampled_from(["all", "half", "more", "upper"]))
    if part == "half":
        words = words[: len(words) // 2 + 1]
    text = " ".join(words)
    return (
        f"Good morning, palliative care line. {text}" if part == "more" else text.upper() if part == "upper" else text
    )


@ways
@given(data=st.data(), number=st.integers(0, 23), seed=seeds, count=st.integers(1, 6), balance=st.booleans())
@settings(max_examples=30)
def test_the_transcript_itself_is_never_shown(
    choose: Choose, data: st.DataObject, number: int, seed: int, count: int, balance: bool
) -> None:
    call = calls()[number]
    few = FewShot(calls(), choose=choose, count=count, seed=seed, balance=balance)
    chosen = few(Document(data.draw(retold(call.transcript)), language=call.language))
    assert len(chosen) == count
    assert call.pair not in {example.pair for example in chosen}


@ways
def test_another_version_of_the_call_is_not_shown_either(choose: Choose) -> None:
    """Twenty calls of one author were written twice, a few words and a label apart."""
    pool = read_examples(CALLS / "g.jsonl", PalliativeCall)
    by_pair = {example.id: example for example in pool if example.language == "en"}
    for name in ("g-006", "g-020", "g-022", "g-031", "g-033"):
        first, second = by_pair[f"{name}a-en"], by_pair[f"{name}b-en"]
        few = FewShot([second, *calls()], choose=choose, count=25)
        assert second not in few(Document(first.transcript))
        assert second in few(Document(calls()[1].transcript, id="other"))


def test_different_calls_are_told_apart() -> None:
    english = [example for author in "abcdefgh" for example in calls(author, 6) if example.language == "en"]
    words = {example.pair: _Words(example.transcript) for example in english}
    near = {(a, b) for a, b in combinations(words, 2) if words[a].nearly(words[b])}
    assert {a[:5] for a, _ in near} <= {"g-001", "g-002", "g-003"}
    assert all(a[:-1] == b[:-1] for a, b in near)


@ways
def test_the_same_document_is_known_by_its_id_and_its_pair(choose: Choose) -> None:
    few = FewShot(calls(), choose=choose, count=24)
    for name in (calls()[0].id, calls()[1].id, calls()[0].pair):
        chosen = few(Document("Something else altogether.", id=name))
        assert calls()[0].pair not in {example.pair for example in chosen}
        assert len(chosen) == 11


@ways
def test_a_translation_does_not_show_its_original(choose: Choose) -> None:
    persian, english = calls()[:2]
    pool = [Example(one.transcript, one.answer, language=one.language) for one in calls()]
    origin = Origin(persian.transcript, "fa", ())
    few = FewShot(pool, choose=choose, count=24)
    shown = {example.transcript for example in few(Document("Her hip aches, we think.", origin=origin))}
    assert persian.transcript not in shown
    assert english.transcript in shown


@ways
@given(seed=seeds, count=st.integers(1, 40), balance=st.booleans())
@settings(max_examples=15)
def test_as_many_as_asked_for_and_no_call_twice(choose: Choose, seed: int, count: int, balance: bool) -> None:
    few = FewShot([*calls(), *calls()], choose=choose, count=count, seed=seed, balance=balance)
    chosen = few(Document("My father was well today."))
    assert len({example.pair for example in chosen}) == len(chosen) == min(count, 12)


@ways
def test_an_example_that_nearly_repeats_another_is_passed_over(choose: Choose) -> None:
    pool = small("yyn", "nny", "yny")
    again = Example(f"{pool[0].transcript}!", pool[1].answer, language="en")
    chosen = FewShot([pool[0], again, *pool[1:]], choose=choose, count=4)(Document("A call."))
    assert len(chosen) == 3
    assert sum(example in (pool[0], again) for example in chosen) == 1


@pytest.mark.parametrize("choose", ["random", "similar"])
@given(order=st.randoms(use_true_random=False), seed=seeds, balance=st.booleans())
@settings(max_examples=10)
def test_the_pool_s_order_decides_nothing(choose: Choose, order: random.Random, seed: int, balance: bool) -> None:
    shuffled = list(calls())
    order.shuffle(shuffled)
    for document in (Document("My father has a fever."), Document("پدرم تب دارد و سرفه می‌کند")):
        first = FewShot(calls(), choose=choose, seed=seed, balance=balance)(document)
        assert FewShot(shuffled, choose=choose, seed=seed, balance=balance)(document) == first


@given(seed=seeds)
@settings(max_examples=25)
def test_a_draw_is_the_same_for_all_transcripts_and_stays_when_another_is_left_out(seed: int) -> None:
    few = FewShot(calls(), choose="random", seed=seed)
    first, second, third = few(Document("My father has a fever."))
    assert few(Document(NOTHING)) == (first, second, third)
    kept = few(Document(second.transcript))
    assert kept[:2] == (first, third)
    assert len(kept) == 3
    without = [example for example in calls() if example.pair != second.pair]
    assert FewShot(without, choose="random", seed=seed)(Document(NOTHING)) == kept


def test_seeds_draw_differently_and_every_example_is_drawn() -> None:
    drawn = [FewShot(calls(), choose="random", seed=seed)(Document(NOTHING)) for seed in range(60)]
    assert len(set(map(repr, [[one.id for one in three] for three in drawn]))) > 40
    assert {one.pair for three in drawn for one in three} == {one.pair for one in calls()}


def test_fixed_ones_are_the_first_in_the_pool_s_order() -> None:
    english = [example for example in calls() if example.language == "en"]
    few = FewShot(english, count=3)
    assert few(Document(NOTHING)) == tuple(english[:3])
    assert few(Document(english[1].transcript)) == (english[0], english[2], english[3])


def test_a_pool_that_is_shown_whole_keeps_its_order() -> None:
    mixed = [calls()[number] for number in (0, 3, 4, 7)]
    few = FewShot(mixed, count=len(mixed))
    assert few(Document(NOTHING), "en") == few(Document("هیچ"), "fa") == tuple(mixed)


def test_the_most_similar_come_last() -> None:
    pool = [
        Example("She cannot sleep at night and lies awake until dawn.", {"pain": False}),
        Example("Her knee hurts when she climbs the stairs.", {"pain": True}),
        Example("The bill of the pharmacy was too high for them.", {"pain": False}),
        Example("His shoulder hurts when he lifts the arm.", {"pain": True}),
    ]
    few = FewShot(pool, choose="similar", count=2)
    assert few(Document("My knee hurts on the stairs."))[-1] is pool[1]
    assert set(map(id, few(Document("A shoulder that hurts, a knee that hurts.")))) == {
        id(pool[1]), id(pool[3])
    }  # fmt: skip
    assert few(Document("We could not pay the bill in the pharmacy."))[-1] is pool[2]


@ways
def test_examples_in_the_transcript_s_language_come_before_others(choose: Choose) -> None:
    pool = [*small("ynn", language="de"), *calls()]
    few = FewShot(pool, choose=choose, count=12)
    assert {one.language for one in few(Document("پدرم تب دارد و سرفه می‌کند"))} == {"fa"}
    assert {one.language for one in few(Document("My father has a fever."))} == {"en"}
    german = FewShot(pool, choose=choose, count=2)(Document("Mein Vater hat Fieber.", language="de"))
    assert {one.language for one in german} == {"de", "en"}  # what stands beside them in an English prompt


def test_the_language_of_an_example_is_found_out_where_it_is_not_told() -> None:
    pool = [Example(one.transcript, one.answer) for one in calls()]
    chosen = FewShot(pool, count=12)(Document("پدرم تب دارد و سرفه می‌کند"))
    assert [one.transcript for one in chosen] == [one.transcript for one in calls() if one.language == "fa"]


@ways
def test_balanced_examples_show_every_field_both_ways_where_the_pool_can(choose: Choose) -> None:
    pool = small("nnn", "nnn", "nnn", "ynn", "nyy", "nnn", "nnn")
    few = FewShot(pool, choose=choose, count=3, balance=True)
    chosen = present(few(Document("A call.")))
    assert {"ynn", "nyy"} <= set(chosen)
    assert present(FewShot(pool, count=3)(Document("A call."))) == ["nnn"] * 3


@given(seed=seeds)
@settings(max_examples=10)
def test_a_balanced_draw_of_real_calls_shows_no_fewer_features(seed: int) -> None:
    def shown(*, balance: bool) -> int:
        few = FewShot(calls(count=20), choose="random", count=4, seed=seed, balance=balance)
        return len({(name, value) for one in few(Document("A call.")) for name, value in one.answer.items()})

    assert shown(balance=True) >= shown(balance=False)
    assert shown(balance=True) >= 20


def test_one_transcript_with_two_answers_is_refused() -> None:
    twice = [Example("She has pain.", {"pain": True}), Example(" She  has pain. ", {"pain": False})]
    with pytest.raises(SchemaError, match="examples 1 and 2 have the same transcript"):
        FewShot(twice)


@pytest.mark.parametrize(
    ("pool", "options"),
    [([], {}), ([Example("a", {})], {"count": 0}), ([Example("a", {})], {"choose": "best"})],
)
def test_what_cannot_be_chosen_from_is_a_programmer_s_mistake(pool: list[Example], options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        FewShot(pool, **options)


def test_similarity_says_what_it_needs_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    FewShot(calls(), choose="random")
    with pytest.raises(ExtraNotInstalled) as caught:
        FewShot(calls(), choose="similar")
    assert "pip install" in caught.value.hint


def test_a_text_of_signs_alone_is_compared_as_it_is() -> None:
    pool = [Example("...", {"pain": False}), Example("?!", {"pain": True})]
    assert FewShot(pool)(Document("...")) == (pool[1],)
    assert FewShot(pool, choose="similar")(Document("...")) == (pool[1],)


def test_where_all_give_the_answer_away_none_is_shown() -> None:
    assert FewShot([Example("She has pain.", {"pain": True})])(Document("she has  pain")) == ()


def test_the_fingerprint_tells_pools_and_settings_apart() -> None:
    prints = [
        FewShot(calls()).fingerprint,
        FewShot(calls()[1:]).fingerprint,
        FewShot(calls(), choose="random").fingerprint,
        FewShot(calls(), choose="random", seed=1).fingerprint,
        FewShot(calls(), count=2).fingerprint,
        FewShot(calls(), balance=True).fingerprint,
    ]
    assert len(set(prints)) == len(prints)
    assert FewShot(list(calls())).fingerprint == prints[0]
    assert {len(one) for one in prints} == {16}


def test_reprs_show_no_words() -> None:
    assert SECRET not in repr(FewShot([Example(SECRET, {"pain": True}, id=SECRET)]))


def rows(path: Path, *given: Any) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in given), encoding="utf-8")
    return path


def test_a_labelled_corpus_is_a_pool(shared: Path) -> None:
    examples = read_examples(shared / "data" / "calls" / "a.jsonl", PalliativeCall)
    assert len(examples) == 200
    assert (examples[0].id, examples[0].pair, examples[0].language) == ("a-001-fa", "a-001", "fa")
    check_examples(PalliativeCall, examples)


def test_a_file_of_examples(tmp_path: Path) -> None:
    answer = dict.fromkeys(PalliativeCall.model_fields, False)
    path = rows(
        tmp_path / "pool.jsonl",
        {"transcript": "No.", "answer": answer, "id": 7},
        {"transcript": "None.", "labels": answer},
    )
    assert read_examples(path, PalliativeCall) == (Example("No.", answer, id="7"), Example("None.", answer))


@pytest.mark.parametrize(
    ("row", "kind", "said"),
    [
        ({"transcript": SECRET}, DataError, "line 3 of 'pool.jsonl' is no example"),
        ({"answer": {}}, DataError, "line 3 of 'pool.jsonl' is no example"),
        ({"transcript": SECRET, "labels": [SECRET]}, DataError, "line 3 of 'pool.jsonl' is no example"),
        ([SECRET], DataError, "line 3 of 'pool.jsonl' is no JSON object"),
        (
            {"transcript": SECRET, "answer": {"pain": True}},
            SchemaError,
            "the example in line 3 of 'pool.jsonl' does not fit",
        ),
        ({"transcript": " ", "answer": {}}, SchemaError, "the example in line 3 of 'pool.jsonl' does not fit"),
    ],
)
def test_a_wrong_line_is_named_and_not_quoted(tmp_path: Path, row: Any, kind: type[Exception], said: str) -> None:
    good = {"transcript": "No.", "answer": dict.fromkeys(PalliativeCall.model_fields, False)}
    path = tmp_path / "pool.jsonl"
    path.write_text(f"{json.dumps(good)}\n\n{json.dumps(row)}\n", encoding="utf-8")
    with pytest.raises(kind) as caught:
        read_examples(path, PalliativeCall)
    assert str(caught.value).startswith(said)
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.hint}"


def test_a_file_that_is_not_there_or_blank(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        read_examples(tmp_path / "none.jsonl", PalliativeCall)
    (tmp_path / "blank.jsonl").write_text("\n\n", encoding="utf-8")
    with pytest.raises(DataError, match="holds no examples"):
        read_examples(tmp_path / "blank.jsonl", PalliativeCall)
