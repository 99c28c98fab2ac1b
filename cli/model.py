# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``e2ereme model``: makes the base model ready, and says whether it is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..model import base


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("model", help="prepare or check the base model")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, run, what in (
        ("prepare", prepare, "convert the base model once, unless it is there and sound"),
        ("check", check, "compare every file with the manifest's SHA-256"),
    ):
        action = actions.add_parser(name, help=what, description=what)
        action.add_argument("--folder", type=Path, default=base.default_folder(), help="where it lies (%(default)s)")
        action.set_defaults(run=run)


def prepare(args: argparse.Namespace) -> None:
    print(base.prepare(args.folder))


def check(args: argparse.Namespace) -> None:
    manifest = base.check(args.folder, deep=True)
    print(f"{args.folder}: sound, {len(manifest['files'])} files from {manifest['package']}")
