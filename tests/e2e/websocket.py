"""A WebSocket client that shows what clients hide: raw frames, broken ones, and half a handshake. Standard library only."""
from __future__ import annotations

import base64
import os
import socket
import struct

BINARY, TEXT, CLOSE, PING, PONG = 2, 1, 8, 9, 10


class WebSocket:
    """One connection to host:port; nothing is sent before shake()."""

    def __init__(self, address: str, timeout: float = 20.0) -> None:
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def shake(self, path: str = "/v1/control", protocol: str = "atoll.control.v1") -> int:
        """The HTTP status of the answer: 101 is a WebSocket."""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                             f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            byte = self.socket.recv(1)
            if not byte:
                raise ConnectionError("closed in the handshake")
            head += byte
        return int(head.split()[1])

    def send(self, data: bytes, opcode: int = BINARY, announced: int | None = None) -> None:
        """One masked frame (the mask is 0); `announced`: a length that need not be true."""
        size = len(data) if announced is None else announced
        short = size if size < 126 else 126 if size < 1 << 16 else 127
        layout = {126: ">H", 127: ">Q"}.get(short)
        head = struct.pack("BB", 0x80 | opcode, 0x80 | short) + (struct.pack(layout, size) if layout else b"")
        self.socket.sendall(head + b"\0\0\0\0" + data)

    def receive(self) -> tuple[int, bytes]:
        """(opcode, payload) of the next frame. ConnectionError when the peer hangs up."""
        opcode, short = self._exactly(2)
        size = short
        if short >= 126:
            layout = ">H" if short == 126 else ">Q"
            size, = struct.unpack(layout, self._exactly(struct.calcsize(layout)))
        return opcode & 15, self._exactly(size)

    def ends(self) -> bytes:
        """All that comes until the peer hangs up; TimeoutError when it does not."""
        everything = b""
        while True:
            try:
                chunk = self.socket.recv(65536)
            except ConnectionError:
                return everything
            if not chunk:
                return everything
            everything += chunk

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            if not chunk:
                raise ConnectionError(f"closed after {len(data)} of {count} bytes")
            data += chunk
        return data


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """Protobuf: (number, integer or bytes) each."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def hello(region: str, ordinal: int) -> bytes:
    """An Envelope with a Hello (mirror/control/control.proto)."""
    inner = message((1, 1), (2, f"cluster-of-{region}".encode()), (3, region.encode()), (4, ordinal), (6, b"test"))
    return message((1, 1), (10, inner))
