# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubeconfigs that can do without the ``kubernetes`` client: a certificate, a token, or a program that gives one.

Importing that client takes longer than all else that a remediation costs by itself. For any other
kubeconfig (auth-provider, proxies, …) ``plain`` returns None, and the client is asked, which also
finds the words for what is wrong.
"""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .certificate import ends
from .exec_credential import settled
from .kubeconfig_file import chosen_context, entry_of, read_kubeconfig

_CLUSTER = {"server", "certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify"}
_USER = {"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token", "tokenFile"}
_OPTIONS = {"kubeconfig", "context", "impersonate_user", "impersonate_groups", "persist_config"}
_REREAD = timedelta(seconds=60)  # a token's file is replaced before the token ends
_ELSEWHERE = ("KUBERNETES_SERVICE_HOST", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Plain:
    """An API server, the headers that say who asks, and the TLS settings (None: plain http).

    ``ends`` is when the client's certificate does, where there is one; ``until`` when to ask anew.
    """

    host: str
    headers: tuple[tuple[str, str], ...]
    tls: ssl.SSLContext | None
    ends: datetime | None = None
    until: datetime | None = None


def plain(chosen: Mapping[str, Any], environ: Mapping[str, str]) -> Plain | None:
    """What the chosen options of kubernetes.core lead to, or None where that takes the client to find out.

    Raises InputError where the kubeconfig's program gives no credential.
    """
    if set(chosen) - _OPTIONS or any(environ.get(name) or environ.get(name.lower()) for name in _ELSEWHERE):
        return None
    try:
        content = read_kubeconfig(chosen.get("kubeconfig") or environ.get("KUBECONFIG") or "~/.kube/config")
        content, until = settled(content, chosen.get("context"), environ)
        context = chosen_context(content, None)
        cluster, user = (entry_of(content, kind, context[kind]) for kind in ("cluster", "user"))
        if set(cluster) - _CLUSTER or set(user) - _USER:
            return None
        host = str(cluster["server"]).rstrip("/")
        tls = _tls(cluster, user) if host.startswith("https://") else None
        certificate_ends = ends(_pem(user, "client-certificate")) if tls else None
        token = user.get("token")
        if not token and user.get("tokenFile"):
            token, until = Path(user["tokenFile"]).read_text("utf-8").strip(), datetime.now(UTC) + _REREAD
    except (OSError, ValueError, KeyError, TypeError):
        return None  # the client tells what is wrong with it
    return Plain(host, (("authorization", f"Bearer {token}"),) if token else (), tls, certificate_ends, until)


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    from urllib3.util.ssl_ import create_urllib3_context

    insecure = bool(cluster.get("insecure-skip-tls-verify"))
    tls = create_urllib3_context(cert_reqs=ssl.CERT_NONE if insecure else ssl.CERT_REQUIRED)
    tls.check_hostname = not insecure
    authority = _pem(cluster, "certificate-authority")
    if authority:
        tls.load_verify_locations(cadata=authority.decode("ascii"))
    elif not insecure:
        tls.load_default_certs()
    certificate, key = _pem(user, "client-certificate"), _pem(user, "client-key")
    if bool(certificate) != bool(key):
        raise ValueError("a client certificate and its key go together")
    if certificate:
        with tempfile.NamedTemporaryFile(prefix="e2ereme-") as both:  # OpenSSL reads certificates from files alone
            both.write(certificate + b"\n" + key)
            both.flush()
            tls.load_cert_chain(both.name)
    return tls


def _pem(section: Mapping[str, Any], name: str) -> bytes:
    data = section.get(f"{name}-data")
    if data:
        return base64.b64decode(data, validate=True)
    return Path(section[name]).read_bytes() if section.get(name) else b""
