# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``e2ereme report``: makes report.html of an Episode anew, from episode.json and what lies beside it.

The page needs no network and no server: open it with any browser.
"""

from __future__ import annotations

import argparse
import webbrowser
from typing import Any


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("report", help="make the page of an Episode anew", description=__doc__)
    parser.add_argument("episode", help="the folder that a remediation left, or its episode.json")
    parser.add_argument("--open", action="store_true", help="show it in the browser")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes the page and prints where it is."""
    from ..plugins.plugin_utils.html_report import write_report

    page = write_report(args.episode)
    print(page)
    if args.open:
        webbrowser.open(page.as_uri())
    return 0
