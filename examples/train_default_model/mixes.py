"""Training examples: a new mix of runs for every step, now and then a whole transcript.

Whole transcripts alone leave a small model at all-False for twenty epochs, and then it learns them
by heart. Runs cut from different calls by their quotes make it read.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from corpus import ENGLISH_FIRST_AUTHORS, FEATURES, FRAGMENT, REAL, Call, contrast_set, is_paired
from noise import noisy
from segments import ALL_FALSE, FALSE, TRUE, Cut, Segment, Targets, joined
from tokenizer import Layout
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedTokenizerFast

BUCKETS = (64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 1024, 1408)
"""Lengths of batches: with half as many a fifth of the tokens were padding."""
PERSIAN_SHARE = 0.42
"""Of all texts: invented English calls, which share the rest with real dialogues, were known less well at a half."""
WOVEN_SHARE = 0.3
"""Of the whole calls, those that come with a fragment among their lines, and a second time with the fragment's twin."""
WITH_TWIN_SHARE = 0.75
"""Of the others that have a twin, those that come with it."""
FRAGMENT_SHARE = 0.5
"""Of the runs of a mix, those that are a fragment."""
TWIN_SHARE = 0.6
"""Of the mixes with a fragment, those that come a second time with its twin."""
KNOWN_SHARE = 0.25
"""Of the draws that hit a call or fragment that was read rightly last time, those that take it; others draw again."""
DRAWS = 5
"""The last one is taken, whatever it hits."""
SHORT = 0.1
"""Share of a training from nothing that has short mixes almost alone."""
TURNED_WEIGHT = 3.0
"""In the answer's loss, of a feature by which an example and its twin differ: one in thirteen, and the one to learn."""
TURNED_LINE_WEIGHT = 3.0
"""In the lines' loss, of such a feature at the lines that the twin has not: they decide."""


class Run(NamedTuple):
    """Segments that follow each other, and their labels; `about` is the call or fragment that it was drawn for."""

    segments: list[Segment]
    targets: Targets
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One bucket of B examples of L tokens, padded on the right.

    ids (B, L); choices (B, 13) places whose logits decide a value; targets (B, 13) and
    line_targets (N, 13) in {0, 1, -1 unknown}; line_weights (N, 13) of these; lines (N, 2) row and place of segments'
    ends; about (B,) as in `Run`; turned (B, 13) as in `Example`.
    """

    ids: Tensor
    choices: Tensor
    targets: Tensor
    lines: Tensor
    line_targets: Tensor
    line_weights: Tensor
    about: list[str | None]
    turned: Tensor

    @property
    def weights(self) -> Tensor:
        """Of the targets (B, 13)."""
        return 1 + (TURNED_WEIGHT - 1) * self.turned


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt with its answer; `ends` are the places of the segments' ends in `ids`.

    `turned` (13,): whether a twin, drawn with it, has the other label; `own` has for every segment whether its
    words are not in the twin.
    """

    ids: list[int]
    answer_from: int
    targets: Targets
    turned: tuple[bool, ...]
    ends: list[int]
    line_targets: list[Targets]
    own: list[bool]
    about: str | None


