"""Count the templates of Ansible roles that ec2facts renders like Ansible.

``python -m tests.benchmarks.ansible_templates DIR...`` takes directories with roles or collections, and needs
ansible-core 2.17 or older. A template counts if Ansible renders it from the defaults of its role and some usual facts;
no default is looked up anywhere. The final newline does not count.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ec2facts.errors import EC2FactsError
from ec2facts.render.template.environment import render_template
from ec2facts.render.template.variables import reserved_names

USUAL: dict[str, Any] = {
    "ansible_managed": "Ansible managed",
    "inventory_hostname": "host",
    "inventory_hostname_short": "host",
    "ansible_hostname": "host",
    "ansible_fqdn": "host.example.com",
    "ansible_nodename": "host",
    "ansible_domain": "example.com",
    "ansible_os_family": "Debian",
    "ansible_distribution": "Debian",
    "ansible_distribution_release": "bookworm",
    "ansible_distribution_version": "12",
    "ansible_distribution_major_version": "12",
    "ansible_system": "Linux",
    "ansible_kernel": "6.1.0",
    "ansible_architecture": "x86_64",
    "ansible_machine": "x86_64",
    "ansible_service_mgr": "systemd",
    "ansible_processor_vcpus": 2,
    "ansible_memtotal_mb": 4096,
    "ansible_default_ipv4": {"address": "10.0.0.1", "interface": "eth0"},
    "ansible_all_ipv4_addresses": ["10.0.0.1"],
    "ansible_interfaces": ["lo", "eth0"],
    "ansible_local": {},
    "ansible_check_mode": False,
    "group_names": [],
    "groups": {"all": ["host"]},
    "item": {},
}


class Rendered(NamedTuple):
    """A template of a role, its variables, and the text that Ansible renders."""

    file: Path
    variables: dict[str, Any]
    text: str


def main(directories: Iterable[Path]) -> None:
    """Print the differences, the refusals and the counts, for each setting of trim_blocks."""
    rendered = [each for directory in directories for each in by_ansible(directory)]
    for trim_blocks in (True, None):
        counts = Counter(compared(each, trim_blocks=trim_blocks) for each in rendered)
        listed = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        sys.stdout.write(f"trim_blocks={trim_blocks}: {listed} of {len(rendered)}\n")


def compared(rendered: Rendered, *, trim_blocks: bool | None) -> str:
    """Return whether ec2facts renders the same text; print the reason if not."""
    try:
        text = render_template({}, rendered.file, variables=rendered.variables, search_path=[], trim_blocks=trim_blocks)
    except EC2FactsError as error:
        sys.stdout.write(f"  refused: {error}\n")
        return "refused"
    if text.rstrip("\n") == rendered.text.rstrip("\n"):
        return "same"
    sys.stdout.write(f"  different: {rendered.file}: {first_difference(rendered.text, text)}\n")
    return "different"


def by_ansible(directory: Path) -> Iterator[Rendered]:
    """Yield every template in ``directory`` that Ansible renders."""
    for role in sorted(path.parent for path in directory.rglob("templates")):
        variables = defaults(role)
        for file in sorted((role / "templates").rglob("*.j2")):
            options = {"preserve_trailing_newlines": True, "escape_backslashes": False}
            text = templated(file.parent, variables, file.read_bytes().decode(errors="replace"), **options)
            if isinstance(text, str):
                yield Rendered(file, variables, str(text))


def defaults(role: Path) -> dict[str, Any]:
    """Return the usual facts and the role's defaults, except for those that Ansible cannot resolve."""
    raw = dict(USUAL)
    for file in sorted([*role.glob("defaults/**/*.yml"), *role.glob("vars/main.yml")]):
        loaded = yaml.load(file.read_text(), Loader=Tolerant)
        raw.update(loaded if isinstance(loaded, dict) else {})
    values = {name: plain(templated(role, raw, value)) for name, value in raw.items()}
    reserved = reserved_names() - {"item"}
    return {name: value for name, value in values.items() if value is not None and name not in reserved}


class Tolerant(yaml.SafeLoader):
    """Ignores Ansible's YAML tags, such as !vault and !unsafe."""


Tolerant.add_multi_constructor("!", lambda loader, suffix, node: None)


def templated(directory: Path, variables: dict[str, Any], value: Any, **options: Any) -> Any:
    """Return a value as Ansible renders it; None if Ansible cannot."""
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar

    class Offline(Templar):  # type: ignore[misc]
        def _lookup(self, name: str, *arguments: Any, **options: Any) -> Any:
            raise ValueError("the lookups of roles run programs")

        _query_lookup = _lookup

    loader = DataLoader()
    loader.set_basedir(str(directory))
    try:
        return Offline(loader, variables=variables).template(value, **options)
    except Exception:  # noqa: BLE001 (whatever Ansible cannot render does not count)
        return None


def plain(value: Any) -> Any:
    """Return a value in plain types instead of Ansible's."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def first_difference(theirs: str, ours: str) -> str:
    """Return the first line that differs between two texts."""
    pairs = enumerate(zip(theirs.splitlines(), ours.splitlines()), 1)
    differences = (f"line {number}: {left!r} is {right!r}" for number, (left, right) in pairs if left != right)
    return next(differences, "one is longer")


if __name__ == "__main__":
    main(map(Path, sys.argv[1:]))
