# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubeconfigs that need nothing but what stands in them: one file, a certificate or a token.

Importing the ``kubernetes`` client takes longer than all else that a remediation costs by itself.
A plain kubeconfig can do without; for any other (exec, auth-provider, proxies, several files …)
``plain`` returns None, and the client is asked, which also finds the words for what is wrong.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .certificate import ends

_CLUSTER = {"server", "certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify"}
_USER = {"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token"}
_OPTIONS = {"kubeconfig", "context", "impersonate_user", "impersonate_groups", "persist_config"}
_ELSEWHERE = ("KUBERNETES_SERVICE_HOST", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Plain:
    """An API server, the headers that say who asks, and the TLS settings (None: plain http).

    ``ends`` is when the client's certificate does, where there is one.
    """

    host: str
    headers: tuple[tuple[str, str], ...]
    tls: ssl.SSLContext | None
    ends: datetime | None = None


def plain(chosen: Mapping[str, Any], environ: Mapping[str, str]) -> Plain | None:
    """What the chosen options of kubernetes.core lead to, or None where that takes the client to find out."""
    if set(chosen) - _OPTIONS or any(environ.get(name) or environ.get(name.lower()) for name in _ELSEWHERE):
        return None
    try:
        content, folder = _read(chosen.get("kubeconfig") or environ.get("KUBECONFIG") or "~/.kube/config")
        context = _named(content, "context", chosen.get("context") or content["current-context"])
        cluster = _named(content, "cluster", context["cluster"])
        user = _named(content, "user", context["user"])
        if set(cluster) - _CLUSTER or set(user) - _USER:
            return None
        host = str(cluster["server"]).rstrip("/")
        tls = _tls(cluster, user, folder) if host.startswith("https://") else None
        until = ends(_pem(user, "client-certificate", folder)) if tls else None
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        return None  # the client tells what is wrong with it
    headers = (("authorization", f"Bearer {user['token']}"),) if user.get("token") else ()
    return Plain(host, headers, tls, until)


def _read(where: Any) -> tuple[Mapping[str, Any], Path]:
    """A kubeconfig and the folder that its paths start from."""
    if isinstance(where, Mapping):
        return where, Path.cwd()
    path = Path(os.path.expanduser(str(where)))
    try:
        import yaml  # a host that runs only the modules need not have it
    except ImportError as error:
        raise ValueError("no YAML here") from error
    try:
        found = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError("not YAML") from error
    if not isinstance(found, Mapping):
        raise ValueError("not a mapping")
    return found, path.parent


def _named(content: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    found = next(entry[kind] for entry in content[f"{kind}s"] if entry["name"] == name)
    if not isinstance(found, Mapping):
        raise ValueError(f"{kind} {name} is no mapping")
    return found


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> ssl.SSLContext:
    from urllib3.util.ssl_ import create_urllib3_context

    insecure = bool(cluster.get("insecure-skip-tls-verify"))
    tls = create_urllib3_context(cert_reqs=ssl.CERT_NONE if insecure else ssl.CERT_REQUIRED)
    tls.check_hostname = not insecure
    authority = _pem(cluster, "certificate-authority", folder)
    if authority:
        tls.load_verify_locations(cadata=authority.decode("ascii"))
    elif not insecure:
        tls.load_default_certs()
    certificate, key = _pem(user, "client-certificate", folder), _pem(user, "client-key", folder)
    if bool(certificate) != bool(key):
        raise ValueError("a client certificate and its key go together")
    if certificate:
        with tempfile.NamedTemporaryFile(prefix="e2ereme-") as both:  # OpenSSL reads certificates from files alone
            both.write(certificate + b"\n" + key)
            both.flush()
            tls.load_cert_chain(both.name)
    return tls


def _pem(section: Mapping[str, Any], name: str, folder: Path) -> bytes:
    data = section.get(f"{name}-data")
    if data:
        return base64.b64decode(data, validate=True)
    return (folder / section[name]).read_bytes() if section.get(name) else b""
