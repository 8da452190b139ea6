"""A YAML file as it was written: every value as text, with the line and column where it stands.

YAML guesses what a word is: `no` is false, `0123` is 83, `2024-01-01` is a date, and `no` as a language is not
Norwegian. Here nothing is guessed. A value is the text that was written, and what it means is decided by where it
stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from clinextract.errors import Mistake

Place = tuple[str | int, ...]
"""From the top of a file to an entry: keys of mappings, and numbers of list items from 0."""

MOST_BYTES = 2_000_000
"""Of a file: a schema of 200 features in two languages takes a tenth of it."""
DEEPEST = 20
"""Levels of entries within entries."""

_TAB = "Use spaces: two for each level. Many editors can turn tabs into spaces by themselves."
_PLAIN_SENTENCES = (
    (
        "mapping values are not allowed",
        "a colon with a space behind it, in a text without quotation marks",
        "Put the text in quotation marks, or write >- behind the key and the text in the lines below, indented.",
    ),
    (
        "cannot start any token",
        "a sign that no text without quotation marks may begin with",
        "Put the text in quotation marks.",
    ),
    (
        "scanning a quoted scalar",
        "a quotation mark that is opened and never closed",
        "Close it, or write >- behind the key and the text in the lines below, indented.",
    ),
    (
        "could not find expected ':'",
        "a line that is neither a key with a colon nor a part of the text above",
        "Write `key: text`, or indent the line more than its key.",
    ),
    (
        "expected a single document",
        "a second document: there is another line of three dashes",
        "Take the line of three dashes out; a file holds one schema.",
    ),
    (
        "expected <block end>",
        "a line that is indented unlike those that it belongs to",
        "Give entries of one list or one feature the same number of spaces in front.",
    ),
    (
        "did not find expected",
        "a bracket, brace or comma that is missing",
        "Close every [ with ] and every { with }, and put commas between.",
    ),
    (
        "expected ',' or",
        "a bracket, brace or comma that is missing",
        "Close every [ with ] and every { with }, and put commas between.",
    ),
)


@dataclass
class Source:
    """A file, read.

    Attributes:
        name: The file, as messages name it.
        root: Its top entry; None where it cannot be read.
        mistakes: What keeps it from being read, and what YAML would pass over in silence.
    """

    name: str
    root: yaml.MappingNode | None = None
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, place: Sequence[str | int], message: str, remedy: str = "", *, key: bool = False) -> Mistake:
        """A mistake at an entry, or at the nearest entry around it that is there.

        Args:
            place: Of the entry.
            message: What is wrong.
            remedy: What to write instead.
            key: Whether the key is meant, and not what stands behind it.
        """
        line, column = self.position(place, key=key)
        return Mistake(self.name, line, column, self.spelled(place), message, remedy)

    def position(self, place: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Line and column of an entry, from 1."""
        node: yaml.Node | None = self.root
        mark: Any = node.start_mark if node is not None else None
        for number, step in enumerate(place):
            found = _inner(node, step)
            if found is None:
                break
            inside, node = found
            mark = inside.start_mark if key and number == len(place) - 1 else node.start_mark
        return (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)

    def spelled(self, place: Sequence[str | int]) -> str:
        """The place in words: "features.pain.label.fa", a list's items by their ids or else by number from 1."""
        node: yaml.Node | None = self.root
        words = []
        for step in place:
            found = _inner(node, step)
            node = found[1] if found else None
            named = _inner(node, "id") if isinstance(step, int) else None
            known = isinstance(named and named[1], yaml.ScalarNode)
            words.append(named[1].value if named and known else str(step + 1) if isinstance(step, int) else step)
        return ".".join(word[:40] for word in words)

    def raw(self, place: Sequence[str | int] = ()) -> Any:
        """An entry as dictionaries, lists and texts; None where nothing stands behind a key, or where there is none."""
        node: yaml.Node | None = self.root
        for step in place:
            found = _inner(node, step)
            node = found[1] if found else None
        return _raw(node)

    def has(self, place: Sequence[str | int]) -> bool:
        """Whether an entry is there."""
        node: yaml.Node | None = self.root
        for step in place:
            found = _inner(node, step)
            if found is None:
                return False
            node = found[1]
        return True


def read(path: Path, name: str = "") -> Source:
    """Read a file.

    Args:
        path: The file.
        name: As messages are to name it; by default as the path is spelled.

    Returns:
        The file; without a root where it cannot be read, and then with at least one mistake.
    """
    source = Source(name or str(path))
    try:
        content = path.read_bytes()
    except OSError as error:
        fault = {FileNotFoundError: "is not there", IsADirectoryError: "is a folder"}.get(type(error), "cannot be read")
        source.mistakes.append(
            Mistake(source.name, 0, 0, "", f"the file {fault}", "A new one is written by: clinextract schema new FILE")
        )
        return source
    return parse(content, source.name)


def parse(content: bytes, name: str) -> Source:
    """Read the bytes of a file; see `read`."""
    source = Source(name)
    text = _decoded(content, source)
    if text is None:
        return source
    source.mistakes += _tabs(text, name)
    if source.mistakes:
        return source
    try:
        node = _Loader(text, source).get_single_node()
    except yaml.MarkedYAMLError as error:
        source.mistakes.append(_syntax(error, name))
        return source
    except yaml.reader.ReaderError as error:
        line, column = _line(text, int(error.position))
        source.mistakes.append(
            Mistake(name, line, column, "", "a character that no text has (a control character)", "Take it out.")
        )
        return source
    _take(node, source)
    return source


