# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A kubeconfig without the program that it would call for a credential: with that credential in its place.

Managed clusters give a kubeconfig whose user is a program (``exec``: aws, gke-gcloud-auth-plugin,
kubelogin). It needs the user's own environment, which a run must not have. So it is called here,
on the controller, as for any other client, and a run gets what it said, which soon expires.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..module_utils.connect import client_configuration

_CALLS = ("exec", "auth-provider")


def calls_a_program(kubeconfig: Any, context: str | None) -> bool:
    """Whether the user of the context (the current one) gets its credential from a program."""
    user: Mapping[str, Any] = {}
    for content in _contents(kubeconfig):
        with_name = {
            kind: {entry.get("name"): entry.get(kind) for entry in content.get(f"{kind}s") or () if entry}
            for kind in ("context", "user")
        }
        chosen = with_name["context"].get(context or content.get("current-context")) or {}
        user = user or with_name["user"].get(chosen.get("user")) or {}
    return any(key in user for key in _CALLS)


def resolved(chosen: Mapping[str, Any], path: Path) -> str:
    """Writes the kubeconfig to ``path``, readable for its owner alone. Raises InputError where the program fails."""
    found = client_configuration(chosen)
    user: dict[str, Any] = {}
    for header in found.auth_settings().values():
        if str(header["value"]).startswith("Bearer "):
            user["token"] = header["value"].removeprefix("Bearer ")
    if found.cert_file and found.key_file:
        user["client-certificate-data"] = _encoded(found.cert_file)
        user["client-key-data"] = _encoded(found.key_file)
    cluster: dict[str, Any] = {"server": found.host}
    if found.ssl_ca_cert:
        cluster["certificate-authority-data"] = _encoded(found.ssl_ca_cert)
    if not found.verify_ssl:
        cluster["insecure-skip-tls-verify"] = True
    if getattr(found, "tls_server_name", None):
        cluster["tls-server-name"] = found.tls_server_name
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "resolved", "cluster": cluster}],
        "users": [{"name": "resolved", "user": user}],
        "contexts": [{"name": "resolved", "context": {"cluster": "resolved", "user": "resolved"}}],
        "current-context": "resolved",
    }
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)  # JSON is YAML
    return str(path)


def _contents(kubeconfig: Any) -> list[Mapping[str, Any]]:
    import yaml

    if isinstance(kubeconfig, Mapping):
        return [kubeconfig]
    found = []
    for part in str(kubeconfig).split(os.pathsep):
        try:
            content = yaml.safe_load(Path(os.path.expanduser(part)).read_bytes())
        except (OSError, yaml.YAMLError):
            continue  # the client tells what is wrong with it
        if isinstance(content, Mapping):
            found.append(content)
    return found


def _encoded(path: str) -> str:
    return base64.b64encode(Path(path).read_bytes()).decode("ascii")
