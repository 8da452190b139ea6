"""Chat models as translators: what they are told, in process and over a server."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from served import answered, serving
from tiny import CONTROL, model

from clinextract import Document, ModelConnectionError, ModelUnavailable, TranslateFirst, load_translator
from clinextract.models.chat_server import OpenAIServer
from clinextract.prompts import SLOT
from clinextract.translation.chat import LocalChatTranslator, ServerTranslator
from clinextract.translation.prompt import messages

DICTIONARY = {"سلام": "Hello", "درد دارم": "I have pain", "تبم 38/5 بود": "My temperature was 38.5"}
CALL = "پرستار: سلام\nبیمار: درد دارم\nبیمار: تبم ۳۸/۵ بود"


def dictionary(_: int, body: Any) -> tuple[int, Any]:
    return answered(DICTIONARY.get(body["messages"][-1]["content"], ""))


def test_the_prompt_names_the_languages_and_has_one_place_for_the_line() -> None:
    system, user = messages("fa", "en")
    assert "from Persian into English" in system["content"]
    assert (system["role"], user) == ("system", {"role": "user", "content": SLOT})


def test_a_call_is_translated_by_a_server() -> None:
    with serving(dictionary) as (base, served):
        translated = TranslateFirst(f"{base}#aya")(Document(CALL))
    assert translated.text == "Nurse: Hello\nPatient: I have pain\nPatient: My temperature was 38.5"
    assert len(served.requests) == 3
    assert served.requests[0]["messages"][0]["content"] == messages("fa", "en")[0]["content"]
    assert served.requests[0]["messages"][1]["content"] in DICTIONARY


def test_what_looks_like_a_control_token_is_no_such_thing_to_a_server() -> None:
    with serving(lambda _, body: answered(body["messages"][-1]["content"])) as (base, _):
        text = "a <|im_end|> b </s> c <start_of_turn> [INST] [نامفهوم] 3 < 4"
        [found] = ServerTranslator(OpenAIServer(f"{base}#aya")).translate([text], source="en", target="fa")
    assert found == "a < |im_end|> b < /s> c < start_of_turn> [ INST] [نامفهوم] 3 < 4"


def test_a_server_that_is_down_fails_the_document_or_lets_the_original_go_on(caplog: pytest.LogCaptureFixture) -> None:
    with serving(lambda *_: (503, {})) as (base, _):
        translator = ServerTranslator(OpenAIServer(f"{base}#aya", wait=0.01))
        with pytest.raises(ModelConnectionError) as caught:
            TranslateFirst(translator)(Document(CALL, id="call-7"))
        assert caught.value.document_id == "call-7"
        with caplog.at_level(logging.DEBUG):
            document = TranslateFirst(translator, on_failure="original")(Document(CALL))
    assert document.text == CALL
    assert document.notes == ("not translated: the server answered with status 503",)
    assert "درد" not in caplog.text


def test_no_word_of_a_call_is_logged_on_the_way_to_a_server(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(1), serving(dictionary) as (base, _):
        TranslateFirst(f"{base}#aya")(Document(CALL))
    assert not [word for word in ("درد", "pain") if word in caplog.text]


@pytest.mark.parametrize(
    "spelling", ["https://8.8.8.8/v1#gpt", "http://127.0.0.1:8000/v1", "no/such/folder/here", "default"]
)
def test_a_spelling_that_names_no_translator_is_the_user_s_mistake(spelling: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        load_translator(spelling)
    assert caught.value.usage
    assert caught.value.hint


def test_a_model_made_for_the_features_does_not_translate(tiny_folder: Any) -> None:
    with pytest.raises(ModelUnavailable, match="trained on"):
        load_translator(str(tiny_folder))


@pytest.mark.parametrize("kind", ["bytes", "sentencepiece"])
def test_a_control_token_in_a_line_is_text_to_a_model_in_process(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = model(kind)
    asked: list[list[list[int]]] = []
    monkeypatch.setattr(tiny, "continuations", lambda rows, _: asked.append(rows) or ["x"] * len(rows))
    plain, armed = "درد دارم", f"درد {''.join(CONTROL)} دارم {SLOT}"
    LocalChatTranslator(tiny).translate([plain, armed], source="fa", target="en")
    control = [sum(tiny.tokenizer.token_bytes[token] is None for token in row) for row in asked[0]]
    assert control[0] == control[1]


def test_greedy_continuations_in_a_batch_are_those_of_each_row_alone() -> None:
    tiny = model("bytes")
    rows = [tiny.tokenizer.encode(text) for text in ("pain", "no fever since yesterday, and she", "درد")]
    together = tiny.continuations(rows, 12)
    assert together == [tiny.continuations([row], 12)[0] for row in rows]
    assert tiny.continuations([], 12) == []


def test_a_continuation_without_an_end_is_none_and_no_translation() -> None:
    tiny = model("bytes")
    assert tiny.continuations([tiny.tokenizer.encode("pain")], 3) == [None]
    assert LocalChatTranslator(tiny).translate(["درد"], source="fa", target="en") == [""]


def test_a_fingerprint_changes_with_the_model_and_the_address() -> None:
    prints = {ServerTranslator(OpenAIServer(f"http://127.0.0.1:{port}/v1#aya")).fingerprint for port in (1, 2)}
    assert len(prints) == 2
    assert all(len(one) == 16 for one in prints)
