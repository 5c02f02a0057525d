#!/usr/bin/env python3
"""produce-lines.py HOST:PORT TOPIC FILE [--per-second N]: one record per line, with zstd and idempotence; lives through a broker's restart.

Exit code 0 only when every line was acknowledged exactly once.
"""
import sys
import time

import confluent_kafka


def main(address: str, topic: str, path: str, per_second: int = 0) -> int:
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
            if per_second and sent % 1000 == 0:
                time.sleep(1000 / per_second)
    waiting = client.flush(120)
    print(f"{acknowledged} of {sent} lines acknowledged" + (f", first error: {errors[0]}" if errors else ""))
    return 0 if acknowledged == sent and waiting == 0 else 1


if __name__ == "__main__":
    arguments = sys.argv[1:]
    rate = 0
    if len(arguments) == 5 and arguments[3] == "--per-second" and arguments[4].isdigit():
        rate, arguments = int(arguments[4]), arguments[:3]
    if len(arguments) != 3:
        sys.exit(__doc__)
    sys.exit(main(*arguments, per_second=rate))
