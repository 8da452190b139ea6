"""What is in the corpus: `python describe.py` prints the tables of `calls/README.md`."""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from corpus import FEATURES, TEST_AUTHORS, TEST_FRAGMENTS, Call, load_calls

HERE = Path(__file__).parent


def by_author(calls: Sequence[Call]) -> str:
    """Pairs, forms, length and features of each author, as a Markdown table."""
    rows = ["| author | pairs | forms | words (en) | lines | true a call |", "|---|---|---|---|---|---|"]
    for author in sorted({call.author for call in calls}):
        own = [call for call in calls if call.author == author and call.language == "en"]
        forms = ", ".join(f"{form} {count}" for form, count in Counter(call.form for call in own).most_common())
        words = sum(len(call.text.split()) for call in own) / len(own)
        lines = sum(call.text.count("\n") + 1 for call in own) / len(own)
        true = sum(sum(call.labels) for call in own) / len(own)
        kept = " (test)" if author in TEST_AUTHORS + TEST_FRAGMENTS else ""
        rows.append(f"| {author}{kept} | {len(own)} | {forms} | {words:.0f} | {lines:.1f} | {true:.1f} |")
    return "\n".join(rows)


def by_feature(calls: Sequence[Call]) -> str:
    """How often each feature is true, as a Markdown table."""
    own = [call for call in calls if call.language == "en"]
    rows = ["| feature | true | share |", "|---|---|---|"]
    for number, name in enumerate(FEATURES):
        count = sum(call.labels[number] for call in own)
        rows.append(f"| `{name}` | {count} | {count / len(own):.0%} |")
    return "\n".join(rows)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=Path, default=HERE / "calls")
    calls, missing = load_calls(parser.parse_args().calls)
    print(f"{len(calls) // 2} pairs, {missing} quotes not verbatim\n")
    print(by_author(calls) + "\n\n" + by_feature(calls))


if __name__ == "__main__":
    main()
