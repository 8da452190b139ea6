"""From a model's spelling to a model."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from clinextract.errors import ExtraNotInstalled, ModelUnavailable
from clinextract.models.base import LogitModel
from clinextract.tabular import shown_path

DEFAULT = "default"
"""The embedded model, inside the package."""
VARIABLE = "CLINEXTRACT_MODEL"
"""The environment variable that names the model to use where none is given."""

_HUB_NAME = re.compile(r"(?=.{1,96}\Z)[^\W_][\w.-]*(/[\w.-]+)?")


def load_model(
    model: str | os.PathLike[str] | LogitModel | None = None, *, device: str | None = None, dtype: str | None = None
) -> LogitModel:
    """Load a model; the last two that were loaded are kept.

    Args:
        model: "default", a folder, or a hub name such as "Qwen/Qwen2.5-7B-Instruct"; a `Path` is always a folder. None
            for the one that the environment variable CLINEXTRACT_MODEL names, else "default". A model that is loaded
            already is given back.
        device: "cpu", "cuda" or "mps"; by default the best that is there.
        dtype: "bfloat16", "float32" or "float16"; by default bfloat16 where the hardware multiplies it fast, else
            float32.

    Raises:
        ModelUnavailable: There is no such model here, or no such device, or the model needs code of its own.
        ExtraNotInstalled: torch or transformers is not installed.
        ModelError: It cannot be used.
        ValueError: `dtype` is none of these.
    """
    if isinstance(model, LogitModel):
        return model
    if isinstance(model, os.PathLike):
        path = Path(model)
        model = str(path) if path.is_absolute() else f"./{path}"  # also of a folder that is called "default"
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
    if name == DEFAULT and not default_folder().is_dir():  # else the hub would be asked for a model of that name
        raise ModelUnavailable(
            "the embedded model is not in this installation",
            hint=f"Install the package again, or name another model with model= or ${VARIABLE}.",
        )
    place = str(default_folder()) if name == DEFAULT else place_of(name)
    with importing_torch():
        # Here, because it takes seconds, and a FakeModel or a server needs none of it.
        from clinextract.models.transformers import load_transformers  # noqa: PLC0415
    return load_transformers(place, device=device, dtype=dtype, display=name)


@contextmanager
def importing_torch() -> Iterator[None]:
    """Where torch and what goes with it are imported, that they are missing as an error of ours.

    Raises:
        ExtraNotInstalled: One of them is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in {"torch", "transformers", "tokenizers"}:
            raise
        raise ExtraNotInstalled(
            f"{error.name} is not installed",
            hint="install clinextract anew: torch, transformers and tokenizers come with it",
        ) from None


def place_of(name: str) -> str:
    """The folder, or the hub's name, that a spelling means.

    Raises:
        ModelUnavailable: It is neither.
    """
    with suppress(OSError, RuntimeError):  # a name that no file system takes, or the home of nobody
        folder = Path(name).expanduser()
        if folder.is_dir():
            return str(folder)
    if _HUB_NAME.fullmatch(name):
        return name
    raise ModelUnavailable(
        f"there is no folder {shown_path(name)!r}",
        hint="Give a folder with config.json and *.safetensors, or a hub name such as Qwen/Qwen2.5-0.5B-Instruct.",
    )
