"""Why an image cannot be pulled, in containerd's words."""

from __future__ import annotations

from collections.abc import Set


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
