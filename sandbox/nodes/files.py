"""The files of a container, as far as the sandbox knows them: what is mounted, what every container has, what was
written since it started. What is written is the container's own, on volumes too, and is gone when it starts again.
"""

from __future__ import annotations

import base64
from typing import Any

from ..controllers.world import World
from .references import folders, mounts, text_at
from .run import ContainerRun, PodRun

Object = dict[str, Any]

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_IMAGE_FOLDERS = (
    *("/bin", "/dev", "/etc", "/home", "/lib", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp"),
    *("/usr", "/usr/bin", "/usr/local", "/usr/local/bin", "/var", "/var/lib", "/var/log", "/var/run", "/var/tmp"),
)
_GONE = None


def path_from(folder: str, path: str) -> str:
    """A path as seen from a folder, without dots."""
    whole: list[str] = []
    for step in (path if path.startswith("/") else f"{folder}/{path}").split("/"):
        if step == "..":
            whole = whole[:-1]
        elif step not in ("", "."):
            whole.append(step)
    return "/" + "/".join(whole)


class Files:
    """Texts keep bytes that are no UTF-8 as surrogates (``surrogateescape``)."""

    def __init__(self, world: World, run: PodRun, item: ContainerRun, pod: Object) -> None:
        self._world, self._run, self._item, self._pod = world, run, item, pod

    def text(self, path: str) -> str | None:
        """None where there is no such file."""
        if path in self._own:
            return self._own[path]
        found = self._given().get(path)
        if found is not None:
            return found
        return text_at(self._world, self._pod, self._item.spec, path)

    def is_folder(self, path: str) -> bool:
        return path == "/" or f"{path}/" in self._own or path in _IMAGE_FOLDERS or bool(self.names(path))

    def there(self, path: str) -> bool:
        return self.text(path) is not None or self.is_folder(path)

    def names(self, folder: str) -> list[str]:
        """What lies in a folder, by name."""
        start = f"{folder.rstrip('/')}/"
        below = {path[len(start) :].split("/")[0] for path in self._paths() if path.startswith(start)}
        return sorted(name for name in below if name)

    def below(self, folder: str) -> list[str]:
        """The files in a folder and in the folders in it."""
        start = f"{folder.rstrip('/')}/"
        return sorted(path for path in self._paths() if path.startswith(start) and not path.endswith("/"))

    def write(self, path: str, text: str) -> str:
        """Why the file cannot be written, as the C library says it; empty when it was."""
        folder = path.rpartition("/")[0] or "/"
        if self.is_folder(path):
            return "Is a directory"
        if self._fixed(folder):
            return "Read-only file system"
        if not self.is_folder(folder):
            return "No such file or directory"
        self._change(path, text)
        return ""

    def make_folder(self, path: str) -> None:
        """With those above it."""
        while path not in ("", "/") and not self.is_folder(path):
            self._change(f"{path}/", "")
            path = path.rpartition("/")[0]

    def remove(self, path: str) -> str:
        """Why a file or folder cannot be removed; empty when it was, with all that is in it."""
        if not self.there(path):
            return "No such file or directory"
        if self._fixed(path) or self._fixed(path.rpartition("/")[0] or "/"):
            return "Read-only file system"
        for inside in [at for at in self._paths() if at == path or at.startswith(f"{path}/")]:
            self._change(inside, _GONE)
        return ""

    # Inside

    @property
    def _own(self) -> dict[str, str | None]:
        return self._item.files or {}

    def _change(self, path: str, text: str | None) -> None:
        if self._item.files is None:
            self._item.files = {}
        self._item.files[path] = text

    def _fixed(self, folder: str) -> bool:
        """Whether a volume that cannot be written to is mounted there."""
        if folder in folders(self._pod, self._item.spec):
            return False
        mounted = [mount["mountPath"].rstrip("/") for mount in self._item.spec.get("volumeMounts") or ()]
        return any(folder == path or folder.startswith(f"{path}/") for path in mounted)

    def _paths(self) -> set[str]:
        """All files, and folders that stand for themselves, these with a slash at the end."""
        given = {*self._given(), *mounts(self._world, self._pod, self._item.spec)}
        given |= {f"{path}/" for path in (*_IMAGE_FOLDERS, *folders(self._pod, self._item.spec))}
        return (given - self._own.keys()) | {path for path, text in self._own.items() if text is not None}

    def _given(self) -> dict[str, str]:
        run = self._run
        space, cluster = run.namespace, "svc.cluster.local"
        given = {
            "/etc/hostname": f"{run.name}\n",
            "/etc/resolv.conf": f"search {space}.{cluster} {cluster} cluster.local\n"
            "nameserver 10.96.0.10\noptions ndots:5\n",
            "/etc/hosts": f"# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n{run.ip}\t{run.name}\n",
            "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
            "/etc/os-release": 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\n',
        }
        volumes = {volume["name"]: volume for volume in self._pod.get("spec", {}).get("volumes") or ()}
        for mount in self._item.spec.get("volumeMounts") or ():
            folder = mount["mountPath"].rstrip("/")
            if folder == _ACCOUNT:
                given |= {f"{folder}/namespace": space, f"{folder}/ca.crt": self._authority(space)}
            source = volumes.get(mount["name"], {}).get("secret") or {}
            secret = self._world.store.get("Secret", space, source.get("secretName", "")) if source else None
            for key, value in ((secret or {}).get("data") or {}).items():
                given[f"{folder}/{key}"] = base64.b64decode(value).decode("utf-8", "surrogateescape")
        return given

    def _authority(self, space: str) -> str:
        held = self._world.store.get("ConfigMap", space, "kube-root-ca.crt") or {}
        return str((held.get("data") or {}).get("ca.crt", ""))
