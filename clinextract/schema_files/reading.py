"""From a file to features, with every mistake on the way; files that it extends are read with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clinextract.errors import Mistake
from clinextract.schema_files.form import KINDS, REMEDIES, SYNONYMS, FeatureForm, Form, GroupForm, GroupsForm, Head
from clinextract.schema_files.source import Place, Source, read
from clinextract.schema_files.values import FAULT, meant

SUFFIX = ".yaml"
_OWN = ("features", "examples")
"""Entries of a file that are read one by one, and not with its head."""
_SAID = {
    "dict_type": ("entries with a colon behind each belong here", "Write them in lines of their own, indented."),
    "list_type": ("a list belongs here", "Write it in square brackets, or a line with a dash in front for each."),
    "literal_error": ("this word is not known here", "Write any, first or last."),
    "string_type": ("a text belongs here", "Write it behind the colon."),
}
"""By Pydantic's type of an error, what is wrong and the remedy."""


@dataclass(frozen=True)
class Written:
    """A feature, and where it is written: in a file, or in one that the file extends."""

    form: FeatureForm
    source: Source
    place: Place

    def mistake(self, message: str, remedy: str = "", *inner: str | int) -> Mistake:
        """A mistake of this feature."""
        return self.source.mistake((*self.place, *inner), message, remedy)


@dataclass
class Draft:
    """A file, as far as it could be read.

    Attributes:
        source: The file.
        head: None where it has mistakes.
        features: Those without mistakes, in their order, with those of the files that are extended first.
        mistakes: Of this file and of those that it extends.
    """

    source: Source
    head: Head | None = None
    features: list[Written] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def shipped() -> Mapping[str, Path]:
    """The schema files that come with the package, by name."""
    here = Path(__file__).parents[1] / "schemas"  # in a wheel
    folder = here if here.is_dir() else Path(__file__).parents[2] / "schemas"  # in a checkout
    return {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}


def draft(path: Path, name: str = "", opened: Sequence[Path] = ()) -> Draft:
    """Read a file and those that it extends.

    Args:
        path: The file.
        name: As messages are to name it.
        opened: The files that led here, from the first.
    """
    source = read(path, name)
    found = Draft(source, mistakes=list(source.mistakes))
    if source.root is None:
        return found
    raw = source.raw()
    found.head, mistakes = _head(raw, source)
    found.mistakes += mistakes
    if found.head is None:
        return found
    base = _base(found, path, opened) if found.head.extends else []
    own = list(_features(raw.get("features"), ("features",), found))
    found.features = _together(base, own, found)
    if not found.features and not found.mistakes:
        found.mistakes.append(
            source.mistake(
                ("features",), "there are no features", "Write at least one; see: clinextract schema new FILE"
            )
        )
    return found


def _head(raw: Mapping[str, Any], source: Source) -> tuple[Head | None, list[Mistake]]:
    languages = raw.get("languages")
    context = {"languages": languages if isinstance(languages, list) else None}
    own = {key: value for key, value in raw.items() if key not in _OWN}
    if isinstance(languages, str):
        own["languages"] = [part.strip() for part in languages.split(",")]
    return validated(Head, own, (), source, context | {"also": _OWN})


def _base(found: Draft, path: Path, opened: Sequence[Path]) -> list[Written]:
    """The features of the file that this one extends."""
    head, source = found.head, found.source
    assert head is not None
    assert head.extends is not None
    known = shipped()
    other = known.get(head.extends) or path.parent / head.extends
    if head.extends not in known and not other.is_file():
        remedy = meant(head.extends, known) or f"Write a file's name, or one of: {', '.join(known)}"
        found.mistakes.append(source.mistake(("extends",), "there is no such file or shipped schema", remedy))
        return []
    chain = [*opened, path.resolve()]
    if other.resolve() in chain:
        circle = " extends ".join(one.name for one in [*chain[chain.index(other.resolve()) :], other])
        found.mistakes.append(
            source.mistake(("extends",), f"the files go round in a circle: {circle}", "Take one out.")
        )
        return []
    base = draft(other, other.name if head.extends in known else str(other), chain)
    found.mistakes += base.mistakes
    left = [one for one in base.features if one.form.id not in head.without]
    for number, unwanted in enumerate(head.without):
        ids = [one.form.id for one in base.features]
        if unwanted not in ids:
            message = f'{other.name} has no feature "{unwanted}" that could be left out'
            found.mistakes.append(source.mistake(("without", number), message, meant(unwanted, ids)))
    return [Written(_spoken(one.form, head.languages), one.source, one.place) for one in left]


def _spoken(form: FeatureForm, languages: Sequence[str]) -> FeatureForm:
    """A feature of an extended file without the languages that this one does not have."""
    kept: dict[str, Any] = {
        key: {code: text for code, text in getattr(form, key).items() if code in languages}
        for key in ("label", "definition", "counts", "does_not_count", "examples")
    }
    kept["definition"] = kept["definition"] or form.definition
    if isinstance(form, GroupForm | GroupsForm):
        kept["fields"] = tuple(_spoken(inner, languages) for inner in form.fields)
    return form.model_copy(update=kept)


