"""A transcript taken apart and put together: nothing is lost, and every span leads back."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clinextract.records import Document, Origin
from clinextract.text import lines, normalise
from clinextract.translation.passages import assembled, passages, smaller

WORDS = [
    "سلام",
    "می‌خوابد",
    "دارِد",
    "كتاب",
    "ي",
    "۳۸٫۵",
    "تــب",
    "پرستار:",
    "[بیمار]",
    "Nurse:",
    "pain",
    "\u200b",
    "é",
    "،",
    "؟",
    ".",
]
BREAKS = ["\n", "\r\n", "\r", "\u2028", "\v", "\x85", "\n\n\n", " ", "  ", "\t", "\u200c"]
TEXTS = st.lists(st.sampled_from(WORDS) | st.sampled_from(BREAKS) | st.text(max_size=3), max_size=80).map("".join)
LONG = st.lists(st.sampled_from(WORDS), min_size=80, max_size=400).map(" ".join)
LINES = st.text(st.characters(codec="utf-8"), max_size=40).map(lambda text: " ".join(text.split()))
"""What a translator may give for a line."""


@given(TEXTS | LONG, st.data())
def test_every_span_leads_back_to_exactly_its_line(text: str, data: st.DataObject) -> None:
    parts = passages(text, "fa", "en")
    made, spans = assembled(text, parts, [data.draw(LINES) for _ in parts])
    origin = Origin(text, "fa", spans)  # which refuses spans out of order or out of the text
    assert [(start, end) for *_, start, end in spans] == [(line.start, line.end) for line in lines(text)]
    covered = {place for *_, start, end in spans for place in range(start, end)}
    assert all(place in covered for place, character in enumerate(text) if not character.isspace())
    for start, end, first, last in spans:
        assert 0 <= start <= end <= len(made)
        if start < end:
            assert origin.back(start, end) == (first, last)
            assert origin.back(start, start + 1) == (first, last)


@given(TEXTS | LONG)
def test_what_is_not_translated_stays_as_it_is(text: str) -> None:
    parts = passages(text, "fa", "fr")  # no labels are known for this pair
    made, spans = assembled(text, parts, [part.body for part in parts])
    for start, end, first, last in spans:
        assert made[start:end] == normalise(text[first:last]).text


@given(TEXTS)
@example("\r\x1b\n")
def test_blank_lines_keep_their_place(text: str) -> None:
    parts = passages(text, "fa", "en")
    made, _ = assembled(text, parts, ["x" * bool(part.body or part.label) for part in parts])
    assert made.count("\n") == normalise(text).text.count("\n")


@given(st.lists(st.sampled_from([*WORDS, "و", ", ", "؛ ", "! "]), max_size=60).map(" ".join), st.integers(0, 4))
def test_smaller_pieces_hold_the_same_words(line: str, depth: int) -> None:
    line = normalise(line).text or "درد"
    pieces = smaller(line, depth)
    assert " ".join(pieces).split() == line.split()
    assert len(pieces) >= len(smaller(line, max(depth - 1, 0)))


@pytest.mark.parametrize(
    ("text", "label", "body"),
    [
        ("پرستار: درد دارد؟", "Nurse: ", "درد دارد؟"),
        ("- بیمار: نه", "- Patient: ", "نه"),
        ("[پزشک] سلام", "[Doctor] ", "سلام"),
        ("مریم: سلام\nمریم: خوبم", "مریم: ", "سلام"),
        ("خوابش: بد است", "", "خوابش: بد است"),
        ("پرستار:", "Nurse:", ""),
    ],
)
def test_a_label_keeps_its_form_and_a_known_speaker_gets_one_name(text: str, label: str, body: str) -> None:
    first = passages(text, "fa", "en")[0]
    assert (first.label, first.body) == (label, body)


def test_labels_go_the_other_way_too() -> None:
    assert [part.label for part in passages("nurse: hello\nPatient: hi", "en", "fa")] == ["پرستار: ", "بیمار: "]


def test_a_long_line_becomes_lines_that_each_lead_back() -> None:
    text = "پرستار: " + " ".join(f"کلمه{n}" for n in range(20_000))
    parts = passages(text, "fa", "en")
    assert len(parts) > 900
    assert max(len(part.body) for part in parts) < 300
    made, spans = assembled(text, parts, [f"line {part.number}" for part in parts])
    assert made.splitlines()[0] == "Nurse: line 1"
    start, end = Origin(text, "fa", spans).back(*spans[500][:2])
    assert normalise(text[start:end]).text == parts[500].body


def test_a_document_made_so_shows_nothing() -> None:
    [part] = passages("زرتشت تب دارد", "fa", "en")
    assert "زرتشت" not in repr(part) + repr(Document("زرتشت"))
