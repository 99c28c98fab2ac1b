"""Admission webhooks: who is asked before an object is stored, and what follows when nobody answers.

No program of the sandbox is a webhook, so whoever is asked does not answer well, and the failure policy decides: that
is what becomes of a real cluster whose webhook has gone. Conditions in CEL are taken to hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ..store import Store
from .resources import Resource
from .selectors import selects
from .status import StatusError, bad_request

Object = dict[str, Any]

_KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_EXEMPT = (*_KINDS, "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
_ADDRESS = re.compile(r"\d+(\.\d+){3}")


def ask_webhooks(
    store: Store, resource: Resource, operation: str, obj: Object, *, subresource: str = "", dry: bool = False
) -> None:
    """``operation``: CREATE, UPDATE or DELETE. Raises 500 where a webhook that must be asked cannot be, and 400 for a
    dry run that it would have to be spared."""
    if resource.builtin in _EXEMPT:
        return
    for webhook in _webhooks(store):
        if not _concerns(store, webhook, resource, operation, obj, subresource):
            continue
        if dry and webhook.get("sideEffects") not in ("None", "NoneOnDryRun"):
            raise bad_request(f'admission webhook "{webhook["name"]}" does not support dry run')
        if webhook.get("failurePolicy", "Fail") == "Fail":
            raise _failure(webhook["name"], _why_not(store, webhook))


def _webhooks(store: Store) -> Iterator[Object]:
    for kind in _KINDS:
        for configuration in store.list(kind):
            yield from configuration.get("webhooks") or ()


def _concerns(store: Store, webhook: Object, resource: Resource, operation: str, obj: Object, subresource: str) -> bool:
    if not any(_fits(rule, resource, operation, subresource) for rule in webhook.get("rules") or ()):
        return False
    meta = obj["metadata"]
    if webhook.get("objectSelector") and not selects(webhook["objectSelector"], meta.get("labels") or {}):
        return False
    selector = webhook.get("namespaceSelector")
    space = meta["name"] if resource.builtin == "Namespace" else meta.get("namespace", "")
    if not selector or not space:
        return True
    namespace = obj if resource.builtin == "Namespace" else store.get("Namespace", None, space)
    return selects(selector, ((namespace or {}).get("metadata") or {}).get("labels") or {})


def _fits(rule: Object, resource: Resource, operation: str, subresource: str) -> bool:
    def among(values: Any, wanted: str) -> bool:
        return "*" in values or wanted in values

    plural, whole = resource.plural, f"{resource.plural}/{subresource}"
    names = rule.get("resources") or ()
    named = (
        bool({"*/*", whole, f"*/{subresource}", f"{plural}/*"} & set(names))
        if subresource
        else bool({"*", "*/*", plural, f"{plural}/*"} & set(names))
    )
    scope = rule.get("scope", "*")
    return (
        named
        and among(rule.get("operations") or (), operation)
        and among(rule.get("apiGroups") or (), resource.group)
        and among(rule.get("apiVersions") or (), resource.version)
        and (scope == "*" or (scope == "Namespaced") == resource.namespaced)
    )


def _why_not(store: Store, webhook: Object) -> str:
    """What the API server's call comes to."""
    client, timeout = webhook["clientConfig"], webhook.get("timeoutSeconds", 10)
    service = client.get("service")
    if service is None:
        url = client.get("url", "")
        place = urlsplit(url)
        port = place.port or 443
        host = place.hostname or ""
        refused = f"dial tcp {host}:{port}: connect: connection refused"
        why = refused if _ADDRESS.fullmatch(host) else f"dial tcp: lookup {host}: no such host"
        return f'Post "{url}?timeout={timeout}s": {why}'
    name, space = service["name"], service["namespace"]
    path = service.get("path") or "/"
    url = f"https://{name}.{space}.svc:{service.get('port', 443)}{path}?timeout={timeout}s"
    if store.get("Service", space, name) is None:
        why = f'service "{name}" not found'
    elif not any(subset.get("addresses") for subset in (store.get("Endpoints", space, name) or {}).get("subsets", ())):
        why = f'no endpoints available for service "{name}"'
    else:
        why = "http: server gave HTTP response to HTTPS client"
    return f'Post "{url}": {why}'


def _failure(name: str, why: str) -> StatusError:
    words = f'failed calling webhook "{name}": failed to call webhook: {why}'
    details = {"causes": [{"message": words}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {words}", details)
