# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Transport to a real cluster, from the connection options of kubernetes.core."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .certificate import ends
from .cluster import Response
from .errors import Forbidden, InputError, Unreachable
from .exec_credential import without_program
from .kubeconfig import Plain, plain

OPTIONS = {
    # option of kubernetes.core: (field of the client's configuration, further environment variable)
    "host": ("host", ""),
    "api_key": ("api_key", ""),
    "username": ("username", ""),
    "password": ("password", ""),
    "client_cert": ("cert_file", "K8S_AUTH_CERT_FILE"),
    "client_key": ("key_file", "K8S_AUTH_KEY_FILE"),
    "ca_cert": ("ssl_ca_cert", "K8S_AUTH_SSL_CA_CERT"),
    "validate_certs": ("verify_ssl", "K8S_AUTH_VERIFY_SSL"),
    "proxy": ("proxy", ""),
    "no_proxy": ("no_proxy", ""),
    "kubeconfig": ("", ""),
    "context": ("", ""),
    "persist_config": ("", ""),
    "impersonate_user": ("", ""),
    "impersonate_groups": ("", ""),
    "proxy_headers": ("proxy_headers", ""),
}
_ALIASES = {
    "cert_file": "client_cert",
    "key_file": "client_key",
    "ssl_ca_cert": "ca_cert",
    "verify_ssl": "validate_certs",
}
_FILES = ("ca_certs", "cert_file", "key_file")
_MARGIN = timedelta(seconds=10)  # before a credential ends
_PATIENCE = 3  # times that a request is repeated because the API server asks for it
_LONGEST_PAUSE = 5.0
_POOL = 16  # connections kept open: the probe reads from as many threads


class KubernetesTransport:
    """Sends raw requests with a plain kubeconfig's, or else the ``kubernetes`` client's, authentication and TLS.

    Answers stay JSON: the client's models would cost more time than the requests themselves.
    """

    threads = 8
    """Requests that may be under way at once; a Transport without this attribute takes one."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        chosen = connection_options(options or {}, os.environ)
        self._impersonation = _impersonation(chosen)
        self._who: Callable[[], Iterable[tuple[str, str]]]  # who asks; a token may change with time
        self._chosen = chosen
        self._until: datetime | None = None
        self._renewing = threading.Lock()
        if not self._open_plain():
            configuration = client_configuration(chosen)
            self.host = str(configuration.host).rstrip("/")
            self._who = lambda: [(auth["key"], auth["value"]) for auth in configuration.auth_settings().values()]
            self._ends = ends(_content(configuration.cert_file))
            self._pool = _pool_of_client(configuration, self.host)

    def _open_plain(self) -> bool:
        """Connects without the client, where that can be done; called anew when a credential ends."""
        found = plain(self._chosen, os.environ)
        if found is not None:
            self.host, self._who = found.host, lambda: found.headers
            self._ends, self._until = found.ends, found.until
            self._pool = _pool_of(found)
        return found is not None

    def _renew(self) -> None:
        with self._renewing:
            if self._until is not None and self._until <= datetime.now(UTC) + _MARGIN:
                self._until = None  # where it cannot be renewed, the API server says what is wrong
                self._open_plain()

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> Response:
        """One request; Unreachable when no answer comes within ``timeout`` seconds.

        An API server that asks for patience (429 with Retry-After: nothing was done) gets a little.
        """
        from urllib.parse import urlencode

        import urllib3

        if self._until is not None:
            self._renew()
        headers = [("Accept", "application/json, */*"), ("User-Agent", "e2ereme.remediate"), *self._impersonation]
        headers += self._who()
        data = None
        if body is not None:
            headers.append(("Content-Type", content_type))
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        address = f"{self.host}{path}" + (f"?{urlencode(query)}" if query else "")
        for more in (*[True] * _PATIENCE, False):
            try:
                answer = self._pool.request(
                    method,
                    address,
                    body=data,
                    headers=urllib3.HTTPHeaderDict(headers),
                    timeout=urllib3.Timeout(connect=min(timeout, 5.0), read=timeout),
                    retries=False,
                    redirect=False,
                )
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise unreachable(self.host, error) from error
            asked = str(answer.headers.get("Retry-After", ""))
            if not (more and answer.status == 429 and asked.isdigit()) or "/proxy/" in path:
                break  # behind a proxy path it is an application that answers
            self.sleep(min(float(asked), _LONGEST_PAUSE))
        if answer.status == 401 and self._ends is not None and self._ends < datetime.now(UTC):
            raise Forbidden(
                f"The client certificate for {shown(self.host)} expired on {self._ends:%Y-%m-%d at %H:%M} UTC.",
                "Renew it in the kubeconfig.",
                401,
            )
        return Response(answer.status, dict(answer.headers), answer.data)

    def sleep(self, seconds: float) -> None:
        """A real cluster's time passes by itself."""
        time.sleep(seconds)


