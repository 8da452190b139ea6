"""Which models are said to be here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clinextract.inventory import found
from clinextract.models.loading import VARIABLE


def cached(cache: Path, name: str, architecture: str, *files: str) -> None:
    folder = cache / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("a" * 40)
    (snapshot / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    for file in files:
        (snapshot / file).write_bytes(b"x" * 1000)


def test_the_cache_shows_causal_models_and_whether_they_are_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    cached(tmp_path, "a/whole", "LlamaForCausalLM", "model.safetensors", "tokenizer.json")
    cached(tmp_path, "b/half", "LlamaForCausalLM", "tokenizer.json")
    cached(tmp_path, "c/encoder", "BertForMaskedLM", "model.safetensors", "tokenizer.json")

    default, *others = found(tmp_path)

    assert default.spelling == "default"
    assert [(one.spelling, one.usable) for one in others] == [("a/whole", True), ("b/half", False)]


def test_what_the_environment_names_is_shown(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, usable in ((str(tiny_folder), True), (str(tmp_path), False), ("org/name", True)):
        monkeypatch.setenv(VARIABLE, name)
        [shown] = [one for one in found(tmp_path / "no-cache") if one.spelling == name]
        assert shown.usable is usable


def test_no_cache_is_no_mistake(tmp_path: Path) -> None:
    assert found(tmp_path / "nothing")[0].spelling == "default"
