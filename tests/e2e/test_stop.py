"""A region that is asked to stop: what clients had asked is answered, in bounded time, and a second request ends it at once."""
import os
import signal
import threading
import time

import batch
import wire
from harness import create_topic, link, wait_mirrored, wait_until

DRAIN_SECONDS = 10  # kDrainPatience of atoll/region_process.cc.


def pipelined(connection: wire.Connection, topic: str, count: int) -> None:
    """Sends `count` produce requests without reading an answer."""
    for i in range(count):
        connection.send_produce(topic, 0, batch.make([b"%06d" % i]))


def end_of(region, topic: str) -> int:
    with region.wire() as connection:
        return connection.offset(topic, 0, wire.LATEST)[1]


class Producer(threading.Thread):
    """Keeps 8 produce requests in flight until the region goes; remembers what was acknowledged."""

    def __init__(self, address: str, topic: str) -> None:
        super().__init__()
        self.connection, self.topic = wire.Connection(address), topic
        self.sent = self.answered = 0
        self.last_offset = -1
        self.errors: list[int] = []

    def run(self) -> None:
        try:
            while True:
                while self.sent - self.answered < 8:
                    self.connection.send_produce(self.topic, 0, batch.make([os.urandom(2000)]))
                    self.sent += 1
                answer = self.connection.receive_produced()
                self.answered += 1
                if answer.error != wire.OK:
                    self.errors.append(answer.error)
                else:
                    self.last_offset = answer.base_offset
        except OSError:
            return


def test_under_load_every_acknowledged_record_is_there_and_the_exit_is_clean(ring):
    region = ring.region("us-east").start()
    create_topic(region, "orders")
    producers = [Producer(region.kafka, "orders") for _ in range(4)]
    for producer in producers:
        producer.start()
    wait_until(lambda: all(producer.answered > 50 for producer in producers), "load")
    begin = time.monotonic()
    region.stop()  # Exit code 0, or it fails.
    took = time.monotonic() - begin
    for producer in producers:
        producer.join(20)
    assert took < DRAIN_SECONDS, f"{took:.1f} s"
    assert not [producer.errors for producer in producers if producer.errors]
    assert "did not take" not in region.log_tail()
    region.start()
    assert end_of(region, "orders") > max(producer.last_offset for producer in producers)


def test_what_was_sent_before_the_stop_is_answered_before_the_exit(ring):
    region = ring.region("us-east")
    region.start(failpoints="append.written=delay:20ms")  # So that most of them still wait when the signal comes.
    create_topic(region, "orders"), create_topic(region, "quiet")
    with region.wire() as connection, region.wire() as poller:
        connection.api_versions(), poller.api_versions()  # Both are accepted.
        poller.send_fetch("quiet", 0, 0, wait_ms=60_000)
        pipelined(connection, "orders", 200)
        with region.wire() as later:
            later.api_versions()  # By now everything has come.
        begin = time.monotonic()
        region.stop()
        took = time.monotonic() - begin
        assert poller.receive_fetched().error == wire.OK
        answers = [connection.receive_produced() for _ in range(200)]
    assert [answer.error for answer in answers] == [wire.OK] * 200
    assert [answer.base_offset for answer in answers] == list(range(200))
    assert took < DRAIN_SECONDS, f"a long poll held the stop up: {took:.1f} s"
    region.start()
    assert end_of(region, "orders") == 200


def deaf_client(region) -> wire.Connection:
    """A client that has asked for more than sockets buffer and reads none of it."""
    create_topic(region, "big")
    connection = region.wire()
    for _ in range(24):
        assert connection.produce("big", 0, batch.make([os.urandom(1_000_000)])).error == wire.OK
    connection.send_fetch("big", 0, 0, max_bytes=50 << 20)
    return connection


def test_a_client_that_takes_no_answers_holds_a_stop_up_to_the_deadline_only(ring):
    region = ring.region("us-east").start()
    with deaf_client(region):
        begin = time.monotonic()
        region.stop()
        took = time.monotonic() - begin
    assert DRAIN_SECONDS - 1 < took < DRAIN_SECONDS + 5, f"{took:.1f} s"
    assert "clients did not take within 10 s" in region.log_tail()


def test_a_second_signal_ends_it_at_once_and_nothing_acknowledged_is_lost(ring):
    us_east, eu_west = ring.region("us-east"), ring.region("eu-west")
    us_east.start()
    eu_west.links = [link(us_east)]
    eu_west.start()
    with deaf_client(us_east):
        us_east.process.send_signal(signal.SIGTERM)
        def refuses() -> bool:
            try:
                us_east.wire().socket.close()
            except ConnectionRefusedError:
                return True
            return False
        wait_until(refuses, "us-east drains: it takes no new connection")
        status, said = us_east.api("GET", "/readyz")
        assert status == 503 and "[-]shutdown failed: the region is stopping" in said and "[-]kafka-listener failed" in said, said
        assert us_east.api("GET", "/livez")[0] == 200
        begin = time.monotonic()
        us_east.process.send_signal(signal.SIGTERM)
        assert us_east.await_exit(5) == -signal.SIGTERM
        assert time.monotonic() - begin < 2
    us_east.start()
    assert end_of(us_east, "big") == 24
    wait_mirrored(us_east, eu_west, "big")
