"""Figures of a trained model beside its baselines: `python evaluate.py --model model`.

Test calls are those of authors never trained on; real dialogues are the kept-back ones.
Writes `figures.json` and `figures.md` into the model's folder.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from baselines import LinearWindows, all_false, by_keywords
from corpus import DEV_AUTHORS, FEATURES, TEST_AUTHORS, Call, load_calls, load_dialogues, split
from numpy.typing import NDArray
from scoring import bootstrap_interval, contrasts, figures, labels_of, probabilities
from tokenizer import layout, load_tokenizer
from transformers import AutoModelForCausalLM

HERE = Path(__file__).parent
Answers = NDArray[np.bool_]
Method = Callable[[Sequence[Call]], Answers]


def groups(calls: Sequence[Call], real: Sequence[Call], fragments: Sequence[Call]) -> Iterator[tuple[str, list[Call]]]:
    """Named groups of transcripts: by language, within each by form and by author; real dialogues; fragments."""
    for language in ("fa", "en"):
        ours = [call for call in calls if call.language == language]
        yield language, ours
        for form in sorted({call.form for call in ours}):
            yield f"{language}, {form}", [call for call in ours if call.form == form]
        for author in sorted({call.author for call in ours}):
            yield f"{language}, author {author}", [c for c in ours if c.author == author]
    if real:
        yield "en, real dialogues", list(real)
    for language in ("fa", "en"):
        if some := [call for call in fragments if call.language == language]:
            yield f"{language}, fragments", some


def measured(calls: Sequence[Call], said: Answers) -> dict[str, object]:
    """All figures of one group, rounded; the interval is of the median macro-F1."""
    truth = labels_of(calls)
    found = asdict(figures(truth, said))
    by_feature = found.pop("by_feature")
    low, high = bootstrap_interval(truth, said)
    return {
        "transcripts": len(calls),
        **{name: round(value, 3) for name, value in found.items()},
        "interval": [round(low, 3), round(high, 3)],
        "by_feature": {name: round(value, 3) for name, value in by_feature.items()},
    }


def agreement(calls: Sequence[Call], said: Answers) -> float:
    """Share of the answers that are the same in Persian and in English."""
    answers = {call.id: row for call, row in zip(calls, said, strict=True)}
    pairs: dict[str, list[Answers]] = {}
    for call in calls:
        pairs.setdefault(call.pair, []).append(answers[call.id])
    return float(np.mean([(two[0] == two[1]).mean() for two in pairs.values() if len(two) == 2]))


def table(results: dict[str, dict[str, dict[str, object]]]) -> str:
    """Markdown: a row a group, the model's figures and the baselines' median macro-F1."""
    methods = [name for name in next(iter(results.values())) if name != "model"]
    head = ["group", "n", "median macro-F1", "95 %", "MCC", "sensitivity", "specificity", *methods]
    rows = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for group, found in results.items():
        ours = found["model"]
        low, high = ours["interval"]  # type: ignore[misc]
        cells = [group, ours["transcripts"], ours["macro_f1"], f"{low}–{high}"]
        cells += [ours[name] for name in ("mcc", "sensitivity", "specificity")]
        cells += [found[method]["macro_f1"] for method in methods]
        rows.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def feature_table(results: dict[str, dict[str, dict[str, object]]], wanted: Sequence[str]) -> str:
    """Markdown: macro-F1 of the model, a row a feature, a column a group."""
    names = [name for name in wanted if name in results]
    rows = ["| feature | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for feature in FEATURES:
        cells = [results[name]["model"]["by_feature"][feature] for name in names]  # type: ignore[index]
        rows.append(f"| `{feature}` | " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def parse() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--calls", type=Path, default=HERE / "calls")
    parser.add_argument("--fragments", type=Path, default=HERE / "fragments")
    parser.add_argument("--dialogues", type=Path, nargs="+", default=[])
    parser.add_argument("--dialogue-labels", type=Path)
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    parser.add_argument("--no-linear", action="store_true", help="leave the linear model out")
    return parser.parse_args()


def main() -> None:
    """Measure the model and the baselines, write both tables."""
    options = parse()
    calls, _ = load_calls(options.calls, options.fragments)
    real: list[Call] = []
    if options.dialogues and options.dialogue_labels:
        real, _ = load_dialogues(options.dialogues, options.dialogue_labels)
    corpus = split(calls, real)
    judged = corpus.test if options.on == "test" else corpus.dev
    kept = corpus.dialogues_test if options.on == "test" else corpus.dialogues_dev
    fragments = corpus.fragments_test if options.on == "test" else corpus.fragments_dev
    tokenizer = load_tokenizer(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    shape = layout(tokenizer)
    methods: dict[str, Method] = {
        "model": lambda some: probabilities(model, tokenizer, shape, some) >= 0.5,
        "all-False": all_false,
        "keywords": by_keywords,
    }
    if not options.no_linear:
        linear = LinearWindows().fit(corpus.train)
        methods["linear windows"] = lambda some: linear.probabilities(some) >= 0.5
    everyone = [*judged, *kept, *fragments]
    place = {call.id: at for at, call in enumerate(everyone)}
    started = time.monotonic()
    answers = {}
    for name, method in methods.items():
        answers[name] = method(everyone)
        if name == "model":
            seconds = time.monotonic() - started
    results = {}
    for group, some in groups(judged, kept, fragments):
        rows = [place[call.id] for call in some]
        results[group] = {name: measured(some, said[rows]) for name, said in answers.items()}
    wanted = ("fa", "en", "en, real dialogues", "fa, fragments", "en, fragments")
    text = table(results) + "\n" + feature_table(results, wanted)
    summary = {
        "on": options.on,
        "authors": list(TEST_AUTHORS if options.on == "test" else DEV_AUTHORS),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "vocabulary": len(tokenizer),
        "weights_bytes": (options.model / "model.safetensors").stat().st_size,
        "transcripts": {
            "train": len(corpus.train),
            "dev": len(corpus.dev),
            "test": len(corpus.test),
            "fragments_test": len(corpus.fragments_test),
            "real_dialogues_test": len(corpus.dialogues_test),
        },
        "agreement_fa_en": round(agreement(judged, answers["model"][: len(judged)]), 3),
        "contrasts_both_right": {name: contrasts(judged, said[: len(judged)]) for name, said in answers.items()},
        "fragments_both_right": {
            name: contrasts(fragments, said[len(everyone) - len(fragments) :]) for name, said in answers.items()
        },
        "transcripts_per_second": round(len(everyone) / seconds, 1),
        "groups": results,
    }
    written = json.dumps(summary, indent=1) + "\n"
    name = "figures" if options.on == "test" else "figures-dev"
    (options.model / f"{name}.json").write_text(written, encoding="utf-8")
    (options.model / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
    last = ("agreement_fa_en", "contrasts_both_right", "fragments_both_right", "transcripts_per_second")
    print({name: summary[name] for name in last})


if __name__ == "__main__":
    main()
