# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment and the configuration that a run gets in place of the outer play's.

The environment goes by allow-list: variables of Ansible, AWX, clouds and vaults can make a
playbook execute code or hand out secrets. The configuration is a file, since Ansible takes no
"none", and holds nothing that a user set for their own plays.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

PASSED = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"),
    )
)
"""Variables that reach a run, beside ``LC_*``."""


def clean_environment(outer: Mapping[str, str], home: Path) -> dict[str, str]:
    """What the process that runs playbooks gets; ``home`` stands in for Ansible's own folders."""
    passed = {name: value for name, value in outer.items() if name in PASSED or name.startswith("LC_")}
    if not any(passed.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")):
        passed["LC_ALL"] = "C.UTF-8"  # Ansible starts under no other encoding
    return passed | {
        "TMPDIR": str(home),  # what a module that is killed leaves there goes with it
        "ANSIBLE_HOME": str(home / "ansible"),
        "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }


def write_configuration(home: Path, no_log: bool) -> None:
    """Writes ``home/ansible.cfg``."""
    lines = [
        "[defaults]",
        f"collections_path = {os.pathsep.join(collection_roots())}",
        "stdout_callback = e2ereme.remediate.events",
        f"local_tmp = {home / 'tmp'}",
        f"remote_tmp = {home / 'tmp'}",
        f"interpreter_python = {sys.executable}",
        f"no_log = {no_log}",
        "no_target_syslog = True",
        "retry_files_enabled = False",
        "localhost_warning = False",
        "deprecation_warnings = False",
        "nocolor = True",
        "[inventory]",
        "enable_plugins = host_list",
    ]
    (home / "ansible.cfg").write_text("\n".join(lines) + "\n", encoding="utf-8")


def collection_roots() -> list[str]:
    """Where this process found kubernetes.core and this collection, so that a run finds the same."""
    roots: list[str] = []
    for name in ("kubernetes.core", __name__.removeprefix("ansible_collections.").rsplit(".plugins", 1)[0]):
        try:
            spec = importlib.util.find_spec(f"ansible_collections.{name}")
        except ModuleNotFoundError:
            continue
        for location in (spec and spec.submodule_search_locations) or ():
            root = str(Path(location).parents[2])
            if root not in roots:
                roots.append(root)
    return roots
