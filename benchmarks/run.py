"""`python -m benchmarks.run`: everything in one run, as ratios of what was measured side by side.

Writes a page, and beside it the raw numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import transformers

from benchmarks import (
    additions,
    contenders,
    embedded,
    evaluation,
    memory,
    page,
    plans,
    timing,
    transcripts,
    translators,
)
from benchmarks.architectures import build
from clinextract.decoding.judge import canonical_regex
from clinextract.models.guided import _generator
from clinextract.models.loading import default_folder

FAMILY = "qwen2.5"


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is measured.

    Attributes:
        architecture: Of part 1.
        gpu: Architecture of part 4.
        tokenizer: Folder of the tokenizer of both.
        model: Folder of the embedded model.
        singles: Transcripts one at a time.
        batch: Transcripts at once on the processor; on the GPU `gpu_batch`.
        repetitions: Of the fast contenders.
        slow: Of the slow ones.
        calls: Transcripts of part 2.
        starts: Fresh processes of part 2, beside the one that goes on.
        peaks: Contenders whose memory is measured.
        sizes: Fields of the schemas of part 3.
        threads: Of torch.
        evaluated: Transcripts, bootstrap rounds and repetitions of part 5.
    """

    architecture: str
    gpu: str
    tokenizer: Path
    model: Path
    singles: int
    batch: int
    gpu_batch: int
    repetitions: int
    slow: int
    calls: int
    starts: int
    peaks: tuple[str, ...]
    sizes: tuple[int, ...]
    threads: int
    evaluated: tuple[int, int, int]