class Mixer:
    """Draws mixes of one language each from the training calls, and more of those that are not known yet."""

    def __init__(self, calls: Sequence[Call], rng: random.Random, dialogue_share: float, paired_share: float) -> None:
        """`dialogue_share`: of the English, from real dialogues and what is written like them.

        `paired_share`: of the whole calls, drawn from calls written as pairs alone; the rest is drawn from all.
        """
        self.rng = rng
        self.dialogue_share = dialogue_share
        self.paired_share = paired_share
        self.most_runs = 5
        self.known: set[str] = set()
        self.cuts: dict[str, list[Cut]] = {}
        self.fragments: dict[str, list[Cut]] = {}
        self.sets: dict[tuple[str, str], list[Cut]] = {}
        for call in calls:
            cut = Cut(call)
            alike = call.author in ENGLISH_FIRST_AUTHORS and call.language == "en"
            source = REAL if call.form == REAL or alike else call.language
            drawn = self.fragments if call.form == FRAGMENT else self.cuts
            drawn.setdefault(source, []).append(cut)
            self.sets.setdefault((contrast_set(call), call.language), []).append(cut)
        # With real dialogues all that is invented is paired: no choice between the two.
        self.paired = {
            source: [cut for cut in cuts if is_paired(cut.call)] for source, cuts in self.cuts.items() if source != REAL
        }
        self.quoted = {source: self._by_feature(cuts) for source, cuts in self.cuts.items()}

    @staticmethod
    def _by_feature(cuts: list[Cut]) -> list[list[tuple[Cut, int, int]]]:
        places: list[list[tuple[Cut, int, int]]] = [[] for _ in FEATURES]
        for cut in cuts:
            for feature, first, last in cut.quoted:
                places[feature].append((cut, first, last))
        return places

    def _source(self) -> str:
        if self.rng.random() < PERSIAN_SHARE:
            return "fa"
        real = REAL in self.cuts and self.rng.random() < self.dialogue_share
        return REAL if real or "en" not in self.cuts else "en"

    def _drawn(self, cuts: Sequence[Cut]) -> Cut:
        """One of them, sooner one that was not read rightly last time.

        What is known teaches little (online batch selection, Loshchilov and Hutter, 2016); left out, it is forgotten.
        """
        for _ in range(DRAWS):
            cut = self.rng.choice(cuts)
            if cut.call.id not in self.known or self.rng.random() < KNOWN_SHARE:
                break
        return cut

    def learned(self, about: Sequence[str | None], right: Sequence[bool]) -> None:
        """Note of each example of a step whether what it was drawn for was read rightly."""
        for one, well in zip(about, right, strict=True):
            if one is not None:
                (self.known.add if well else self.known.discard)(one)

    def _fragments(self, source: str) -> list[Cut]:
        """Those that are drawn with a source's calls; invented English where real dialogues have none of their own."""
        return self.fragments.get(source) or (self.fragments.get("en", []) if source == REAL else [])

    def _run(self, source: str) -> Run:
        """One to five segments: around a quote of a random feature, or anywhere."""
        length = self.rng.choice((1, 1, 2, 2, 3, 3, 4, 5))
        places = self.quoted[source][self.rng.randrange(len(FEATURES))]
        if places and self.rng.random() < 0.5:
            cut, begin, end = self.rng.choice(places)
            spare = max(0, length - (end - begin + 1))
            first = max(0, begin - self.rng.randint(0, spare))
            last = min(len(cut.segments) - 1, max(end, first + length - 1))
        else:
            cut = self._drawn(self.cuts[source])
            first = self.rng.randrange(len(cut.segments))
            last = min(len(cut.segments) - 1, first + length - 1)
        return Run(list(cut.segments[first : last + 1]), cut.run_targets(first, last))

    def mixes(self) -> list[Run]:
        """Runs of different calls read as one transcript; with a fragment among them often a second time with its twin.

        A twin is another fragment of the same set, in the same place among the same runs, with the same noise: only
        what decides differs.
        """
        source = self._source()
        # Half of the English mixes with real dialogues take invented runs in too: real
        # dialogues alone hold hardly any seizure or cost.
        blend = source == REAL and "en" in self.cuts and self.rng.random() < 0.5
        runs = min(self.most_runs, self.rng.choice((1, 2, 2, 3, 3, 4, 5)))
        fragments = self._fragments(source)
        parts: list[Run | Cut] = []
        for _ in range(runs):
            if fragments and self.rng.random() < FRAGMENT_SHARE:
                parts.append(self._drawn(fragments))
            else:
                parts.append(self._run("en" if blend and self.rng.random() < 0.5 else source))
        places = [at for at, part in enumerate(parts) if isinstance(part, Cut)]
        if places and self.rng.random() < TWIN_SHARE:
            return self._twinned(parts, self.rng.choice(places))
        return [self._joined(parts, self.rng)]

    def _twinned(self, parts: Sequence[Run | Cut], at: int) -> list[Run]:
        """The parts read as one transcript, then with a twin in the place of the cut at `at`: it is about these."""
        part, noise = parts[at], self.rng.random()
        assert isinstance(part, Cut)
        return [
            self._joined([*parts[:at], one, *parts[at + 1 :]], random.Random(noise), one.call.id)
            for one in (part, self._twin(part))
        ]

    def _others(self, cut: Cut) -> list[Cut]:
        """What else is in its contrast set."""
        return [one for one in self.sets[contrast_set(cut.call), cut.call.language] if one is not cut]

    def _twin(self, cut: Cut) -> Cut:
        """Another of its set, sooner one that has other labels."""
        others = self._others(cut) or [cut]
        turned = [one for one in others if one.call.labels != cut.call.labels]
        return self.rng.choice(turned or others)

    def _joined(self, parts: Sequence[Run | Cut], rng: random.Random, about: str | None = None) -> Run:
        runs = [self._whole(part) if isinstance(part, Cut) else part for part in parts]
        segments = [segment for run in runs for segment in run.segments]
        return Run(noisy(segments, rng), joined([run.targets for run in runs]), about)

    @staticmethod
    def _whole(cut: Cut) -> Run:
        return Run(list(cut.segments), tuple(TRUE if label else FALSE for label in cut.call.labels))

    def wholes(self) -> list[Run]:
        """One transcript, all its labels known; often two that differ in a word, or by a fragment among their lines."""
        source = self._source()
        paired = self.paired.get(source) if self.rng.random() < self.paired_share else None
        cut = self._drawn(paired or self.cuts[source])
        fragments = self._fragments(source)
        if fragments and self.rng.random() < WOVEN_SHARE:
            return self._woven(cut, self._drawn(fragments))
        if self._others(cut) and self.rng.random() < WITH_TWIN_SHARE:
            return self._twinned([cut], 0)
        return [self._joined([cut], self.rng, cut.call.id)]

    def _woven(self, cut: Cut, fragment: Cut) -> list[Run]:
        """A whole call with a fragment between two of its lines, then with the fragment's twin at the same place.

        What decides has to be found among much else, as in calls. Now and then a call denies what the fragment says.
        """
        segments, targets, _ = self._whole(cut)
        places = [at for at, segment in enumerate(segments) if segment.new_line]
        at = self.rng.choice([*places, len(segments)])
        before, after = Run(segments[:at], targets), Run(segments[at:], ALL_FALSE)
        return self._twinned([before, fragment, after], 1)


