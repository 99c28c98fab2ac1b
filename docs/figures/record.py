"""Records what commands print in README.md; what `make remediate` prints also whole in docs/figures.

make figures                                with the shipped adapter
make figures ARGS="bench --out FILE …"      the table of `e2ereme bench`, of results that are there already
    make figures ARGS=times                     what `make bench-speed` measures
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import picture

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
FIGURES = ROOT / "docs" / "figures"

# What a reader of the README can do without: Pods that run, and the frame that Ansible draws.
DISPENSABLE = re.compile(r"^  \S+ +1/1 +Running|^PLAY|^TASK|^(ok|changed): |^localhost +:|^ +NAME +READY")


def main() -> int:
    arguments = sys.argv[1:]
    figures = {"bench": _bench, "times": _times}
    return figures[arguments[0]](arguments[1:]) if arguments and arguments[0] in figures else _demo(arguments)


def _demo(arguments: list[str]) -> int:
    text = _printed("demo", arguments)
    (FIGURES / "remediate.txt").write_text(f"$ make remediate\n{text}", "utf-8")
    left = re.search(r"all of it is in (\S+?)(?:;|$)", text, re.M)
    if left:
        picture.take(ROOT / left[1])
    return _put("demo", "\n".join(f"    {line}".rstrip() for line in _shortened(text)))


def _bench(arguments: list[str]) -> int:
    """The table of results that are there already (``--out``), or of a new run."""
    lines = _printed("bench", arguments).splitlines()
    table = "\n".join(line for line in lines if line.startswith(("|", "- ")) or not line)
    return _put("bench", table.strip())


def _times(arguments: list[str]) -> int:
    """What `make bench-speed` prints."""
    text = _output([sys.executable, str(ROOT / "tests" / "benchmark" / "bench_own_cost.py"), *arguments])
    return _put("times", "\n".join(f"    {line}".rstrip() for line in text.strip().splitlines()))


def _printed(command: str, arguments: list[str]) -> str:
    return _output([str(Path(sys.executable).with_name("e2ereme")), command, *arguments])


def _output(called: list[str]) -> str:
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    played = subprocess.run(called, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    text = played.stdout.replace(f"KUBECONFIG={ROOT}/", "KUBECONFIG=~/remediate/").replace(f"{ROOT}/", "")
    if played.returncode != 0:
        sys.exit(f"{text}\nIt ended with {played.returncode}: nothing was recorded.")
    return text


def _put(name: str, figure: str) -> int:
    marked = re.compile(rf"(<!-- figure: {name}\b.*?-->\n).*?(<!-- end of figure -->)", re.S)
    page, count = marked.subn(lambda found: f"{found[1]}\n{figure}\n\n{found[2]}", README.read_text("utf-8"))
    if count != 1:
        sys.exit(f"README.md has no place for the figure {name!r}.")
    README.write_text(page, "utf-8")
    return 0


def _shortened(text: str) -> list[str]:
    lines = ["$ make remediate", *(line for line in text.splitlines() if not DISPENSABLE.match(line))]
    return [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]


if __name__ == "__main__":
    sys.exit(main())
