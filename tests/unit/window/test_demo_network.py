"""The demo's network hands connections on to the server, and resets them while it is cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from console.window.demo_network import DemoNetwork


@contextlib.contextmanager
def echo_server() -> Iterator[int]:
    """The port of a server that sends back in capitals what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while piece := connection.recv(1000):
                connection.sendall(piece.upper())

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def is_reset(connection: socket.socket) -> bool:
    """Whether nothing comes of a further question."""
    try:
        connection.sendall(b"anyone?")
        return connection.recv(100) == b""
    except OSError:
        return True


def test_what_is_open_and_what_is_tried_is_reset_until_it_is_mended() -> None:
    with echo_server() as server, DemoNetwork(lambda: server) as network:
        with connect(network.port) as before:
            before.sendall(b"air naik")
            assert before.recv(100) == b"AIR NAIK"
            network.cut()
            assert network.is_cut
            assert is_reset(before)
            with connect(network.port) as meanwhile:
                assert is_reset(meanwhile)
        network.mend()
        assert not network.is_cut
        with connect(network.port) as after:
            after.sendall(b"surut")
            assert after.recv(100) == b"SURUT"


def test_a_large_answer_comes_through_whole() -> None:
    with echo_server() as server, DemoNetwork(lambda: server) as network, connect(network.port) as one:
        sent = b"banjir " * 200_000
        threading.Thread(target=one.sendall, args=(sent,), daemon=True).start()
        got = b""
        while len(got) < len(sent):
            got += one.recv(65_536)
        assert got == sent.upper()


@pytest.mark.parametrize("port", [None, 9])
def test_without_a_server_it_is_reset(port: int | None) -> None:
    with DemoNetwork(lambda: port) as network, connect(network.port) as one:
        assert is_reset(one)
