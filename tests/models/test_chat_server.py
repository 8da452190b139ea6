"""A real server on this machine, and what is said of one that fails, hangs, or is elsewhere."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from served import answered, serving

from clinextract import ModelConnectionError, ModelError, ModelTimeout, ModelUnavailable
from clinextract.models.chat_server import OpenAIServer

SECRET = "زرتشتک تب دارد"
CHAT = [{"role": "user", "content": SECRET}]


def client(base: str, **options: Any) -> OpenAIServer:
    return OpenAIServer(f"{base}#aya", **{"wait": 0.01, **options})


def assert_silent(error: BaseException) -> None:
    shown = f"{error!r} {error} {getattr(error, 'hint', '')} {error.__cause__!r}"
    assert error.__suppress_context__ or error.__context__ is None
    assert not [word for word in SECRET.split() if word in shown]


def test_chats_are_answered_in_their_order() -> None:
    def upper(_: int, body: Any) -> tuple[int, Any]:
        return answered(body["messages"][-1]["content"].upper())

    with serving(upper) as (base, served):
        chats = [[{"role": "user", "content": f"line {n}"}] for n in range(20)]
        assert client(base, api_key="key").complete(chats, [50] * 20) == [f"LINE {n}" for n in range(20)]
    assert {request["model"] for request in served.requests} == {"aya"}
    assert {(request["temperature"], request["max_tokens"]) for request in served.requests} == {(0, 50)}
    assert served.paths[0] == "/v1/chat/completions"
    assert served.headers[0]["Authorization"] == "Bearer key"


def test_the_host_s_name_reaches_the_server() -> None:
    with serving(lambda *_: answered("Hello")) as (base, served):
        assert client(base.replace("127.0.0.1", "localhost")).complete([CHAT], [9]) == ["Hello"]
    assert served.headers[0]["Host"].startswith("localhost:")


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_that_fails_twice_is_asked_a_third_time(status: int) -> None:
    with serving(lambda number, _: (status, {}) if number < 2 else answered("Hello")) as (base, served):
        assert client(base).complete([CHAT], [9]) == ["Hello"]
    assert len(served.requests) == 3


def test_a_server_that_goes_on_failing_is_an_error() -> None:
    with (
        serving(lambda *_: (503, {"error": SECRET})) as (base, served),
        pytest.raises(ModelConnectionError, match="status 503") as caught,
    ):
        client(base).complete([CHAT], [9])
    assert len(served.requests) == 3
    assert_silent(caught.value)


def test_a_server_that_never_answers_is_given_up() -> None:
    until = threading.Event()

    def never(*_: Any) -> tuple[int, Any]:
        until.wait(20)
        return answered("too late")

    with serving(never) as (base, served):
        one = client(base, timeout=0.1)
        with pytest.raises(ModelTimeout) as caught:
            one.complete([CHAT], [9])
        until.set()
    assert len(served.requests) == 3
    assert_silent(caught.value)


def test_no_server_is_an_error() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        with pytest.raises(ModelConnectionError, match="cannot be reached") as caught:
            client(base).complete([CHAT], [9])
    assert_silent(caught.value)


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_is_final(status: int) -> None:
    with (
        serving(lambda *_: (status, {"error": {"message": SECRET}})) as (base, served),
        pytest.raises(ModelError, match=f"status {status}") as caught,
    ):
        client(base).complete([CHAT], [9])
    assert len(served.requests) == 1
    assert_silent(caught.value)


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", {"choices": []}, {"choices": [{"text": SECRET}]}, {}, answered(7)[1]]
)
def test_what_is_no_chat_completion_is_an_error(body: Any) -> None:
    with serving(lambda *_: (200, body)) as (base, _), pytest.raises(ModelError, match="no chat completion") as caught:
        client(base).complete([CHAT], [9])
    assert_silent(caught.value)


def test_an_answer_that_was_cut_is_none() -> None:
    with serving(lambda *_: answered("and so on", "length")) as (base, _):
        assert client(base).complete([CHAT], [2]) == [None]


def test_a_redirection_is_not_followed() -> None:
    with serving(lambda *_: (307, {})) as (base, served), pytest.raises(ModelError, match="status 307"):
        client(base).complete([CHAT], [9])
    assert len(served.requests) == 1


def test_a_proxy_of_the_environment_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        serving(lambda *_: answered("proxied")) as (proxy, proxied),
        serving(lambda *_: answered("direct")) as (base, _),
    ):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        assert client(base).complete([CHAT], [9]) == ["direct"]
    assert proxied.requests == []


@pytest.mark.parametrize("host", ["8.8.8.8", "[2001:4860:4860::8888]", "[::ffff:8.8.8.8]"])
def test_a_public_address_is_refused_unless_it_was_allowed(host: str) -> None:
    with pytest.raises(ModelUnavailable, match="would leave") as caught:
        OpenAIServer(f"https://{host}/v1#gpt")
    assert "allow_remote" in caught.value.hint
    OpenAIServer(f"https://{host}/v1#gpt", allow_remote=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.1.2.3", "192.168.0.7", "localhost"])
def test_this_machine_and_private_networks_are_near(host: str) -> None:
    OpenAIServer(f"http://{host}:8000/v1#aya")


def test_a_name_counts_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(addresses: list[str]) -> Any:
        return lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 80)) for one in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolved(["192.168.0.7", "8.8.8.8"]))
    with pytest.raises(ModelUnavailable, match="clinic"):
        OpenAIServer("http://clinic.example/v1#aya")
    monkeypatch.setattr(socket, "getaddrinfo", resolved(["192.168.0.7"]))
    OpenAIServer("http://clinic.example/v1#aya")


def test_a_name_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ModelConnectionError, match="resolved"):
        OpenAIServer("http://no-such-host.invalid/v1#aya")


@pytest.mark.parametrize(
    "spelling", ["http://127.0.0.1:8000/v1", "http://#m", "ftp://127.0.0.1#m", "http://u:p@127.0.0.1/v1#m"]
)
def test_a_spelling_that_cannot_be_read_is_shown_right(spelling: str) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        OpenAIServer(spelling)
    assert "#model-name" in caught.value.hint
