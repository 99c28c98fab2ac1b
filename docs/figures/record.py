"""Records what `make remediate` prints: whole in docs/figures, shortened in README.md.

make figures            with the shipped adapter
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
RECORD = ROOT / "docs" / "figures" / "remediate.txt"
MARKED = re.compile(r"(<!-- figure: demo.*?-->\n).*?(<!-- end of figure -->)", re.S)

# What a reader of the README can do without: Pods that run, and the frame that Ansible draws.
DISPENSABLE = re.compile(r"^  \S+ +1/1 +Running|^PLAY|^TASK|^(ok|changed): |^localhost +:|^ +NAME +READY")


def main() -> int:
    command = [str(Path(sys.executable).with_name("e2ereme")), "demo", *sys.argv[1:]]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    played = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    text = played.stdout.replace(f"{ROOT}/", "")
    if played.returncode != 0:
        print(text, f"It ended with {played.returncode}: nothing was recorded.", sep="\n", file=sys.stderr)
        return 1
    RECORD.write_text(f"$ make remediate\n{text}", "utf-8")
    short = "\n".join(f"    {line}".rstrip() for line in _shortened(text))
    page, count = MARKED.subn(lambda found: f"{found[1]}\n{short}\n\n{found[2]}", README.read_text("utf-8"))
    if count != 1:
        print("README.md has no place for the figure.", file=sys.stderr)
        return 1
    README.write_text(page, "utf-8")
    return 0


def _shortened(text: str) -> list[str]:
    lines = ["$ make remediate", *(line for line in text.splitlines() if not DISPENSABLE.match(line))]
    return [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]


if __name__ == "__main__":
    sys.exit(main())
