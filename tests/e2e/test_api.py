"""The admin API against its own description, and against what no well-behaved client sends."""
import contextlib
import json
import re
import socket
import subprocess
import sys
import threading
import time

import pytest

import batch
import clients
from harness import Ring, create_topic, link, wait_mirrored, wait_until
from test_failover import LINK, wait_connected
from websocket import CLOSE, WebSocket

COMMANDS = re.compile(r"^atoll ((?:[a-z]+ ?)+)")


@pytest.fixture
def region(ring):
    return ring.region("us-east").start()


def mirrored(ring):
    """Two regions that hear each other; eu-west has caught up with the topic `orders` of us-east."""
    us_east, eu_west = ring.pair(control=True)
    create_topic(us_east, "orders", 2)
    wait_connected(us_east, eu_west)
    wait_mirrored(us_east, eu_west, "orders")
    for partition in (0, 1):
        eu_west.wait_state(LINK, "orders", "caught_up", partition)
    return us_east, eu_west


def talk(region, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to raw bytes."""
    host, port = region.admin.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionError):  # What it did not read, it refuses.
            while chunk := connection.recv(65536):
                answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    named = (line.split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), {name.lower(): value for name, value in named}, body


def raw(method: str, target: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


# --- The description ---

def test_every_route_is_described_and_every_description_has_its_route(region):
    assert region.get("/openapi.json")["x-mismatches"] == []


def test_the_command_lines_in_the_description_exist(region):
    operations = [operation for path in region.get("/openapi.json")["paths"].values() for operation in path.values()]
    commands = {COMMANDS.match(operation["x-cli"]).group(1).strip() for operation in operations if "x-cli" in operation}
    assert len(commands) > 20
    for command in commands:
        region.cli(*command.split(), "--help")


def test_answers_are_as_described_whatever_is_asked(ring, tmp_path):
    """Schemathesis makes calls from the description, good and bad ones, and holds the answers against it."""
    _, eu_west = mirrored(ring)
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method"
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"http://{eu_west.admin}/openapi.json", "--checks", checks,
         "--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--seed", "1", "--workers", "1",
         "--max-time", "30", "--no-color",
         # One worker: Python 3.11's ast.parse, which hypothesis calls, is not safe between threads.
         # A 503 while not ready is an answer; a stream is no request.
         "--exclude-path", "/v1/stream", "--exclude-path", "/readyz"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert eu_west.running(), eu_west.log_tail()


# --- Changes ---

def test_a_dry_run_says_what_would_be_done_and_does_nothing(ring):
    _, eu_west = mirrored(ring)
    calls = [("POST", "/v1/topics", {"name": "new"}), ("DELETE", "/v1/topics/local", None), ("POST", f"/v1/links/{LINK}:pause", None),
             ("POST", f"/v1/links/{LINK}/mirrors:pause", {"topics": ["orders"]}), ("POST", f"/v1/links/{LINK}/mirrors:promote", {"all": True})]
    create_topic(eu_west, "local")
    for method, path, body in calls:
        status, answer = eu_west.api(method, f"{path}?dry_run=true", body)
        assert status == 200, answer
        assert eu_west.api(method, f"{path}?dryrun=true", body)[0] == 400, "a typing mistake is not done for real"
    names = {topic["name"] for topic in eu_west.get("/v1/topics")["topics"]}
    assert "new" not in names and "local" in names
    assert not eu_west.get(f"/v1/links/{LINK}")["paused"] and eu_west.get("/v1/failovers")["failovers"] == []
    assert eu_west.mirror(LINK, "orders")["state"] != "paused"


def test_a_key_makes_a_change_happen_once(ring):
    _, eu_west = mirrored(ring)
    move = raw("POST", f"/v1/links/{LINK}/mirrors:promote", b'{"all":true}', "Idempotency-Key: 7f3a")
    first, _, body = talk(eu_west, move)
    again, headers, same = talk(eu_west, move)
    assert (first, again, same) == (202, 202, body) and headers["idempotency-replayed"] == "true"
    poll = json.loads(body)["poll"]
    wait_until(lambda: eu_west.get(poll)["outcome"] == "done", "the move is done")
    assert len(eu_west.get("/v1/failovers")["failovers"]) == 1
    other, _, refusal = talk(eu_west, raw("POST", "/v1/topics", b'{"name":"a"}', "Idempotency-Key: 7f3a"))
    assert other == 422 and json.loads(refusal)["error"]["hint"]


def test_names_or_a_pattern_and_a_result_for_each(ring):
    us_east, eu_west = ring.pair()
    for topic in ("orders-a", "orders-b", "audit"):
        create_topic(us_east, topic)
        wait_mirrored(us_east, eu_west, topic)
    wait_until(lambda: len(eu_west.get(f"/v1/links/{LINK}/topics")["topics"]) == 3, "all are mirrored")
    status, answer = eu_west.api("POST", f"/v1/links/{LINK}/mirrors:pause", {"pattern": "orders-*"})
    assert status == 200 and [result["ok"] for result in answer["results"]] == [True, True]
    status, answer = eu_west.api("POST", f"/v1/links/{LINK}/mirrors:pause", {"topics": ["audit", "nosuch"]})
    assert [(result["topic"], result["ok"]) for result in answer["results"]] == [("audit", True), ("nosuch", False)]
    assert "mirrors no topic" in answer["results"][1]["message"]


def test_probes_answer_without_the_other_region(ring):
    us_east, eu_west = ring.pair(control=True)
    us_east.kill9()
    for path in ("/livez", "/readyz", "/readyz?verbose"):
        assert eu_west.api("GET", path)[0] == 200
    checks = ("startup", "shutdown", "store", "data-dir", "storage-shards", "kafka-listener", "control-listener", "partitions")
    assert eu_west.get("/readyz?verbose").splitlines() == [*(f"[+]{check} ok" for check in checks), "ready"]


# --- Bad input ---

DEEP = b'{"topics":' + b"[" * 100_000
BAD = {
    "an unknown route": (raw("GET", "/v1/nothing"), 404),
    "a wrong method": (raw("PATCH", "/v1/links"), 405),
    "a parameter that does not exist": (raw("GET", "/v1/links?x=1"), 400),
    "a parameter of another type": (raw("GET", "/v1/events?limit=many"), 400),
    "a target that is no UTF-8": (raw("GET", "/v1/topics/%ff"), 400),
    "a target with a zero byte": (raw("GET", "/v1/topics/%00"), 400),
    "a target with half an escape": (raw("GET", "/v1/topics/%2"), 400),
    "a body that is no JSON": (raw("POST", "/v1/topics", b"name=orders"), 400),
    "a body that is no object": (raw("POST", "/v1/topics", b"[1]"), 400),
    "a member of another type": (raw("POST", "/v1/topics", b'{"name":1}'), 400),
    "JSON that is too deep": (raw("POST", "/v1/topics", DEEP), 400),
    "a topic's name that Kafka refuses": (raw("POST", "/v1/topics", json.dumps({"name": "<img src=x>"}).encode()), 400),
    "a header that is too long": (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431),
    "a body that is too long": (b"POST /v1/topics HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413),
    "two framings": (b"POST /v1/topics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (b"POST /v1/topics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x", 400),
    "another site": (raw("POST", "/v1/topics", b'{"name":"a"}', "Origin: http://evil.example"), 403),
    "no idempotency key": (raw("POST", "/v1/topics", b'{"name":"a"}', "Idempotency-Key: " + "k" * 200), 400),
    "a stream without a WebSocket": (raw("GET", "/v1/stream"), 426),
}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    ring = Ring(tmp_path_factory.mktemp("one"))
    yield ring.region("us-east").start()
    ring.discard()


@pytest.mark.parametrize("name", BAD)
def test_a_bad_call_gets_a_json_error(one, name):
    request, status = BAD[name]
    got, headers, body = talk(one, request)
    assert got == status, body
    error = json.loads(body)["error"]
    assert error["code"] == status and error["message"]
    assert headers["content-type"] == "application/json" and headers["x-content-type-options"] == "nosniff"
    if status in (404, 405, 426):
        assert error["hint"]
    if status == 405:
        assert headers["allow"] == "GET"
    assert one.get("/v1/topics")["topics"] == []


# --- The stream ---

def messages(stream: WebSocket):
    while True:
        opcode, payload = stream.receive()
        if opcode == CLOSE:
            return
        yield json.loads(payload)


def test_the_stream_tells_everything_once_and_then_what_changes(ring):
    us_east, eu_west = mirrored(ring)
    with WebSocket(eu_west.admin) as stream:
        assert stream.shake("/v1/stream?sections=links,mirrors,region", "") == 101
        known: dict[str, dict] = {}
        changes: dict[str, int] = {}
        seconds = 0
        clients.produce(us_east.kafka, "orders", [b"%d" % number for number in range(10)])
        for message in messages(stream):
            if message["section"] == "tick":
                seconds += 1
                if seconds == 5:
                    break
                continue
            rows = {} if message["whole"] else known[message["section"]]
            rows |= message["set"]
            known[message["section"]] = {key: row for key, row in rows.items() if key not in message["gone"]}
            changes[message["section"]] = changes.get(message["section"], 0) + 1
    assert known.keys() == {"links", "mirrors", "region"}
    assert known["links"][LINK]["state"] == "running" and known["links"][LINK]["control"]["rttSeconds"] > 0
    assert sum(row["appliedEnd"] for row in known["mirrors"].values()) == 10
    # The whole, the first change at once, then at most two a second: twice as many as there are ticks.
    assert all(told <= 2 * seconds + 2 for told in changes.values()), changes


WIDE = "wide-with-a-name-of-usual-length-{}"


def test_a_reader_of_a_thousand_partitions_hears_of_each_change(ring):
    us_east, eu_west = ring.region("us-east"), ring.region("eu-west")
    eu_west.links = [link(us_east)]
    us_east.start(), eu_west.start()
    for topic in range(10):
        create_topic(us_east, WIDE.format(topic), 100)
    wait_until(lambda: len(eu_west.mirrors(LINK)) == 1000 and
               all(row["state"] == "caught_up" for row in eu_west.mirrors(LINK)), "all are mirrored", 90)
    with WebSocket(eu_west.admin) as stream:
        assert stream.shake("/v1/stream?sections=mirrors", "") == 101
        reading = messages(stream)
        first = next(reading)
        assert first["whole"] and len(first["set"]) == 1000
        for number in range(5):
            with us_east.wire() as connection:
                assert connection.produce(WIDE.format(7), number, batch.make([b"now"])).error == 0
            for message in reading:
                # Snapshots are replaced while they are told: no row may be made of one that is gone.
                assert {row["topic"] for row in message.get("set", {}).values()} <= set(map(WIDE.format, range(10)))
                if any(row["partition"] == number and row["topic"] == WIDE.format(7) and row["appliedEnd"] == 1 for row in message.get("set", {}).values()):
                    break


def test_readers_beyond_the_limit_are_turned_away_and_places_come_free(region):
    held = [WebSocket(region.admin) for _ in range(33)]
    answers = [one.shake("/v1/stream", "") for one in held]
    assert answers == [101] * 32 + [503]
    for one in held:
        one.socket.close()
    wait_until(lambda: WebSocket(region.admin).shake("/v1/stream", "") == 101, "a place is free")


def test_a_stop_does_not_wait_for_readers(region):
    with WebSocket(region.admin) as stream:
        assert stream.shake("/v1/stream", "") == 101
        ended = threading.Event()
        threading.Thread(target=lambda: (stream.ends(), ended.set()), daemon=True).start()
        begin = time.monotonic()
        region.stop()
        assert time.monotonic() - begin < 10 and ended.wait(5)
