"""Figures of a trained model beside its baselines: `python evaluate.py --model model`.

Test calls are those of authors never trained on; real dialogues are the kept-back ones.
Writes `figures.json` and `figures.md` into the model's folder.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np
import sources
import torch
from baselines import LinearWindows, all_false, by_keywords
from corpus import DEV_AUTHORS, FEATURES, TEST_AUTHORS, Call, Split
from numpy.typing import NDArray
from scoring import bootstrap_interval, contrasts, figures, labels_of, probabilities
from tokenizer import layout, load_tokenizer
from transformers import AutoModelForCausalLM, LlamaForCausalLM, PreTrainedTokenizerFast

WANTED = ("fa", "en", "en, real dialogues", "fa, fragments", "en, fragments")
"""The groups whose features are told one by one."""
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
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    parser.add_argument("--no-linear", action="store_true", help="leave the linear model out")
    return sources.parse(parser)


@dataclass(frozen=True)
class Judged:
    """What is measured on, and nothing was trained on."""

    calls: tuple[Call, ...]
    dialogues: tuple[Call, ...]
    fragments: tuple[Call, ...]

    @classmethod
    def of(cls, corpus: Split, part: str) -> Self:
        """The test or the development part of a corpus."""
        if part == "test":
            return cls(corpus.test, corpus.dialogues_test, corpus.fragments_test)
        return cls(corpus.dev, corpus.dialogues_dev, corpus.fragments_dev)

    @property
    def everyone(self) -> list[Call]:
        """Calls, dialogues, fragments."""
        return [*self.calls, *self.dialogues, *self.fragments]


def methods_of(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, train: Sequence[Call] | None
) -> dict[str, Method]:
    """The model and what it is measured beside; `train` is what the linear model learns from, None for none."""
    shape = layout(tokenizer)
    methods: dict[str, Method] = {
        "model": lambda some: probabilities(model, tokenizer, shape, some) >= 0.5,
        "all-False": all_false,
        "keywords": by_keywords,
    }
    if train is not None:
        linear = LinearWindows().fit(train)
        methods["linear windows"] = lambda some: linear.probabilities(some) >= 0.5
    return methods


def figures_of(judged: Judged, answers: dict[str, Answers]) -> dict[str, object]:
    """All figures of the methods' answers to `judged.everyone`."""
    place = {call.id: at for at, call in enumerate(judged.everyone)}

    def to(calls: Sequence[Call], said: Answers) -> Answers:
        return said[[place[call.id] for call in calls]]

    named = groups(judged.calls, judged.dialogues, judged.fragments)
    return {
        "agreement_fa_en": round(agreement(judged.calls, to(judged.calls, answers["model"])), 3),
        **{
            f"{part}_both_right": {name: contrasts(calls, to(calls, said)) for name, said in answers.items()}
            for part, calls in (("contrasts", judged.calls), ("fragments", judged.fragments))
        },
        "groups": {
            group: {name: measured(some, to(some, said)) for name, said in answers.items()} for group, some in named
        },
    }


def main() -> None:
    """Measure the model and the baselines, write both tables."""
    options = parse()
    corpus = sources.load(options.calls, options.dialogues, options.dialogue_labels)
    judged = Judged.of(corpus, options.on)
    tokenizer = load_tokenizer(options.model)
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32)
    methods = methods_of(model, tokenizer, None if options.no_linear else corpus.train)
    answers = {name: method(judged.everyone) for name, method in methods.items()}
    found = figures_of(judged, answers)
    results = found["groups"]
    assert isinstance(results, dict)
    text = table(results) + "\n" + feature_table(results, WANTED)
    summary = {
        "on": options.on,
        "authors": list(TEST_AUTHORS if options.on == "test" else DEV_AUTHORS),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "vocabulary": len(tokenizer),
        "weights_bytes": (options.model / "model.safetensors").stat().st_size,
        "transcripts": {name: len(getattr(corpus, name)) for name in Split.__dataclass_fields__},
        **found,
    }
    name = "figures" if options.on == "test" else "figures-dev"
    (options.model / f"{name}.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    (options.model / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
    print({name: found[name] for name in ("agreement_fa_en", "contrasts_both_right", "fragments_both_right")})


if __name__ == "__main__":
    main()
