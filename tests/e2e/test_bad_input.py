"""Bad bytes of every kind get a Kafka error or a closed connection; the region stays up, small and right."""
import os
import random
import socket
import struct
import time

import pytest

import batch
import wire
from harness import create_topic, wait_until

MIB = 1 << 20


@pytest.fixture
def region(ring):
    one = ring.region("us-east").start()
    create_topic(one, "orders", 2)
    with one.wire() as connection:
        assert connection.produce("orders", 0, batch.make([b"first"])).error == wire.OK
    yield one
    assert one.running(), one.log_tail()
    with one.wire() as connection:  # Whatever came, it still serves what it had.
        assert connection.offset("orders", 0, wire.EARLIEST) == (wire.OK, 0)
        assert batch.split(connection.fetch("orders", 0, 0).records)[0].data[61:] == batch.make([b"first"])[61:]


def ends(connection: wire.Connection, data: bytes) -> bool:
    """True when the peer closes (or answers) within the deadline, false when it hangs."""
    connection.socket.settimeout(15)
    try:
        connection.socket.sendall(data)
        connection.socket.shutdown(socket.SHUT_WR)
        while connection.socket.recv(65536):
            pass
    except (ConnectionError, BrokenPipeError):
        pass
    except socket.timeout:
        return False
    return True


