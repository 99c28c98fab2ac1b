"""Who may do what: RBAC as the API server evaluates it, and the reviews that ask about it.

Who comes without a name is the administrator (group system:masters, which may do everything), as with the kubeconfig
that a sandbox hands out. Others come by impersonation, or with a token that this cluster issued.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..store import Store
from .exchange import Request, Response, Target
from .managers import after_update
from .resources import Resource
from .schema import compiled
from .status import StatusError, forbidden, qualified

Object = dict[str, Any]

ADMIN = "admin"
_MASTERS = "system:masters"
_EVERYBODY = "system:authenticated"
_ACCOUNT = "system:serviceaccount:"
_ISSUER = "https://kubernetes.default.svc.cluster.local"


@dataclass(frozen=True)
class Person:
    """A user and the groups that it is in."""

    name: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Wish:
    """What somebody wants to do. ``resource`` has the subresource behind a slash; ``path``: no resource at all."""

    verb: str
    group: str = ""
    resource: str = ""
    name: str = ""
    namespace: str = ""
    path: str = ""


def person_of(request: Request) -> Person:
    name = request.user or ADMIN
    if name == ADMIN:
        return Person(name, (_MASTERS, _EVERYBODY))
    groups = list(request.groups)
    if name.startswith(_ACCOUNT):
        groups += ["system:serviceaccounts", f"system:serviceaccounts:{name.split(':')[2]}"]
    return Person(name, (*groups, _EVERYBODY))


def check(store: Store, request: Request, target: Target) -> None:
    """Raises 403 when the request's user may not do what it asks."""
    if not request.user or request.user == ADMIN:
        return
    wish = wish_of(request, target)
    person = person_of(request)
    if allowed(store, person, wish) is not None:
        return
    where = f'in the namespace "{wish.namespace}"' if wish.namespace else "at the cluster scope"
    why = f'User "{person.name}" cannot {wish.verb} resource "{wish.resource}" in API group "{wish.group}" {where}'
    plural, group = target.resource.plural, target.resource.group
    if wish.name:
        raise forbidden(plural, group, wish.name, why)
    details: Object = {"group": group, "kind": plural} if group else {"kind": plural}
    raise StatusError(403, "Forbidden", f"{qualified(plural, group)} is forbidden: {why}", details)


def wish_of(request: Request, target: Target) -> Wish:
    verbs = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    verb = verbs.get(request.method, "get")
    if not target.name:
        verb = {"get": "list", "delete": "deletecollection"}.get(verb, verb)
    if verb in ("get", "list") and request.flag("watch"):
        verb = "watch"
    resource = target.resource
    plural = f"{resource.plural}/{target.subresource}" if target.subresource else resource.plural
    return Wish(verb, resource.group, plural, target.name, target.namespace or "")


def allowed(store: Store, person: Person, wish: Wish) -> str | None:
    """The reason why it is allowed ("" for the administrator); None when it is not."""
    if _MASTERS in person.groups:
        return ""
    for binding, subject, role in _bindings(store, person, wish.namespace):
        if any(_covers(rule, wish) for rule in (role or {}).get("rules") or ()):
            meta, ref = binding["metadata"], binding["roleRef"]
            name = f"{meta['name']}/{meta['namespace']}" if meta.get("namespace") else meta["name"]
            whom = f"{subject['name']}/{subject['namespace']}" if subject.get("namespace") else subject["name"]
            by = f'{binding["kind"]} "{name}" of {ref["kind"]} "{ref["name"]}"'
            return f'RBAC: allowed by {by} to {subject["kind"]} "{whom}"'
    return None


def review(store: Store, request: Request, resource: Resource, namespace: str | None) -> Response:
    """Answers SelfSubjectAccessReview and its like."""
    sent = request.document(resource.kind) or {}
    head: Object = {"kind": resource.kind, "apiVersion": resource.api_version}
    if resource.kind == "TokenReview":
        return Response(201, {**head, "metadata": {}, "spec": sent.get("spec", {}), "status": _token_review(sent)})
    person = person_of(request)
    if resource.kind == "SelfSubjectReview":
        user = {"username": person.name, "groups": list(person.groups)}
        meta: Object = {"creationTimestamp": store.clock.stamp()}
        return Response(201, {**head, "metadata": meta, "status": {"userInfo": user}})
    spec = sent.get("spec", {})
    if resource.kind == "SelfSubjectRulesReview":
        status = _rules(store, person, spec.get("namespace", ""))
        return Response(201, {**head, "metadata": {}, "spec": {}, "status": status})
    if resource.kind != "SelfSubjectAccessReview":
        groups = (*spec.get("groups", ()), _EVERYBODY)
        person = person_of(Request("POST", "", user=spec["user"], groups=groups)) if spec.get("user") else person
    reason = allowed(store, person, _asked(spec))
    status = {"allowed": reason is not None, **({"reason": reason} if reason else {})}
    node = compiled(resource.group, resource.version, resource.kind)
    meta = dict(sent.get("metadata") or {})
    fields = after_update(node, None, {"spec": spec}, request.manager, store.clock.stamp(), resource.api_version)
    if fields:
        meta["managedFields"] = fields
    return Response(201, {**head, "metadata": meta, "spec": spec, "status": status})


