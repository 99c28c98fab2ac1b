"""Makes protobuf.json from the .proto files that Kubernetes publishes: ``python -m ... FOLDER > protobuf.json``.

FOLDER holds checkouts of k8s.io/api and k8s.io/apimachinery (Apache License 2.0). Kept are the field numbers, names and
types of the messages that the kinds of the registry are made of, and of those that requests are made of. A number or
boolean that Go keeps as a pointer (types.go says so) is marked "?": there 0 and false are values, elsewhere they are
how Go writes what nobody set.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from .resources import RESOURCES

_FIELD = re.compile(r"^\s*(optional|repeated|required)?\s*(map<string, *([\w.]+)>|[\w.]+) (\w+) = (\d+);")
_STRUCT = re.compile(r"^type (\w+) struct {")
_POINTER = re.compile(r'^\s+\w+\s+\*(?:int32|int64|bool)\s+`json:"(\w+)')
_META = "k8s.io.apimachinery.pkg.apis.meta.v1"
_ALSO = ("DeleteOptions",)
_NUMBERS = ("int32", "int64", "uint32", "uint64")

Messages = dict[str, dict[str, list[str]]]


def main() -> None:
    messages: Messages = {}
    for path in sorted(Path(sys.argv[1]).rglob("generated.proto")):
        pointers = _pointers(path.with_name("types.go"))
        _read(path.read_text("utf-8"), messages, pointers)
    kinds = {}
    for resource in RESOURCES:
        for group, version, kind in (
            (resource.group, resource.version, resource.kind),
            *((below.group, below.version, below.kind) for below in resource.below if below.version),
        ):
            package = f"k8s.io.api.{(group or 'core').partition('.')[0]}.{version}.{kind}"
            if package in messages:
                kinds[f"{group}/{version}/{kind}" if group else f"{version}/{kind}"] = package
    for kind in _ALSO:
        kinds[kind] = f"{_META}.{kind}"
    needed: Messages = {}
    wanted = list(kinds.values())
    while wanted:
        name = wanted.pop()
        if name not in needed and name in messages:
            needed[name] = messages[name]
            wanted += [kind.rpartition(" ")[2] for _, kind in messages[name].values()]
    source = "field numbers of k8s.io/api and k8s.io/apimachinery v0.34 (Apache License 2.0)"
    document: dict[str, Any] = {"source": source, "kinds": kinds, "messages": needed}
    json.dump(document, sys.stdout, separators=(",", ":"), sort_keys=True)
    print()


def _read(text: str, messages: Messages, pointers: set[tuple[str, str]]) -> None:
    found = re.search(r"^package ([\w.]+);", text, re.M)
    assert found is not None
    package, name = found.group(1), ""
    for line in text.splitlines():
        if line.startswith("message "):
            name = f"{package}.{line.split()[1]}"
            messages[name] = {}
        elif line == "}":
            name = ""
        elif name and (field := _FIELD.match(line)):
            label, kind, values, field_name, number = field.groups()
            if values:
                kind = f"map {_type(values, package)}"
            else:
                kind = _type(kind, package)
                kind = f"list {kind}" if label == "repeated" else kind
            if (name.rpartition(".")[2], field_name) in pointers:
                kind += "?"
            messages[name][number] = [field_name, kind]


def _pointers(path: Path) -> set[tuple[str, str]]:
    """(struct, field) of each number and boolean behind a pointer."""
    found: set[tuple[str, str]] = set()
    struct = ""
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        if started := _STRUCT.match(line):
            struct = started.group(1)
        elif field := _POINTER.match(line):
            found.add((struct, field.group(1)))
    return found


def _type(name: str, package: str) -> str:
    if name in ("string", "bytes", "bool", "double"):
        return name
    if name in _NUMBERS:
        return "int"
    name = name.lstrip(".")
    return name if "." in name else f"{package}.{name}"


if __name__ == "__main__":
    main()