def shown(host: str) -> str:
    """An address without the password that may stand in it."""
    return re.sub(r"//[^/@\s]*@", "//", host)


def _content(path: str | None) -> bytes:
    try:
        return Path(path).read_bytes() if path else b""
    except OSError:
        return b""  # the pool tells what is wrong with it


def _pool_of(found: Plain) -> Any:
    import urllib3

    tls: dict[str, Any] = {} if found.tls is None else {"ssl_context": found.tls}
    return urllib3.PoolManager(maxsize=_POOL, retries=False, **tls)


def _pool_of_client(configuration: Any, host: str) -> Any:
    configuration.connection_pool_maxsize = _POOL
    configuration.retries = 0
    try:
        from kubernetes.client.rest import RESTClientObject  # type: ignore[import-untyped,unused-ignore]

        return _without_files(RESTClientObject(configuration).pool_manager)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The certificates of the connection to {shown(host)} cannot be read: {error}.",
            "Check ca_cert, client_cert and client_key, or the kubeconfig.",
        ) from error


def _without_files(pool: Any) -> Any:
    """Reads certificates and key now, and removes the copies that the client made of those in a kubeconfig.

    It removes them itself when Python ends in order, which the process of a task of Ansible does not.
    """
    from kubernetes.config import kube_config  # type: ignore[import-untyped,unused-ignore]
    from urllib3.util.ssl_ import create_urllib3_context

    copies: dict[str, str] = getattr(kube_config, "_temp_files", {})
    settings = pool.connection_pool_kw
    if settings.keys().isdisjoint(_FILES) or not copies:
        return pool
    authority, certificate, key = (settings.pop(name, None) for name in _FILES)
    tls = create_urllib3_context(cert_reqs=settings.get("cert_reqs"))
    if authority:
        tls.load_verify_locations(authority)
    elif tls.verify_mode:
        tls.load_default_certs()
    if certificate:
        tls.load_cert_chain(certificate, key)
    settings["ssl_context"] = tls
    for content, path in list(copies.items()):
        if path in (authority, certificate, key):
            Path(path).unlink(missing_ok=True)
            del copies[content]
    return pool