def issue_token(store: Store, request: Request, account: Object) -> Response:
    """Answers a TokenRequest. The token is not signed: it opens this sandbox and nothing else."""
    sent = request.document("TokenRequest") or {}
    spec: Object = {"audiences": [_ISSUER], "boundObjectRef": None, "expirationSeconds": 3600}
    spec |= {key: value for key, value in (sent.get("spec") or {}).items() if value}
    meta = account["metadata"]
    end = store.clock.now.timestamp() + spec["expirationSeconds"]
    who = f"{_ACCOUNT}{meta['namespace']}:{meta['name']}"
    parts = ({"alg": "none", "typ": "JWT"}, {"iss": _ISSUER, "sub": who, "exp": int(end)})
    token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    made: Object = {
        "creationTimestamp": store.clock.stamp(),
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": store.new_uid(),
    }
    api_version = "authentication.k8s.io/v1"
    node = compiled("authentication.k8s.io", "v1", "TokenRequest")
    written = {"spec": {"expirationSeconds": spec["expirationSeconds"]}}
    made["managedFields"] = after_update(
        node, {"spec": {}}, written, request.manager, store.clock.stamp(), api_version, subresource="token"
    )
    status = {"token": f"{token}.sandbox", "expirationTimestamp": store.clock.stamp_of(end)}
    head = {"kind": "TokenRequest", "apiVersion": api_version}
    return Response(201, {**head, "metadata": made, "spec": spec, "status": status})


def user_of_token(token: str) -> str:
    """Whom a token of ours names; "" for another one."""
    try:
        payload = token.split(".")[1]
        who = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]
    except (ValueError, KeyError, IndexError, TypeError):
        return ""
    return str(who)


def _token_review(sent: Object) -> Object:
    who = user_of_token((sent.get("spec") or {}).get("token", ""))
    if not who:
        return {"user": {}, "error": "[invalid bearer token]"}
    person = person_of(Request("POST", "", user=who))
    return {"authenticated": True, "user": {"username": who, "groups": list(person.groups)}, "audiences": [_ISSUER]}


def _asked(spec: Object) -> Wish:
    if spec.get("nonResourceAttributes"):
        asked = spec["nonResourceAttributes"]
        return Wish(asked.get("verb", ""), path=asked.get("path", ""))
    asked = spec.get("resourceAttributes") or {}
    resource = asked.get("resource", "")
    if asked.get("subresource"):
        resource += f"/{asked['subresource']}"
    return Wish(
        asked.get("verb", ""), asked.get("group", ""), resource, asked.get("name", ""), asked.get("namespace", "")
    )


def _rules(store: Store, person: Person, namespace: str) -> Object:
    rules = [rule for _, _, role in _bindings(store, person, namespace) for rule in (role or {}).get("rules") or ()]
    unique = [rule for place, rule in enumerate(rules) if rule not in rules[:place]]
    return {
        "resourceRules": [rule for rule in unique if rule.get("resources")],
        "nonResourceRules": [rule for rule in unique if rule.get("nonResourceURLs")],
        "incomplete": False,
    }


def _bindings(store: Store, person: Person, namespace: str) -> Iterator[tuple[Object, Object, Object | None]]:
    """(binding, its subject that fits, the role) of everything that binds this person, cluster-wide first."""
    for binding in store.list("ClusterRoleBinding"):
        subject = _fitting(binding, person)
        if subject:
            yield binding, subject, store.get("ClusterRole", "", binding["roleRef"]["name"])
    for binding in store.list("RoleBinding", namespace) if namespace else ():
        subject = _fitting(binding, person)
        if subject:
            ref = binding["roleRef"]
            yield binding, subject, store.get(ref["kind"], namespace if ref["kind"] == "Role" else "", ref["name"])


def _fitting(binding: Object, person: Person) -> Object | None:
    for subject in binding.get("subjects") or ():
        kind, name = subject["kind"], subject["name"]
        if kind == "ServiceAccount":
            space = subject.get("namespace") or binding["metadata"].get("namespace", "")
            name = f"{_ACCOUNT}{space}:{name}"
        if name in (person.groups if kind == "Group" else (person.name,)):
            found: Object = subject
            return found
    return None


def _covers(rule: Object, wish: Wish) -> bool:
    if not {"*", wish.verb} & set(rule.get("verbs") or ()):
        return False
    if wish.path:
        return any(
            url in ("*", wish.path) or (url.endswith("*") and wish.path.startswith(url[:-1]))
            for url in rule.get("nonResourceURLs") or ()
        )
    if not {"*", wish.group} & set(rule.get("apiGroups") or ()):
        return False
    names = {"*", wish.resource}
    if "/" in wish.resource:
        names.add(f"*/{wish.resource.partition('/')[2]}")
    if not names & set(rule.get("resources") or ()):
        return False
    return not rule.get("resourceNames") or wish.name in rule["resourceNames"]
