"""Translations kept on this machine, in sqlite: safe under several processes, whole after a kill.

They are patients' words at rest: the folder is open to its owner alone, and nothing is kept unless the user asks for
it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from diskcache import Cache, JSONDisk, Timeout
from diskcache.core import MODE_PICKLE
from platformdirs import user_cache_path

from clinextract.errors import TranslationError

VARIABLE = "CLINEXTRACT_CACHE"
"""The environment variable that names the folder, in place of the user's cache folder."""
_FORMAT = 1
"""Raised when what is kept under a key changes its meaning."""
_ROOM = 1 << 30
"""Bytes beyond which the translations that were written first go."""

_FAULTS = (sqlite3.Error, OSError, Timeout, ValueError, zlib.error)  # the last two: what was read is no JSON
_log = logging.getLogger(__name__)


class _Texts(JSONDisk):  # type: ignore[misc]  # diskcache has no types
    """JSON alone: a database that somebody else wrote must not be able to run code by a pickle in it."""

    def fetch(self, mode: int, filename: Any, value: Any, read: bool) -> Any:  # noqa: FBT001 - diskcache's
        if mode == MODE_PICKLE:
            raise ValueError("pickles are not read")
        return super().fetch(mode, filename, value, read)


class TranslationCache:
    """Translated lines by what they depend on.

    Args:
        folder: Where to keep them, in a folder `translations` of its own; by default the one that the environment
            variable CLINEXTRACT_CACHE names, else the user's cache folder.

    Raises:
        TranslationError: The folder cannot be used.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or default_folder()) / "translations"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self._cache = Cache(str(self.folder), disk=_Texts, size_limit=_ROOM)
        except _FAULTS as error:
            raise TranslationError(
                f"the cache of translations cannot be used: {type(error).__name__}",
                hint=f"Give cache= or ${VARIABLE} a folder that may be written, or cache=False.",
            ) from None

    def __repr__(self) -> str:
        return f"TranslationCache({str(self.folder)!r})"

    def get(self, texts: Iterable[str], **settings: str) -> dict[str, str]:
        """Those of the lines that are kept, with their translations. What cannot be read counts as absent.

        Args:
            texts: The lines.
            settings: All else that their translations depend on: languages, the translator's fingerprint.
        """
        found = {}
        for text in texts:
            value = None
            with suppress(*_FAULTS, TypeError):
                value = self._cache.get(key(text, settings))
            if isinstance(value, str):
                found[text] = value
        return found

    def put(self, translations: Mapping[str, str], **settings: str) -> None:
        """Keep translations. Where they cannot be written the call goes on without, and a warning is logged."""
        try:
            with self._cache.transact(retry=True):
                for text, translation in translations.items():
                    self._cache.set(key(text, settings), translation)
        except _FAULTS as error:
            _log.warning("%d translations could not be cached: %s", len(translations), type(error).__name__)

    def close(self) -> None:
        """Close the database; a later call opens it again."""
        self._cache.close()


def default_folder() -> Path:
    """The folder that $CLINEXTRACT_CACHE names, else the user's cache folder."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else user_cache_path("clinextract")


def key(text: str, settings: Mapping[str, str]) -> str:
    """SHA-256 over a line and all that its translation depends on, in hexadecimal digits."""
    whole = json.dumps([_FORMAT, text, sorted(settings.items())])
    return hashlib.sha256(whole.encode()).hexdigest()
