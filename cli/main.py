# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The command ``e2ereme``: finds the subcommand's file, parses, runs.

Every other file here is one subcommand, named after it (``verify_audit.py`` is ``e2ereme verify-audit``), with

    add_parser(subparsers) -> None     adds its parser, with set_defaults(run=...)
    run(args) -> int | None            the exit status

It imports what it needs when it runs: the help must not load torch. Only the named file is imported, unless all
are asked for by ``--help``.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from ..plugins.module_utils.errors import RemediateError

NOT_COMMANDS = ("main",)


def commands() -> dict[str, str]:
    """Subcommand to module name, of the files that lie here."""
    stems = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    return {stem.replace("_", "-"): stem for stem in stems if not stem.startswith("_") and stem not in NOT_COMMANDS}


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="e2ereme", description="From a diagnosis report to a verified repair.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    found = commands()
    named = [found[argv[0]]] if argv and argv[0] in found else found.values()
    for stem in named:
        importlib.import_module(f".{stem}", __package__).add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser(argv).parse_args(argv)
    try:
        return int(args.run(args) or 0)
    except RemediateError as error:
        print(f"e2ereme: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `e2ereme … | head`
        sys.stderr.close()
        return 141


if __name__ == "__main__":
    sys.exit(main())