class Encoder:
    """Turns runs into ids, as inference will render them, with the places of losses."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, layout: Layout, dropout: float) -> None:
        """`dropout`: share of BPE merges left out, so that rare words are seen in pieces."""
        self.layout = layout
        self.plain: Tokenizer = tokenizer.backend_tokenizer
        self.broken = Tokenizer.from_str(self.plain.to_str())
        self.broken.model.dropout = dropout

    def examples(self, runs: Sequence[Run], rng: random.Random) -> list[Example]:
        """Prompts and answers of a run, or of a run and its twin, with the places of segments' ends."""
        turned = tuple({TRUE, FALSE} <= set(labels) for labels in zip(*(run.targets for run in runs), strict=True))
        shared = set.intersection(*({segment.clean for segment in run.segments} for run in runs))
        return [self._example(run, turned, shared, rng) for run in runs]

    def _example(self, run: Run, turned: tuple[bool, ...], shared: set[str], rng: random.Random) -> Example:
        segments, targets, about = run
        parts = [
            f"{'' if at == 0 else chr(10) if segment.new_line else ' '}{segment.text}"
            for at, segment in enumerate(segments)
        ]
        text = "".join(parts)
        coder = self.broken if rng.random() < 0.5 else self.plain
        encoding = coder.encode(text, add_special_tokens=False)
        ends = []
        for end in accumulate(len(part) for part in parts):
            # The line's own end is the landmark; inside a line it is the last token.
            place = end if end < len(text) and text[end] == "\n" else end - 1
            token = encoding.char_to_token(place)
            ends.append(len(encoding.ids) if end == len(text) else token or 0)
        prompt = self.layout.prompt(encoding.ids)
        before = len(self.layout.before)
        return Example(
            ids=[*prompt, *self.layout.answered(self._draft(targets, rng))],
            answer_from=len(prompt),
            targets=targets,
            turned=turned,
            ends=[before + end for end in ends],
            line_targets=[segment.targets for segment in segments],
            own=[segment.clean not in shared for segment in segments],
            about=about,
        )

    @staticmethod
    def _draft(targets: Targets, rng: random.Random) -> list[bool]:
        """The answers that are fed back: in half of the examples some are wrong.

        The model should take each value from the text, not from the values before it.
        """
        values = [target == TRUE for target in targets]
        if rng.random() < 0.5:
            values = [value != (rng.random() < 0.2) for value in values]
        return values

    def batch(self, examples: Sequence[Example], length: int) -> Batch:
        """The examples side by side, padded on the right to `length`."""
        ids = np.full((len(examples), length), self.layout.pad, dtype=np.int64)
        for row, example in enumerate(examples):
            ids[row, : len(example.ids)] = example.ids
        start = torch.tensor([example.answer_from for example in examples])
        # The logits that decide a value stand one place before it.
        choices = torch.tensor(self.layout.choices) - 1
        lines = [(row, end) for row, example in enumerate(examples) for end in example.ends]
        decides = [[own and one for one in example.turned] for example in examples for own in example.own]
        return Batch(
            ids=torch.from_numpy(ids),
            choices=start[:, None] + choices[None, :],
            targets=torch.tensor([example.targets for example in examples]),
            lines=torch.tensor(lines),
            line_targets=torch.tensor([t for example in examples for t in example.line_targets]),
            line_weights=1 + (TURNED_LINE_WEIGHT - 1) * torch.tensor(decides),
            about=[example.about for example in examples],
            turned=torch.tensor([example.turned for example in examples]),
        )


class Batches:
    """An endless stream of batches of about `tokens` tokens, each of one bucket's length."""

    def __init__(self, mixer: Mixer, encoder: Encoder, tokens: int, short: float, whole: float) -> None:
        """`short`: share of the training that has short mixes almost alone; `whole`: of the last texts, whole calls."""
        self.mixer, self.encoder, self.tokens, self.short, self.whole = mixer, encoder, tokens, short, whole
        self.waiting: dict[int, list[Example]] = {length: [] for length in BUCKETS}
        self.whole_share = 0.0

    def advance(self, progress: float) -> None:
        """Short mixes first, long texts later: what these need is learned on the short ones."""
        short = progress < self.short
        self.mixer.most_runs = 2 if short else 5
        self.whole_share = 0.05 if short else max(0.0, self.whole - 0.2 * (1 - progress))

    def __iter__(self) -> Iterator[Batch]:
        rng = self.mixer.rng
        while True:
            runs = self.mixer.wholes() if rng.random() < self.whole_share else self.mixer.mixes()
            for example in self.encoder.examples(runs, rng):
                length = next((b for b in BUCKETS if b >= len(example.ids)), None)
                if length is None:
                    continue
                queue = self.waiting[length]
                queue.append(example)
                if len(queue) == max(1, self.tokens // length):
                    yield self.encoder.batch(queue, length)
                    self.waiting[length] = []
