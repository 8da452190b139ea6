"""Train the embedded model: `python train.py --out model` (see README.md).

One command, seeded (but for the merges that `Encoder` leaves out) and resumable: it writes a checkpoint as it goes and
goes on from it when started again with the same `--out`.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import attention
import growth
import letters
import linear_start
import pretrained
import sources
import torch
from corpus import FEATURES, FRAGMENT, Split, is_version
from embeddings import start_vectors
from mixes import BUCKETS, SHORT, Batch, Batches, Encoder, Example, Mixer
from model import Sizes, Trainee, new_model, usual_tap
from optimizers import Optimizers
from scoring import contrasts, figures, labels_of, log_loss, probabilities
from tokenizer import Layout, build_tokenizer, layout, load_tokenizer
from torch import Tensor
from torch.optim.swa_utils import AveragedModel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

ParamList = tuple[Tensor, ...] | list[Tensor]
PROMPT = "compact.v1"
OPTIONS, CHECKPOINT = "options.json", "checkpoint.pt"
LAYERS, FEED_FORWARD, HIDDEN, VOCAB = 5, 512, 256, 6144
MAY_DIFFER = {"out", "steps", "minutes", "check_every", "compile"}
"""Options that a run may go on with others of."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a run depends on; kept beside the checkpoint."""

    calls: list[Path]
    dialogues: list[Path]
    dialogue_labels: Path | None
    out: Path
    steps: int
    minutes: float | None
    seed: int
    tokens: int
    rate: float
    decay: float
    dropout: float
    word_dropout: float
    piece_dropout: float
    dialogue_share: float
    paired_share: float
    whole_share: float
    average: float
    vocab: int
    layers: int
    hidden: int
    feed_forward: int
    check_every: int
    linear_start: bool
    pretrained: Path | None
    embedding_rate: float
    begin: Path | None
    compile: bool


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of one command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of the model")
    add("--steps", type=int, default=6000)
    add("--minutes", type=float, help="end after so many minutes, whatever --steps says")
    add("--seed", type=int, default=1)
    add("--tokens", type=int, default=4096, help="tokens a step")
    add("--rate", type=float, default=2e-3)
    add("--decay", type=float, default=0.1)
    add("--dropout", type=float, default=0.05)
    add("--word-dropout", type=float, default=0.02)
    add("--piece-dropout", type=float, default=0.1)
    add(
        "--dialogue-share", type=float, default=0.4, help="of the English, from dialogues and what is written like them"
    )
    add("--paired-share", type=float, default=0.4, help="of the whole calls, drawn from calls written as pairs alone")
    add("--whole-share", type=float, default=0.8, help="of the last texts, whole calls; of the first a fifth less")
    add("--average", type=float, default=0.999)
    add("--vocab", type=int, help=f"tokens: {VOCAB}, or those of --begin")
    add("--layers", type=int, help=f"in all: {LAYERS}, or as many as --begin has; more are put in anew")
    add("--hidden", type=int, help=f"width: {HIDDEN}, or that of --begin or --pretrained")
    add("--feed-forward", type=int, help=f"units of a layer: {FEED_FORWARD}, or as many as --begin has, or more")
    add("--check-every", type=int, default=400)
    add("--linear-start", action="store_true", help="fit a linear model first and begin with it (minutes)")
    add("--pretrained", type=Path, help="GGUF file of SmolLM2-135M whose first layers are the beginning")
    add("--embedding-rate", type=float, default=1.0, help="share of the learning rate that words have")
    add("--begin", type=Path, help="folder of a trained model that this one begins as: to learn from more calls")
    add("--compile", action="store_true", help="compile the layers (torch.compile; needs a C++ compiler)")
    found = sources.parse(parser, arguments)
    _size(found, parser)
    options = Options(**vars(found))
    if options.linear_start and options.pretrained is None and options.hidden != linear_start.HIDDEN:
        parser.error(f"--linear-start without --pretrained writes into a width of {linear_start.HIDDEN}")
    if options.begin and (options.linear_start or options.pretrained):
        parser.error("--begin brings weights: no --linear-start and no --pretrained beside it")
    if options.layers < 3:
        parser.error("--layers: three or more; one asks, and one is below the segments' head")
    return options


