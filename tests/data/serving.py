"""A local web server with bad manners."""

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

CHUNK = 100_000
CONTENT = np.random.default_rng(0).bytes(300_000)


@dataclass
class Server:
    """What is served (`files` by path) and what was asked for (`requests`: path, Range)."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=lambda: {"/good/set/file.bin": CONTENT})
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    failures_left: int = 0
    location: str = ""
    sent: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def asked(self, manner: str) -> list[str | None]:
        """The Range headers of the requests to that manner, in order."""
        return [span for path, span in self.requests if path.startswith(f"/{manner}/")]


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            span = self.headers.get("Range")
            server.requests.append((self.path, span))
            manner = self.path.split("/")[1]
            content = server.files.get(self.path.replace(f"/{manner}/", "/good/", 1))
            if manner == "missing" or content is None:
                return self.send_error(404)
            if manner in ("nowhere", "unending"):
                endless = manner == "unending"
                self.send_response(200 if endless else 302)
                if not endless:
                    self.send_header("Location", server.location)
                self.end_headers()
                while not server.released.is_set():  # until the client hangs up
                    try:
                        self.wfile.write(bytes(CHUNK))
                    except OSError:
                        return None
                    server.sent += CHUNK
                return None
            if manner == "redirect":
                self.send_response(302)
                self.send_header("Location", self.path.replace("redirect", "good", 1))
                self.send_header("Content-Length", "0")
                return self.end_headers()
            if manner == "flaky" and server.failures_left:
                server.failures_left -= 1
                return self.send_error(503)
            if manner == "corrupt":
                content = bytes(len(content))
            if manner == "short":
                content = content[: len(content) // 2]
            start = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
            if manner == "norange":
                start = 0
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
            self.send_response(206 if start else 200)
            if start:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"
                )
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if manner == "breaking" or (manner == "norange" and server.failures_left):
                server.failures_left -= 1
                content = content[: start + 120_000]
            if manner == "stalling":
                self.wfile.write(content[start : start + 1000])
                self.wfile.flush()
                server.released.wait(5)
                return None
            self.wfile.write(content[start:])
            return None

    return Handler


@pytest.fixture
def server():
    state = Server()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    state.url = f"http://127.0.0.1:{http.server_port}"
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    yield state
    state.released.set()
    http.shutdown()
    http.server_close()
