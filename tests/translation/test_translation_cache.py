"""The cache under several processes, under a kill, and over damage."""

from __future__ import annotations

import inspect
import os
import pickle
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from clinextract import TranslationError
from clinextract.translation.cache import TranslationCache, default_folder, key

SETTINGS = {"source": "fa", "target": "en", "translator": "0123456789abcdef"}
WRITER = """
import random
import sys
from pathlib import Path
from clinextract.translation.cache import TranslationCache

cache = TranslationCache(Path(sys.argv[1]))
print("open", flush=True)
for number in range(int(sys.argv[3])):
    texts = [f"{sys.argv[2]} {number} {part}" for part in range(4)]
    cache.put({text: whole(text) for text in texts}, source="fa", target="en", translator="0123456789abcdef")
    print(number, flush=True)
"""


def whole(text: str) -> str:
    """A translation that compresses badly: from 32 KiB on a value is a file of its own."""
    return random.Random(text).randbytes(30_000).hex()


def writer(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", inspect.getsource(whole) + WRITER, str(folder), name, str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_was_put_is_got_by_another_opening(tmp_path: Path) -> None:
    TranslationCache(tmp_path).put({"تب دارد": "He has a fever", "درد": "Pain"}, **SETTINGS)
    assert TranslationCache(tmp_path).get(["درد", "نه", "تب دارد"], **SETTINGS) == {
        "درد": "Pain",
        "تب دارد": "He has a fever",
    }


@pytest.mark.parametrize("changed", SETTINGS)
def test_everything_that_a_translation_depends_on_is_in_its_key(changed: str, tmp_path: Path) -> None:
    cache = TranslationCache(tmp_path)
    cache.put({"درد": "Pain"}, **SETTINGS)
    assert cache.get(["درد"], **SETTINGS | {changed: "other"}) == {}
    assert key("درد", SETTINGS) != key("دردم", SETTINGS)


def test_the_folder_is_its_owner_s_alone(tmp_path: Path) -> None:
    folder = TranslationCache(tmp_path / "deep" / "er").folder
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    TranslationCache(tmp_path / "deep" / "er")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_keys_tell_nothing_of_the_words(tmp_path: Path) -> None:
    cache = TranslationCache(tmp_path)
    cache.put({"زرتشتک": "Pain"}, **SETTINGS)
    cache.close()
    rows = sqlite3.connect(cache.folder / "cache.db").execute("SELECT key FROM Cache").fetchall()
    assert len(rows) == 1
    assert "زرتشتک".encode() not in bytes(rows[0][0])


def test_the_folder_is_the_user_s_cache_or_what_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLINEXTRACT_CACHE", raising=False)
    assert default_folder().name == "clinextract"
    monkeypatch.setenv("CLINEXTRACT_CACHE", "~/elsewhere")
    assert default_folder() == Path.home() / "elsewhere"


def test_a_folder_that_cannot_be_used_is_told_of_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(TranslationError, match="cannot be used") as caught:
        TranslationCache(tmp_path / "file")
    assert "cache=False" in caught.value.hint


def test_a_database_that_is_none_is_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "translations"
    folder.mkdir()
    (folder / "cache.db").write_bytes(b"no database " * 1000)
    with pytest.raises(TranslationError, match="DatabaseError"):
        TranslationCache(tmp_path)


def test_a_value_that_was_damaged_counts_as_absent(tmp_path: Path) -> None:
    cache = TranslationCache(tmp_path)
    cache.put({"درد": "Pain", "تب": "Fever"}, **SETTINGS)
    with sqlite3.connect(cache.folder / "cache.db") as database:
        database.execute("UPDATE Cache SET value = ? WHERE rowid = 1", (b"damaged",))
    assert cache.get(["درد", "تب"], **SETTINGS) == {"تب": "Fever"}


def test_a_pickle_in_the_database_is_not_read(tmp_path: Path) -> None:
    cache = TranslationCache(tmp_path)
    cache.put({"درد": "Pain"}, **SETTINGS)

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.mkdir, (str(tmp_path / "ran"),))

    with sqlite3.connect(cache.folder / "cache.db") as database:
        database.execute("UPDATE Cache SET mode = 4, value = ?", (pickle.dumps(Bomb()),))
    assert cache.get(["درد"], **SETTINGS) == {}
    assert not (tmp_path / "ran").exists()


def test_a_disk_that_takes_no_more_costs_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache = TranslationCache(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(cache._cache, "set", full)
    cache.put({"زرتشتک": "Zarathustra"}, **SETTINGS)
    assert "1 translations could not be cached: OperationalError" in caplog.text
    assert "Zarathustra" not in caplog.text


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    writers = [writer(tmp_path, name, 15) for name in ("a", "b", "c")]
    assert [one.wait(timeout=60) for one in writers] == [0, 0, 0]
    texts = [f"{name} {number} {part}" for name in "abc" for number in range(15) for part in range(4)]
    assert TranslationCache(tmp_path).get(texts, **SETTINGS) == {text: whole(text) for text in texts}


@pytest.mark.parametrize("written", [0, 1, 7, 30])
def test_a_kill_in_the_middle_of_a_write_leaves_whole_values(written: int, tmp_path: Path) -> None:
    process = writer(tmp_path, "a", 10_000)
    assert process.stdout is not None
    for _ in range(written + 1):  # "open", and a line for each that is done; then the next is under way
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    cache = TranslationCache(tmp_path)
    texts = [f"a {number} {part}" for number in range(300) for part in range(4)]
    found = cache.get(texts, **SETTINGS)
    assert all(translation == whole(text) for text, translation in found.items())
    assert len(found) >= 4 * written
    assert len(found) % 4 == 0  # the lines of a document are written together or not at all
    cache.put({"after": "the kill"}, **SETTINGS)
    assert cache.get(["after"], **SETTINGS) == {"after": "the kill"}
