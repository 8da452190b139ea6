"""The benchmark runs from end to end on a toy model, and its page says what it has to."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

ROOT = Path(__file__).parents[1]
CONTENDERS = ("clinextract", "`outlines.Generator`", "`model.generate`", "one bare pass")
TRANSLATIONS = ("translated first by the model that reads", "translated first by a model of NLLB's shape")


@pytest.fixture
def tokenizers(tmp_path: Path) -> Path:
    """A small vocabulary made from the prompts' own words, where the benchmark looks for the real one."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=3000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|end|>"]
    )
    texts = [str(path) for path in (ROOT / "clinextract" / "templates").glob("*") if path.is_file()]
    backend.train([*texts, str(ROOT / "clinextract" / "palliative.py")], trainer)
    PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|end|>").save_pretrained(tmp_path / "qwen2.5")
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[str, dict[str, object]]:
    command = [sys.executable, "-m", "benchmarks.run", "--quick", "--output", str(folder), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "benchmarks.json").read_text(encoding="utf-8"))
    return (folder / "benchmarks.md").read_text(encoding="utf-8"), report


@pytest.mark.slow
def test_page_of_a_quick_run(tmp_path: Path, tokenizers: Path) -> None:
    page, report = run(tmp_path / "out", "--tokenizers", str(tokenizers))
    assert "No figure here means anything" in page
    assert all(f"| {name}" in page for name in CONTENDERS)
    assert page.count("| met |") + page.count("| **not met** |") == 6
    assert all(f"| {name}" in page for name in TRANSLATIONS)
    assert {"plans", "cpu", "machine"} <= report.keys()
    assert str(tmp_path) not in page + json.dumps(report)


def test_without_the_tokenizer_the_page_says_so(tmp_path: Path) -> None:
    page, report = run(tmp_path, "--tokenizers", str(tmp_path / "none"), "--model", str(tmp_path / "none"))
    assert "The tokenizer was not there" in page
    assert "There was no embedded model" in page
    assert not {"plans", "cpu", "embedded"} & report.keys()
    assert "| two sets, compared |" in page
