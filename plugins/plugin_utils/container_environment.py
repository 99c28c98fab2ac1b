# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a run in a container reaches the cluster: everything that it needs in the one folder that it sees."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..module_utils.errors import InputError
from ..module_utils.exec_credential import settled
from ..module_utils.kubeconfig_file import read_kubeconfig
from .cluster_environment import cluster_environment, write_kubeconfig

INSIDE = "/runner"
"""Where ansible-runner mounts the folder."""

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_FILES = ("K8S_AUTH_CLIENT_CERT", "K8S_AUTH_CLIENT_KEY", "K8S_AUTH_CA_CERT")


def container_environment(
    options: Mapping[str, Any], environ: Mapping[str, str], folder: Path, lasting: float = 0.0, account: Path = _ACCOUNT
) -> dict[str, str]:
    """As ``cluster_environment``, with certificates, keys and tokens copied to ``folder``.

    ``account`` is where a Pod has its service account. Raises InputError where a file cannot be read.
    """
    found = cluster_environment(options, environ, folder, lasting)
    try:
        if "K8S_AUTH_KUBECONFIG" in found:
            content = read_kubeconfig(found["K8S_AUTH_KUBECONFIG"])
            content, _ = settled(content, found.get("K8S_AUTH_CONTEXT"), environ, lasting)
            write_kubeconfig(inlined(content), folder / "kubeconfig")
            found["K8S_AUTH_KUBECONFIG"] = f"{INSIDE}/kubeconfig"
        elif "K8S_AUTH_HOST" not in found and environ.get("KUBERNETES_SERVICE_HOST"):
            write_kubeconfig(inlined(_of_the_pod(environ, account)), folder / "kubeconfig")
            found["K8S_AUTH_KUBECONFIG"] = f"{INSIDE}/kubeconfig"
        for name in set(_FILES) & set(found):
            copy = folder / name.lower()
            copy.touch(mode=0o600)
            copy.write_bytes(Path(found[name]).read_bytes())
            found[name] = f"{INSIDE}/{copy.name}"
    except (OSError, ValueError) as error:
        raise InputError(
            f"What the connection to the cluster needs cannot be taken into the container: {error}.",
            "Correct kubeconfig, client_cert, client_key or ca_cert, or set runner: process.",
        ) from error
    return found


def inlined(content: Mapping[str, Any]) -> dict[str, Any]:
    """A kubeconfig with the content of the files that it names; OSError where one cannot be read."""
    found = dict(content)
    for kind in ("cluster", "user"):
        found[f"{kind}s"] = [{**entry, kind: _with_data(entry[kind])} for entry in content[f"{kind}s"]]
    return found


def _with_data(section: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(section)
    for name in ("certificate-authority", "client-certificate", "client-key"):
        path = found.pop(name, None)
        if path and not found.get(f"{name}-data"):
            found[f"{name}-data"] = base64.b64encode(Path(path).read_bytes()).decode("ascii")
    path = found.pop("tokenFile", None)
    if path and not found.get("token"):
        found["token"] = Path(path).read_text("utf-8").strip()
    return found


def _of_the_pod(environ: Mapping[str, str], account: Path) -> dict[str, Any]:
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    address = f"[{host}]" if ":" in host else host
    cluster = {"server": f"https://{address}:{port}", "certificate-authority": str(account / "ca.crt")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "pod", "cluster": cluster}],
        "users": [{"name": "pod", "user": {"tokenFile": str(account / "token")}}],
        "contexts": [{"name": "pod", "context": {"cluster": "pod", "user": "pod"}}],
        "current-context": "pod",
    }
