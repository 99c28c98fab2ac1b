# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Users of a kubeconfig that are a program (``exec``: aws, gke-gcloud-auth-plugin, kubelogin).

The program needs the environment of whoever logged in, which a run must not have. So it is called
once, by the process that looks at the cluster, and what it said, a credential that soon expires,
takes its place in the kubeconfig. Source of the protocol: Kubernetes' documentation of
client-go credential plugins, client.authentication.k8s.io/v1.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .errors import InputError
from .kubeconfig_file import chosen_context, entry_of, read_kubeconfig
from .quantity import instant
from .redact import line

_SECONDS = 60.0  # that a program may take; some ask a cloud several times
_MARGIN = 10.0  # seconds before its end from which a credential is not used any more
_STATIC = ("token", "tokenFile", "client-certificate", "client-certificate-data")
_TOLD = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
_EXTENSION = "client.authentication.k8s.io/exec"


@dataclass(frozen=True)
class Credential:
    """A token, or a certificate with its key (PEM), and when it ends, where that is known."""

    token: str = ""
    certificate: str = ""
    key: str = ""
    expires: datetime | None = None

    def lasts(self, seconds: float) -> bool:
        """Whether it can still be used ``seconds`` from now."""
        return self.expires is None or self.expires > datetime.now(UTC) + timedelta(seconds=seconds)


_known: dict[str, Credential] = {}  # what programs have said, for as long as this process needs it


def without_program(where: Any, context: str | None, environ: Mapping[str, str], lasting: float = _MARGIN) -> Any:
    """A kubeconfig as it is given (inline or by path) or, where its user is a program, ``settled``."""
    try:
        content = read_kubeconfig(where)
        user = chosen_context(content, context).get("user")
        called = bool(user) and _is_program(entry_of(content, "user", user))
    except (OSError, ValueError):
        return where  # whoever reads it next finds the words for it
    return settled(content, context, environ, lasting)[0] if called else where


def settled(
    content: Mapping[str, Any], context: str | None, environ: Mapping[str, str], lasting: float = _MARGIN
) -> tuple[dict[str, Any], datetime | None]:
    """A kubeconfig of that context alone, with a credential in the program's place, and when that ends.

    A credential that ends within ``lasting`` seconds is asked for anew. Raises InputError where the
    program gives none, ValueError where there is no such context.
    """
    name = context or content.get("current-context")
    chosen = chosen_context(content, context)
    cluster = entry_of(content, "cluster", chosen.get("cluster"))
    user = dict(entry_of(content, "user", chosen["user"])) if chosen.get("user") else {}
    expires = None
    if _is_program(user):
        credential = _credential(user.pop("exec"), cluster, environ, lasting)
        expires = credential.expires
        user |= {"token": credential.token} if credential.token else {}
        if credential.certificate:
            user["client-certificate-data"] = _encoded(credential.certificate)
            user["client-key-data"] = _encoded(credential.key)
    alone = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": chosen["cluster"], "cluster": cluster}],
        "users": [{"name": chosen.get("user"), "user": user}],
        "contexts": [{"name": name, "context": chosen}],
        "current-context": name,
    }
    return alone, expires


def _is_program(user: Mapping[str, Any]) -> bool:
    return isinstance(user.get("exec"), Mapping) and not any(user.get(name) for name in _STATIC)


def _credential(
    call: Mapping[str, Any], cluster: Mapping[str, Any], environ: Mapping[str, str], lasting: float
) -> Credential:
    key = json.dumps([call, cluster, sorted(environ.items())], sort_keys=True, default=str)
    known = _known.get(key)
    if known is None or not known.lasts(lasting):
        known = _known[key] = _ask(call, cluster, environ)
    return known


def _ask(call: Mapping[str, Any], cluster: Mapping[str, Any], environ: Mapping[str, str]) -> Credential:
    command = str(call.get("command") or "")
    who = f"The program {command!r}, which the kubeconfig names for a credential,"
    if call.get("interactiveMode") == "Always":
        raise InputError(f"{who} wants a terminal.", "Use a context with a token or a certificate.")
    given = {str(one["name"]): str(one["value"]) for one in call.get("env") or ()}
    told = {"KUBERNETES_EXEC_INFO": json.dumps(_information(call, cluster))}
    try:
        done = subprocess.run(
            [command, *map(str, call.get("args") or ())],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={**environ, **given, **told},
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{who} did not answer in {_SECONDS:.0f} s.", "Run it yourself to see why.") from error
    except (OSError, ValueError) as error:
        hint = line(str(call.get("installHint") or ""), 300)
        raise InputError(
            f"{who} cannot be started: {getattr(error, 'strerror', None) or error}.",
            hint or "Install it, or correct PATH or the kubeconfig.",
        ) from error
    if done.returncode:
        said = line(done.stderr.decode(errors="replace")[-600:], 300) or "it said nothing"
        raise InputError(f"{who} failed ({done.returncode}): {said}.", "Log in as it asks for, or run it yourself.")
    try:
        return _read(json.loads(done.stdout), str(call.get("apiVersion")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = "no JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        raise InputError(f"{who} printed no ExecCredential: {reason}.", "Update it, or the kubeconfig.") from error


def _information(call: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What the program is told: that nobody is there to answer it and, where it asks for that, which cluster."""
    spec: dict[str, Any] = {"interactive": False}
    if call.get("provideClusterInfo"):
        spec["cluster"] = {name: cluster[name] for name in _TOLD if name in cluster}
        for more in cluster.get("extensions") or ():
            if more.get("name") == _EXTENSION:
                spec["cluster"]["config"] = more.get("extension")
    return {"apiVersion": call.get("apiVersion"), "kind": "ExecCredential", "spec": spec}


def _read(answer: Mapping[str, Any], version: str) -> Credential:
    if answer.get("kind") != "ExecCredential" or answer.get("apiVersion") != version:
        raise ValueError(f"{version} ExecCredential was expected")
    status = answer.get("status") or {}
    token, certificate, key = (
        str(status.get(name) or "") for name in ("token", "clientCertificateData", "clientKeyData")
    )
    if not token and not certificate:
        raise ValueError("there is neither a token nor a certificate in its status")
    if bool(certificate) != bool(key):
        raise ValueError("a client certificate and its key go together")
    return Credential(token, certificate, key, instant(status.get("expirationTimestamp")))


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
