"""kill -9 at random times, on either side, under load. The seed is printed and can be set: ATOLL_SEED."""
import os
import random
import time

import pytest

import clients
import invariants
from harness import create_topic, link, wait_until

ROUNDS = int(os.environ.get("ATOLL_KILL_ROUNDS", "6"))


@pytest.fixture
def dice():
    seed = int(os.environ.get("ATOLL_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"ATOLL_SEED={seed}")
    return random.Random(seed)


def run(ring, dice, victims) -> None:
    us_east, eu_west = ring.pair()
    create_topic(us_east, "orders", 3)
    sent = clients.Background(us_east.kafka, "orders")
    for _ in range(ROUNDS):
        time.sleep(dice.uniform(0.05, 0.6))
        for victim in victims(dice, us_east, eu_west):
            victim.kill9()
            time.sleep(dice.uniform(0, 0.2))
        for region in (us_east, eu_west):
            if not region.running():
                region.start()
    time.sleep(0.3)
    sent.stop()
    assert invariants.check(us_east, eu_west, "orders", sent) > 100


def test_the_owner_dies_and_no_acknowledged_record_is_lost_or_doubled(ring, dice):
    run(ring, dice, lambda _, owner, mirror: [owner])


def test_the_mirror_dies_and_stays_byte_equal(ring, dice):
    run(ring, dice, lambda _, owner, mirror: [mirror])


def test_both_die_in_any_order(ring, dice):
    run(ring, dice, lambda dice, owner, mirror: dice.sample([owner, mirror], dice.randint(1, 2)))


def test_small_segments_roll_in_every_crash(ring, dice):
    us_east, eu_west = ring.region("us-east"), ring.region("eu-west")
    for region in (us_east, eu_west):
        region.storage = {"durability": "fsync", "segmentBytes": "64KiB"}
    eu_west.links = [link(us_east)]
    us_east.start(), eu_west.start()
    create_topic(us_east, "rolls")
    sent = clients.Background(us_east.kafka, "rolls", per_second=4000, size=500)
    for _ in range(ROUNDS):
        time.sleep(dice.uniform(0.05, 0.4))
        victim = dice.choice([us_east, eu_west])
        victim.kill9()
        victim.start()
    wait_until(lambda: len(sent.acked) > 1000, "enough was written to roll several times")
    sent.stop()
    assert invariants.check(us_east, eu_west, "rolls", sent) > 100
    assert len(list(eu_west.data.glob("topics/rolls.*/0/*.log"))) > 2
