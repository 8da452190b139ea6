"""The study as a worked example: what can run here runs to its end, and nothing is shown that was not measured."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny

from clinextract.errors import DataError, RecordInvalid

EXAMPLES = Path(__file__).parents[1] / "examples"
CALLS = EXAMPLES / "train_default_model" / "calls"
MODULES = ("calls", "configurations", "table", "reproduce")
FEATURES = json.loads((CALLS / "d.jsonl").read_text(encoding="utf-8").partition("\n")[0])["labels"]


@pytest.fixture(scope="module")
def study() -> Iterator[SimpleNamespace]:
    """The example's modules."""
    folder = str(EXAMPLES / "reproduce_study")
    sys.path.insert(0, folder)
    try:
        yield SimpleNamespace(**{name: __import__(name) for name in MODULES})
    finally:
        sys.path.remove(folder)
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight calls in both languages of each of the authors a, d and h."""
    made = tmp_path / "calls"
    made.mkdir()
    for author in "adh":
        lines = (CALLS / f"{author}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (made / f"{author}.jsonl").write_text("".join(lines[:16]), encoding="utf-8")
    return made


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def call(**changed: Any) -> str:
    whole = {"id": "x-1-fa", "pair": "x-1", "language": "fa", "transcript": "تب ندارد.", "labels": FEATURES}
    return json.dumps(whole | changed, ensure_ascii=False) + "\n"


# The settings


def test_the_settings_are_the_seven_configurations_of_the_study_and_two_of_our_own(study: SimpleNamespace) -> None:
    settings = study.configurations.read_settings()
    theirs = [one for one in settings.configuration if one.published]
    ours = [one for one in settings.configuration if not one.published]
    assert len(theirs) == 7
    assert [one.language for one in theirs if "aya" in one.name] == ["en", "fa"]
    assert {one.language for one in theirs if "aya" not in one.name} == {"en"}
    assert len({one.model for one in theirs if "aya" not in one.name}) == 5
    assert [(one.model, one.language) for one in ours] == [("default", "fa"), ("default", "en")]
    assert len({one.name for one in settings.configuration}) == 9


def test_the_embedded_model_was_trained_on_all_authors_but_those_that_its_recipe_keeps_out(
    study: SimpleNamespace,
) -> None:
    source = ast.parse((EXAMPLES / "train_default_model" / "corpus.py").read_text(encoding="utf-8"))
    constants = {ast.unparse(one.targets[0]): one.value for one in source.body if isinstance(one, ast.Assign)}
    kept_out = {one for name in ("TEST_AUTHORS", "DEV_AUTHORS") for one in ast.literal_eval(constants[name])}
    authors = {file.stem for file in CALLS.glob("*.jsonl")}
    for one in study.configurations.read_settings().configuration:
        if one.model == "default":
            assert one.trained_on == authors - kept_out


@pytest.mark.parametrize("content", [None, "[study", '[study]\ntitle = "x"', "colour = 1"])
def test_settings_with_a_mistake_are_refused(study: SimpleNamespace, content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"mine\.toml"):
        study.configurations.read_settings(path)


def test_what_is_absent_is_told_with_how_to_get_it(study: SimpleNamespace) -> None:
    known = {one.name: one for one in study.configurations.read_settings().configuration}
    assert known["qwen2.5-7b-en"].how_to_get == "hf download Qwen/Qwen2.5-7B-Instruct"
    assert "accept its licence" in known["gemma-3-1b-en"].how_to_get


def test_models_are_found_in_a_folder_and_never_by_the_network(study: SimpleNamespace, tmp_path: Path) -> None:
    wanted = study.configurations.read_settings().configuration
    here = study.configurations.locate(wanted)
    assert here["default-fa"] == here["default-en"] == "default"
    (tmp_path / "Qwen" / "Qwen2.5-7B-Instruct").mkdir(parents=True)
    (tmp_path / "gemma-3-1b-it").mkdir()
    found = study.configurations.locate(wanted, tmp_path)
    assert found["qwen2.5-7b-en"] == str(tmp_path / "Qwen" / "Qwen2.5-7B-Instruct")
    assert found["gemma-3-1b-en"] == str(tmp_path / "gemma-3-1b-it")


# The calls


def test_calls_are_put_side_by_side_by_pair(study: SimpleNamespace, folder: Path) -> None:
    found = study.calls.read_calls(folder)
    assert len(found) == 24
    assert all(set(one.transcripts) == {"fa", "en"} for one in found)
    assert [one.author for one in study.calls.select(found, {"fa"}, {"a"})] == ["d"] * 8 + ["h"] * 8
    some = study.calls.select(found, {"fa"}, limit=5)
    assert [one.id for one in some] == sorted(one.id for one in some)
    assert some == study.calls.select(found, {"fa"}, limit=5)


def test_a_call_in_one_language_is_left_out_where_two_are_read(study: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(call(), encoding="utf-8")
    [one] = study.calls.read_calls(tmp_path)
    assert study.calls.select([one], {"fa"}) == [one]
    assert study.calls.select([one], {"fa", "en"}) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no calls"),
        ("{\n", "line 1 is not JSON"),
        (call() + call(transcript=None), "line 2 is not a call: transcript"),
        (call() + "[]\n", "line 2 is not a call"),
        (call() + call(language="en", labels={**FEATURES, "fever": not FEATURES["fever"]}), "other labels"),
        (call() + call(), "twice"),
    ],
)
def test_calls_that_cannot_be_read_are_refused(study: SimpleNamespace, content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises((DataError, RecordInvalid), match=said) as caught:
        study.calls.read_calls(tmp_path)
    assert "تب" not in str(caught.value)


# From the calls to the report


def test_it_runs_to_its_end_in_both_languages(
    study: SimpleNamespace, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert study.reproduce.main([str(folder), "--out", str(out)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "16 calls" in said
    assert "8 calls of the authors a, which the model default was trained on, were left out" in said
    assert "Different calls" in said
    gold = rows(out / "gold.jsonl")
    assert {row["author"] for row in gold} == {"d", "h"}
    report = json.loads((out / "report" / "report.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in report["evaluations"]] == ["default-fa", "default-en"]
    assert [one["transcripts"] for one in report["evaluations"]] == [16, 16]
    assert (out / "report" / "report.html").is_file()
    for language in ("fa", "en"):
        predictions = rows(out / "predictions" / f"default-{language}.jsonl")
        assert [row["id"] for row in predictions] == [row["id"] for row in gold]
        assert {row["status"] for row in predictions} == {"ok"}
        assert {row["provenance"]["language"] for row in predictions} == {language}
    table = (out / "table.md").read_text(encoding="utf-8")
    assert "| Qwen2.5-7B-Instruct, English | – | 0.899 |" in table
    for one in report["evaluations"]:
        assert f"{one['summary']['macro_f1']['median']['value']:.3f} (" in table


def test_a_model_of_the_study_runs_where_it_is_there(
    study: SimpleNamespace, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tiny model with random weights lies where the study's would lie."""
    place = tmp_path / "models" / "Qwen" / "Qwen2.5-1.5B-Instruct"
    words = tiny.hugging_face("bytes")
    tiny.weights("llama", len(tiny.tokenizer("bytes").token_bytes)).save_pretrained(place)
    words.save_pretrained(place)
    out = tmp_path / "out"
    options = ["--models", str(tmp_path / "models"), "--only", "qwen2.5-1.5b-en", "--limit", "3"]
    assert study.reproduce.main([str(folder), "--out", str(out), *options]) == 0
    assert "were left out" not in capsys.readouterr().out  # no model that takes part has seen any of them
    assert len(rows(out / "gold.jsonl")) == 3
    [line] = [line for line in (out / "table.md").read_text(encoding="utf-8").splitlines() if "Qwen2.5-1.5B" in line]
    assert "0.819" in line
    assert "–" not in line.split("|")[2].replace("–0", "").replace("–1", "")


