"""An HTTP/1.1 server on the loopback for WSGI applications: real sockets, a thread a connection, optionally TLS.

It binds 127.0.0.1 and nothing else, takes a free port, and leaves no thread and no socket behind when it stops.
"""

import contextlib
import io
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_to_bytes, urlsplit

LOOPBACK = "127.0.0.1"
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class ConnectionCut(Exception):
    """Raised by an application to end the connection without an answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def _serve(self) -> None:
        environ = self._environ()
        answer: list[Any] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: object = None
        ) -> Callable[[bytes], None]:
            del exc_info
            answer[:] = [status, headers]
            return written.append

        written: list[bytes] = []
        try:
            chunks = self.server.application(environ, start_response)
            try:
                body = b"".join(written) + b"".join(chunks)
            finally:
                close = getattr(chunks, "close", None)
                if close is not None:
                    close()
        except ConnectionCut:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        code, _, reason = str(answer[0]).partition(" ")
        self.send_response_only(int(code), reason)
        for name, value in answer[1]:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _serve  # noqa: N815 the names are http.server's

    def _environ(self) -> Environ:
        parts = urlsplit(self.path)
        body = self._body()
        host, port = self.server.server_address[:2]
        environ: Environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
            "QUERY_STRING": parts.query,
            "RAW_URI": self.path,
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": self.server.scheme,
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = "HTTP_" + name.upper().replace("-", "_")
            if key not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING"):
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name is http.server's
        """Stay silent: whoever wants to know what was called reads the counts."""


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True  # every connection's thread has ended when the server is closed
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, application: Application, tls: ssl.SSLContext | None) -> None:
        self.application = application
        self.scheme = "https" if tls else "http"
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._ending = False
        self._lock = threading.Lock()
        super().__init__((LOOPBACK, 0), _Handler)

    def server_bind(self) -> None:
        """Bind without asking any name service for the name of the host."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Known before its thread starts, so that `hang_up` after the last accepted connection misses none."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        connection: socket.socket = request
        try:
            if self._tls is not None:
                connection = self._secured(connection, self._tls)
            super().process_request_thread(connection, client_address)
        except (ssl.SSLError, OSError):  # a client that does not trust us hangs up
            self.shutdown_request(connection)
        finally:
            with self._lock:
                self._open.discard(connection)

    def _secured(self, plain: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        with self._lock:
            secure = tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            self._open.discard(plain)
            self._open.add(secure)
            if self._ending:
                secure.shutdown(socket.SHUT_RDWR)
        try:
            secure.do_handshake()
        except OSError:
            with self._lock:
                self._open.discard(secure)
            secure.close()
            raise
        return secure

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error; anything else is shown, it is a fault of the simulation."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError | ssl.SSLError | ValueError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        with self._lock:
            self._ending = True
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class LoopbackServer:
    """Serves ``application`` until `stop`; also a context manager. ``url`` is known once it has started."""

    def __init__(self, application: Application, tls: ssl.SSLContext | None = None) -> None:
        self._application = application
        self._tls = tls
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Scheme, address and port, e.g. ``http://127.0.0.1:40211``."""
        if self._server is None:
            raise RuntimeError("the server has not been started")
        return f"{self._server.scheme}://{LOOPBACK}:{self._server.server_port}"

    def start(self) -> Self:
        """Bind and serve. Connections are taken from the moment this returns."""
        if self._server is not None:
            raise RuntimeError("the server runs already")
        self._server = _Server(self._application, self._tls)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="nhiscan-simulation", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """End every connection, every thread and the socket. A second call does nothing."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
