"""Ansible renders templates as the table of differences says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.integrations.engines.engine import Engine
from tests.render.template.ansible_differences import DIFFERENCES


def test_ansible_renders_as_the_table_of_differences_says(ansible: Engine, tmp_path: Path) -> None:
    tasks = []
    for number, difference in enumerate(DIFFERENCES):
        (tmp_path / f"{number}.j2").write_text(difference.template, encoding="utf-8")
        tasks.append({"template": {"src": f"{number}.j2", "dest": str(tmp_path / f"{number}")}})
    host = {"hosts": "localhost", "gather_facts": False, "connection": "local", "tasks": tasks}
    host["vars"] = {"ansible_python_interpreter": sys.executable}
    (tmp_path / "play.json").write_text(json.dumps([host]))

    arguments = ["-m", "ansible", "playbook", "-i", "localhost,", "play.json"]
    ansible.run(*arguments, cwd=tmp_path, environ={"LANG": "C.UTF-8", "ANSIBLE_LOCALHOST_WARNING": "false"})

    printed = [(tmp_path / str(number)).read_text(encoding="utf-8") for number in range(len(DIFFERENCES))]
    assert printed == [difference.ansible for difference in DIFFERENCES]
