"""A server on this machine that speaks OpenAI's chat completions, for the time of a test."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def answered(content: Any, reason: str = "stop") -> tuple[int, Any]:
    return 200, {"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": reason}]}


class Served:
    """What a server was asked, and by what it answers: a status and a body."""

    def __init__(self, answer: Callable[[int, Any], tuple[int, Any]]) -> None:
        self.answer = answer
        self.requests: list[Any] = []
        self.headers: list[Any] = []
        self.paths: list[str] = []
        self.lock = threading.Lock()


@contextmanager
def serving(answer: Callable[[int, Any], tuple[int, Any]]) -> Iterator[tuple[str, Served]]:
    """A server that speaks chat completions; `answer` is given the number of the request, from 0, and its body."""
    served = Served(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with served.lock:
                number = len(served.requests)
                served.requests.append(body)
                served.headers.append(dict(self.headers))
                served.paths.append(self.path)
            status, content = served.answer(number, body)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            if status in {301, 302, 307}:
                self.send_header("Location", "http://192.0.2.1/v1/chat/completions")
            self.end_headers()
            with suppress(ConnectionError):  # the client went away in the meantime
                self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", served
    finally:
        server.shutdown()
        server.server_close()
