"""A Debian guest with systemd as PID 1, built by mmdebstrap, set up by README.md's commands, run by systemd-nspawn."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

PYTHONS = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
"""The Python version of each release that can be booted, by name."""

PACKAGES = ("systemd-sysv", "dbus", "python3-venv", "nginx-light", "iproute2", "curl")

_PRIVATE = ("unshare", "--mount", "--propagation", "private", "bash", "-euc")
"""The start of a command that runs a script in a new mount namespace."""

_BOOT = r"""
# A container runner has cgroup v1 or none. Each guest gets a cgroup v2 of its own: guests that share one disturb each
# other.
for mount in $(awk '$2 ~ "^/sys/fs/cgroup" {print $2}' /proc/mounts | sort -r); do umount "$mount"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$1"
echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"
# Without bpf a guest does not enforce IPAddressDeny=.
exec systemd-nspawn --quiet --boot --directory="$2" --keep-unit --register=no --private-network --link-journal=no \
    --console=pipe --resolv-conf=off --timezone=off --system-call-filter=bpf --capability=CAP_BPF,CAP_PERFMON
"""

_UNBOOT = r"""
for mount in $(awk '$2 ~ "^/sys/fs/cgroup" {print $2}' /proc/mounts | sort -r); do umount "$mount"; done
mount -t cgroup2 cgroup2 /sys/fs/cgroup
find "/sys/fs/cgroup/$1" -depth -type d -exec rmdir {} +
"""


class Guest:
    """A root file system that a scenario boots, observes and shuts down any number of times."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = root.name
        self._console = root.with_name(f"{self.name}.console")
        self._nspawn: subprocess.Popen[bytes] | None = None

    def boot(self) -> None:
        """Boot, and return when systemd accepts commands."""
        with self._console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                [
                    "unshare",
                    "--mount",
                    "--propagation",
                    "private",
                    "bash",
                    "-euc",
                    _BOOT,
                    "bash",
                    self._cgroup,
                    self.root,
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self.until("systemd takes commands", lambda: bool(self._init) and self.succeeds("test -e /run/systemd/private"))

    @property
    def _cgroup(self) -> str:
        return f"ec2facts-boot-{os.getpid()}-{self.name}"

    @property
    def _init(self) -> str:
        assert self._nspawn is not None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        return children.read_text().strip() if children.exists() else ""

    def run(self, command: str, *, limit: float = 150) -> subprocess.CompletedProcess[str]:
        """Run a shell command in the guest."""
        entered = ["nsenter", "--target", self._init, "--all", "sh", "-c", command]
        done = subprocess.run(entered, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=limit)
        # Not text=True, which would change line ends inside values.
        return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())

    def read(self, command: str) -> str:
        """Return the output of a shell command in the guest; raise AssertionError if the command fails."""
        done = self.run(command)
        assert done.returncode == 0, f"{self.name}: {command}: status {done.returncode}: {done.stderr}{self.report()}"
        return done.stdout

    def succeeds(self, command: str) -> bool:
        """Return whether a shell command in the guest succeeds."""
        return self.run(command).returncode == 0

    def until(self, what: str, is_done: Callable[[], bool], *, limit: float = 150) -> None:
        """Wait until ``is_done``; raise AssertionError that names the missing event."""
        end = time.monotonic() + limit
        while not is_done():
            assert self._nspawn is not None
            assert self._nspawn.poll() is None, f"{self.name}: ended before {what}: {self._console.read_text()}"
            assert time.monotonic() < end, f"{self.name}: not within {limit} s: {what}{self.report()}"
            time.sleep(0.2)

    def booted(self) -> str:
        """Wait until the boot has reached its target; return whether the system is ``running`` or ``degraded``."""
        self.until("the boot reaches multi-user.target", lambda: self.state("multi-user.target") == "active")
        return self.run("systemctl is-system-running").stdout.strip()

    def state(self, unit: str) -> str:
        """Return whether a unit is active, inactive, activating or failed."""
        return self.run(f"systemctl is-active {unit}").stdout.strip()

    def failed(self) -> list[str]:
        """Return the names of the units that have failed."""
        listed = self.read("systemctl list-units --state=failed --plain --no-legend --no-pager")
        return [line.split()[0] for line in listed.splitlines()]

    def journal(self, unit: str) -> str:
        """Return the journal of a unit since the boot."""
        return self.read(f"journalctl --boot --quiet --no-pager --output=cat --unit='{unit}'")

    def last_journal(self) -> str:
        """Return the journal of the last boot of a guest that is shut down."""
        return bake(self.root, "journalctl --directory=/var/log/journal --boot --quiet --no-pager --output=cat")

    def report(self) -> str:
        """Return the failed units and the journal, for the message of a failure."""
        commands = "systemctl list-jobs --no-pager; systemctl --failed --no-pager --plain; "
        commands += "journalctl -b --no-pager -q -o short-monotonic -u 'ec2facts*' -u consumer -u nginx | tail -n 60"
        return f"\n----- {self.name} -----\n{self.run(commands).stdout}"

    def shut_down(self, *, limit: float = 80) -> None:
        """Power off, and return when the guest has ended."""
        self.run("systemctl --no-block poweroff")
        self.wait(limit=limit)

    def wait(self, *, limit: float = 80) -> None:
        """Wait until the guest has ended by itself; raise AssertionError if it has not."""
        if self._nspawn is not None:
            try:
                self._nspawn.wait(limit)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"{self.name}: did not end within {limit} s{self.report()}") from None
            finally:
                self.kill()

    def kill(self) -> None:
        """End the guest at once if it runs, and remove its cgroup."""
        if self._nspawn is not None:
            if self._init:
                os.kill(int(self._init), signal.SIGKILL)  # kills every process of the guest, and nspawn ends
            else:
                self._nspawn.kill()
            self._nspawn.wait()
            self._nspawn = None
            subprocess.run([*_PRIVATE, _UNBOOT, "bash", self._cgroup], capture_output=True, check=False)