def _take(node: yaml.Node | None, source: Source) -> None:
    """Make a node the file's top entry, if it can be one."""
    empty = node is None or (isinstance(node, yaml.ScalarNode) and not node.value and node.style is None)
    if isinstance(node, yaml.MappingNode):
        source.root = node
        source.mistakes += _repeated(node, (), source)
    elif not source.mistakes:
        what = "the file is empty" if empty else "the file is no list of keys with a colon behind each"
        remedy = "Begin with `name: my_ward`; a whole example is written by: clinextract schema new FILE"
        line, column = (1, 1) if node is None else (node.start_mark.line + 1, node.start_mark.column + 1)
        source.mistakes.append(Mistake(source.name, line, column, "", what, remedy))


class _Loader(yaml.SafeLoader):
    """Composes nodes, and notes what a file for people should not have: anchors, aliases and tags."""

    def __init__(self, text: str, source: Source) -> None:
        super().__init__(text)
        self._noted, self._depth = source, 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._note(event, "an anchor or a reference (& or *)", "Write the text out, or put it in quotation marks.")
            event.anchor = None if not isinstance(event, yaml.AliasEvent) else event.anchor
        if isinstance(event, yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            start, end = event.start_mark, event.end_mark
            return yaml.ScalarNode("tag:yaml.org,2002:str", "?", start, end, style="'")  # type: ignore[arg-type]
        if (getattr(event, "tag", None) or "!") != "!":
            self._note(event, "a tag (!)", "Take it out, or put the text in quotation marks.")
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.composer.ComposerError(None, None, "nested too deeply", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def _note(self, event: yaml.Event, what: str, remedy: str) -> None:
        mark: Any = event.start_mark
        self._noted.mistakes.append(
            Mistake(self._noted.name, mark.line + 1, mark.column + 1, "", f"{what} is not known here", remedy)
        )


def _decoded(content: bytes, source: Source) -> str | None:
    if len(content) > MOST_BYTES:
        size = f"the file has {len(content)} bytes, and no schema is longer than {MOST_BYTES}"
        source.mistakes.append(Mistake(source.name, 0, 0, "", size, "Put few-shot examples into a jsonl file."))
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        line, column = _line(before, len(before))
        remedy = "In your editor choose `Save as`, and UTF-8 as the encoding; not UTF-16, and no Word document."
        source.mistakes.append(Mistake(source.name, line, column, "", "the file is not text in UTF-8", remedy))
        return None


def _tabs(text: str, name: str) -> Iterator[Mistake]:
    """Tabs in front of lines, all of them; YAML would tell of the first one, and not well."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        front = line[: len(line) - len(line.lstrip(" \t"))]
        if "\t" in front and line.strip() and not line.lstrip().startswith("#"):
            yield Mistake(name, number, front.index("\t") + 1, "", "a tab in front of the line", _TAB)


def _syntax(error: yaml.MarkedYAMLError, name: str) -> Mistake:
    said = f"{error.context or ''} {error.problem or ''}"
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    if "'\\t'" in said:
        return Mistake(name, line, column, "", "a tab", _TAB)
    if "quoted scalar" in said and error.context_mark:  # where it was opened, and not where the file ends
        line, column = error.context_mark.line + 1, error.context_mark.column + 1
    for sign, sentence, remedy in _PLAIN_SENTENCES:
        if sign in said:
            return Mistake(name, line, column, "", sentence, remedy)
    return Mistake(name, line, column, "", f"this is no YAML: {error.problem}", "Compare the line with those above it.")


def _repeated(node: yaml.Node, place: Place, source: Source) -> Iterator[Mistake]:
    """Keys that are there twice, of which YAML keeps the last; and keys that are no texts."""
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _repeated(item, (*place, number), source)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        line, column = key.start_mark.line + 1, key.start_mark.column + 1
        if not isinstance(key, yaml.ScalarNode):
            yield Mistake(
                source.name, line, column, source.spelled(place), "a key that is no word", "Write `key: value`."
            )
            continue
        inner = (*place, key.value)
        if key.value in seen:
            told = f"this key is there already, in line {seen[key.value]}"
            yield Mistake(source.name, line, column, source.spelled(inner), told, "Keep one of the two.")
        seen.setdefault(key.value, line)
        yield from _repeated(value, inner, source)


def _inner(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The key and the value of an entry; of a list's item the item twice."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == step:
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _raw(node: yaml.Node | None) -> Any:
    if isinstance(node, yaml.MappingNode):
        raw: dict[str, Any] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value not in raw:  # others of the same name are told of
                raw[key.value] = _raw(value)
        return raw
    if isinstance(node, yaml.SequenceNode):
        return [_raw(item) for item in node.value]
    if not isinstance(node, yaml.ScalarNode) or (not node.value and node.style is None):
        return None
    return str(node.value)


def _line(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    start = max(before.rfind("\n"), before.rfind("\r")) + 1
    return len(re.findall(r"\r\n|\r|\n", before)) + 1, position - start + 1
