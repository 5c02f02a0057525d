"""The Debian package: made of the program as it was built, checked by lintian, and lived through on a fresh Debian 12."""
import pathlib
import re
import shutil

import pytest

import machine
from machine import BINARY, Root, run

CONFIG = BINARY.parents[1] / "CPackConfig.cmake"

# Starts the packaged region as its unit would and stops it; the arguments run against it.
SERVE = """
cat > /tmp/served <<'SH'
set -eu
runuser -u atoll -- /usr/bin/atoll config validate /etc/atoll
cd /var/lib/atoll
runuser -u atoll -- /usr/bin/atoll serve --config /etc/atoll > /tmp/ready 2> /tmp/log & serve=$!
for i in $(seq 300); do grep -q '^ready ' /tmp/ready && break; kill -0 $serve || { cat /tmp/log; exit 1; }; sleep 0.1; done
export ATOLL_ENDPOINT=http://127.0.0.1:9644
"$@"
kill -TERM $(pidof atoll)
wait $serve
SH
sh /tmp/served """

# The README's loop for two regions on one host, and what atoll@us-east and atoll@eu-west would then do.
LOOP = re.search(r"^for region in us-east.*?^done$", (machine.REPOSITORY / "README.md").read_text(), re.M | re.S)[0]
BOTH = LOOP + """
for region in us-east eu-west; do
  install -d -o atoll -g atoll /var/lib/atoll/$region
  runuser -u atoll -- atoll config validate /etc/atoll/$region
  runuser -u atoll -- atoll serve --config /etc/atoll/$region > /tmp/$region.ready 2> /tmp/$region.log &
done
for i in $(seq 300); do grep -qs '^ready ' /tmp/us-east.ready && grep -qs '^ready ' /tmp/eu-west.ready && break; sleep 0.1; done
atoll topic create orders --partitions 2 --endpoint http://127.0.0.1:19644
for i in $(seq 300); do
  ! atoll mirror describe orders --endpoint http://127.0.0.1:29644 2>&1 | grep -w caught_up || exit 0
  sleep 0.1
done
cat /tmp/*.log
exit 1
"""

# Records what maintainer scripts ask of systemd, where none runs.
SYSTEMCTL = "#!/bin/sh\necho \"$*\" >> /tmp/systemctl\n"


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    """Two releases of the package."""
    machine.need("cpack", "dpkg-shlibdeps", "file")
    if not CONFIG.exists():
        pytest.skip(f"{BINARY} is of no CMake build folder: {CONFIG} is not there")
    folder = tmp_path_factory.mktemp("debs")
    made = []
    for release in (1, 2):
        said = run("cpack", "--config", CONFIG, "-B", folder / str(release), "-D", f"CPACK_DEBIAN_PACKAGE_RELEASE={release}",
                   cwd=CONFIG.parent)
        made += (folder / str(release)).glob("*.deb")
        assert len(made) == release, said
    return made


def test_the_package_holds_what_it_should_and_nothing_is_built_for_it(debs):
    deb = debs[0]
    assert re.fullmatch(r"atoll_\d+\.\d+\.\d+-1_amd64\.deb", deb.name)
    rows = [line.split() for line in run("dpkg-deb", "-c", deb).splitlines()]
    files = {row[5].removeprefix("."): row[0] for row in rows}
    for path in ("/usr/bin/atoll", "/lib/systemd/system/atoll.service", "/lib/systemd/system/atoll@.service", "/etc/atoll/region.yaml",
                 "/usr/share/doc/atoll/docs/operations.md", "/usr/share/doc/atoll/copyright", "/usr/share/man/man1/atoll.1.gz",
                 "/usr/share/bash-completion/completions/atoll", "/usr/share/zsh/vendor-completions/_atoll",
                 "/usr/share/fish/vendor_completions.d/atoll.fish", "/usr/share/atoll/dashboards/alerts.yaml", "/usr/share/atoll/dashboards/grafana/overview.json"):
        assert path in files, f"{path} is missing in {sorted(files)}"
    assert files["/usr/bin/atoll"] == "-rwxr-xr-x"
    depends = run("dpkg-deb", "-f", deb, "Depends")
    assert "adduser" in depends and "librocksdb" in depends and "libc6" in depends, depends


def test_lintian_finds_no_error(debs):
    machine.need("lintian")
    print(run("lintian", "--allow-root", "--fail-on", "error", debs[0]))


def test_units_are_sound_and_rated_2_0_or_better(debs, tmp_path):
    machine.need("systemd-analyze")
    run("dpkg-deb", "-x", debs[0], tmp_path)
    units = tmp_path / "lib/systemd/system"
    for unit in ("atoll.service", "atoll@.service"):
        run("systemd-analyze", "security", "--offline=true", "--threshold=20", units / unit)
    template = (units / "atoll@.service").read_text()
    assert "serve --config /etc/atoll/%i\n" in template and "StateDirectory=atoll/%i\n" in template
    assert "WorkingDirectory=/var/lib/atoll/%i\n" in template


def test_it_installs_runs_upgrades_is_removed_and_purged(debs, debian, tmp_path):
    machine.need("ip")
    root = Root(debian, tmp_path / "root")
    for deb in debs:
        shutil.copy(deb, root.path / "tmp")
    first, second = (f"/tmp/{deb.name}" for deb in debs)

    root.install(first)
    root.run("! test -e /tmp/ready; ! pidof atoll")  # Nothing was started.
    assert root.run("stat -c '%U:%G %a' /var/lib/atoll /etc/atoll").split("\n")[:2] == ["atoll:atoll 750", "root:atoll 750"]
    assert root.run("getent passwd atoll").rstrip().endswith(":/var/lib/atoll:/usr/sbin/nologin")
    root.run(SERVE + "atoll topic create orders --partitions 2")
    root.run(BOTH)

    # An upgrade keeps what the operator wrote and what the region holds, and restarts what ran.
    root.run("sed -i 's/defaultPartitions: 4/defaultPartitions: 7/' /etc/atoll/region.yaml")
    pathlib.Path(root.path / "usr/bin/systemctl").write_text(SYSTEMCTL)
    root.run("chmod +x /usr/bin/systemctl; mkdir -p /run/systemd/system")
    root.install(second)
    assert root.run("dpkg-query -W -f '${Version}' atoll").endswith("-2")
    assert root.run("grep -c 'defaultPartitions: 7' /etc/atoll/region.yaml") == "1\n"
    assert "try-restart atoll.service atoll@*.service" in root.run("cat /tmp/systemctl")
    assert "orders" in root.run(SERVE + "atoll topic list")

    # Removal stops it, and leaves configuration and data.
    root.run("rm /tmp/systemctl; apt-get -qq remove -y atoll")
    assert "stop atoll.service atoll@*.service" in root.run("cat /tmp/systemctl")
    root.run("! test -e /usr/bin/atoll; ! test -e /lib/systemd/system/atoll.service; test -s /etc/atoll/region.yaml")
    root.run("test -d /var/lib/atoll/checkpoint")

    # Installed again it goes on with both; a purge leaves neither.
    root.install(second)
    assert "orders" in root.run(SERVE + "atoll topic list")
    root.run("apt-get -qq purge -y atoll; ! test -e /etc/atoll; ! test -e /var/lib/atoll; ! test -e /usr/share/doc/atoll")
    assert root.run("dpkg --audit; dpkg-query -W atoll 2>/dev/null || true") == ""
