"""Lease mode: an owner that can't be sure of its lease acknowledges nothing (replication.md 2)."""
import signal
import threading
import time

import batch
import wire
from etcd import Etcd
from harness import Region, create_topic, link, wait_mirrored, wait_until

TTL = 3.0
NOT_CONTROLLER = 41


def leased(region: Region, etcd: Etcd) -> Region:
    region.spec = {"lease": {"etcd": etcd.clients, "ttl": f"{int(TTL)}s"}}
    return region


def lease(region: Region) -> dict[str, object]:
    return region.get("/v1/lease")


def accepts(region: Region, topic: str) -> bool:
    with region.wire() as connection:
        return connection.produce(topic, 0, batch.make([b"x"])).error == wire.OK


def create_orders(region: Region) -> None:
    wait_until(lambda: lease(region)["held"], "it has its lease: without it nobody creates topics")
    create_topic(region, "orders")


class Producer(threading.Thread):
    """Produces without a pause and notes, per attempt, when it was sent and what was answered."""

    def __init__(self, region: Region, topic: str) -> None:
        super().__init__()
        self.region, self.topic = region, topic
        self.answers: list[tuple[float, int]] = []
        self.ends = threading.Event()

    def run(self) -> None:
        while not self.ends.is_set():
            try:
                with self.region.wire() as connection:
                    while not self.ends.is_set():
                        sent = time.monotonic()
                        error = connection.produce(self.topic, 0, batch.make([b"x"])).error
                        self.answers.append((sent, error))
                        if error != wire.OK:
                            time.sleep(0.02)
            except OSError:
                time.sleep(0.05)


def test_without_the_lease_nothing_is_accepted_and_status_says_so(ring, tmp_path):
    with Etcd(tmp_path) as etcd:
        us_east = leased(ring.region("us-east"), etcd).start()
        create_orders(us_east)
        wait_until(lambda: accepts(us_east, "orders"), "the topic is claimed")
        assert lease(us_east)["mode"] == "lease" and lease(us_east)["held"]
        assert us_east.metric("atoll_lease_held") == 1

        etcd.stop(0)
        time.sleep(2 * TTL)  # etcd may need a moment to elect a leader; that is a refusal, not a loss.
        wait_until(lambda: accepts(us_east, "orders"), "two members of three keep the lease")

        etcd.stop(1)
        wait_until(lambda: not lease(us_east)["held"], "without a quorum the lease runs out", timeout=3 * TTL)
        with us_east.wire() as connection:
            assert connection.produce("orders", 0, batch.make([b"x"])).error == wire.NOT_LEADER
            assert connection.create_topic("audit", 1) == NOT_CONTROLLER, "another region may create it meanwhile"
        assert lease(us_east)["reason"]


def test_a_restart_accepts_again_at_once_after_a_stop_and_after_the_lease_after_kill9(ring, tmp_path):
    with Etcd(tmp_path) as etcd:
        us_east = leased(ring.region("us-east"), etcd).start()
        create_orders(us_east)
        wait_until(lambda: accepts(us_east, "orders"), "the topic is claimed")
        us_east.restart()
        wait_until(lambda: accepts(us_east, "orders"), "a clean stop gave the lease back", timeout=TTL / 2)
        us_east.kill9()
        us_east.start()
        wait_until(lambda: accepts(us_east, "orders"), "the old lease ended", timeout=4 * TTL)