FRAMES = {
    "negative length": struct.pack(">i", -1),
    "length 0": struct.pack(">i", 0),
    "2 GiB announced": struct.pack(">i", 0x7FFFFFFF) + b"x" * 100,
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100a5010000a10303") + b"\0" * 160,
    "half a length": b"\0\0",
    "half a frame": struct.pack(">i", 100) + b"\0\3\0\1",
    "only a header": struct.pack(">ihhih", 10, 3, 1, 7, -1),
    "unknown api": struct.pack(">ihhih", 10, 999, 0, 7, -1),
    "unknown version": struct.pack(">ihhih", 10, 3, 999, 7, -1),
    "client id longer than the frame": struct.pack(">ihhih", 10, 3, 1, 7, 30000),
    "an array of 2 billion topics": struct.pack(">ihhihi", 14, 3, 1, 7, -1, 0x7FFFFFFF),
    "a string of negative length": struct.pack(">ihhihih", 16, 3, 1, 7, -1, 1, -7),
    "bytes after the end": struct.pack(">ihhihi", 18, 3, 1, 7, -1, 0) + b"junk",
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_malformed_frame_ends_only_its_connection(region, name):
    with region.wire() as healthy, region.wire() as bad:
        assert ends(bad, FRAMES[name]), f"{name}: neither closed nor answered"
        assert healthy.partitions("orders") == [0, 1]


def test_every_truncation_of_a_produce_request_is_survived(region):
    with region.wire() as template:
        body = wire.Writer().string(None).ints("hii", -1, 1000, 1).string("orders").ints("ii", 1, 1)
        frame = template.frame(wire.PRODUCE, 8, bytes(body.blob(batch.make([b"cut"])).data))
    for length in range(4, len(frame)):
        with region.wire() as connection:  # The length is right for what is sent: the decoder must find the end.
            cut = struct.pack(">i", length - 4) + frame[4:length]
            assert ends(connection, cut), f"{length} of {len(frame)} bytes"
    with region.wire() as connection:
        assert connection.offset("orders", 1, wire.LATEST) == (wire.OK, 0)


def test_random_bytes_never_take_it_down(region):
    seed = int(os.environ.get("ATOLL_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"ATOLL_SEED={seed}")
    dice = random.Random(seed)
    for _ in range(300):
        body = struct.pack(">hhih", dice.randrange(0, 75), dice.randrange(0, 14), 1, -1) + dice.randbytes(dice.randrange(200))
        with region.wire() as connection:
            assert ends(connection, struct.pack(">i", len(body)) + body)


GOOD = [b"one", b"two", b"three"]
BATCHES = {
    "bad crc": (batch.flip(batch.make(GOOD), 70), wire.CORRUPT_MESSAGE),
    "no records": (batch.seal(0, -1, 0, 0, 1, (-1, -1, -1), 0, b""), wire.INVALID_RECORD),
    "more records than offsets": (batch.seal(0, -1, 0, 0, 1, (-1, -1, -1), 3, batch.make(GOOD)[61:]), wire.INVALID_RECORD),
    "a control batch": (batch.make(GOOD, attributes=0x20), wire.INVALID_RECORD),
    "a producer without sequence": (batch.make(GOOD, producer=(7, 0, -1)), wire.INVALID_RECORD),
    "two batches": (batch.make(GOOD) * 2, wire.INVALID_RECORD),
    "half a batch": (batch.make(GOOD)[:-5], None),
    "magic 1": (batch.make(GOOD)[:16] + b"\1" + batch.make(GOOD)[17:], None),
    "nothing": (b"", None),
    "larger than max.message.bytes": (batch.make([b"x" * (2 * MIB)]), wire.MESSAGE_TOO_LARGE),
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_bad_batch_is_refused_and_nothing_is_stored(region, name):
    data, error = BATCHES[name]
    with region.wire() as connection:
        answer = connection.produce("orders", 1, data)
        assert answer.error != wire.OK and error in (None, answer.error), f"{name}: {answer}"
        assert connection.offset("orders", 1, wire.LATEST) == (wire.OK, 0)
        assert connection.produce("orders", 1, batch.make(GOOD)).base_offset == 0, "the next good one is taken"


def test_bad_batches_are_counted(region):
    with region.wire() as connection:
        connection.produce("orders", 1, batch.flip(batch.make(GOOD), 70))
    assert region.metric("atoll_broker_requests_total", api="Produce", error="CORRUPT_MESSAGE") == 1


def test_sequences_out_of_order_are_refused_and_duplicates_answered_with_their_offset(region):
    with region.wire() as connection:
        error, producer, epoch = connection.init_producer_id()
        assert error == wire.OK
        first = connection.produce("orders", 1, batch.make(GOOD, producer=(producer, epoch, 0)))
        again = connection.produce("orders", 1, batch.make(GOOD, producer=(producer, epoch, 0)))
        assert (first.error, again.error) == (wire.OK, wire.OK) and first.base_offset == again.base_offset == 0
        skipped = connection.produce("orders", 1, batch.make(GOOD, producer=(producer, epoch, 9)))
        assert skipped.error == wire.OUT_OF_ORDER_SEQUENCE
        assert connection.offset("orders", 1, wire.LATEST) == (wire.OK, 3)
    region.kill9()
    region.start()
    with region.wire() as connection:  # S15: rebuilt after the crash.
        again = connection.produce("orders", 1, batch.make(GOOD, producer=(producer, epoch, 0)))
        assert (again.error, again.base_offset) == (wire.OK, 0)
        assert connection.offset("orders", 1, wire.LATEST) == (wire.OK, 3)


def test_memory_is_bounded_by_what_was_received_not_by_what_was_announced(region):
    before = region.resident_bytes()
    held = []
    for _ in range(200):  # 200 announcements of 90 MiB each, of which 1 KiB comes.
        connection = region.wire()
        try:
            connection.socket.sendall(struct.pack(">i", 90 * MIB) + b"\0\0\0\x08" + b"\0" * 1024)
        except OSError:
            pass  # Refused at once is as good.
        held.append(connection)
    time.sleep(1)
    grown = region.resident_bytes() - before
    with region.wire() as connection:
        assert connection.partitions("orders") == [0, 1], "others are served meanwhile"
    for connection in held:
        connection.socket.close()
    assert grown < 100 * MIB, f"grew by {grown / MIB:.0f} MiB"


def test_a_client_that_does_not_read_its_answers_does_not_fill_memory(region):
    with region.wire() as connection:
        for _ in range(20):
            connection.produce("orders", 1, batch.make([os.urandom(900_000)]))
    before = region.resident_bytes()
    with region.wire() as slow:
        body = wire.Writer().ints("iiiibii", -1, 0, 1, 64 * MIB, 0, 0, -1).ints("i", 1).string("orders")
        body.ints("iiiqqi", 1, 1, -1, 0, -1, 64 * MIB).ints("i", 0).string("")
        slow.socket.settimeout(0.5)
        try:
            for _ in range(200):  # 200 answers of 18 MB each, none of them read.
                slow.socket.sendall(slow.frame(wire.FETCH, 11, bytes(body.data)))
        except OSError:
            pass
        time.sleep(2)
        grown = region.resident_bytes() - before
    assert grown < 200 * MIB, f"grew by {grown / MIB:.0f} MiB"
    wait_until(lambda: region.wire().partitions("orders"), "it serves on")
