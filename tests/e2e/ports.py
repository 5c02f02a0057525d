"""Ports that nothing takes away while a region is down."""
import os
import random
import socket

# Below the system's range for outgoing connections: a client that retries a region that was just killed would else
# sooner or later be given the region's own port as its local one, and connect to itself.
LOWEST, HIGHEST = 10_000, 32_000
_random = random.Random(os.getpid())
_given: set[int] = set()


def free_port() -> int:
    """A free port on 127.0.0.1, never given twice by this process."""
    for _ in range(1000):
        port = _random.randrange(LOWEST, HIGHEST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise RuntimeError("no free port")
