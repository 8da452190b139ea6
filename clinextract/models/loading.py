"""From a model's spelling to a model."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from clinextract.errors import ExtraNotInstalled, ModelUnavailable
from clinextract.models.base import LogitModel

DEFAULT = "default"
"""The embedded model, inside the package."""
VARIABLE = "CLINEXTRACT_MODEL"
"""The environment variable that names the model to use where none is given."""

_HUB_NAME = re.compile(r"(?=.{1,96}\Z)[^\W_][\w.-]*(/[\w.-]+)?")


def load_model(
    model: str | LogitModel | None = None, *, device: str | None = None, dtype: str | None = None
) -> LogitModel:
    """Load a model; the last two that were loaded are kept.

    Args:
        model: "default", a folder, or a hub name such as "Qwen/Qwen2.5-7B-Instruct"; None for the one that the
            environment variable CLINEXTRACT_MODEL names, else "default". A model that is loaded already is given back.
        device: "cpu", "cuda" or "mps"; by default the best that is there.
        dtype: "bfloat16", "float32" or "float16"; by default bfloat16 where the hardware multiplies it fast, else
            float32.

    Raises:
        ModelUnavailable: There is no such model here.
        ExtraNotInstalled: torch or transformers is not installed.
        ModelError: It cannot be used.
    """
    if isinstance(model, LogitModel):
        return model
    return _load(model_name(model), device, dtype)


def model_name(model: str | None) -> str:
    """The spelling that is used where none is given."""
    return model or os.environ.get(VARIABLE) or DEFAULT


def default_folder() -> Path:
    """The folder of the embedded model."""
    return Path(str(files("clinextract.models") / "default"))


@lru_cache(maxsize=2)
def _load(name: str, device: str | None, dtype: str | None) -> LogitModel:
    if name.startswith(("gguf:", "http://", "https://")):
        raise ModelUnavailable(
            f"models spelled {name.partition(':')[0]}: are not in this version",
            hint="Use 'default', a folder with config.json and *.safetensors, or a hub name.",
        )
    folder = default_folder() if name == DEFAULT else Path(name).expanduser()
    if name == DEFAULT and not folder.is_dir():  # else the hub would be asked for a model of that name
        raise ModelUnavailable(
            "the embedded model is not in this installation",
            hint=f"Install the package again, or name another model with model= or ${VARIABLE}.",
        )
    if not _is_folder(folder) and not _HUB_NAME.fullmatch(name):
        raise ModelUnavailable(
            f"there is no folder {name!r}",
            hint="Give a folder with config.json and *.safetensors, or a hub name such as Qwen/Qwen2.5-0.5B-Instruct.",
        )
    try:
        # Here, because it takes seconds, and a FakeModel or a server needs none of it.
        from clinextract.models.transformers import load_transformers  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "transformers", "tokenizers"}:
            raise
        raise ExtraNotInstalled(f"{error.name} is not installed", hint="pip install 'clinextract[local]'") from None
    return load_transformers(str(folder) if folder.is_dir() else name, device=device, dtype=dtype, display=name)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that no file system takes
        return False
