"""Record batches of format v2 as bytes: split a log's bytes into batches, make one, change one.

Written from the format's description and not from Atoll's code, so that the two check each other.
"""
from __future__ import annotations

import struct
import time
from dataclasses import dataclass

HEADER = struct.Struct(">qiibIhiqqqhii")  # 61 bytes, from the base offset to the record count
CRC_AT, CRC_START = 17, 21
NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC32C = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) in plain Python: for single batches, not for whole logs."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


@dataclass(frozen=True)
class Batch:
    """One batch of a log: its header's fields and all of its bytes."""

    base_offset: int
    leader_epoch: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int
    data: bytes

    @property
    def next_offset(self) -> int:
        return self.base_offset + self.last_offset_delta + 1

    @property
    def codec(self) -> int:
        return self.attributes & 7

    def crc_matches(self) -> bool:
        return crc32c(self.data[CRC_START:]) == self.crc


def split(data: bytes) -> list[Batch]:
    """The whole batches at the start of `data`; a partial one at its end (legal in a fetch) is left out."""
    batches = []
    at = 0
    while at + HEADER.size <= len(data):
        base, length, epoch, magic, *rest = HEADER.unpack_from(data, at)
        if magic != 2:
            raise ValueError(f"magic {magic} at byte {at} of {len(data)}")
        end = at + 12 + length
        if end > len(data):
            break
        batches.append(Batch(base, epoch, *rest, data=data[at:end]))
        at = end
    return batches


def _varint(value: int) -> bytes:
    value = value << 1 ^ value >> 63  # zigzag
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(value: bytes | None) -> bytes:
    return _varint(-1) if value is None else _varint(len(value)) + value


def _record(delta: int, key: bytes | None, value: bytes | None) -> bytes:
    body = b"\0" + _varint(0) + _varint(delta) + _field(key) + _field(value) + _varint(0)
    return _varint(len(body)) + body


def make(values: list[bytes | None], *, base_offset: int = 0, epoch: int = -1, timestamp: int | None = None,
         producer: tuple[int, int, int] = (-1, -1, -1), attributes: int = NONE) -> bytes:
    """An uncompressed batch of records without keys. `producer`: id, epoch, base sequence.

    Without a `timestamp` it is from now: retention goes by the records' time and would remove older ones.
    """
    timestamp = int(time.time() * 1000) if timestamp is None else timestamp
    records = b"".join(_record(delta, None, value) for delta, value in enumerate(values))
    return seal(base_offset, epoch, attributes, len(values) - 1, timestamp, producer, len(values), records)


def seal(base_offset: int, epoch: int, attributes: int, last_offset_delta: int, timestamp: int,
         producer: tuple[int, int, int], record_count: int, records: bytes) -> bytes:
    """A batch with any header, the length and the CRC made right."""
    tail = struct.pack(">hiqqqhii", attributes, last_offset_delta, timestamp, timestamp, *producer, record_count)
    tail += records
    head = struct.pack(">qiibI", base_offset, len(tail) + 9, epoch, 2, crc32c(tail))
    return head + tail


def flip(data: bytes, at: int) -> bytes:
    """The same bytes with one bit of byte `at` turned."""
    changed = bytearray(data)
    changed[at] ^= 0x10
    return bytes(changed)
