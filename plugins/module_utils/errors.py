# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every error the product raises on purpose.

    RemediateError
    ├── InputError            what the user gave cannot be used (report, policy, options)
    ├── ClusterError          the API server could not be asked
    │   ├── Unreachable       no connection, wrong certificate, timeout
    │   ├── Forbidden         401 or 403
    │   ├── NotFound          404
    │   └── Conflict          409
    ├── ModelError            the model gave no usable answer
    │   ├── ModelMissing      its files are missing, truncated or of another hash
    │   └── WorkerDied        the worker ended while it was answering
    ├── RunError              the playbook could not be started or was stopped
    └── Refused               policy, Lease or kill switch forbids

A message says what happened, where, and what to do next.
"""

from __future__ import annotations


class RemediateError(Exception):
    """What happened and where, then what to do next."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what} {hint}".strip())
        self.what = what
        self.hint = hint


class InputError(RemediateError):
    """What the user gave cannot be used."""


class ClusterError(RemediateError):
    """The API server could not be asked, or said no. ``status`` is the HTTP code (0: none)."""

    def __init__(self, what: str, hint: str = "", status: int = 0) -> None:
        super().__init__(what, hint)
        self.status = status


class Unreachable(ClusterError):
    """No connection, a wrong certificate, or no answer in time."""


class Forbidden(ClusterError):
    """401 or 403."""


class NotFound(ClusterError):
    """404."""


class Conflict(ClusterError):
    """409: somebody else changed it, or it is there already."""


class ModelError(RemediateError):
    """The model gave no usable answer."""


class ModelMissing(ModelError):
    """The model's files are missing, truncated or of another hash."""


class WorkerDied(ModelError):
    """The worker ended while it was answering."""


class RunError(RemediateError):
    """A playbook could not be started, or was stopped."""


class Refused(RemediateError):
    """Policy, Lease or kill switch forbids."""
