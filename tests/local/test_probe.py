"""The probe: only a Kafka's answer is an answer."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from stream_kpis.local import probe
from stream_kpis.local.probe import Cluster


@contextmanager
def server(*pieces: bytes) -> Iterator[int]:
    """Listens on a free port and answers one request with these pieces; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                for piece in pieces:
                    connection.sendall(piece)

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def metadata(cluster_id: str, brokers: int) -> bytes:
    """A Metadata response v3 as the protocol guide defines it."""
    broker = struct.pack(">i", 1) + string("127.0.0.1") + struct.pack(">i", 9092) + struct.pack(">h", -1)
    body = struct.pack(">iii", 1, 0, brokers) + broker * brokers + string(cluster_id) + struct.pack(">ii", 1, 0)
    return struct.pack(">i", len(body)) + body


def test_a_broker_tells_its_cluster() -> None:
    with server(metadata("abc", 1)) as port:
        assert probe.ask(port) == Cluster("abc", 1)


def test_a_fenced_broker_is_not_counted() -> None:
    with server(metadata("abc", 0)) as port:
        assert probe.ask(port) == Cluster("abc", 0)


def test_an_answer_may_come_in_pieces() -> None:
    answer = metadata("a-longer-id", 3)
    with server(answer[:2], answer[2:9], answer[9:]) as port:
        assert probe.ask(port) == Cluster("a-longer-id", 3)


def test_an_answer_cut_short_is_none() -> None:
    with server(metadata("abc", 1)[:-20]) as port:
        assert probe.ask(port) is None


def test_somebody_who_speaks_http_is_none() -> None:
    with server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert probe.ask(port) is None


def test_a_port_that_nobody_listens_on_is_none() -> None:
    with socket.socket() as keeper:
        keeper.bind(("127.0.0.1", 0))  # bound without listening: nobody else can listen there meanwhile
        assert probe.ask(keeper.getsockname()[1]) is None
