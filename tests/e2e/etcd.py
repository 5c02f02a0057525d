"""Three members of etcd on loopback, for tests of lease mode."""
from __future__ import annotations

import base64
import contextlib
import http.client
import json
import pathlib
import subprocess

from harness import wait_until
from ports import free_port


class Etcd:
    def __init__(self, directory: pathlib.Path, members: int = 3) -> None:
        self.directory = directory / "etcd"
        self.directory.mkdir()
        self.clients = [f"127.0.0.1:{free_port()}" for _ in range(members)]
        self.peers = [f"127.0.0.1:{free_port()}" for _ in range(members)]
        self.processes: list[subprocess.Popen] = []

    def __enter__(self) -> Etcd:
        cluster = ",".join(f"m{index}=http://{peer}" for index, peer in enumerate(self.peers))
        for index, (client, peer) in enumerate(zip(self.clients, self.peers)):
            with (self.directory / f"m{index}.log").open("wb") as log:
                self.processes.append(subprocess.Popen(
                    ["etcd", "--name", f"m{index}", "--data-dir", self.directory / f"m{index}",
                     "--listen-client-urls", f"http://{client}", "--advertise-client-urls", f"http://{client}",
                     "--listen-peer-urls", f"http://{peer}", "--initial-advertise-peer-urls", f"http://{peer}",
                     "--initial-cluster", cluster],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        for client in self.clients:
            wait_until(lambda: self._healthy(client), f"etcd at {client} is healthy", timeout=60)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    @staticmethod
    def _healthy(client: str) -> bool:
        host, port = client.split(":")
        with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=5)) as connection:
            connection.request("GET", "/health")
            return b'"true"' in connection.getresponse().read()

    def _call(self, path: str, body: dict[str, object]) -> dict[str, object]:
        host, port = self.clients[-1].split(":")
        with contextlib.closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
            connection.request("POST", path, json.dumps(body))
            return json.loads(connection.getresponse().read())

    def get(self, key: str) -> str | None:
        found = self._call("/v3/kv/range", {"key": base64.b64encode(key.encode()).decode()}).get("kvs", [])
        return base64.b64decode(found[0]["value"]).decode() if found else None

    def put(self, key: str, value: str) -> None:
        self._call("/v3/kv/put", {"key": base64.b64encode(key.encode()).decode(),
                                  "value": base64.b64encode(value.encode()).decode()})

    def stop(self, member: int) -> None:
        self.processes[member].kill()
        self.processes[member].wait()
