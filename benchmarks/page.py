"""The page: tables of ratios, and which of the wanted figures are met, in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any

from benchmarks.additions import PLAIN
from benchmarks.contenders import BARE, FLOOR, GENERATE, NAMES, OURS, OUTLINES, TWICE
from benchmarks.embedded import SIZES
from benchmarks.memory import MEGABYTE
from benchmarks.timing import Seconds, Spread, ratio

Report = Mapping[str, Any]
_TIMES_OUTLINES = 40
_TIMES_FLOOR = 1.5
_PLAN_MS = 100
_MEMORY_MB = 300


def written(report: Report) -> str:
    """The page as Markdown."""
    parts = [_head(report)]
    if "cpu" in report:
        parts += [_targets(report), _models(report["cpu"], "1. A model of half a billion weights")]
    else:
        parts.append(
            "## 1. A model of half a billion weights\n\nThe tokenizer was not there, so this part did not run."
        )
    parts.append(_embedded(report["embedded"]) if "embedded" in report else _absent_embedded())
    if "plans" in report:
        parts.append(_plans(report["plans"]))
    if "gpu" in report:
        parts.append(_models(report["gpu"], "4. On a GPU"))
    else:
        parts.append("## 4. On a GPU\n\nThere was no GPU, so this part did not run.")
    if "evaluation" in report:
        parts.append(_evaluation(report["evaluation"]))
    return "\n\n".join(parts) + "\n"


def _head(report: Report) -> str:
    machine, settings = report["machine"], report["settings"]
    fast = " and ".join(machine["bfloat16"]) or "none, so float32 is used"
    toy = "**A quick run on a toy model: only to see that everything runs. No figure here means anything.**\n"
    lines = [
        "# Benchmarks",
        "",
        f"Written by `{report['command']}` in one run of {report['minutes']:.0f} minutes.",
        "What is compared was measured side by side: the contenders take turns on the same prompt tokens, so ratios",
        "hold where seconds do not. A cell gives the median, and in brackets the quartiles. Weights are random: the",
        "time of a pass does not depend on their values. The raw numbers are in `benchmarks.json`.",
        "",
        *([toy] if report["quick"] else []),
        f"- Machine: {machine['system']}, {machine['cores']} cores, {machine['threads']} threads.",
        f"- Instructions for bfloat16: {fast}. GPU: {machine['gpu'] or 'none'}.",
        f"- Python {machine['python']}, torch {machine['torch']}, transformers {machine['transformers']}.",
        f"- Repetitions of every transcript: {settings['repetitions']}; of the slowest contenders: {settings['slow']}.",
    ]
    return "\n".join(lines)


def _targets(report: Report) -> str:
    """Each wanted figure beside the measured one."""
    cpu = report["cpu"]
    single = _seconds(cpu["single"])
    lines = [
        _target(
            f"at least {_TIMES_OUTLINES} times faster than `outlines.Generator`, one at a time",
            ratio(single[OUTLINES], single[OURS]).median,
            lambda value: value >= _TIMES_OUTLINES,
            "{:.0f} times",
        ),
        _target(
            f"at most {_TIMES_FLOOR} times one bare pass over the transcript's and the answer's tokens",
            ratio(single[OURS], single[FLOOR]).median,
            lambda value: value <= _TIMES_FLOOR,
            "{:.2f} times",
        ),
        _target(
            "the same, where the draft is wrong and a second pass is needed",
            ratio(single[TWICE], single[FLOOR]).median,
            lambda value: value <= _TIMES_FLOOR,
            "{:.2f} times",
        ),
    ]
    if "plans" in report:
        plan = next(iter(report["plans"]["plan"].values()))
        lines.append(
            _target(
                f"a plan ready in under {_PLAN_MS} ms",
                median(plan) * 1000,
                lambda value: value < _PLAN_MS,
                "{:.0f} ms for thirteen fields",
            )
        )
    memory = f"peak memory at most the model's and its cache's plus {_MEMORY_MB} MB"
    for wanted, one in (
        (f"{memory}, one at a time", cpu["memory"][OURS]),
        (f"the same, in batches of {cpu['batch']}", cpu["memory of a batch"][OURS]),
    ):
        lines.append(_target(wanted, _over(one), lambda value: value <= _MEMORY_MB, "{:.0f} MB beside them"))
    return "## What was wanted\n\n| wanted | measured | |\n|---|---|---|\n" + "\n".join(lines)


def _target(wanted: str, value: float, met: Any, form: str) -> str:
    return f"| {wanted} | {form.format(value)} | {'met' if met(value) else '**not met**'} |"


def _models(part: Report, title: str) -> str:
    items = [part["items"][pick] for pick in part["picks"]]
    passes = [item["passes"] for item in items]
    lengths = {key: [item[key] for item in items] for key in ("prefix", "transcript", "answer")}
    spans = {key: _span(values) for key, values in lengths.items()}
    millions = f"{part['parameters'] / 1e6:,.0f} million weights"
    lines = [
        f"## {title}",
        "",
        f"`{part['architecture']}`, {millions}, {part['dtype']}, {part['device']}; the real tokenizer;",
        f"prompt `chat.v1` with three examples; {len(items)} transcripts, half of them Persian.",
        "",
        f"- Tokens: {spans['prefix']} before the transcript, {spans['transcript']} of the transcript with what",
        f"  follows it, {spans['answer']} of the answer.",
        f"- The index of `outlines.Generator` was built before, in {part['index']:.1f} s.",
        f"- Passes of our decoding: {mean(passes):.1f} a transcript, at most {max(passes)}. Random weights agree",
        "  with a draft more often than trained ones; so a second row of ours begins with a draft that is wrong in the",
        "  first field, and runs the whole answer again.",
        "",
        "| one at a time | seconds | times ours | times the bare pass behind the prefix |",
        "|---|---|---|---|",
        "",
    ]
    text = "\n".join(lines)
    added = [_additions(part["additions"])] if "additions" in part else []
    added += [_translation(part["translation"])] if "translation" in part else []
    return "\n\n".join([text + _single(part), _batched(part), *added, _memory(part)])


def _additions(part: Report) -> str:
    times = _seconds(part["times"])
    lines = [
        "What evidence adds: for every feature that is present the model is asked which line shows it, all in one pass",
        f"behind the answer. Features asked for: {_span(part['present'])} of thirteen.",
        f"Lines to choose from: {_span(part['lines'])}.",
        "",
        "| one at a time | seconds | times the answer alone |",
        "|---|---|---|",
    ]
    for name, one in times.items():
        lines.append(f"| {name} | {_cell(Spread.of([*one.values()]))} | {_cell(ratio(one, times[PLAIN]))} |")
    return "\n".join(lines)


def _translation(part: Report) -> str:
    times = _seconds(part["times"])
    lines = [
        "What translating first adds, line by line in batches of at most 16: by the chat model that reads, token by",
        "token; and by a sequence-to-sequence model with the shape of `facebook/nllb-200-distilled-600M`, with four",
        "beams. All weights are random, and NLLB's vocabulary is made from the calls. Each runs for as many tokens as",
        f"the writers' own English has ({_span(part['tokens'])} of the reader's, over {_span(part['lines'])} lines),",
        "and that English is then read: trained weights would end there by themselves.",
        "",
        "| Persian calls, one at a time | seconds | times the answer alone |",
        "|---|---|---|",
    ]
    for name, one in times.items():
        lines.append(f"| {name} | {_cell(Spread.of([*one.values()]))} | {_cell(ratio(one, times[PLAIN]))} |")
    return "\n".join(lines)


def _single(part: Report) -> str:
    times = _seconds(part["single"])
    return "\n".join(
        f"| {_named(name)} | {_cell(Spread.of(list(times[name].values())))} | {_cell(ratio(times[name], times[OURS]))} "
        f"| {_cell(ratio(times[name], times[FLOOR]))} |"
        for name in NAMES
    )


def _batched(part: Report) -> str:
    times = _seconds(part["batched"])
    size = part["batch"]
    rows = [
        f"| {_named(name)}{', the middle one alone' if name == OUTLINES else ''} "
        f"| {_cell(Spread.of(list(times[name].values())).scaled(1 / size))} | {_cell(ratio(times[name], times[OURS]))} "
        f"| {_cell(ratio(times[name], times[FLOOR]))} |"
        for name in (OURS, OUTLINES, FLOOR)
    ]
    head = f"| in batches of {size} | seconds a transcript | times ours | times the bare pass, batched |"
    return "\n".join([head, "|---|---|---|---|", *rows])


def _memory(part: Report) -> str:
    rows = [_memory_row(_named(name), one) for name, one in part["memory"].items()]
    rows += [
        _memory_row(f"{_named(name)}, batch of {part['batch']}", one) for name, one in part["memory of a batch"].items()
    ]
    lines = [
        "Memory, each in a process of its own, from when the model was loaded: the peak holds the run of the prefix,",
        "and for `outlines.Generator` its index. The cache is what the keys and values of prompt and answer take.",
        "",
        "| | loaded, MB | peak, MB | cache, MB | peak less loaded and cache, MB |",
        "|---|---|---|---|---|",
    ]
    return "\n".join(lines + rows)


def _memory_row(name: str, one: Report) -> str:
    numbers = (one["loaded"], one["peak"], one["cache"])
    return f"| {name} | " + " | ".join(f"{value / MEGABYTE:,.0f}" for value in numbers) + f" | {_over(one):,.0f} |"


def _over(one: Report) -> float:
    return float((one["peak"] - one["loaded"] - one["cache"]) / MEGABYTE)


def _embedded(part: Report) -> str:
    starts = part["start"]
    passes = part["passes"]
    lines = [
        "## 2. The embedded model",
        "",
        f"{part['parameters'] / 1e6:.1f} million weights, {part['dtype']}; fresh processes: {len(starts)}.",
        "",
        "| from the start of a process | seconds |",
        "|---|---|",
        *(f"| {_START[key]} | {_cell(Spread.of([start[key] for start in starts]))} |" for key in starts[0]),
        "",
        f"{part['transcripts']} transcripts, {mean(passes):.1f} passes each, at most {max(passes)}.",
        "",
        "| | transcripts a second |",
        "|---|---|",
        *(f"| {_size(size)} | {_cell(Spread.of(part['rates'][str(size)]))} |" for size in SIZES),
    ]
    return "\n".join(lines)


_START = {
    "import": "`import clinextract`",
    "load": "`load_model`, which imports torch and transformers",
    "first answer": "`Extractor`, and the first answer",
    "together": "together",
}


def _absent_embedded() -> str:
    return "## 2. The embedded model\n\nThere was no embedded model, so this part did not run."


def _plans(part: Report) -> str:
    rows = []
    for size, plan in part["plan"].items():
        index = part["index"][size]
        times = Spread.of([slow / fast for slow, fast in zip(index, plan, strict=True)])
        rows.append(f"| {size} | {_cell(Spread.of(plan).scaled(1000))} | {_cell(Spread.of(index))} | {_cell(times)} |")
    lines = [
        "## 3. From a schema to a plan",
        "",
        "Ours reads the fields, has Outlines write the expression, builds the plan and holds it against Outlines'",
        "automaton. Outlines builds an index of the same expression over the whole vocabulary. Once for each loaded",
        f"model, and not in this table: {part['vocabulary'] * 1000:.0f} ms to spell the vocabulary's bytes, for both;",
        f"{part['bytes'] * 1000:.0f} ms to make Outlines' vocabulary.",
        "",
        "| booleans | plan, ms | index, s | index / plan |",
        "|---|---|---|---|",
    ]
    return "\n".join(lines + rows)


def _evaluation(part: Report) -> str:
    lines = [
        "## 5. An evaluation",
        "",
        f"`evaluate` on {part['transcripts']:,} transcripts by {part['features']} features, {part['rounds']:,} rounds",
        "of bootstrap, from files to a report with both baselines; wanted: seconds, not minutes. The process took",
        f"{part['memory'] / MEGABYTE:,.0f} MB at most.",
        "",
        "| | seconds |",
        "|---|---|",
        *(f"| {name} | {_cell(Spread.of(seconds))} |" for name, seconds in part["seconds"].items()),
    ]
    return "\n".join(lines)


def _seconds(raw: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, Seconds]:
    return {name: {(int(a), int(b)): seconds for a, b, seconds in one} for name, one in raw.items()}


def _named(name: str) -> str:
    return {
        OUTLINES: "`outlines.Generator`",
        GENERATE: "`model.generate`, as many tokens, the whole prompt each time",
        BARE: "one bare pass over transcript and answer without any prefix",
        FLOOR: "one bare pass over transcript and answer behind the kept prefix",
    }.get(name, name)


def _size(size: int) -> str:
    return "one at a time" if size == 1 else f"in batches of {size}"


def _span(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _cell(spread: Spread) -> str:
    middle, low, high = (_number(value) for value in (spread.median, spread.low, spread.high))
    return middle if low == high else f"{middle} ({low} to {high})"


def _number(value: float) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:,.{digits}f}"
