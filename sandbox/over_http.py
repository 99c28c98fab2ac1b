"""A Transport to a sandbox that is served elsewhere: sleeping passes its virtual time, not ours."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from .api.exchange import Response

ADVANCE = "/sandbox/advance"
"""A path that a real cluster does not have: POST with ``seconds`` passes virtual time."""

DUMP = "/sandbox/dump"
"""Another one: GET answers with the whole sandbox (dump.py)."""


class HttpTransport:
    """One kept-alive connection. Raises OSError when nobody answers."""

    def __init__(self, url: str, user_agent: str = "") -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        self._user_agent = user_agent

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        content_type: str = "application/json",
        timeout: float = 10.0,
    ) -> Response:
        url = f"{path}?{urlencode(query)}" if query else path
        headers = {"Accept": "application/json", "Content-Type": content_type, "User-Agent": self._user_agent}
        self._connection.request(method, url, None if body is None else json.dumps(body), headers)
        answer = self._connection.getresponse()
        response = Response(answer.status, body=answer.read())
        response.headers = dict(answer.getheaders())
        timing = response.headers.get("Server-Timing", "")
        response.seconds = float(timing.rpartition("dur=")[2]) / 1000 if "dur=" in timing else 0.0
        return response

    def sleep(self, seconds: float) -> None:
        self.request("POST", ADVANCE, {"seconds": f"{seconds:.6f}"})
