"""The embedded model: it is there, it is small, it is what the card says, and it answers."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from clinextract import Document, Extraction, Extractor, PalliativeCall, SchemaError, extract
from clinextract.doctor import examine
from clinextract.models.loading import default_folder, load_model
from clinextract.samples import samples

MOST_BYTES = 50_000_000


@pytest.fixture(scope="module")
def extractor() -> Extractor[PalliativeCall]:
    return Extractor(model="default")


def test_it_is_small_and_needs_no_code() -> None:
    files = {file.name: file.stat().st_size for file in default_folder().iterdir()}
    assert sum(files.values()) < MOST_BYTES
    assert {"config.json", "model.safetensors", "tokenizer.json", "clinextract.json", "README.md"} <= files.keys()
    assert not any(name.endswith(".py") for name in files)


def test_it_knows_the_thirteen_features_and_refuses_others(extractor: Extractor[PalliativeCall]) -> None:
    assert extractor.model.info.fields == tuple(PalliativeCall.model_fields)
    context = extractor.model.info.context
    assert context is not None
    assert context >= 1024

    class Ward(BaseModel):
        fall: bool

    with pytest.raises(SchemaError, match="knows only the 13 features") as refusal:
        Extractor(Ward, model="default")
    assert "Qwen" in refusal.value.hint


def test_its_answer_is_thirteen_decisions(extractor: Extractor[PalliativeCall]) -> None:
    assert extractor.plan is not None
    assert len(extractor.plan.choices) == 13
    assert all(choice.single for choice in extractor.plan.choices)
    assert extractor.plan.tokens <= 40


def test_a_named_model_is_loaded_once() -> None:
    assert load_model("default") is load_model("default")


@pytest.mark.parametrize("document", samples(), ids=lambda document: document.id)
def test_fast_decoding_and_outlines_agree_on_the_shipped_transcripts(
    extractor: Extractor[PalliativeCall], document: Document
) -> None:
    token_by_token = Extractor(model="default", decoding="outlines")
    assert extractor(document).features == token_by_token(document).features


def test_one_at_a_time_and_in_a_batch_are_the_same(extractor: Extractor[PalliativeCall]) -> None:
    together = list(extractor.batch(samples(), batch_size=4))
    for document, result in zip(samples(), together, strict=True):
        assert isinstance(result, Extraction)
        assert result.id == document.id
        assert result.features == extractor(document).features


def test_it_reads() -> None:
    """Not a measure of how well: that it finds the plainest statements at all, in both languages."""
    assert extract("Nurse: Any pain?\nCaller: Yes, he has severe pain in his back.").features.pain
    assert extract("پرستار: درد داره؟\nهمراه: بله، کمرش خیلی درد می‌کنه.").features.pain


def test_it_is_fit_for_use() -> None:
    findings = examine(load_model("default"))
    assert all(finding.ok for finding in findings), [finding for finding in findings if not finding.ok]


def test_the_card_shows_the_measured_figures() -> None:
    figures = json.loads((default_folder() / "figures.json").read_text(encoding="utf-8"))
    card = (default_folder() / "README.md").read_text(encoding="utf-8")
    for name in ("fa", "en"):
        assert f"{figures['groups'][name]['model']['macro_f1']}" in card
