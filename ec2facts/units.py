"""The shipped systemd units and their configs, installed and enabled in a root file system."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ec2facts.install import Change, File, Observer, install
from ec2facts.render.template.search import PackagedTemplate, list_templates, packaged_template

ENABLED = ("ec2facts.service", "ec2facts-boot.service", "ec2facts.timer")
"""The units that ``install_units`` enables; the others are started by these, or enabled by hand."""

CONFIGS = ("boot.yaml", "ec2facts.yaml")
"""The configs that the units read; an existing config is never changed."""

SEARCHED = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin")
"""The directories in which systemd looks up a command without a path."""

_UNOBSERVED = Observer()


def list_units() -> list[PackagedTemplate]:
    """Return the shipped units, sorted by name."""
    return [each for each in list_templates() if each.name.endswith((".service", ".timer"))]


def install_units(
    root: Path = Path("/"), *, program: str = "ec2facts", observer: Observer = _UNOBSERVED
) -> Sequence[Change]:
    """Install every unit and config below ``root`` and enable the units that start at boot, as systemctl would.

    ``program`` is the command of the units, a name or a path. Raises EC2FactsError. A running systemd loads the units
    after ``systemctl daemon-reload``.
    """
    units = root / "etc/systemd/system"
    configs = root / "etc/ec2facts"
    for directory in (units, configs / "ec2facts.d"):
        directory.mkdir(parents=True, exist_ok=True)
    texts = {name: packaged_template(name).read_text(encoding="utf-8") for name, *_ in list_units()}
    files = [
        File(units / name, text.replace("ExecStart=ec2facts ", f"ExecStart={program} ").encode(), mode=0o644)
        for name, text in texts.items()
    ]
    files += [
        File(configs / name, packaged_template(name).read_bytes(), mode=0o644)
        for name in CONFIGS
        if not (configs / name).exists()
    ]
    changes = install(files, observer=observer)
    for name in ENABLED:
        for target in re.findall(r"^WantedBy=(\S+)$", texts[name], re.MULTILINE):
            link = units / f"{target}.wants" / name
            link.parent.mkdir(exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(f"/etc/systemd/system/{name}")
    return changes


def find_program(root: Path, own: Path) -> str:
    """Return the command for the units below ``root``: "ec2facts", or the path of ``own`` if systemd cannot find that.

    ``own`` is the running command. If it is outside ``root``, ec2facts is still to be installed there.
    """
    names = (root / directory.lstrip("/") / "ec2facts" for directory in SEARCHED)
    # A link may dangle outside the root: its target is a path inside it.
    if any(map(os.path.lexists, names)) or root.absolute() not in own.absolute().parents:
        return "ec2facts"
    return f"/{own.absolute().relative_to(root.absolute())}"