def main(arguments: list[str] | None = None) -> None:
    """Measure, and write the page."""
    options = _options(arguments)
    settings = _settings(options)
    torch.set_num_threads(settings.threads)
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    started = perf_counter()
    has_tokenizer = (settings.tokenizer / "tokenizer.json").is_file()
    report: dict[str, Any] = {
        "machine": _machine(settings.threads),
        "command": "python -m benchmarks.run" + "".join(f" {shlex.quote(word)}" for word in _shown(arguments)),
        "settings": {key: value for key, value in asdict(settings).items() if not isinstance(value, Path)},
        "quick": options.quick,
    }
    if has_tokenizer and "plans" in options.parts:
        _say("plans")
        report["plans"] = plans.measured(settings.tokenizer, settings.sizes, min(3, settings.repetitions))
    if has_tokenizer and "models" in options.parts:
        report["cpu"] = _models(settings, settings.architecture, "cpu", settings.batch)
    if (settings.model / "config.json").is_file() and "embedded" in options.parts:
        _say("the embedded model")
        texts = transcripts.every()
        step = max(1, len(texts) // settings.calls)
        chosen = texts[::step][: settings.calls]
        report["embedded"] = embedded.measured(str(settings.model), chosen, settings.threads, settings.starts)
    if has_tokenizer and "gpu" in options.parts and torch.cuda.is_available():
        report["gpu"] = _models(settings, settings.gpu, "cuda", settings.gpu_batch)
    if "evaluation" in options.parts:
        _say("an evaluation")
        names = ("transcripts", "rounds", "repetitions")
        report["evaluation"] = evaluation.measured(dict(zip(names, settings.evaluated, strict=True)))
    report["minutes"] = (perf_counter() - started) / 60
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "benchmarks.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (options.output / "benchmarks.md").write_text(page.written(report), encoding="utf-8")


def _models(settings: Settings, architecture: str, device: str, batch: int) -> dict[str, Any]:
    """Parts 1 and 4: one architecture on one device."""
    _say(f"{architecture} on {device}: loading")
    model = build(architecture, settings.tokenizer, device)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    languages = transcripts.chosen(lambda text: len(model.tokenizer.encode(text)), batch)
    texts = [text for group in languages.values() for text in group]
    bench = contenders.Bench(model, texts)

    started = perf_counter()
    _generator(model.model, model._hf_tokenizer, canonical_regex(bench.ours.schema))
    index = perf_counter() - started

    _say("one at a time")
    half = settings.singles // 2
    picks = [number * batch // half + group * batch for group in range(2) for number in range(half)]
    ways = bench.contenders(picks, settings.repetitions, settings.slow)
    single = timing.interleave(ways, len(picks), wait)
    _say("in batches")
    rows = [list(range(batch)), list(range(batch, 2 * batch))]
    batched = timing.interleave(bench.batches(rows, settings.repetitions, settings.slow), len(rows), wait)
    guided = batched[contenders.OUTLINES]
    batched[contenders.OUTLINES] = {key: seconds * batch for key, seconds in guided.items()}
    _say("evidence")
    added = additions.measured(model, [texts[pick] for pick in picks], settings.repetitions, wait)
    _say("translation")
    calls = dict(list(transcripts.paired(languages["fa"]).items())[: settings.singles])
    translating = translators.both(model, device, tiny=architecture == "tiny")
    translated = additions.translated(model, calls, translating, settings.slow, wait)
    del translating
    bytes_of = {"parameters": model.model.num_parameters(), "dtype": model.info.dtype}
    lengths = [_lengths(item) for item in bench.items]
    del bench
    _say("memory")
    shared = {
        "architecture": architecture,
        "tokenizer": str(settings.tokenizer),
        "device": device,
        "threads": settings.threads,
    }
    if device == "cuda":
        del model
        torch.cuda.empty_cache()
    return bytes_of | {
        "architecture": architecture,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "index": index,
        "batch": batch,
        "picks": picks,
        "items": lengths,
        "single": timing.flat(single),
        "batched": timing.flat(batched),
        "additions": added,
        "translation": translated,
        "memory": memory.table(settings.peaks, texts[batch - 1 : batch], shared),
        "memory of a batch": memory.table((contenders.OURS,), texts[:batch], shared),
    }


def _lengths(item: contenders.Item) -> dict[str, int]:
    return {
        "prefix": len(item.prefix),
        "transcript": len(item.tokens),
        "answer": len(item.answer),
        "passes": item.passes,
    }


def _machine(threads: int) -> dict[str, object]:
    """What the figures depend on, in neutral words."""
    cpu: Any = torch.cpu
    fast = [name for name in ("amx_tile", "avx512_bf16") if getattr(cpu, f"_is_{name}_supported")()]
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": threads,
        "bfloat16": [name.split("_")[0].upper().replace("AVX512", "AVX-512 BF16") for name in fast],
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__.splitlines()[0])
    shared = transcripts.ROOT.parent / "shared" / "tokenizers"
    parser.add_argument("--tokenizers", type=Path, default=shared, help=f"a folder that holds {FAMILY}/")
    parser.add_argument("--model", type=Path, default=default_folder(), help="folder of the embedded model")
    parser.add_argument("--architecture", default="qwen2.5-0.5b")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--slow-repetitions", type=int, default=2, help="of outlines.Generator and model.generate")
    parser.add_argument("--singles", type=int, default=10, help="transcripts one at a time, half of each language")
    parser.add_argument("--only-our-memory", action="store_true", help="leave the others' peaks out")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--parts", nargs="+", default=["plans", "models", "embedded", "gpu", "evaluation"])
    parser.add_argument("--quick", action="store_true", help="a small run, to see that everything runs")
    parser.add_argument("--output", type=Path, default=transcripts.ROOT / "docs")
    return parser.parse_args(arguments)


def _settings(options: argparse.Namespace) -> Settings:
    quick = options.quick
    return Settings(
        architecture="tiny" if quick else options.architecture,
        gpu="tiny" if quick else "qwen2.5-7b",
        tokenizer=options.tokenizers / FAMILY,
        model=options.model,
        singles=2 if quick else options.singles,
        batch=2 if quick else 8,
        gpu_batch=2 if quick else 32,
        repetitions=1 if quick else options.repetitions,
        slow=1 if quick else options.slow_repetitions,
        calls=16 if quick else 320,
        starts=0 if quick else 4,
        peaks=(contenders.OURS,) if quick or options.only_our_memory else contenders.NAMES,
        sizes=plans.SIZES[:1] if quick else plans.SIZES,
        threads=options.threads,
        evaluated=(200, 50, 1) if quick else (10_000, 1_000, 3),
    )


def _shown(arguments: list[str] | None) -> list[str]:
    """The command line without folders, which are nobody's business but this machine's."""
    words = sys.argv[1:] if arguments is None else arguments
    return [Path(word).name if word.startswith(("/", "~")) else word for word in words]


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
