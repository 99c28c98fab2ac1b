# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a run reaches the same cluster: connection options as K8S_AUTH_* variables.

Variables, not ``module_defaults``: the group k8s of kubernetes.core lacks some of its modules,
and the generated playbook stays free of credentials.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..module_utils.connect import connection_options
from ..module_utils.exec_credential import without_program
from ..module_utils.kubeconfig_file import read_kubeconfig

_CREDENTIALS = ({"api_key"}, {"username", "password"}, {"client_cert", "client_key"})
_PATHS = ("client_cert", "client_key", "ca_cert")


def cluster_environment(
    options: Mapping[str, Any], environ: Mapping[str, str], folder: Path, lasting: float = 0.0
) -> dict[str, str]:
    """K8S_AUTH_* for ``options`` (those of kubernetes.core) and what ``environ`` adds to them.

    An inline kubeconfig is written to ``folder``, readable for its owner alone; so is one whose user
    is a program, with what that program says in its place, which should last ``lasting`` seconds.
    Paths become absolute, since a run has a working directory of its own.
    """
    chosen = connection_options(options, environ)
    kubeconfig = chosen.pop("kubeconfig", None)
    complete = "host" in chosen and any(names <= set(chosen) for names in _CREDENTIALS)
    in_cluster = "KUBERNETES_SERVICE_HOST" in environ and "context" not in chosen
    if kubeconfig is None and not complete and not in_cluster:
        kubeconfig = _default(chosen, environ)
    if kubeconfig:
        kubeconfig = without_program(kubeconfig, chosen.get("context"), environ, lasting)
    if isinstance(kubeconfig, Mapping):
        kubeconfig = write_kubeconfig(_placed(kubeconfig), folder / "kubeconfig")
    elif kubeconfig:
        kubeconfig = os.pathsep.join(_absolute(part) for part in str(kubeconfig).split(os.pathsep) if part)
    found = {} if not kubeconfig else {"K8S_AUTH_KUBECONFIG": str(kubeconfig)}
    for name, value in chosen.items():
        found.update(_variables(name, value))
    return found


def _default(chosen: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    """The client's default file; without one a bare ``host`` (a local proxy) gets a kubeconfig of its own."""
    default = environ.get("KUBECONFIG") or "~/.kube/config"
    if (
        "host" not in chosen
        or "context" in chosen
        or any(Path(_absolute(p)).exists() for p in default.split(os.pathsep))
    ):
        return default
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "given", "cluster": {"server": chosen["host"]}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "given", "context": {"cluster": "given", "user": "nobody"}}],
        "current-context": "given",
    }


def _variables(name: str, value: Any) -> dict[str, str]:
    if name == "proxy_headers":
        return {f"K8S_AUTH_PROXY_HEADERS_{key.upper()}": str(item) for key, item in value.items() if item is not None}
    if name == "impersonate_groups" and not isinstance(value, str):
        value = ",".join(map(str, value))
    elif isinstance(value, bool):
        value = "true" if value else "false"
    elif name in _PATHS:
        value = _absolute(value)
    return {f"K8S_AUTH_{name.upper()}": str(value)}


def _absolute(path: Any) -> str:
    return os.path.abspath(os.path.expanduser(str(path)))


def _placed(content: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return read_kubeconfig(content)
    except ValueError:
        return content  # kubernetes.core tells what is wrong with it


def write_kubeconfig(content: Mapping[str, Any], path: Path) -> str:
    """Writes it anew, readable for its owner alone; returns the path."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)  # JSON is YAML
    return str(path)
