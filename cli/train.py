# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``e2ereme train``: expert Episodes, fine-tuning, and the adapter put in its place."""

from __future__ import annotations

import argparse
import math
import shutil
from pathlib import Path
from typing import Any

from ..model import adapters


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "train", help="make the adapter anew", description="Goes on where it stopped; exit status 3: start it again."
    )
    parser.add_argument("--out", type=Path, default=Path(".cache/train"), help="data and checkpoints (%(default)s)")
    parser.add_argument("--recipe", type=Path, help="a recipe other than training/recipes/sft.yaml")
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop, to be gone on with, after this long")
    parser.add_argument("--install", type=Path, default=adapters.FOLDER, help="where the adapter goes (%(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from ..training import sft

    arguments = ["--out", str(args.out), "--seconds", str(args.seconds)]
    if args.recipe:
        arguments += ["--recipe", str(args.recipe)]
    status = sft.main(arguments)
    if status == 0:
        args.install.mkdir(parents=True, exist_ok=True)
        for name in ("adapter_model.safetensors", "adapter_config.json", adapters.CARD):
            shutil.copy2(args.out / "adapter" / name, args.install / name)
        adapters.check(args.install)
        print(f"installed in {args.install}")
    return status
