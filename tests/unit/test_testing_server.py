"""The loopback server: real sockets, with and without TLS."""

import http.client
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from nhiscan.testing.server import ConnectionCut, LoopbackServer
from nhiscan.testing.tls import Authority, shared_authority


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/cut":
        raise ConnectionCut
    body = environ["wsgi.input"].read()
    lines = [environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], environ.get("HTTP_X_MARK", "")]
    start_response("201 Made", [("Content-Type", "text/plain"), ("X-Thread", threading.current_thread().name)])
    return ["\n".join(lines).encode(), b"\n", body]


def connect(server: LoopbackServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)


def test_method_path_query_headers_and_body_arrive() -> None:
    with LoopbackServer(echo) as server:
        connection = connect(server)
        connection.request("PUT", "/a%20b?c=d", body=b"body", headers={"X-Mark": "here"})
        answer = connection.getresponse()
        assert (answer.status, answer.reason) == (201, "Made")
        assert answer.read() == b"PUT\n/a b\nc=d\nhere\nbody"
        connection.close()


def test_a_connection_is_kept_for_the_next_request_and_chunks_are_joined() -> None:
    with LoopbackServer(echo) as server:
        connection = connect(server)
        threads = set()
        for _ in range(2):
            connection.request("POST", "/x", body=iter([b"one ", b"two"]), encode_chunked=True)
            answer = connection.getresponse()
            threads.add(answer.getheader("X-Thread"))
            assert answer.read().endswith(b"\none two")
        assert len(threads) == 1
        connection.close()


def test_many_connections_at_once() -> None:
    with LoopbackServer(echo) as server, ThreadPoolExecutor(16) as pool:

        def call(number: int) -> bytes:
            with urllib.request.urlopen(f"{server.url}/{number}", timeout=10) as answer:
                return bytes(answer.read())

        assert list(pool.map(call, range(64))) == [f"GET\n/{number}\n\n\n".encode() for number in range(64)]


def test_the_application_may_cut_the_line() -> None:
    with LoopbackServer(echo) as server:
        connection = connect(server)
        connection.request("GET", "/cut")
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            connection.getresponse()
        connection.close()


def test_it_listens_on_the_loopback_only_and_stopping_leaves_nothing() -> None:
    before = set(threading.enumerate())
    server = LoopbackServer(echo).start()
    url = urlsplit(server.url)
    assert url.hostname == "127.0.0.1"
    idle = connect(server)
    idle.request("GET", "/x")
    idle.getresponse().read()

    server.stop()
    server.stop()

    assert idle.sock.recv(1) == b""
    idle.close()
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.port or 0)), timeout=10)
    with pytest.raises(RuntimeError, match="started"):
        _ = server.url


def test_tls_is_spoken_to_those_who_trust_the_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with LoopbackServer(echo, authority.server_context("cloud.example.com")) as server:
        with urllib.request.urlopen(f"{server.url}/x", context=authority.client_context(), timeout=10) as answer:
            assert answer.read() == b"GET\n/x\n\n\n"
        host, port = urlsplit(server.url).netloc.split(":")
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            socket.create_connection((host, int(port)), timeout=10) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host),
        ):
            pass
        with (
            socket.create_connection((host, int(port)), timeout=10) as plain,
            authority.client_context().wrap_socket(plain, server_hostname="cloud.example.com") as secure,
        ):
            assert secure.version() in ("TLSv1.2", "TLSv1.3")


def test_clouds_that_run_beside_each_other_are_trusted_by_one_bundle() -> None:
    bundle = ssl.create_default_context(cafile=str(shared_authority().bundle))
    one, two = shared_authority().server_context(), shared_authority().server_context()
    with LoopbackServer(echo, one) as first, LoopbackServer(echo, two) as second:
        for server in (first, second):
            with urllib.request.urlopen(f"{server.url}/x", context=bundle, timeout=10) as answer:
                assert answer.read() == b"GET\n/x\n\n\n"
