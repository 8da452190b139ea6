"""Where the commands of the recipe find the corpus: the options that they share, and what these load."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from corpus import CORPUS, Call, Split, load_calls, load_dialogues, split

HERE = Path(__file__).parent


def parse(parser: ArgumentParser, arguments: Sequence[str] | None = None) -> Namespace:
    """A command line with the corpus's options beside the parser's own: calls, and texts and labels of dialogues."""
    folders = [HERE / name for name in CORPUS]
    parser.add_argument("--calls", type=Path, nargs="+", default=folders, help="folders of JSON Lines")
    parser.add_argument("--dialogues", type=Path, nargs="+", default=[], help="texts of public dialogues, JSON Lines")
    parser.add_argument("--dialogue-labels", type=Path, help="labels and quotes of those dialogues")
    options = parser.parse_args(arguments)
    if bool(options.dialogues) != bool(options.dialogue_labels):
        parser.error("--dialogues and --dialogue-labels belong together")
    return options


def load(calls: Sequence[Path], dialogues: Sequence[Path], labels: Path | None) -> Split:
    """The corpus, with quotes that are not verbatim counted aloud; raises as `load_dialogues` and `split`."""
    ours, missing = load_calls(*calls)
    real: list[Call] = []
    if labels:
        real, more = load_dialogues(dialogues, labels)
        missing += more
    print(f"{len(ours)} calls, {len(real)} dialogues, {missing} quotes not verbatim")
    return split(ours, real)
