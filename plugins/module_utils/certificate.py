# Copyright: the e2ereme.remediate authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""When a certificate ends. An API server answers an expired one with a bare 401, which tells nobody why."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME = 0xA0, 0x17  # tags of DER


def ends(pem: bytes) -> datetime | None:
    """The end of the first certificate's validity (RFC 5280, 4.1); None for what is no certificate."""
    try:
        found = _PEM.search(pem)
        if found is None:
            return None
        _, certificate = next(_parts(base64.b64decode(found.group(1))))
        _, signed = next(_parts(certificate))
        fields = [content for tag, content in _parts(signed) if tag != _VERSION]
        _number, _algorithm, _issuer, validity, *_ = fields
        _, (tag, moment) = _parts(validity)
        text = moment.decode("ascii")
        century = "" if tag != _UTC_TIME else "20" if text[:2] < "50" else "19"
        return datetime.strptime(century + text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (ValueError, IndexError, StopIteration):
        return None


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements of a DER sequence's content, each as tag and content."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        yield tag, data[at : at + length]
        at += length
