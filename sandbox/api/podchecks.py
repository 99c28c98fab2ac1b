"""What Pod Security looks at in a Pod: each check gives (what is wrong, in which way), in Kubernetes' own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
Verdict = tuple[str, str] | None

_DEFAULT_CAPABILITIES = frozenset(
    [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ]
)
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SAFE_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
)
_SAFE_VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


@dataclass(frozen=True)
class Check:
    look: Callable[[Object, Object], Verdict]  # the Pod's metadata and spec
    since: int = 0  # the minor version that brought it
    relaxed: bool = False  # only of baseline: restricted has a stricter one of its own


def _containers(spec: Object) -> list[Object]:
    return [item for group in ("initContainers", "containers", "ephemeralContainers") for item in spec.get(group) or ()]


def _context(part: Object) -> Object:
    found: Object = part.get("securityContext") or {}
    return found


def _named(names: list[str], word: str = "container") -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    return f"{word}{'s' if len(names) > 1 else ''} {listed}"


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def _those(spec: Object, wrong: Callable[[Object], bool]) -> list[str]:
    return [item["name"] for item in _containers(spec) if wrong(item)]


def _who(pod: bool, names: list[str], word: str = "and") -> str:
    return f" {word} ".join(part for part in ("pod" if pod else "", _named(names) if names else "") if part)


def _apparmor(metadata: Object, spec: Object) -> Verdict:
    def loose(part: Object) -> bool:
        return (_context(part).get("appArmorProfile") or {}).get("type") == "Unconfined"

    notes = [
        f'{key}="{value}"'
        for key, value in sorted((metadata.get("annotations") or {}).items())
        if key.startswith(_APPARMOR) and value == "unconfined"
    ]
    pod, names = loose(spec), _those(spec, loose)
    setters = [part for part in (_who(pod, names), "annotation" + "s" * (len(notes) > 1) if notes else "") if part]
    values = (["Unconfined"] if pod or names else []) + notes
    if not values:
        return None
    word = "profile" + "s" * (len(values) > 1)
    who = " and ".join(setters)
    return f"forbidden AppArmor {word}", f"{who} must not set AppArmor profile type to {_listed(values)}"


def _added(spec: Object, allowed: frozenset[str]) -> tuple[list[str], list[str]]:
    names, added = [], set()
    for item in _containers(spec):
        wrong = set((_context(item).get("capabilities") or {}).get("add") or ()) - allowed
        if wrong:
            names.append(item["name"])
            added |= wrong
    return names, sorted(added)


def _capabilities(_: Object, spec: Object) -> Verdict:
    names, added = _added(spec, _DEFAULT_CAPABILITIES)
    if not names:
        return None
    return (
        "non-default capabilities",
        f"{_named(names)} must not include {_listed(added)} in securityContext.capabilities.add",
    )


def _namespaces(_: Object, spec: Object) -> Verdict:
    shared = [f"{key}=true" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    return ("host namespaces", ", ".join(shared)) if shared else None


def _host_paths(_: Object, spec: Object) -> Verdict:
    names = [item["name"] for item in spec.get("volumes") or () if "hostPath" in item]
    return ("hostPath volumes", _named(names, "volume")) if names else None


def _host_ports(_: Object, spec: Object) -> Verdict:
    used = {
        item["name"]: [port["hostPort"] for port in item.get("ports") or () if port.get("hostPort")]
        for item in _containers(spec)
    }
    names, ports = [name for name in used if used[name]], sorted({port for part in used.values() for port in part})
    if not ports:
        return None
    verb, word = "use" + "s" * (len(names) == 1), "hostPort" + "s" * (len(ports) > 1)
    return "hostPort", f"{_named(names)} {verb} {word} {', '.join(map(str, ports))}"


def _probe_hosts(_: Object, spec: Object) -> Verdict:
    names, hosts = [], set()
    for item in _containers(spec):
        handlers = [item.get(key) for key in ("livenessProbe", "readinessProbe", "startupProbe")]
        handlers += (item.get("lifecycle") or {}).values()
        found = {
            action["host"]
            for handler in handlers
            for action in ((handler or {}).get("httpGet"), (handler or {}).get("tcpSocket"))
            if action and action.get("host")
        }
        if found:
            names.append(item["name"])
            hosts |= found
    if not names:
        return None
    verb, word = "use" + "s" * (len(names) == 1), "host" + "s" * (len(hosts) > 1)
    return "probe or lifecycle host", f"{_named(names)} {verb} probe or lifecycle {word} {_listed(sorted(hosts))}"


def _privileged(_: Object, spec: Object) -> Verdict:
    names = _those(spec, lambda item: bool(_context(item).get("privileged")))
    return ("privileged", f"{_named(names)} must not set securityContext.privileged=true") if names else None


def _proc_mount(_: Object, spec: Object) -> Verdict:
    names = _those(spec, lambda item: _context(item).get("procMount") not in (None, "Default"))
    if not names:
        return None
    return "procMount", f'{_named(names)} must not set securityContext.procMount to "Unmasked"'


def _selinux(_: Object, spec: Object) -> Verdict:
    def options(part: Object) -> Object:
        found: Object = _context(part).get("seLinuxOptions") or {}
        return found

    def wrong(part: Object) -> bool:
        found = options(part)
        return found.get("type", "") not in _SELINUX_TYPES or bool(found.get("user") or found.get("role"))

    parts = [part for part in (spec, *_containers(spec)) if wrong(part)]
    if not parts:
        return None
    types = sorted({options(part).get("type", "") for part in parts} - set(_SELINUX_TYPES))
    bad = [f"type{'s' if len(types) > 1 else ''} {_listed(types)}"] if types else []
    bad += [f"{key} may not be set" for key in ("user", "role") if any(options(part).get(key) for part in parts)]
    who = _who(wrong(spec), _those(spec, wrong))
    return "seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(bad)}"


def _seccomp_type(part: Object) -> str:
    return str((_context(part).get("seccompProfile") or {}).get("type", ""))


def _seccomp(_: Object, spec: Object) -> Verdict:
    pod, names = _seccomp_type(spec) == "Unconfined", _those(spec, lambda item: _seccomp_type(item) == "Unconfined")
    if not pod and not names:
        return None
    return "seccompProfile", f'{_who(pod, names)} must not set securityContext.seccompProfile.type to "Unconfined"'


def _sysctls(_: Object, spec: Object) -> Verdict:
    names = [item["name"] for item in _context(spec).get("sysctls") or () if item["name"] not in _SAFE_SYSCTLS]
    return ("forbidden sysctls", ", ".join(names)) if names else None


def _host_process(_: Object, spec: Object) -> Verdict:
    def wrong(part: Object) -> bool:
        return bool((_context(part).get("windowsOptions") or {}).get("hostProcess"))

    if not wrong(spec) and not _those(spec, wrong):
        return None
    who = _who(wrong(spec), _those(spec, wrong))
    return "hostProcess", f"{who} must not set securityContext.windowsOptions.hostProcess=true"


def _escalation(_: Object, spec: Object) -> Verdict:
    names = _those(spec, lambda item: _context(item).get("allowPrivilegeEscalation") is not False)
    if not names:
        return None
    words = f"{_named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return "allowPrivilegeEscalation != false", words


def _dropped(_: Object, spec: Object) -> Verdict:
    keeping = _those(spec, lambda item: "ALL" not in ((_context(item).get("capabilities") or {}).get("drop") or ()))
    names, added = _added(spec, frozenset(["NET_BIND_SERVICE"]))
    words = [f'{_named(keeping)} must set securityContext.capabilities.drop=["ALL"]'] if keeping else []
    if names:
        words.append(f"{_named(names)} must not include {_listed(added)} in securityContext.capabilities.add")
    return ("unrestricted capabilities", "; ".join(words)) if words else None


def _volumes(_: Object, spec: Object) -> Verdict:
    wrong = {}
    for item in spec.get("volumes") or ():
        kind = next((key for key in item if key != "name"), "emptyDir")
        if kind not in _SAFE_VOLUMES:
            wrong[item["name"]] = kind
    if not wrong:
        return None
    kinds = sorted(set(wrong.values()))
    verb, word = "use" + "s" * (len(wrong) == 1), "type" + "s" * (len(kinds) > 1)
    who = _named(list(wrong), "volume")
    return "restricted volume types", f"{who} {verb} restricted volume {word} {_listed(kinds)}"


def _non_root(_: Object, spec: Object) -> Verdict:
    what = "runAsNonRoot != true"
    pod = _context(spec).get("runAsNonRoot")
    refusing = _those(spec, lambda item: _context(item).get("runAsNonRoot") is False)
    if pod is False or refusing:
        return what, f"{_who(pod is False, refusing)} must not set securityContext.runAsNonRoot=false"
    silent = _those(spec, lambda item: not _context(item).get("runAsNonRoot"))
    if pod or not silent:
        return None
    return what, f"{_who(True, silent, 'or')} must set securityContext.runAsNonRoot=true"


def _root_user(_: Object, spec: Object) -> Verdict:
    pod, names = _context(spec).get("runAsUser") == 0, _those(spec, lambda item: _context(item).get("runAsUser") == 0)
    return ("runAsUser=0", f"{_who(pod, names)} must not set runAsUser=0") if pod or names else None


def _seccomp_set(_: Object, spec: Object) -> Verdict:
    loose = _seccomp({}, spec)
    if loose:
        return loose
    silent = _those(spec, lambda item: not _seccomp_type(item))
    if _seccomp_type(spec) or not silent:
        return None
    words = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return "seccompProfile", f"{_who(True, silent, 'or')} {words}"


BASELINE = (
    Check(_apparmor),
    Check(_capabilities, relaxed=True),
    Check(_namespaces),
    Check(_host_paths, relaxed=True),
    Check(_host_ports),
    Check(_probe_hosts, since=34),
    Check(_privileged),
    Check(_proc_mount),
    Check(_selinux),
    Check(_seccomp, since=19, relaxed=True),
    Check(_sysctls),
    Check(_host_process),
)
RESTRICTED = (
    Check(_escalation, since=8),
    Check(_dropped, since=22),
    Check(_volumes),
    Check(_non_root),
    Check(_root_user, since=23),
    Check(_seccomp_set, since=19),
)