def _together(base: Sequence[Written], own: Sequence[Written], found: Draft) -> list[Written]:
    """The features of both files; one that replaces another takes its place."""
    features = {one.form.id: one for one in base}
    mine: dict[str, Written] = {}
    for one in own:
        name = one.form.id
        if name in mine:
            line, _ = mine[name].source.position((*mine[name].place, "id"))
            found.mistakes.append(one.mistake(f'"{name}" is there already, in line {line}', "Call it otherwise.", "id"))
            continue
        mine[name] = one
        if name in features and not one.form.replace:
            remedy = "Call it otherwise, or write replace: yes below it, and it takes that one's place."
            found.mistakes.append(one.mistake(f'{features[name].source.name} has "{name}" already', remedy, "id"))
        elif one.form.replace and name not in features:
            remedy = meant(name, features) or "Take this line out."
            found.mistakes.append(one.mistake(f'there is no "{name}" that it could replace', remedy, "replace"))
        features[name] = one
    return list(features.values())


def _features(raw: Any, place: Place, found: Draft) -> Iterator[Written]:
    """The features of a list, or of a group's fields, that have no mistakes."""
    if raw is None and place == ("features",) and found.head and found.head.extends:
        return
    if not isinstance(raw, list) or not raw:
        remedy = "Begin each with a dash: `- id: swollen_leg`, and its other lines below, indented."
        message = "a list of features belongs here" if raw else "there are no features"
        found.mistakes.append(found.source.mistake(place, message, remedy))
        return
    for number, entry in enumerate(raw):
        form = _feature(entry, (*place, number), found)
        if form is not None:
            yield Written(form, found.source, (*place, number))


def _feature(raw: Any, place: Place, found: Draft) -> FeatureForm | None:
    source, head = found.source, found.head
    assert head is not None
    if not isinstance(raw, dict):
        remedy = "Write `- id: swollen_leg`, and its other lines below, indented."
        found.mistakes.append(source.mistake(place, "this is no feature", remedy))
        return None
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        message = f'there is no kind "{kind[:30]}"' if isinstance(kind, str) else "the kind is missing"
        remedy = _kind_meant(kind) if isinstance(kind, str) else REMEDIES["kind"]
        found.mistakes.append(source.mistake((*place, "kind"), message, remedy))
        return None
    context: dict[str, Any] = {"languages": head.languages}
    grouped = issubclass(KINDS[kind], GroupForm | GroupsForm)
    inside = {key: value for key, value in raw.items() if not (grouped and key == "fields")}
    form: FeatureForm | None
    form, mistakes = validated(KINDS[kind], inside, place, source, context | {"also": ()})
    found.mistakes += mistakes
    if not grouped:
        return form
    before = len(found.mistakes)
    fields = [one.form for one in _features(raw.get("fields"), (*place, "fields"), found)]
    found.mistakes += _within_group(fields, (*place, "fields"), source)
    return form.model_copy(update={"fields": tuple(fields)}) if form and len(found.mistakes) == before else None


def _within_group(fields: Sequence[FeatureForm], place: Place, source: Source) -> Iterator[Mistake]:
    """What a field of a group cannot say, and names that are there twice."""
    names = [form.id for form in fields]
    for number, form in enumerate(fields):
        if form.id in names[:number]:
            yield source.mistake((*place, number, "id"), f'"{form.id}" is there already', "Call it otherwise.")
        for key in ("implies", "excludes", "merge", "replace"):
            if source.has((*place, number, key)):
                told = "this stands with whole features only, not with fields of a group"
                yield source.mistake((*place, number, key), told, "Take this line out.", key=True)


def _kind_meant(kind: str) -> str:
    word = " ".join(kind.lower().replace("_", " ").split())
    known = {**{one: one for one in KINDS}, **SYNONYMS}
    near = word if word in known else next(iter(get_close_matches(word, known, n=1, cutoff=0.6)), "")
    return (f'Did you mean "{known[near]}"? ' if near else "") + f"Kinds are: {', '.join(KINDS)}"


def validated(
    model: type[Form], raw: Mapping[str, Any], place: Place, source: Source, context: Mapping[str, Any]
) -> tuple[Any, list[Mistake]]:
    """Entries as a form, or its mistakes.

    Args:
        model: The form.
        raw: Its entries.
        place: Where they stand.
        source: The file.
        context: The `languages` of the file, and what else is known here (`also`).
    """
    known = [*model.model_fields, *context["also"]]
    # Entries that are not known are told of here: they would keep Pydantic from comparing the others.
    unknown = [_unknown(key, place, source, known) for key in raw if key not in model.model_fields]
    own = {key: value for key, value in raw.items() if key in model.model_fields}
    try:
        form = model.model_validate(own, context=dict(context))
    except ValidationError as error:
        return None, unknown + [_mistake(item, place, source) for item in error.errors(include_url=False)]
    return (None if unknown else form), unknown


def _unknown(key: str, place: Place, source: Source, known: Sequence[str]) -> Mistake:
    remedy = meant(key, known) or f"Known are: {', '.join(one for one in known if one != 'replace')}"
    return source.mistake((*place, key), f'there is no entry "{key[:40]}" here', remedy, key=True)


def _mistake(error: Any, place: Place, source: Source) -> Mistake:
    """Pydantic's error as one that a person can act on."""
    steps = [step for step in error["loc"] if step != "[key]"]
    inner, kind = (*place, *steps), error["type"]
    if kind == FAULT:
        told = error["ctx"]
        on_key = "[key]" in error["loc"]
        return source.mistake((*inner, *told["at"]), told["message"], told["remedy"], key=on_key)
    last = str(steps[-1]) if steps else ""
    if kind == "missing":
        return source.mistake(inner[:-1], f"{last} is missing", REMEDIES.get(last, f"Write {last}: and what it is."))
    message, remedy = _SAID.get(kind, (error["msg"], ""))
    return source.mistake(inner, message, remedy)
