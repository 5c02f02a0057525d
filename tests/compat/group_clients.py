"""Members of consumer groups, each a real client on a thread of its own, and what they saw."""
from __future__ import annotations

import collections
import threading

import confluent_kafka


# A commit with nothing to commit, or one that a rebalance overtook: somebody reads those records again.
EXPECTED = {confluent_kafka.KafkaError._NO_OFFSET, confluent_kafka.KafkaError.ILLEGAL_GENERATION,
            confluent_kafka.KafkaError.REBALANCE_IN_PROGRESS}


class Member:
    """A librdkafka consumer in a group. Commits what it has read every `commit_every` records, and when it stops."""

    def __init__(self, address: str, group: str, topics: list[str], *, commit_every: int = 50, **settings: object) -> None:
        self.read: list[tuple[str, int, int]] = []
        self.assigned: set[tuple[str, int]] = set()
        self.assignments = 0
        self.errors: list[str] = []
        self.client = confluent_kafka.Consumer({
            "bootstrap.servers": address, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False,
            "session.timeout.ms": 6000, "heartbeat.interval.ms": 300, "reconnect.backoff.max.ms": 200, "log_level": 0} | settings)
        self._cooperative = "cooperative" in str(settings.get("partition.assignment.strategy", ""))
        self.client.subscribe(topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        self._commit_every = commit_every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _on_assign(self, client: confluent_kafka.Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        new = {(one.topic, one.partition) for one in partitions}
        self.assigned = self.assigned | new if self._cooperative else new
        self.assignments += 1

    def _on_revoke(self, client: confluent_kafka.Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        self._commit()
        self.assigned -= {(one.topic, one.partition) for one in partitions}

    def _on_lost(self, client: confluent_kafka.Consumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        self.assigned -= {(one.topic, one.partition) for one in partitions}

    def _commit(self) -> None:
        try:
            self.client.commit(asynchronous=False)
        except confluent_kafka.KafkaException as error:
            if error.args[0].code() not in EXPECTED:
                self.errors.append(str(error))

    def _run(self) -> None:
        since = 0
        while not self._stop.is_set():
            for message in self.client.consume(self._commit_every, timeout=0.1):
                if message.error() is not None:
                    self.errors.append(str(message.error()))
                    continue
                self.read.append((message.topic(), message.partition(), message.offset()))
                since += 1
            if since >= self._commit_every:
                self._commit()
                since = 0

    def stop(self, leave: bool = True) -> None:
        """Without `leave` the client only stops polling: as a process that hangs."""
        self._stop.set()
        self._thread.join()
        if leave:
            self._commit()
            self.client.close()


def all_read(members: list[Member]) -> collections.Counter:
    return collections.Counter(place for member in members for place in member.read)


def covers(members: list[Member], topic: str, partitions: int) -> bool:
    """Every partition is some member's, and no other's."""
    owned = [place for member in members for place in member.assigned]
    return sorted(owned) == [(topic, partition) for partition in range(partitions)]
