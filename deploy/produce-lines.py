#!/usr/bin/env python3
"""produce-lines.py HOST:PORT TOPIC FILE: one record per line, with zstd and idempotence; lives through a broker's restart.

Exit code 0 only when every line was acknowledged exactly once.
"""
import sys

import confluent_kafka


def main(address: str, topic: str, path: str) -> int:
    client = confluent_kafka.Producer({
        "bootstrap.servers": address, "enable.idempotence": True, "compression.type": "zstd", "linger.ms": 5,
        "batch.num.messages": 1000, "queue.buffering.max.messages": 5000, "message.timeout.ms": 120000,
        "reconnect.backoff.max.ms": 500, "log_level": 0})
    acknowledged, errors = 0, []

    def delivered(error: confluent_kafka.KafkaError, _: confluent_kafka.Message) -> None:
        nonlocal acknowledged
        if error is None:
            acknowledged += 1
        else:
            errors.append(str(error))

    sent = 0
    with open(path, "rb") as lines:
        for line in lines:
            while True:
                try:
                    client.produce(topic, line.rstrip(b"\n"), on_delivery=delivered)
                    break
                except BufferError:
                    client.poll(0.1)
            client.poll(0)
            sent += 1
    waiting = client.flush(120)
    print(f"{acknowledged} of {sent} lines acknowledged" + (f", first error: {errors[0]}" if errors else ""))
    return 0 if acknowledged == sent and waiting == 0 else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
