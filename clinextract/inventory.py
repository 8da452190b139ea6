"""Which models are on this machine, found without loading one and without the network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clinextract.errors import ModelError
from clinextract.models.card import read_card
from clinextract.models.loading import DEFAULT, VARIABLE, default_folder

SPELLINGS = (
    ("default", "the embedded model"),
    ("./folder", "a folder with its weights, config and tokenizer"),
    ("Qwen/Qwen2.5-7B-Instruct", "a name on the Hugging Face hub, downloaded once"),
)
"""How a model can be named, each by an example, and what that means."""


@dataclass(frozen=True, slots=True)
class Found:
    """A model that can be named.

    Attributes:
        spelling: What `--model` takes.
        about: What it is, in words.
        usable: Whether what it needs is here.
    """

    spelling: str
    about: str
    usable: bool


def found(cache: Path | None = None) -> tuple[Found, ...]:
    """The embedded model, the one that the environment names, and those in the local cache of the hub.

    Args:
        cache: The cache's folder, where it is not the usual one.
    """
    named = os.environ.get(VARIABLE)
    chosen = [_folder(named, Path(named).expanduser(), f"${VARIABLE}, used where no model is given")] if named else []
    return (_folder(DEFAULT, default_folder(), "the embedded model"), *chosen, *_cached(cache))


def hardware() -> tuple[str, str]:
    """The device and the number format that a model gets where none are named."""
    from clinextract.models.transformers import best_device, best_dtype  # noqa: PLC0415 - seconds to import

    device = best_device()
    return device, str(best_dtype(device)).removeprefix("torch.")


def _folder(spelling: str, folder: Path, role: str) -> Found:
    weights = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    if not weights:
        hub_name = not folder.is_dir() and spelling != DEFAULT
        return Found(spelling, f"{role}: {'a name on the hub' if hub_name else 'no weights here'}", usable=hub_name)
    try:
        card = read_card(folder)
    except ModelError as error:
        return Found(spelling, f"{role}: {error.message}", usable=False)
    knows = f"knows {len(card.fields)} features and nothing else" if card else "follows instructions, takes any schema"
    return Found(spelling, f"{role}: {_size(weights)}, {knows}", usable=True)


def _cached(cache: Path | None) -> Iterator[Found]:
    """Models that were downloaded before, causal ones only."""
    from huggingface_hub import CacheNotFound, scan_cache_dir  # noqa: PLC0415 - half a second to import

    try:
        repositories = scan_cache_dir(cache).repos
    except CacheNotFound:
        return
    for repository in sorted(repositories, key=lambda one: one.repo_id):
        if repository.repo_type != "model":
            continue
        files = {file.file_name: file.file_path for revision in repository.revisions for file in revision.files}
        if not _causal(files):
            continue
        complete = any(name.endswith((".safetensors", ".bin")) for name in files) and "tokenizer.json" in files
        state = "" if complete else ", not complete"
        yield Found(repository.repo_id, f"in the local cache: {_size(repository.size_on_disk)}{state}", complete)


def _causal(files: Mapping[str, Path]) -> bool:
    try:
        architectures = json.loads(files["config.json"].read_bytes()).get("architectures") or ()
    except (KeyError, OSError, ValueError):
        return False
    return any(str(name).endswith("ForCausalLM") for name in architectures)


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
