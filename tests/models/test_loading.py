"""From a model's spelling to a model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import transformers
from tiny import model

from clinextract.errors import ClinExtractError, ModelError, ModelUnavailable
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
        "~nobody-of-this-name/model",
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


def test_a_path_is_a_folder_whatever_it_is_called(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_model(tiny_folder) is load_model(str(tiny_folder))
    monkeypatch.chdir(tmp_path)
    for name in (DEFAULT, "clinextract-tests/no-such-model"):
        with pytest.raises(ModelUnavailable, match="there is no folder"):
            load_model(Path(name))
    shutil.copytree(tiny_folder, DEFAULT)
    assert load_model(Path(DEFAULT)).info.name == f"./{DEFAULT}"


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:x", "no such device"])
def test_a_device_that_is_not_here_is_unavailable(device: str, tiny_folder: Path) -> None:
    with pytest.raises(ModelUnavailable, match="is not here") as caught:
        load_model(tiny_folder, device=device)
    assert "cpu, cuda or mps" in caught.value.hint
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("dtype", ["bf16", "int8", "float64", "Tensor"])
def test_a_dtype_is_one_of_those_that_are_documented(dtype: str, tiny_folder: Path) -> None:
    with pytest.raises(ValueError, match="'bfloat16', 'float32', 'float16'"):
        load_model(tiny_folder, device="cpu", dtype=dtype)


def test_weights_that_do_not_fit_into_memory_are_told_as_that(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(transformers.PreTrainedModel, "to", full)
    with pytest.raises(ModelError, match="out of memory while loading") as caught:
        load_model(tiny_folder, device="cpu", dtype="float16")
    assert not isinstance(caught.value, ModelUnavailable)
