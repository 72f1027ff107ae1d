"""Is *our* broker ready? An open port proves nothing: somebody else's broker may answer there."""

import socket
import struct
from typing import NamedTuple

_METADATA, _VERSION, _NO_CLIENT_ID = 3, 3, -1
# It asks for 0 topics: the brokers and the cluster alone.
_REQUEST = struct.pack(">hhihi", _METADATA, _VERSION, 1, _NO_CLIENT_ID, 0)


class Cluster(NamedTuple):
    """What a broker says of its cluster."""

    cluster_id: str
    brokers: int
    """How many brokers are registered and not fenced."""


def ask(port: int, timeout_s: float = 1.0) -> Cluster | None:
    """Asks the broker on a local port for its cluster's metadata; None if nothing there answers as Kafka does."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
            connection.sendall(struct.pack(">i", len(_REQUEST)) + _REQUEST)
            with connection.makefile("rb") as reply:
                (size,) = struct.unpack(">i", reply.read(4))
                return _decode(reply.read(min(size, 1 << 20)))
    except (OSError, struct.error, ValueError):
        return None


def _decode(reply: bytes) -> Cluster:
    """Metadata response v3: correlation id, throttle, brokers (id, host, port, rack), cluster id, and more."""
    (brokers,) = struct.unpack_from(">i", reply, 8)
    at = 12
    for _ in range(brokers):
        _, at = _string(reply, at + 4)
        _, at = _string(reply, at + 4)
    cluster_id, _ = _string(reply, at)
    return Cluster(cluster_id, brokers)


def _string(reply: bytes, at: int) -> tuple[str, int]:
    """A nullable string at a position, and the position after it."""
    (size,) = struct.unpack_from(">h", reply, at)
    end = at + 2 + max(size, 0)
    return reply[at + 2 : end].decode(), end
