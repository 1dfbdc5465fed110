"""A web server on this machine that answers as it is told and remembers what it was sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What a server is to answer, one status a request and the last for ever, and what it got.

    Attributes:
        port: Where it listens on loopback.
        statuses: 0 lets the client wait until the server ends.
        location: Where redirects lead.
        bodies: The JSON of each request.
        paths: The path of each request.
    """

    port: int
    statuses: list[int]
    location: str = ""
    bodies: list[dict[str, object]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def receiver(*statuses: int, location: str = "") -> Iterator[Receiver]:
    """Serve on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            told.bodies.append(json.loads(self.rfile.read(length)))
            told.paths.append(self.path)
            status = told.statuses.pop(0) if len(told.statuses) > 1 else told.statuses[0]
            if status == 0:
                told.ended.wait(30)
                return
            self.send_response(status)
            if told.location:
                self.send_header("Location", told.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told = Receiver(server.server_address[1], list(statuses), location)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        told.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with receiver(200) as told:
        return told.port