def _size(found: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Set the sizes that are not given to those of the model that the run begins as, or to the usual ones."""
    before = (
        LlamaConfig.from_pretrained(found.begin)
        if found.begin
        else LlamaConfig(vocab_size=VOCAB, hidden_size=HIDDEN, intermediate_size=FEED_FORWARD, num_hidden_layers=LAYERS)
    )
    if found.pretrained and found.hidden is not None:
        parser.error("--hidden: --pretrained brings its own width")
    usual = {
        "layers": before.num_hidden_layers,
        "feed_forward": before.intermediate_size,
        "hidden": before.hidden_size,
        "vocab": before.vocab_size,
    }
    for name, size in usual.items():
        if getattr(found, name) is None:
            setattr(found, name, size)
    if found.begin:
        if other := [name for name in ("hidden", "vocab") if getattr(found, name) != usual[name]]:
            parser.error(f"--begin: it has {usual[other[0]]} for --{other[0]}, and keeps it")
        try:
            growth.check(before, found.layers, found.feed_forward)
        except ValueError as error:
            parser.error(f"--begin: {error}")


class Run:
    """One training run: its parts, its clock and its checkpoint."""

    def __init__(self, options: Options, corpus: Split) -> None:
        self.options, self.corpus = options, corpus
        torch.manual_seed(options.seed)
        options.out.mkdir(parents=True, exist_ok=True)
        self.tokenizer = self._tokenizer()
        self.layout: Layout = layout(self.tokenizer)
        encoder = Encoder(self.tokenizer, self.layout, options.piece_dropout)
        self.trainee = self._trainee(encoder)
        self.average = AveragedModel(self.trainee, multi_avg_fn=self._blend)
        if options.compile:
            self._compile()
        self.optimizers = Optimizers(self.trainee, options.rate, options.decay, options.embedding_rate)
        mixer = self._mixer(options.seed)
        # A trained model has learned from short mixes already.
        short = 0.0 if options.begin else SHORT
        self.batches = Batches(mixer, encoder, options.tokens, short, options.whole_share)
        self.step = 0
        self.seconds = 0.0
        self.seen = 0
        self._resume()

    @property
    def _checkpoint(self) -> Path:
        return self.options.out / CHECKPOINT

    @cached_property
    def _source(self) -> pretrained.Source | None:
        return pretrained.read(self.options.pretrained) if self.options.pretrained else None

    def _compile(self) -> None:
        """Compile the layers that read all places, once for each length of batches; the last one asks at few."""
        torch.compiler.config.recompile_limit = 2 * len(BUCKETS)  # twice: what else may differ between two batches
        for layer in self.trainee.model.model.layers[:-1]:
            layer.compile(dynamic=False)

    def _tokenizer(self) -> PreTrainedTokenizerFast:
        if self._checkpoint.exists():
            return load_tokenizer(self.options.out)
        if self.options.begin:
            return load_tokenizer(self.options.begin)
        calls, size = self.corpus.train, self.options.vocab
        tokenizer = (
            pretrained.build_tokenizer(self._source, calls, size)
            if self._source
            else build_tokenizer((call.text for call in calls), size)
        )
        tokenizer.save_pretrained(self.options.out)
        return tokenizer

    def _trainee(self, encoder: Encoder) -> Trainee:
        """The network with the weights that training begins with; those of a checkpoint come later."""
        options, size = self.options, len(self.tokenizer)
        if self._checkpoint.exists():
            config = LlamaConfig.from_pretrained(options.out, attn_implementation=attention.NAME)
            return self._wrapped(LlamaForCausalLM(config))
        if options.begin:
            model = LlamaForCausalLM.from_pretrained(
                options.begin, dtype=torch.float32, attn_implementation=attention.NAME
            )
            return self._wrapped(growth.grown(model, options.layers, options.feed_forward))
        if self._source:
            model = pretrained.new_model(self._source, self.layout, size, options.layers, options.feed_forward)
        else:
            sizes = Sizes(options.hidden, options.layers, options.hidden // 64, options.feed_forward)
            model = new_model(size, self.layout, sizes)
        trainee = self._wrapped(model)
        if options.linear_start:
            weights, biases = self._linear(encoder, model.config.rope_parameters["rope_theta"])
            linear_start.write(trainee, weights, biases, self._words(encoder), self._samples(encoder))
        elif self._source:
            model.get_input_embeddings().weight.data.copy_(self._words(encoder))
        return trainee

    def _wrapped(self, model: LlamaForCausalLM) -> Trainee:
        options = self.options
        # Of what was taken over, every layer is to serve the segments' head; one more asks.
        tap = options.layers - 1 if options.pretrained else usual_tap(options.layers)
        return Trainee(model, self.layout, options.dropout, options.word_dropout, tap)

    def _linear(self, encoder: Encoder, theta: float) -> tuple[Tensor, Tensor]:
        # Fragments and versions are made so that words alone do not tell: a linear model would learn nothing from them.
        whole = [call for call in self.corpus.train if call.form != FRAGMENT and not is_version(call)]
        groups = letters.groups(encoder, len(self.tokenizer))
        return linear_start.fit(whole, encoder, groups, theta, self.options.seed)

    def _words(self, encoder: Encoder) -> Tensor:
        calls = self.corpus.train
        if self._source:
            return pretrained.start_vectors(self._source, self.tokenizer, encoder, calls)
        return linear_start.spread_out(start_vectors(calls, encoder, len(self.tokenizer), linear_start.WIDTH))

    def _mixer(self, seed: int) -> Mixer:
        options = self.options
        return Mixer(self.corpus.train, random.Random(seed), options.dialogue_share, options.paired_share)

    def _samples(self, encoder: Encoder) -> list[Example]:
        mixer = self._mixer(0)
        return [example for _ in range(24) for example in encoder.examples(mixer.mixes(), mixer.rng)]

    @torch.no_grad()
    def _blend(self, kept: ParamList, new: ParamList, count: Tensor | int) -> None:
        """Exponential average with a short memory at first, or it would recall the noise."""
        share = min(self.options.average, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(kept, new, 1 - share)

    @property
    def progress(self) -> float:
        """Share of the run that is over, by steps or by the clock, whichever is further."""
        share = self.step / self.options.steps
        if self.options.minutes:
            share = max(share, self.seconds / (60 * self.options.minutes))
        return min(1.0, share)

    def rate(self) -> float:
        """Warm-up over 100 steps, constant, then linearly to nothing over the last half."""
        warm = min(1.0, (self.step + 1) / 100)
        return self.options.rate * warm * min(1.0, 2 * (1 - self.progress) + 0.01)

    def train(self, report: Callable[[str], None] = print) -> None:
        """Go on until the end, saving and checking now and then."""
        totals, count = torch.zeros(2), 0
        since = time.monotonic()
        self.batches.advance(self.progress)
        for batch in self.batches:
            if self.progress >= 1.0:
                break
            totals += self._learn(batch)
            count += 1
            now = time.monotonic()
            self.seconds, since = self.seconds + now - since, now
            if self.step % self.options.check_every == 0:
                self.save()
                report(self._line(totals / count))
                totals, count = torch.zeros(2), 0
                since = time.monotonic()
        if count:
            self.save()
            report(self._line(totals / count))

    def _learn(self, batch: Batch) -> Tensor:
        """One step; (2,) the losses of the answers and the segments before it."""
        self.batches.advance(self.progress)
        self.trainee.train()
        with torch.autocast("cpu", torch.bfloat16):
            losses = self.trainee(batch)
        self.batches.mixer.learned(batch.about, losses.right.tolist())
        losses.total().backward()
        torch.nn.utils.clip_grad_norm_(self.trainee.parameters(), 1.0)
        self.optimizers.step(self.rate())
        self.average.update_parameters(self.trainee)
        self.step += 1
        self.seen += batch.ids.numel()
        return torch.stack([losses.answer, losses.lines]).detach()

    def _line(self, losses: Tensor) -> str:
        started = time.monotonic()
        found = self.check()
        answer, lines = losses.tolist()
        speed = self.seen / max(self.seconds, 1e-9)
        return (
            f"step {self.step} {self.seconds / 60:.1f} min {speed:.0f} tok/s answer {answer:.4f} "
            f"lines {lines:.4f} | dev {found} "
            f"({time.monotonic() - started:.0f} s)"
        )

    def check(self) -> str:
        """Figures of the averaged weights on what development has: calls by language, real dialogues, contrasts."""
        corpus, parts, model = self.corpus, [], self.average.module.folded()
        groups = {language: [c for c in corpus.dev if c.language == language] for language in ("fa", "en")}
        groups["real"] = list(corpus.dialogues_dev)
        groups["fragments"] = list(corpus.fragments_dev)
        for name, calls in groups.items():
            if not calls:
                continue
            with torch.autocast("cpu", torch.bfloat16):
                shares = probabilities(model, self.tokenizer, self.layout, calls)
            truth = labels_of(calls)
            result = figures(truth, shares >= 0.5)
            right, every = contrasts(calls, shares >= 0.5)
            parts.append(
                f"{name} {result.macro_f1:.3f} mcc {result.mcc:.3f} ce {log_loss(truth, shares):.3f}"
                + (f" contrasts {right / every:.2f}" if every else "")
            )
        return " | ".join(parts)

    def save(self) -> None:
        """The averaged weights as a model folder, and the checkpoint beside them."""
        state = {
            "trainee": self.trainee.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": self.optimizers.state_dict(),
            "random": self.batches.mixer.rng.getstate(),
            "known": sorted(self.batches.mixer.known),
            "torch": torch.get_rng_state(),
            "clock": (self.step, self.seconds, self.seen),
        }
        export(self.average.module.folded(), self.tokenizer, self.options.out)
        (self.options.out / OPTIONS).write_text(json.dumps(self._told(), indent=1) + "\n", encoding="utf-8")
        # Last, and at once: where it is, the rest is.
        torch.save(state, self._checkpoint.with_suffix(".new"))
        self._checkpoint.with_suffix(".new").replace(self._checkpoint)

    def _told(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self.options).items()}

    def _resume(self) -> None:
        """Go on from the checkpoint; texts that waited for a full batch are drawn anew.

        A new run takes over which texts the weights that it begins with read rightly, where their checkpoint is there.
        """
        mixer = self.batches.mixer
        if not self._checkpoint.exists():
            begin = self.options.begin and self.options.begin / CHECKPOINT
            if begin and begin.exists():
                mixer.known = set(torch.load(begin, weights_only=True, mmap=True)["known"])
                print(f"{len(mixer.known)} texts are known already")
            return
        before, now = json.loads((self.options.out / OPTIONS).read_text(encoding="utf-8")), self._told()
        if other := sorted(name for name in now if before.get(name) != now[name] and name not in MAY_DIFFER):
            raise SystemExit(f"the checkpoint in {self.options.out} was made with other options: {', '.join(other)}")
        state = torch.load(self._checkpoint, weights_only=True)
        self.trainee.load_state_dict(state["trainee"])
        self.average.load_state_dict(state["average"])
        self.optimizers.load_state_dict(state["optimizers"])
        mixer.rng.setstate(state["random"])
        mixer.known = set(state["known"])
        torch.set_rng_state(state["torch"])
        self.step, self.seconds, self.seen = state["clock"]
        print(f"going on from step {self.step}")


def export(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Weights in bfloat16, configuration, tokenizer, and what the package asks of a model."""
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    card = {"prompt": PROMPT, "order": "joint", "evidence": "alone", "fields": list(FEATURES)}
    (folder / "clinextract.json").write_text(json.dumps(card) + "\n", encoding="utf-8")


def main() -> None:
    """Train, check and save until the steps or the minutes are over."""
    options = parse()
    Run(options, sources.load(options.calls, options.dialogues, options.dialogue_labels)).train()


if __name__ == "__main__":
    main()