def test_calls_that_were_trained_on_are_kept_only_with_a_plain_word(
    study: SimpleNamespace, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    options = ["--only", "default-en", "--with-training-calls", "--limit", "12"]
    assert study.reproduce.main([str(folder), "--out", str(out), *options]) == 0
    warned = "was trained on those of the authors a: of other calls this says nothing"
    assert warned in " ".join(capsys.readouterr().out.split())
    assert warned in (out / "table.md").read_text(encoding="utf-8")
    assert "a" in {row["author"] for row in rows(out / "gold.jsonl")}


def test_a_language_that_the_folder_lacks_is_told(
    study: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.jsonl").write_text(call(), encoding="utf-8")
    assert study.reproduce.main([str(tmp_path), "--out", str(tmp_path / "out"), "--only", "default-en"]) == 2
    assert "has no calls in 'en'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--only", "gpt"], "there is no configuration gpt"),
        (["--settings", "no.toml"], "cannot be read"),
        (["--only", "qwen2.5-7b-en", "--models", "nowhere"], "hf download Qwen/Qwen2.5-7B-Instruct"),
    ],
)
def test_a_mistake_is_told(
    study: SimpleNamespace, options: list[str], said: str, folder: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert study.reproduce.main([str(folder), "--out", str(tmp_path / "out"), *options]) == 2
    assert said in capsys.readouterr().err


def test_only_calls_that_a_model_has_seen_are_no_calls_to_judge_it_on(
    study: SimpleNamespace, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for author in "dh":
        (folder / f"{author}.jsonl").unlink()
    assert study.reproduce.main([str(folder), "--out", str(tmp_path / "out")]) == 2
    assert "no call is left" in capsys.readouterr().err
