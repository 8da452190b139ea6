"""What `doctor` says of models that are fit and of models that are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clinextract import FakeModel, load_model
from clinextract.doctor import Finding, examine
from clinextract.models.fake import ByteTokenizer


def by_name(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_a_fit_model_is_measured_in_every_way(tiny_folder: Path) -> None:
    found = by_name(examine(load_model(str(tiny_folder))))

    assert all(finding.ok for finding in found.values()), found
    assert list(found) == [
        "knows",
        "tokens aligned",
        "masks honoured",
        "context, English",
        "context, Persian",
        "memory",
        "time a transcript",
    ]
    assert float(found["masks honoured"].value) < 0.05
    assert all(finding.words for finding in found.values())


def test_a_model_without_limits_or_attention_is_fit() -> None:
    found = by_name(examine(FakeModel()))
    assert found["knows"].value == "any schema"
    assert found["context, English"].value == "no limit"
    assert all(finding.ok for finding in found.values())


def test_a_mask_that_is_ignored_makes_a_model_unfit() -> None:
    class Blind(FakeModel):
        def probe(self) -> float:
            return 0.3

    found = by_name(examine(Blind()))
    assert not found["masks honoured"].ok
    assert "time a transcript" not in found


def test_a_model_for_another_schema_is_unfit_here() -> None:
    model = FakeModel()
    model.info = replace(model.info, fields=("fall", "mobility"))
    assert not by_name(examine(model))["knows"].ok


def test_a_tokenizer_that_cannot_be_aligned_names_the_field() -> None:
    class Joining(ByteTokenizer):
        """Spells everything in capitals, so that no answer comes back as it was."""

        fingerprint = "capitals"

        def encode(self, text: str) -> list[int]:
            return super().encode(text.upper())

        encode_control = encode

    model = FakeModel()
    model.tokenizer = Joining()
    found = by_name(examine(model))
    assert not found["tokens aligned"].ok
    assert "time a transcript" not in found


@pytest.mark.parametrize(("context", "said"), [(420, "too short"), (1500, "words of transcript fit")])
def test_a_short_context_is_said_in_words(context: int, said: str) -> None:
    found = examine(FakeModel(context=context))
    faults = [finding for finding in found if not finding.ok]
    assert faults
    assert faults[0].name.startswith("context")
    assert said in faults[0].words
