"""Chaos Mesh, simulated: the kinds by which experiments break Pods, and the controller that carries them out.

definitions(), schedules()   the CustomResourceDefinitions, as objects to create
Chaos(world, restart)        the controller; asleep until the first experiment is there

Nothing of it shows in a sandbox until somebody creates the definitions, as on a cluster where Chaos Mesh is not
installed. Kinds, fields, phases and conditions are those of Chaos Mesh 2 (chaos-mesh.org/v1alpha1).
"""

from __future__ import annotations

from .controller import Chaos
from .definitions import FOLLOWED, FOLLOWING, GROUP, KINDS, VERSION, definitions, schedules

__all__ = ["FOLLOWED", "FOLLOWING", "GROUP", "KINDS", "VERSION", "Chaos", "definitions", "schedules"]