def connection_options(options: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The options that are set: those given, then K8S_AUTH_* of the environment."""
    given = {_ALIASES.get(name, name): value for name, value in options.items() if value is not None}
    chosen: dict[str, Any] = {}
    for name, (_, further) in OPTIONS.items():
        value = given.get(name)
        if value is None:
            text = environ.get(f"K8S_AUTH_{name.upper()}") or (environ.get(further) if further else None)
            value = _from_text(name, text) if text else None
        if value not in (None, ""):
            chosen[name] = value
    return chosen


def _from_text(name: str, text: str) -> Any:
    """An environment variable's text as the option's type."""
    if name in ("validate_certs", "persist_config"):
        return text.lower() not in ("0", "false", "no")
    return [group for group in text.split(",") if group] if name == "impersonate_groups" else text


def unreachable(host: str, error: Exception) -> Unreachable:
    """What a failed connection most likely means, and what to do about it."""
    host, text = shown(host), shown(" ".join(str(error).split()))
    certificate = re.search(r"(?:certificate verify failed|[Cc]ertificate )[^'\")(]*", text)
    if "expired" in text.lower():
        return Unreachable(
            f"A certificate of the connection to {host} has expired.",
            "Renew it: the kubeconfig's, or the API server's.",
        )
    if certificate:
        return Unreachable(
            f"The certificate of {host} is not trusted: {certificate.group(0).strip()}.",
            "Set ca_cert (certificate-authority in the kubeconfig) to the cluster's authority.",
        )
    if "refused" in text.lower():
        return Unreachable(f"{host} refused the connection.", "Start the cluster, or correct host or kubeconfig.")
    if "timed out" in text.lower() or "timeout" in text.lower():
        return Unreachable(f"{host} did not answer in time.", "Check network, proxy and the API server's load.")
    if "resolve" in text.lower() or "name or service" in text.lower():
        return Unreachable(f"The name of {host} cannot be resolved.", "Correct host or kubeconfig.")
    return Unreachable(f"{host} cannot be reached: {text[-300:]}.", "Check host, kubeconfig, network and proxy.")


def client_configuration(chosen: Mapping[str, Any]) -> Any:
    """The ``kubernetes`` client's configuration for chosen options."""
    try:
        from kubernetes import client  # type: ignore[import-untyped,unused-ignore]
    except ImportError as error:
        raise InputError(
            "The Python package kubernetes is not installed for this Python.", "Install it: pip install kubernetes."
        ) from error
    configuration = client.Configuration()
    complete = "host" in chosen and (
        "api_key" in chosen or {"username", "password"} <= set(chosen) or {"client_cert", "client_key"} <= set(chosen)
    )
    if not complete:
        _load(configuration, chosen)
    for name, (attribute, _) in OPTIONS.items():
        if name in chosen and attribute:
            value = chosen[name]
            setattr(configuration, attribute, _converted(name, value))
    return configuration


def _load(configuration: Any, chosen: Mapping[str, Any]) -> None:
    """Fills the configuration as kubernetes.core does: what is named, else in-cluster, else the default file."""
    from kubernetes import config  # type: ignore[import-untyped,unused-ignore]
    from yaml import YAMLError

    kubeconfig, context = chosen.get("kubeconfig"), chosen.get("context")
    if not kubeconfig and not context:
        try:
            config.load_incluster_config(client_configuration=configuration)
            return
        except config.ConfigException:
            pass
    where = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        where = without_program(where, context, os.environ)
        if isinstance(where, Mapping):
            config.load_kube_config_from_dict(
                dict(where), context=context, client_configuration=configuration, persist_config=False
            )
        else:
            where = os.pathsep.join(os.path.expanduser(part) for part in str(where).split(os.pathsep))
            config.load_kube_config(where, context=context, client_configuration=configuration, persist_config=False)
    except (config.ConfigException, OSError, YAMLError, TypeError, KeyError, ValueError) as error:
        if "host" in chosen and not kubeconfig and not context:
            return  # an API server without authentication, as a local proxy gives
        named = "given inline" if isinstance(where, Mapping) else where
        raise InputError(
            f"The kubeconfig ({named}) cannot be used: {error}.",
            "Set kubeconfig (or K8S_AUTH_KUBECONFIG) to a valid file and context to one of its contexts, "
            "or set host and api_key.",
        ) from error


def _impersonation(chosen: Mapping[str, Any]) -> list[tuple[str, str]]:
    headers = [("Impersonate-User", str(chosen["impersonate_user"]))] if "impersonate_user" in chosen else []
    groups = chosen.get("impersonate_groups") or ()
    return headers + [("Impersonate-Group", str(group)) for group in ([groups] if isinstance(groups, str) else groups)]


def _converted(name: str, value: Any) -> Any:
    """An option's value in the form that the client's configuration wants."""
    if name == "api_key":
        return {"authorization": f"Bearer {value}"}
    if name == "proxy_headers":
        from urllib3.util import make_headers

        return make_headers(**value)
    return value