def why_not() -> str | None:
    """Return why this machine cannot boot guests, None if it can."""
    if os.geteuid() != 0:
        return "only root can boot a guest"
    missing = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "nsenter": "util-linux"}
    for program, package in missing.items():
        if shutil.which(program) is None:
            return f"{program} is missing: apt-get install {package}"
    tried = subprocess.run([*_PRIVATE, "mount -t cgroup2 cgroup2 /mnt"], capture_output=True, text=True, check=False)
    return f"no cgroup v2 for a guest: {tried.stderr.strip()}" if tried.returncode else None


def build(release: str, directory: Path) -> Path:
    """Return the root of a Debian with a clone of this repository in /src and the wheels to install it in /wheels."""
    root = directory / "base"
    own = re.search(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text(), re.MULTILINE)
    assert own is not None, "this machine's release has no name"
    # Use the mirror of this machine for the other release.
    places = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("debian.*")]
    sources = [directory / place.name for place in places if place.is_file()]
    for place, source in zip(filter(Path.is_file, places), sources):
        source.write_text(place.read_text().replace(own[1], release))
    keep_small = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", *keep_small]
    _run([*command, release, root, *sources])
    for name in ("src", "wheels"):
        (root / name).mkdir()
    listed = _run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (root / "src" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / "src" / name)
    needed = [line for line in requires("ec2facts") or [] if "extra ==" not in line]
    # pip evaluates markers for the Python that runs it, so tomli, which hatchling needs below Python 3.11, is named.
    chosen = ["--only-binary=:all:", f"--python-version={PYTHONS[release]}", "--platform=manylinux2014_x86_64"]
    _run([sys.executable, "-m", "pip", "download", "-q", *chosen, "-d", root / "wheels", "hatchling", "tomli", *needed])
    return root


def bake(root: Path, lines: str) -> str:
    """Run shell commands in a root file system, from the clone, with its wheels as the only package index."""
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
    environment.update(LANG="C.UTF-8", PIP_NO_INDEX="1", PIP_FIND_LINKS="/wheels", PIP_DISABLE_PIP_VERSION_CHECK="1")
    return _run(["chroot", root, "sh", "-euc", f"cd /src\n{lines}"], env=environment)


def _run(command: Sequence[str | Path], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
