"""The embedded model: it is there, it is small, it is what the card says, and it answers."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

import pytest
from pydantic import BaseModel
from sklearn.metrics import f1_score

from clinextract import Document, Extraction, Extractor, PalliativeCall, SchemaError
from clinextract.doctor import examine
from clinextract.models.loading import default_folder, load_model
from clinextract.samples import samples

MOST_BYTES = 50_000_000
RECIPE = Path(__file__).parent.parent.parent / "examples" / "train_default_model"
FIGURES = json.loads((default_folder() / "figures.json").read_text(encoding="utf-8"))


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


@pytest.mark.parametrize("language", ["fa", "en"])
def test_its_figures_are_those_of_the_card(extractor: Extractor[PalliativeCall], language: str) -> None:
    """On the authors kept out of training, through the extractor as a user calls it."""
    files = [RECIPE / "calls" / f"{author}.jsonl" for author in FIGURES["authors"]]
    rows = [json.loads(line) for file in files for line in file.open("rb")]
    rows = [row for row in rows if row["language"] == language]
    results = list(extractor.batch((Document(row["transcript"], id=row["id"]) for row in rows), batch_size=16))
    medians = []
    for name in PalliativeCall.model_fields:
        said = [getattr(result.features, name) for result in results if isinstance(result, Extraction)]
        truth = [row["labels"][name] for row in rows]
        medians.append(f1_score(truth, said, average="macro"))
    assert median(medians) == pytest.approx(FIGURES["groups"][language]["model"]["macro_f1"], abs=0.02)


def test_it_is_fit_for_use() -> None:
    findings = examine(load_model("default"))
    assert all(finding.ok for finding in findings), [finding for finding in findings if not finding.ok]


def test_the_card_shows_the_measured_figures() -> None:
    card = (default_folder() / "README.md").read_text(encoding="utf-8")
    for name in ("fa", "en", "en, real dialogues"):
        assert f"| {name} | {FIGURES['groups'][name]['model']['transcripts']} |" in card
        assert f"| {FIGURES['groups'][name]['model']['macro_f1']} |" in card
