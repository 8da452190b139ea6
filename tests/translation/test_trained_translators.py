"""Translation for real: models trained here on the shipped calls give their writers' English, on the whole path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trained

from clinextract import (
    Document,
    Extraction,
    Extractor,
    FakeModel,
    TranslateFirst,
    TranslationError,
    Translator,
    cli,
    load_translator,
)
from clinextract.models.seq2seq import Seq2SeqTranslator
from clinextract.text import lines, normalise
from clinextract.translation.chat import LocalChatTranslator

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Recommended")]


@pytest.fixture(scope="module", params=["marian", "chat"])
def folder(request: pytest.FixtureRequest) -> Path:
    """A model that knows some calls by heart: Marian's architecture and tokenizer, or a Llama with a chat template."""
    made: Path = getattr(trained, request.param)()
    return made


def test_the_kind_of_model_shows_in_its_configuration(folder: Path) -> None:
    translator = load_translator(str(folder))
    assert isinstance(translator, Translator)
    assert isinstance(translator, Seq2SeqTranslator if "marian" in folder.name else LocalChatTranslator)
    assert translator.name == str(folder)
    assert load_translator(translator) is translator


def test_calls_come_out_as_their_writers_translated_them(folder: Path) -> None:
    first = TranslateFirst(str(folder), checks=("empty", "lines", "length", "repetition", "copied", "prompt"))
    exact = [
        first(Document(persian)).text == trained.expected(persian, english) for persian, english in trained.by_heart()
    ]
    assert sum(exact) >= len(exact) - 1


def test_a_span_of_the_translation_is_the_line_that_says_it(folder: Path) -> None:
    persian, english = trained.by_heart()[-1]
    translated = TranslateFirst(str(folder))(Document(persian, id="call-7"))
    assert translated.origin is not None
    last = lines(english)[-1]
    words = english[last.start : last.end]
    start = translated.text.index(words)
    first, end = translated.origin.back(start, start + len(words))
    line = lines(persian)[-1]
    assert (first, end) == (line.start, line.end)


def test_batches_change_nothing(folder: Path) -> None:
    some = list(trained.sentences(0))[:12]
    translator = load_translator(str(folder), device="cpu", dtype="float32")
    together = translator.translate(some, source="fa", target="en")
    alone = [translator.translate([line], source="fa", target="en")[0] for line in some]
    assert together == alone


def test_what_a_model_makes_of_a_line_that_it_never_saw_is_held_to_the_checks(folder: Path) -> None:
    unseen = "بیمار: دیروز ۷۳۵ میلی‌گرم از ۴۶۸ داروی ۹۱۲ مصرف کرد"
    with pytest.raises(TranslationError, match=r"1 of 1 lines could not be translated: line 1 \(.*numbers"):
        TranslateFirst(str(folder))(Document(unseen, id="call-8"))


def test_an_extractor_reads_the_translation_and_answers_for_the_original(folder: Path) -> None:
    persian, _ = trained.by_heart()[1]
    extractor = Extractor(
        model=FakeModel({"pain": 0.9}), middleware=[TranslateFirst(str(folder), checks=())], keep_translation=True
    )
    result = extractor(Document(persian, id="call-7"))
    assert isinstance(result, Extraction)
    assert (result.id, result.provenance.language) == ("call-7", "en")
    assert result.translation == TranslateFirst(str(folder), checks=())(Document(persian)).text


def test_a_second_run_is_answered_from_the_cache(folder: Path, tmp_path: Path) -> None:
    document = Document(trained.by_heart()[1][0])
    first = TranslateFirst(str(folder), cache=tmp_path, checks=())
    translated = first(document)

    class Silent:
        name = "the same model, which is not asked"
        fingerprint = first.translator.fingerprint

        def translate(self, *_: object, **__: object) -> list[str]:
            raise AssertionError("asked")

    again = TranslateFirst(Silent(), cache=tmp_path, checks=())(document)
    assert (again.text, again.origin) == (translated.text, translated.origin)


def test_the_command_line_translates(
    folder: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {line: english for line, english in trained.sentences(0).items() if not any(map(str.isdigit, line))}
    call = tmp_path / "call.txt"
    call.write_text("\n".join(list(known)[:3]), encoding="utf-8")
    arguments = ["extract", str(call), "--json", "--model", str(tiny_folder)]

    assert cli.main([*arguments, "--translate", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out)["provenance"]["language"] == "en"

    call.write_text(f"{normalise(call.read_text()).text}\n۷۳۵ میلی‌گرم از ۴۶۸", encoding="utf-8")
    assert cli.main([*arguments, "--translate", str(folder)]) == 1
    shown = capsys.readouterr()
    assert "1 of 4 lines could not be translated: line 4" in shown.err
    assert "on_failure" in shown.err
    assert cli.main([*arguments, "--translate", str(folder), "--translate-failures", "original"]) == 0
    assert json.loads(capsys.readouterr().out)["provenance"]["language"] == "fa"
