"""A real Apache Kafka as one process (KRaft), from the jars that tests/compat/get-kafka.sh fetched, and its command-line tools."""
from __future__ import annotations

import pathlib
import shutil
import subprocess
import time

from ports import free_port

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
JARS = REPOSITORY / "build" / "kafka-jars"
LOG4J = pathlib.Path(__file__).with_name("log4j2.properties")
CLUSTER_ID = "YXRvbGwtdGVzdC1rYWZrYQ"  # 16 bytes in base64url, as StorageTool wants it


def missing() -> str | None:
    """Why Kafka can't run here; None when it can."""
    if shutil.which("java") is None:
        return "no java; run deploy/install-deps.sh test"
    if not any(JARS.glob("kafka_2.13-*.jar")):
        return f"no Kafka in {JARS}; run tests/compat/get-kafka.sh"
    return None


def java(main: str, *arguments: str, heap: str = "256m") -> list[str]:
    return ["java", f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={LOG4J}",
            "-cp", f"{JARS}/*", main, *arguments]


def run_tool(main: str, *arguments: str, stdin: bytes | None = None, timeout: float = 90) -> str:
    """Runs one of Kafka's tools to its end; fails with what it printed."""
    done = subprocess.run(java(main, *arguments), input=stdin, capture_output=True, timeout=timeout, check=False)
    output, errors = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == 0, f"{main} {arguments}: exit {done.returncode}\n{output}\n{errors}"
    return output


class RealKafka:
    """A broker on loopback that keeps its data in `directory`."""

    def __init__(self, directory: pathlib.Path, **settings: str) -> None:
        self.directory = directory
        self.address = f"127.0.0.1:{free_port()}"
        self.log = directory / "broker.log"
        controller = free_port()
        properties = {
            "process.roles": "broker,controller", "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(directory / "data"), "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1", "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1", "log.cleaner.backoff.ms": "200",
            "log.initial.task.delay.ms": "500", "log.retention.check.interval.ms": "1000",
        } | {name.replace("_", "."): value for name, value in settings.items()}
        directory.mkdir(parents=True)
        self.config = directory / "server.properties"
        self.config.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        run_tool("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self.config))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 60) -> RealKafka:
        with self.log.open("ab") as log:
            seen = self.log.stat().st_size
            self.process = subprocess.Popen(java("kafka.Kafka", str(self.config), heap="512m"), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout
        while b"Kafka Server started" not in self.log.read_bytes()[seen:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("Kafka did not start:\n" + self.log.read_text()[-3000:])
            time.sleep(0.1)
        return self

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
