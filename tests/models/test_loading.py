"""From a model's spelling to a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import model

from clinextract.errors import ClinExtractError, ModelUnavailable
from clinextract.models.fake import FakeModel
from clinextract.models.loading import DEFAULT, VARIABLE, load_model, model_name


def test_a_loaded_model_is_given_back() -> None:
    for made in (FakeModel(), model()):
        assert load_model(made) is made


def test_the_name_is_the_caller_s_then_the_environment_s_then_the_embedded_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert model_name(None) == DEFAULT
    monkeypatch.setenv(VARIABLE, "")
    assert model_name(None) == DEFAULT
    monkeypatch.setenv(VARIABLE, "some/model")
    assert model_name(None) == "some/model"
    assert model_name("other/model") == "other/model"


@pytest.mark.parametrize(
    "name",
    [
        "no/such/folder", "/no/such/folder", "~/no/such/folder", "./nothing", "a b", "a\nb", "a/b/c", "gguf:/a.gguf",
        "http://127.0.0.1:1/v1#x", "https://example.org/v1#x", "model name/with space", "\x00", "../..", "x" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_model_is_unavailable_with_a_hint(name: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        load_model(name)
    assert caught.value.hint
    assert caught.value.usage


def test_an_unknown_name_without_a_network_is_unavailable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ModelUnavailable) as caught:
        load_model("clinextract-tests/no-such-model")
    assert "clinextract-tests/no-such-model" in caught.value.message
    assert caught.value.hint


def test_a_folder_without_weights_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no weights"):
        load_model(str(tmp_path))


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ClinExtractError):
        load_model(str(tmp_path / "model.safetensors"))
