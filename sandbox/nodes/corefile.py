"""CoreDNS as the sandbox runs it: what it makes of its Corefile, which names it serves, and how it ends otherwise.

Checked against CoreDNS 1.12: the words of its refusals are its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

VERSION = "1.12.1"
EXIT_BAD_FILE = 1

_PLUGINS = """
    acl any auto autopath azure bind bufsize cache cancel chaos clouddns debug dns64 dnssec dnstap erratic errors etcd
    file forward geoip grpc header health hosts k8s_external kubernetes loadbalance local log loop metadata minimal
    multisocket nomad nsid pprof prometheus quic ready reload rewrite root route53 secondary sign template timeouts
    tls tsig trace transfer tree view whoami
"""
_OF_KUBERNETES = """
    endpoint tls kubeconfig namespaces labels pods endpoint_pod_names ttl noendpoints fallthrough transfer
    namespace_labels ignore startup_timeout apiserver_qps apiserver_burst apiserver_max_inflight
"""
_KNOWN, _KNOWN_OF_KUBERNETES = frozenset(_PLUGINS.split()), frozenset(_OF_KUBERNETES.split())


class BadCorefile(Exception):
    """CoreDNS ends with it; the text is what it prints."""


@dataclass(frozen=True)
class Server:
    """What CoreDNS does by its Corefile."""

    zones: tuple[str, ...] = ()  # of the kubernetes plugin
    plugins: frozenset[str] = frozenset()
    listens: tuple[str, ...] = field(default=())  # the server blocks' keys, such as .:53

    @property
    def ports(self) -> frozenset[int]:
        """The TCP ports at which something answers by HTTP."""
        pairs = (("health", 8080), ("ready", 8181), ("prometheus", 9153))
        return frozenset(port for plugin, port in pairs if plugin in self.plugins)

    @property
    def on_53(self) -> bool:
        return any(key.rsplit(":", 1)[-1] == "53" for key in self.listens)

    def serves(self, domain: str) -> bool:
        """Whether names in the domain are answered from the cluster."""
        return any(domain == zone or domain.endswith(f".{zone}") for zone in self.zones)


def read(text: str, path: str) -> Server:
    """Raises BadCorefile. ``path``: as it stands on the command line, for the words of a refusal."""
    lines = [(number, _words(line)) for number, line in enumerate(text.splitlines(), 1)]
    rest = [(number, word, spot == 0) for number, words in lines for spot, word in enumerate(words)]
    zones: list[str] = []
    plugins: set[str] = set()
    listens: list[str] = []
    at = 0
    while at < len(rest):
        keys: list[str] = []
        while at < len(rest) and rest[at][1] != "{":
            keys.append(rest[at][1].rstrip(","))
            at += 1
        listens += [key if ":" in key else f"{key}:53" for key in keys]
        at = _block(rest, at + 1, path, zones, plugins) if at < len(rest) else at
    for key in listens:
        if not key.rsplit(":", 1)[-1].isdecimal():
            raise BadCorefile(f"error inspecting server blocks: zone is not a valid domain name: {key}")
    return Server(tuple(zones), frozenset(plugins), tuple(listens))


def starting_lines(server: Server) -> tuple[str, ...]:
    """What it prints when it has read its file and serves."""
    reload = (
        (
            "[INFO] plugin/reload: Running configuration SHA512 = 591cf328cccc12bc490481273e738df5"
            "9329c62c0b729d94e8b61db9961c2fa5",
        )
        if "reload" in server.plugins
        else ()
    )
    return (*server.listens, *reload, f"CoreDNS-{VERSION}", "linux/amd64, go1.24.1, 707c7c1")


_Rest = list[tuple[int, str, bool]]  # (line, word, whether it is the first of its line)


def _block(rest: _Rest, at: int, path: str, zones: list[str], plugins: set[str]) -> int:
    """Reads one server block; returns where it ends."""
    while True:
        if at >= len(rest):
            last = rest[-1] if rest else (1, "", True)
            raise BadCorefile(f"{path}:{last[0]} - Syntax error: Unexpected token '{last[1]}', expecting '}}'")
        line, word, _ = rest[at]
        if word == "}":
            return at + 1
        if word not in _KNOWN:
            raise BadCorefile(f"{path}:{line} - Error during parsing: Unknown directive '{word}'")
        plugins.add(word)
        at += 1
        while at < len(rest) and not rest[at][2] and rest[at][1] not in "{}":
            if word == "kubernetes":
                zones.append(rest[at][1].rstrip("."))
            at += 1
        if at < len(rest) and rest[at][1] == "{":
            at = _properties(rest, at + 1, path, word)


def _properties(rest: _Rest, at: int, path: str, plugin: str) -> int:
    while at < len(rest) and rest[at][1] != "}":
        line, word, first = rest[at]
        if first and plugin == "kubernetes" and word not in _KNOWN_OF_KUBERNETES:
            raise BadCorefile(f"plugin/kubernetes: {path}:{line} - Error during parsing: unknown property '{word}'")
        at += 1
    if at >= len(rest):
        line, word, _ = rest[-1]
        raise BadCorefile(f"{path}:{line} - Syntax error: Unexpected token '{word}', expecting '}}'")
    return at + 1


def _words(line: str) -> list[str]:
    found = []
    for word in line.split():
        if word.startswith("#"):
            break
        found.append(word)
    return found
