"""A real sshd on loopback, for the user who runs the tests."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import NOBODY


@contextmanager
def running_sshd(program: Callable[..., str], directory: Path) -> Iterator[dict[str, str]]:
    """Run sshd, and yield the variables with which Ansible connects to it."""
    keygen = program("ssh-keygen", package="openssh-client")
    for name in ("host_key", "user_key"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # A command over SSH has a new environment, which must not name a real service either.
    (directory / "config").write_text(
        f"""
        ListenAddress 127.0.0.1:{port}
        HostKey {directory}/host_key
        AuthorizedKeysFile {directory}/user_key.pub
        PidFile none
        StrictModes no
        UsePAM no
        PermitRootLogin yes
        SetEnv AWS_EC2_METADATA_SERVICE_ENDPOINT={NOBODY}
        """
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's unit creates it otherwise
    known_hosts = directory / "known_hosts"
    command = [program("sshd", package="openssh-server"), "-D", "-e", "-f", str(directory / "config")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as sshd:
        assert sshd.stderr is not None
        line = sshd.stderr.readline()
        assert "Server listening" in line, line
        try:
            yield {
                "ansible_connection": "ssh",
                "ansible_host": "127.0.0.1",
                "ansible_port": str(port),
                "ansible_user": getpass.getuser(),
                "ansible_ssh_private_key_file": str(directory / "user_key"),
                "ansible_ssh_common_args": f"-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile={known_hosts}",
            }
        finally:
            sshd.terminate()
