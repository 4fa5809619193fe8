"""A real HTTP server on this machine whose answers, good and bad, are set path by path."""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Reply:
    """One answer to one request."""

    content: bytes = b""
    status: int = 200
    announced: int | str | None = None
    """Content-Length, that of the content where None; the empty text leaves it out."""
    breaks_off: str | None = None
    """`close` or `reset`: how the connection ends after half of the content."""
    hold: threading.Event | None = None
    """Half of the content is sent, the other half once this is set."""
    silent: bool = False
    """Nothing at all is sent before `hold` is set."""
    location: str | None = None
    """Where a redirect leads."""


def serve_without_proxy(monkeypatch) -> DownloadServer:
    """A server that is asked directly, also where the machine's own settings name a proxy."""
    for scheme in ("http", "https", "all"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)
    return DownloadServer()


def nothing_is_left_in(folder: Path) -> bool:
    """Whether a folder holds no file but the empty one that serves as a lock."""
    return all(path.name.endswith(".lock") and not path.stat().st_size for path in folder.iterdir())


class DownloadServer:
    """Answers the n-th request for a path with its n-th reply, and all further ones with its last; 404 for others."""

    def __init__(self):
        self.replies: dict[str, list[Reply]] = {}
        self.requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> DownloadServer:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        for replies in self.replies.values():
            for reply in replies:
                if reply.hold is not None:
                    reply.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str, *replies: Reply) -> str:
        """The URL of a path, with replies set where any are given."""
        if replies:
            self.replies[path] = list(replies)
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def next_reply(self, path: str) -> Reply:
        with self._lock:
            replies = self.replies.get(path, [Reply(status=404)])
            reply = replies[min(self.requests[path], len(replies) - 1)]
            self.requests[path] += 1
        return reply


def _handler(server: DownloadServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = server.next_reply(self.path)
            if reply.silent:
                reply.hold.wait()
            with suppress(OSError):  # the client may have gone
                self._send(reply)

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            length = len(reply.content) if reply.announced is None else reply.announced
            if length != "":
                self.send_header("Content-Length", str(length))
            if reply.location is not None:
                self.send_header("Location", reply.location)
            self.end_headers()
            half = len(reply.content) // 2
            self.wfile.write(reply.content[:half])
            if reply.breaks_off is not None:
                self._break_off(reply.breaks_off)
                return
            if reply.hold is not None:
                reply.hold.wait()
            self.wfile.write(reply.content[half:])

        def _break_off(self, how: str) -> None:
            if how == "reset":  # a connection that lingers for no time is reset when it is closed
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()  # a second handle, which would keep the connection open
            self.connection.close()

        def log_message(self, *_) -> None:
            pass

    return Handler
