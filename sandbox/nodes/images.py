"""Which images can be pulled, and why another cannot, in containerd's words.

A system names its own. A few public ones that people start to look around with are there too, of which the sandbox
knows what they run.
"""

from __future__ import annotations

from collections.abc import Set

_SHELL = ("sh",)
_PUBLIC: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "busybox": (_SHELL, ("1", "1.28", "1.35", "1.36", "1.37", "stable", "glibc", "musl")),
    "alpine": (_SHELL, ("3", "3.18", "3.19", "3.20", "3.21", "3.22", "edge")),
    "debian": (("bash",), ("12", "13", "bookworm", "trixie", "stable", "stable-slim", "bookworm-slim")),
    "ubuntu": (("bash",), ("22.04", "24.04", "jammy", "noble")),
    "nginx": (("nginx",), ("1", "1.25", "1.27", "1.28", "1.29", "alpine", "stable", "mainline")),
    "redis": (("redis-server",), ("6", "7", "7.2", "7.4", "8", "alpine")),
    "curlimages/curl": (("curl",), ("8.5.0", "8.10.1", "8.16.0")),
    "nicolaka/netshoot": (("bash",), ("v0.13", "v0.14")),
}
"""Repository -> (what a container of it runs that is told nothing, its tags beside latest)."""


def is_public(image: str) -> bool:
    name, tag = _public_name(image)
    return name in _PUBLIC and tag in ("latest", *_PUBLIC[name][1])


def own_command(image: str) -> tuple[str, ...]:
    """What a public image runs by itself; empty for any other."""
    return _PUBLIC[_public_name(image)[0]][0] if is_public(image) else ()


def full_name(image: str) -> str:
    """As containerd calls what it has pulled: a public image with registry and tag, any other as it was asked for."""
    if not is_public(image):
        return image
    name, tag = _public_name(image)
    return f"docker.io/{name if '/' in name else f'library/{name}'}:{tag}"


def _public_name(image: str) -> tuple[str, str]:
    for start in ("docker.io/library/", "docker.io/", "library/"):
        image = image.removeprefix(start)
    name, _, tag = image.partition(":")
    return name, tag or "latest"


def pull_error(image: str, images: Set[str]) -> str:
    """containerd's words: the tag is not there, or the registry is not."""
    full = image if ":" in image.rsplit("/", 1)[-1] else f"{image}:latest"
    repository = full.rsplit(":", 1)[0]
    first = image.split("/", 1)[0]
    host = first if "/" in image and ("." in first or ":" in first) else "docker.io"
    failed = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}"'
    registries = {known.split("/", 1)[0] for known in images}
    if host not in registries and host != "docker.io":
        path = repository.split("/", 1)[-1]
        url = f"https://{host}/v2/{path}/manifests/{full.rsplit(':', 1)[1]}"
        lookup = f"lookup {host} on 10.96.0.10:53: no such host"
        return f'rpc error: code = Unknown desc = {failed}: failed to do request: Head "{url}": dial tcp: {lookup}'
    return f"rpc error: code = NotFound desc = {failed}: {full}: not found"
