"""Lines between regions that flap, or are cut in one direction: no owner changes by itself, and status is honest (S21)."""
import time

import pytest

import clients
from harness import Region, assert_same_bytes, create_topic, link, wait_mirrored, wait_until
from proxy import Proxy
from test_failover import LINK, owner, wait_connected


class Line:
    """What one region needs to reach another: its Kafka address, as it advertises it, and its control address."""

    def __init__(self, region: Region) -> None:
        region.listen_for_control()
        self.kafka, self.control = Proxy(region.kafka), Proxy(region.control)
        region.advertise = self.kafka.address

    def link(self, region: Region) -> dict[str, object]:
        return link(self.kafka.address, region=region.name, control=self.control.address)

    def cut(self) -> None:
        self.kafka.cut(), self.control.cut()

    def mend(self) -> None:
        self.kafka.mend(), self.control.mend()

    def close(self) -> None:
        self.kafka.close(), self.control.close()


@pytest.fixture
def lines(ring):
    """us-east, eu-west, the line to us-east and the line to eu-west; both serve and a topic of us-east is mirrored."""
    us_east, eu_west = ring.region("us-east"), ring.region("eu-west")
    to_us_east, to_eu_west = Line(us_east), Line(eu_west)
    us_east.links, eu_west.links = [to_eu_west.link(eu_west)], [to_us_east.link(us_east)]
    us_east.start(), eu_west.start()
    create_topic(us_east, "orders", 2)
    wait_connected(us_east, eu_west)
    wait_mirrored(us_east, eu_west, "orders")
    yield us_east, eu_west, to_us_east, to_eu_west
    to_us_east.close(), to_eu_west.close()


def state(region: Region, name: str) -> str:
    return region.get(f"/v1/links/{name}")["state"]


def wait_state(region: Region, name: str, *wanted: str) -> None:
    wait_until(lambda: state(region, name) in wanted, f"{name} of {region.name} is {wanted}")


def test_a_flapping_line_changes_no_owner_and_loses_nothing(lines):
    us_east, eu_west, to_us_east, to_eu_west = lines
    before = owner(us_east, "orders")
    values = [b"flap-%d" % i for i in range(400)]
    for number in range(8):
        for line in (to_us_east, to_eu_west):
            line.cut()
        time.sleep(0.1 * (number % 4))
        for line in (to_us_east, to_eu_west):
            line.mend()
        clients.produce(us_east.kafka, "orders", values[number * 50:number * 50 + 50])
    wait_mirrored(us_east, eu_west, "orders")
    assert_same_bytes(us_east, eu_west, "orders")
    assert sorted(record.value for record in clients.consume_all(us_east.kafka, "orders")) == sorted(values)
    wait_connected(us_east, eu_west)
    for region in (us_east, eu_west):
        after = owner(region, "orders")
        assert (after["owner"], after["epoch"], after["held"]) == ("us-east", before["epoch"], "")
    wait_state(eu_west, LINK, "running")
    assert not eu_west.get("/v1/quarantine")["tails"] and not eu_west.events("divergence", "orders")
    assert eu_west.cli_json("promote", "--link", LINK, "orders", "--yes")["outcome"] == "done", "and moves work again"


def test_while_the_line_is_cut_lag_is_not_zero_and_nobody_takes_over(lines):
    us_east, eu_west, to_us_east, to_eu_west = lines
    eu_west.wait_state(LINK, "orders", "caught_up")
    to_us_east.cut(), to_eu_west.cut()
    wait_state(eu_west, LINK, "source_unavailable")
    first = eu_west.mirror(LINK, "orders")["lagSeconds"]
    assert first is not None and first > 0, "silence is lag"
    time.sleep(0.5)
    assert eu_west.mirror(LINK, "orders")["lagSeconds"] > first, "and it grows"
    assert eu_west.cli("promote", "--link", LINK, "orders", "--dry-run", expect=3).stdout
    for region in (us_east, eu_west):
        assert owner(region, "orders")["owner"] == "us-east"
    to_us_east.mend(), to_eu_west.mend()
    wait_state(eu_west, LINK, "running")


def test_a_line_that_is_cut_in_one_direction_is_told_by_who_needs_it_and_moves_go_on(lines):
    us_east, eu_west, to_us_east, to_eu_west = lines
    to_eu_west.cut()  # eu-west reaches us-east, us-east does not reach eu-west.
    wait_state(us_east, "from-eu-west", "source_unavailable")
    wait_until(lambda: eu_west.metric("atoll_link_control_connected", link=LINK) == 1, "eu-west dials us-east")
    clients.produce(us_east.kafka, "orders", [b"before-%d" % i for i in range(50)])
    wait_state(eu_west, LINK, "running")
    assert owner(eu_west, "orders")["owner"] == owner(us_east, "orders")["owner"] == "us-east"
    assert eu_west.cli_json("promote", "--link", LINK, "orders", "--yes")["outcome"] == "done"
    # Told over the connection that eu-west dialled; us-east can't pull yet, and says so.
    wait_until(lambda: owner(us_east, "orders")["owner"] == "eu-west", "us-east steps down", 30)
    to_eu_west.kafka.mend()  # eu-west's clients come that way, too.
    clients.produce(eu_west.kafka, "orders", [b"after-%d" % i for i in range(50)])
    to_eu_west.mend()
    wait_mirrored(eu_west, us_east, "orders")
    assert_same_bytes(eu_west, us_east, "orders")
    assert len(clients.consume_all(eu_west.kafka, "orders")) == 100
