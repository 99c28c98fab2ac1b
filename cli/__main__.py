# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m ansible_collections.e2ereme.remediate.cli`` is the command ``e2ereme``."""

from __future__ import annotations

import sys

from .main import main

sys.exit(main())
