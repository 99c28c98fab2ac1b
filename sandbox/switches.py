"""The switches of the machines: what somebody in the data centre can do, and no API server offers.

GET  /sandbox/machines                          {"node-1": "on", "node-2": "off"}
POST /sandbox/machines?node=node-1&state=off    on, off (without power) or hung (its kubelet alone is dead)

Of a sandbox, in process and at an address; a real cluster answers 404.
"""

from __future__ import annotations

from .api.exchange import Request, Response
from .api.status import StatusError
from .nodes.machines import Machines

MACHINES = "/sandbox/machines"
STATES = ("on", "off", "hung")


def operate(machines: Machines, request: Request) -> Response:
    """Answers a request to MACHINES."""
    if request.method == "GET":
        return Response(200, machines.states())
    node, state = request.query.get("node", ""), request.query.get("state", "")
    if request.method != "POST" or state not in STATES:
        text = f"a machine is switched by POST, to one of: {', '.join(STATES)}"
        return Response(400, StatusError(400, "BadRequest", text).body())
    if node not in machines.states():
        return Response(404, StatusError(404, "NotFound", f'nodes "{node}" not found').body())
    if machines.states()[node] != "on":
        machines.start(node)
    if state != "on":
        machines.stop(node, power=state == "off")
    return Response(200, machines.states())
