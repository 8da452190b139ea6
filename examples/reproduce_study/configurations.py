"""What to run: the configurations of `study.toml`, and which of their models are on this machine."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from clinextract.errors import DataError
from clinextract.inventory import found

SETTINGS = Path(__file__).with_name("study.toml")


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Published(_Settings):
    """Medians over the thirteen features, as the study's authors published them."""

    macro_f1: float
    mcc: float
    sensitivity: float
    specificity: float


class Configuration(_Settings):
    """A model and the language of the transcripts that it reads.

    Attributes:
        name: For files and `--only`.
        label: For tables.
        model: As `load_model` takes it.
        language: ISO 639-1 code.
        gated: Whether the hub asks for an account that has accepted the licence.
        trained_on: Authors of calls that the model was trained on.
        published: The study's figures, on its own calls; None for a configuration that the study did not have.
    """

    name: str
    label: str
    model: str
    language: str
    gated: bool = False
    trained_on: frozenset[str] = frozenset()
    published: Published | None = None

    @property
    def how_to_get(self) -> str:
        """What to do where the model is not here."""
        if "/" not in self.model:
            return "install clinextract with its weights"
        first = (
            f"accept its licence at https://huggingface.co/{self.model}, then: hf auth login; " if self.gated else ""
        )
        return f"{first}hf download {self.model}"


class Study(_Settings):
    """Where the configurations and the figures come from."""

    title: str
    url: str
    table: str
    calls: int


class Settings(_Settings):
    """The whole file."""

    study: Study
    configuration: tuple[Configuration, ...]


def read_settings(path: Path = SETTINGS) -> Settings:
    """Read a file of settings.

    Raises:
        DataError: It is not there, is no TOML, or has keys or values of another kind.
    """
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {type(error).__name__}", hint="Name a file like study.toml.") from None
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path} is not TOML: {error}", hint="See study.toml.") from None
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise DataError(f"{path} has mistakes: {wrong}", hint="See study.toml.") from None


def chosen(settings: Settings, only: Sequence[str]) -> list[Configuration]:
    """The configurations named, or all.

    Raises:
        DataError: There is none of that name.
    """
    known = [one.name for one in settings.configuration]
    unknown = [name for name in only if name not in known]
    if unknown:
        raise DataError(f"there is no configuration {', '.join(unknown)}", hint=f"There are: {', '.join(known)}.")
    return [one for one in settings.configuration if not only or one.name in only]


def locate(configurations: Iterable[Configuration], folder: Path | None = None) -> dict[str, str]:
    """By configuration, how to name its model to `load_model`; those whose model is not here are left out.

    Args:
        configurations: What to look for.
        folder: A folder that holds models as `Qwen/Qwen2.5-7B-Instruct` or `Qwen2.5-7B-Instruct`; besides it the
            embedded model and the local cache of the hub are looked at. Nothing is downloaded.
    """
    here = {one.spelling for one in found() if one.usable}
    places: dict[str, str] = {}
    for one in configurations:
        inside = [folder / one.model, folder / one.model.rpartition("/")[2]] if folder and "/" in one.model else []
        path = next((str(path) for path in inside if path.is_dir()), None)
        if path is not None or one.model in here:
            places[one.name] = path or one.model
    return places
