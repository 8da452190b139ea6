"""Repeatability: a model that does not repeat itself is found out."""

from __future__ import annotations

import random
from typing import Any

import pytest
from probed import NAMES, LikesCompany, documents

from clinextract import Document, Extractor, FakeModel, PalliativeCall
from clinextract.evaluation.probes import repeatability as repeating
from clinextract.evaluation.probes.negation import negation_pairs
from clinextract.evaluation.probes.repeatability import repeatability
from clinextract.evaluation.probes.results import Repeatability


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
    given = [Document(pair.stated, id=pair.id) for pair in random.Random(0).sample(negation_pairs(), 12)]
    found = repeatability(Extractor(PalliativeCall, "default"), given, seed=0)
    assert isinstance(found, Repeatability)
    assert found.largest_difference is not None
    assert found.largest_difference < 0.1
    assert found.probabilities == found.compared == 12 * 13
