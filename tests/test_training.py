"""The recipe of the embedded model: what it trains on is what the package renders, and it runs from corpus to model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clinextract import Document, Extractor, PalliativeCall
from clinextract.models.loading import default_folder
from clinextract.text import normalise

RECIPE = Path(__file__).parent.parent / "examples" / "train_default_model"

PRINT_IDS = """
import json, sys
from pathlib import Path
from tokenizer import layout, load_tokenizer
folder, texts = Path(sys.argv[1]), json.loads(sys.stdin.read())
tokenizer = load_tokenizer(folder)
found = layout(tokenizer)
rows = [found.prompt(tokenizer.encode(text, add_special_tokens=False)) for text in texts]
print(json.dumps({"prompts": rows, "answer": [*found.answered([True] * 13)]}))
"""


def calls() -> list[dict[str, object]]:
    return [json.loads(line) for file in sorted((RECIPE / "calls").glob("*.jsonl")) for line in file.open("rb")]


def test_the_corpus_is_sound() -> None:
    """Every call has all labels, and every true one of them a verbatim quote."""
    rows = calls()
    assert len(rows) == len({row["id"] for row in rows})
    names = set(PalliativeCall.model_fields)
    for row in rows:
        labels, evidence, transcript = row["labels"], row["evidence"], str(row["transcript"])
        assert isinstance(labels, dict)
        assert isinstance(evidence, dict)
        assert labels.keys() == names
        assert {name for name, value in labels.items() if value} == evidence.keys()
        assert all(quote in transcript for quotes in evidence.values() for quote in quotes)


def test_training_sees_what_inference_renders() -> None:
    extractor = Extractor(model="default")
    texts = [str(row["transcript"]) for row in calls()[::40]]
    done = subprocess.run(
        [sys.executable, "-c", PRINT_IDS, str(default_folder())],
        input=json.dumps([normalise(text).text for text in texts]),
        capture_output=True, text=True, check=True, cwd=RECIPE,
    )  # fmt: skip
    trained = json.loads(done.stdout)
    for text, ids in zip(texts, trained["prompts"], strict=True):
        [reading] = extractor._prepare(Document(text)).views[0].readings
        assert [*reading.compiled.prefix, *reading.tokens] == ids
    plan = extractor.plan
    assert plan is not None
    rendered = [token for s in plan.segments for token in (s.tokens[1] if hasattr(s, "values") else s.tokens)]
    assert rendered == trained["answer"][:-1]  # the last one ends the text


@pytest.mark.slow
def test_the_recipe_runs_from_corpus_to_a_loaded_model(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "train.py", "--out", str(tmp_path), "--steps", "3", "--check-every", "1000"],
        check=True, cwd=RECIPE, capture_output=True,
    )  # fmt: skip
    result = Extractor(model=str(tmp_path))("She has pain.")
    assert isinstance(result.features, PalliativeCall)
