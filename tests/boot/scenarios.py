"""The scenarios: each is a script of events in a guest, and returns a record of observations."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ec2facts import Snapshot, instances
from tests.boot.guest import Guest, bake
from tests.readme import README

Record = dict[str, str]
"""The observations at one moment, by name."""

BY_HAND, BY_TIMER, BY_WATCH = "i-0000000000000000a", "i-0000000000000000b", "i-0000000000000000c"
"""The instance ids to which a running instance changes: they are easy to find in a header."""

SECTION = README.read_text().partition("\n## At boot\n")[2].partition("\n## ")[0]
CONFIG = "/etc/ec2facts/ec2facts.d/nginx.yaml"

_NETWORK = """
[Unit]
Before=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip addr add 169.254.169.254/32 dev lo
[Install]
RequiredBy=network-online.target
"""
_SERVICE = """
[Unit]
After=network-online.target
Wants=network-online.target
[Service]
ExecStart=/opt/ec2facts/bin/python /opt/imds/service.py
[Install]
WantedBy=multi-user.target
"""
_APPLICATION = r"""
ExecStart=sh -c 'env -0 >/run/application.env; exec sleep infinity'
[Install]
WantedBy=multi-user.target
"""
_SPANS = "systemctl show ec2facts.service ec2facts-boot.service --property=Id,ExecMainStartTimestampMonotonic,"
_SPANS += "ExecMainExitTimestampMonotonic"
_HEADER = "curl -sI http://127.0.0.1:8080/healthz | tr -d '\\r' | sed -n 's/^X-Instance-Id: //p'"


def block(language: str) -> str:
    """Return the first block of a language in the README's section «At boot»."""
    match = re.search(rf"^```{language}\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
    assert match is not None, f"README.md has no block of {language} in «At boot»"
    return match[1]


def prepare(root: Path) -> None:
    """Run the commands of README.md in the root, and enable a metadata service there."""
    bake(root, block("sh"))
    (root / CONFIG.lstrip("/")).write_text(block("yaml"))
    units = root / "etc/systemd/system"
    for name, text in {"network": _NETWORK, "imds": _SERVICE, "application": block("ini") + _APPLICATION}.items():
        (units / f"{name}.service").write_text(text)
    (root / "etc/nginx/sites-enabled/default").unlink()  # the metadata service needs its port 80
    (root / "opt/imds").mkdir()
    shutil.copy(Path(__file__).with_name("service.py"), root / "opt/imds")
    bake(root, "systemctl --quiet enable network imds application")
    serve(root)


def serve(root: Path, instance: Snapshot | None = None, *, delay: float = 0, faults: str = "") -> None:
    """Set the instance of the guest, and the faults of its metadata service from the next start on."""
    settings = root / "opt/imds"
    (settings / "delay").write_text(str(delay))
    (settings / "faults").write_text(faults)
    if instance is not None:
        instance.save(settings / "instance.json")


def changed(instance: Snapshot, instance_id: str) -> Snapshot:
    """Return the instance with another id."""
    return Snapshot({**instance.bodies, "meta-data/instance-id": instance_id.encode()})


def drop_in(root: Path, unit: str, settings: str) -> None:
    """Add settings to a unit."""
    file = root / f"etc/systemd/system/{unit}.service.d/test.conf"
    file.parent.mkdir()
    file.write_text(settings)


def look(guest: Guest) -> Record:
    """Return the observations of an operator on a running guest."""
    state = guest.booted()
    return {
        "state": state,
        "failed": " ".join(guest.failed()),
        "environment": guest.run("cat /run/application.env").stdout,
        "header": header(guest),
        "facts": guest.run("cat /run/ec2facts/facts.json").stdout,
        "files": guest.run("cd /run/ec2facts && stat --format='%n %a %U' *").stdout,
        "application": guest.state("application"),
        "nginx": guest.state("nginx"),
        "env unit": guest.journal("ec2facts.service"),
        "config unit": guest.journal("ec2facts-boot.service"),
        "spans": guest.read(_SPANS),
    }


def header(guest: Guest) -> str:
    """Return the instance that nginx names in its responses."""
    return guest.run(_HEADER).stdout.strip()


def first_boot(guest: Guest) -> dict[str, Record]:
    """A service that starts 5 s late; facts that change while nginx runs; a throttled reboot; an image clone."""
    busy, awkward = instances.load("busy"), instances.load("awkward")
    seen: dict[str, Record] = {}
    serve(guest.root, busy, delay=5)
    guest.boot()
    seen["late"] = look(guest)

    serve(guest.root, changed(busy, BY_HAND))
    by_hand = guest.run("systemctl start ec2facts-apply")
    if by_hand.returncode == 0:  # nginx starts its new workers after the reload has returned
        guest.until("nginx has the header by hand", lambda: header(guest) == BY_HAND, limit=30)
    seen["by hand"] = {
        "status": str(by_hand.returncode),
        "header": header(guest),
        "journal": guest.journal("ec2facts-apply.service"),
    }

    serve(guest.root, changed(busy, BY_TIMER))
    soon = r"[Timer]\nOnActiveSec=\nOnActiveSec=1\nRandomizedDelaySec=0\nAccuracySec=1\n"
    guest.read(f"d=/run/systemd/system/ec2facts.timer.d; mkdir -p $d; printf '{soon}' >$d/soon.conf")
    guest.read("systemctl daemon-reload; systemctl restart ec2facts.timer")
    guest.until("nginx has the header by the timer's unit", lambda: header(guest) == BY_TIMER)
    guest.until("the timer's unit ends", lambda: guest.state("ec2facts-apply") != "activating")
    seen["by timer"] = {"state": guest.state("ec2facts-apply"), "journal": guest.journal("ec2facts-apply.service")}

    serve(guest.root, changed(busy, BY_WATCH))
    started = guest.run("systemctl start ec2facts-watch")
    guest.until("nginx has the header by the watch", lambda: header(guest) == BY_WATCH, limit=30)
    seen["by watch"] = {
        "status": str(started.returncode),
        "state": guest.state("ec2facts-watch"),
        "timer": guest.state("ec2facts.timer"),
        "stopped": str(guest.run("systemctl stop ec2facts-watch").returncode) + guest.state("ec2facts-watch"),
        "journal": guest.journal("ec2facts-watch.service"),
    }

    serve(guest.root, busy, faults="throttle@#3-8")
    guest.read("systemctl --no-block reboot")
    guest.wait()
    guest.boot()
    seen["throttled"] = look(guest)
    guest.shut_down()
    seen["throttled"]["statuses"] = (guest.root / "opt/imds/statuses").read_text()

    serve(guest.root, awkward)
    guest.boot()
    seen["clone"] = look(guest)
    seen["sandbox"] = {"journal": in_sandbox(guest)}
    guest.shut_down()
    return seen


def service_down(guest: Guest) -> dict[str, Record]:
    """A shutdown while the units wait; then a boot without a service, which starts after the wait."""
    seen: dict[str, Record] = {}
    serve(guest.root, instances.load("busy"))
    bake(guest.root, "systemctl --quiet disable imds")
    for unit in ("ec2facts", "ec2facts-apply"):  # the default pause between attempts is too long for a test
        drop_in(guest.root, unit, "[Service]\nRestartSec=5\n")
    guest.boot()
    waiting = (
        "systemctl is-active -q network-online.target && systemctl list-jobs | grep -q 'ec2facts.service.*running'"
    )
    guest.until("the units wait", lambda: guest.succeeds(waiting))
    guest.shut_down()
    seen["shutdown"] = {"journal": guest.last_journal()}

    guest.boot()
    seen["down"] = look(guest)
    guest.read("systemctl start imds")
    guest.until("the application has its environment", lambda: guest.state("application") == "active")
    guest.until("nginx has the header", lambda: bool(header(guest)))
    guest.until("no unit has failed", lambda: not guest.failed())
    seen["mended"] = look(guest)
    guest.shut_down()
    return seen


def service_disabled(guest: Guest) -> dict[str, Record]:
    """A service that answers 403, as on an instance with HttpEndpoint disabled."""
    serve(guest.root, instances.load("busy"), faults="status=403")
    # The service starts first, because the units do not wait for a disabled one.
    for unit in ("ec2facts", "ec2facts-boot"):
        drop_in(guest.root, unit, "[Unit]\nAfter=imds.service\n")
    guest.boot()
    seen = {"disabled": look(guest)}
    guest.shut_down()
    return seen


def read_only_var(guest: Guest) -> dict[str, Record]:
    """An image with a read-only /var, except for logs and the directories that systemd and nginx need."""
    serve(guest.root, instances.load("busy"))
    mounts = "/var /var none bind,ro 0 0\n"
    mounts += "".join(f"tmpfs /var/{name} tmpfs mode=0755 0 0\n" for name in ("log", "tmp", "lib/nginx", "lib/systemd"))
    (guest.root / "etc/fstab").write_text(mounts)
    (guest.root / "etc/tmpfiles.d/nginx.conf").write_text("d /var/log/nginx 0755 root adm\n")
    guest.boot()
    seen = {"read-only": look(guest)}
    seen["read-only"]["touch"] = guest.run("touch /var/lib/x").stderr
    seen["read-only"]["state"] += guest.run("ls /run/ec2facts-state").stdout
    guest.shut_down()
    return seen


def in_sandbox(guest: Guest) -> str:
    """Return the output of a probe that runs with the sandbox of ec2facts.service."""
    shutil.copy(Path(__file__).with_name("probe.sh"), guest.root / "opt/probe.sh")
    unit = (guest.root / "etc/systemd/system/ec2facts.service").read_text()
    probe = re.sub(r"^ExecStart=.*$", "ExecStart=sh /opt/probe.sh", unit, flags=re.MULTILINE)
    (guest.root / "run-probe.service").write_text(probe.replace("Restart=on-failure", "Restart=no"))
    guest.read("mv /run-probe.service /run/systemd/system/probe.service; systemctl daemon-reload")
    guest.read("systemctl start probe")
    return guest.journal("probe.service")


SCENARIOS = (first_boot, service_down, service_disabled, read_only_var)
