"""How often the lines that a model shows are right: `python shown.py --model model`.

Of every feature that is rightly found in a call of several lines, whether its first line of evidence is one where the
writer's quote stands, whether any of them is, and how often there is none. Beside it what the longest line would give.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from corpus import FEATURES, Call, load_calls, split

from clinextract import Document, Extraction, Extractor, PalliativeCall

HERE = Path(__file__).parent


def quoted_lines(call: Call) -> dict[str, set[int]]:
    """By feature, the numbers of the lines that its quotes touch, from 1."""
    found: dict[str, set[int]] = {}
    for quote in call.quotes:
        first = call.text.count("\n", 0, quote.start) + 1
        last = call.text.count("\n", 0, quote.end) + 1
        found.setdefault(FEATURES[quote.feature], set()).update(range(first, last + 1))
    return found


def counted(calls: Sequence[Call], extractor: Extractor[PalliativeCall]) -> Counter[str]:
    """Features rightly found, and how their evidence is."""
    counts: Counter[str] = Counter()
    results = extractor.batch([Document(call.text, call.id, call.language) for call in calls])
    for call, result in zip(calls, results, strict=True):
        assert isinstance(result, Extraction)
        lines = call.text.split("\n")
        longest = max(range(len(lines)), key=lambda number: len(lines[number])) + 1
        for name, right in quoted_lines(call).items():
            if getattr(result.features, name):
                shown = [one.line for one in result.answers[name].evidence]
                counts["found"] += 1
                counts["none shown"] += not shown
                counts["first line right"] += shown[:1] != [] and shown[0] in right
                counts["any line right"] += bool(right & set(shown))
                counts["longest line right"] += longest in right
                counts["lines shown"] += len(shown)
    return counts


def main() -> None:
    """Print the shares by language."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--on", choices=("test", "dev"), default="test")
    options = parser.parse_args()
    corpus = split(load_calls(HERE / "calls")[0])
    extractor = Extractor(model=str(options.model), evidence=True)
    for language in ("fa", "en"):
        calls = [c for c in getattr(corpus, options.on) if c.language == language and c.text.count("\n") > 0]
        counts = counted(calls, extractor)
        found = max(counts.pop("found"), 1)
        shares = ", ".join(f"{name} {count / found:.2f}" for name, count in counts.items())
        print(f"{language}: {len(calls)} calls of several lines, {found} features rightly found: {shares}")


if __name__ == "__main__":
    main()
