"""A real Apache Kafka and a region that links to it, for the tests that need both."""
import pytest

import real_kafka
import wire
from harness import link, wait_until

__all__ = ["LINK", "create", "source", "target"]

LINK = "from-kafka-east"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    if reason := real_kafka.missing():
        pytest.skip(reason)
    broker = real_kafka.RealKafka(tmp_path_factory.mktemp("kafka") / "east").start()
    yield broker
    broker.stop()


@pytest.fixture
def target(ring, source):
    region = ring.region("eu-west", 2)
    region.links = [link(source.address, kind="kafka", topics=[{"exclude": "__", "match": "prefix"},
                                                               {"include": "*", "match": "glob"}])]
    return region.start()


def create(source, topic: str, partitions: int = 1, **configs: str) -> None:
    with wire.Connection(source.address) as connection:
        assert connection.create_topic(topic, partitions, **configs) == wire.OK
        wait_until(lambda: connection.offset(topic, partitions - 1, wire.LATEST)[0] == wire.OK, f"{topic} is there")