def test_an_owner_paused_beyond_its_lease_acknowledges_nothing_afterwards(ring, tmp_path):
    """While it is stopped somebody else takes the topic at a higher epoch, as a promotion does."""
    with Etcd(tmp_path) as etcd:
        us_east = leased(ring.region("us-east"), etcd).start()
        create_orders(us_east)
        wait_until(lambda: accepts(us_east, "orders"), "the topic is claimed")
        (topic,) = [topic for topic in us_east.get("/v1/topics")["topics"] if topic["name"] == "orders"]
        producer = Producer(us_east, "orders")
        producer.start()
        try:
            wait_until(lambda: len(producer.answers) > 50, "the producer runs")
            us_east.process.send_signal(signal.SIGSTOP)
            stopped = time.monotonic()
            key = f"/atoll/topic/{topic['topicId']}"
            wait_until(lambda: etcd.get("/atoll/region/1") is None, "etcd has ended the lease", timeout=4 * TTL)
            assert time.monotonic() - stopped >= TTL * 0.7
            etcd.put(key, "514 2")
            resumed = time.monotonic()
            us_east.process.send_signal(signal.SIGCONT)
            wait_until(lambda: [sent for sent, _ in producer.answers if sent > resumed + TTL], "it answers again")
            # Not the request that was on its way when the process stopped: its answer may have lain in the socket.
            answers = [error for sent, error in producer.answers if sent > stopped]
            assert set(answers) == {wire.NOT_LEADER}, "nothing was acknowledged after the lease"
            wait_until(lambda: lease(us_east)["held"], "it has a lease again")
            assert not accepts(us_east, "orders"), "the topic is somebody else's now"
            assert "claimed by region 2" in lease(us_east)["reason"]
        finally:
            producer.ends.set()
            us_east.process.send_signal(signal.SIGCONT)
            producer.join()


def test_a_forced_move_accepts_only_after_the_old_lease_has_ended(ring, tmp_path):
    with Etcd(tmp_path) as etcd:
        us_east, eu_west = (leased(ring.region(name), etcd) for name in ("us-east", "eu-west"))
        us_east.listen_for_control(), eu_west.listen_for_control()
        us_east.links, eu_west.links = [link(eu_west)], [link(us_east)]
        us_east.start(), eu_west.start()
        create_orders(us_east)
        wait_until(lambda: accepts(us_east, "orders"), "the topic is claimed")
        wait_mirrored(us_east, eu_west, "orders")
        eu_west.wait_state("from-us-east", "orders", "caught_up")
        producer = Producer(us_east, "orders")
        producer.start()
        try:
            wait_until(lambda: len(producer.answers) > 50, "the producer runs")
            us_east.process.send_signal(signal.SIGSTOP)
            stopped = time.monotonic()
            eu_west.cli("failover", "run", "--link", "from-us-east", "orders", "--yes", "--force")
            wait_until(lambda: accepts(eu_west, "orders"), "the new owner accepts", timeout=6 * TTL)
            assert time.monotonic() - stopped >= TTL * 0.7, "not before the old lease can have ended"
            assert etcd.get("/atoll/region/1") is None
            us_east.process.send_signal(signal.SIGCONT)
            resumed = time.monotonic()
            wait_until(lambda: [sent for sent, _ in producer.answers if sent > resumed + TTL], "it answers again")
            assert wire.OK not in {error for sent, error in producer.answers if sent > stopped}
            assert accepts(eu_west, "orders")
        finally:
            producer.ends.set()
            us_east.process.send_signal(signal.SIGCONT)
            producer.join()


def test_a_planned_move_hands_the_topic_over_without_waiting_for_a_lease(ring, tmp_path):
    with Etcd(tmp_path) as etcd:
        us_east, eu_west = (leased(ring.region(name), etcd) for name in ("us-east", "eu-west"))
        us_east.listen_for_control(), eu_west.listen_for_control()
        us_east.links, eu_west.links = [link(eu_west)], [link(us_east)]
        us_east.start(), eu_west.start()
        create_orders(us_east)
        wait_until(lambda: accepts(us_east, "orders"), "the topic is claimed")
        wait_mirrored(us_east, eu_west, "orders")
        eu_west.wait_state("from-us-east", "orders", "caught_up")
        wait_until(lambda: eu_west.metric("atoll_link_control_connected", link="from-us-east") == 1, "they talk")
        eu_west.cli("promote", "--link", "from-us-east", "orders", "--yes")
        wait_until(lambda: accepts(eu_west, "orders"), "the new owner accepts", timeout=TTL)
        assert lease(us_east)["held"] and lease(eu_west)["held"], "nobody's lease had to end"
        assert not accepts(us_east, "orders")
