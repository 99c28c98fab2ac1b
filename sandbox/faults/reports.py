"""What people and tools say of a fault: sentences, root cause analyses, alerts, k8sgpt findings.

They say what can be seen from outside, and at times name who suffers instead of who is at fault, or nobody.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ..systems.rest import Api
from ..systems.system import System
from .tickets import ranking, ticket
from .wordings import ALERTS, MEASURED, NOBODY, OPENINGS, PROSE, PROSE_NOBODY, TAILS, UNREADY, WORDS

if TYPE_CHECKING:
    from .fault import Injected

Object = dict[str, Any]
Named = dict[str, str] | None

_SEEN = {
    "slow": "answers slowly",
    "starved": "answers slowly, or does not come up",
    "busy": "uses as much CPU as its limit allows",
    "full": "uses nearly as much memory as its limit allows",
}


def whom_to_name(api: Api, injected: Injected, system: System, rng: random.Random) -> Named:
    """The workload at fault mostly; at times a caller that suffers, the Service, or nobody."""
    style = rng.random()
    if style < 0.12:
        return None
    if style < 0.35:
        callers = list(system.callers(injected.workload["name"]))
        rng.shuffle(callers)
        for caller in callers:
            if caller.service and api.visit(system.namespace, caller.service, caller.service_port) != 200:
                return {"kind": caller.kind, "name": caller.name}
    if style > 0.9 and injected.service:
        return {"kind": "Service", "name": injected.service}
    return dict(injected.workload)


def reports_of(
    api: Api, injected: Injected, named: Named, system: System, rng: random.Random
) -> tuple[str | Object, ...]:
    """One report of each format, in random order."""
    about_self = named is not None and named["name"] == injected.workload["name"]
    measured = injected.symptom in MEASURED
    symptom = injected.symptom if about_self else "slow" if measured else "unanswered"
    made: list[str | Object] = [
        sentence(named, system, symptom, rng),
        prose(named, system, symptom, rng),
        alert(named, system, symptom, rng),
        k8sgpt(named, system, _seen(api, injected, named), rng),
    ]
    if measured:
        made += [ticket(named, system, symptom, rng), ranking(named, system, symptom, rng)]
    rng.shuffle(made)
    return tuple(made)


def sentence(named: Named, system: System, symptom: str, rng: random.Random) -> str:
    """A person's sentence."""
    if named is None:
        text = rng.choice(NOBODY).format(space=system.namespace)
    else:
        text = rng.choice(WORDS.get(symptom, UNREADY)).format(who=_who(named, system, rng))
        if system.namespace not in text and rng.random() < 0.6:
            text += rng.choice((" in namespace {0}", " ({0})", ", namespace {0}")).format(system.namespace)
    opening = rng.choice(OPENINGS)
    text = text if opening and opening[-2] in ",I" else text[0].upper() + text[1:] if not named else text
    return f"{opening}{text}{rng.choice(TAILS)}"


def prose(named: Named, system: System, symptom: str, rng: random.Random) -> str:
    """What a root cause analysis tool writes."""
    score = round(rng.uniform(0.61, 0.98), 2)
    if named is None:
        return rng.choice(PROSE_NOBODY).format(
            space=system.namespace, symptom="elevated error rate and failing requests"
        )
    words = WORDS.get(symptom, UNREADY)
    others = [spec.name for spec in system.services if spec.name != named["name"]]
    return rng.choice(PROSE).format(
        kind=named["kind"].lower(),
        name=named["name"],
        space=system.namespace,
        score=score,
        low=round(score / 2, 2),
        other=rng.choice(others or ["none"]),
        symptom=rng.choice(words).format(who=named["name"]),
    )


def alert(named: Named, system: System, symptom: str, rng: random.Random) -> Object:
    """An Alertmanager webhook, version 4."""
    name = rng.choice(ALERTS[symptom])
    labels = {
        "alertname": name,
        "namespace": system.namespace,
        "severity": rng.choice(("warning", "critical", "critical")),
    }
    if named is not None:
        labels[named["kind"].lower()] = named["name"]
        summary = rng.choice(WORDS.get(symptom, UNREADY)).format(who=named["name"])
    else:
        labels["job"] = "blackbox"
        summary = rng.choice(NOBODY).format(space=system.namespace)
    began = (
        f"2026-03-{rng.randint(1, 28):02d}T{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}Z"
    )
    notes = {
        "summary": summary,
        "description": f"{summary} (namespace {system.namespace}).",
        "runbook_url": f"https://runbooks.example/{name.lower()}",
    }
    one = {
        "status": "firing",
        "labels": labels,
        "annotations": notes,
        "startsAt": began,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": f"{rng.getrandbits(64):016x}",
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{name}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "remediate",
        "groupLabels": {"alertname": name},
        "commonLabels": labels,
        "commonAnnotations": notes,
        "externalURL": "http://alertmanager.example",
        "alerts": [one],
    }


def k8sgpt(named: Named, system: System, findings: list[tuple[str, str, str]], rng: random.Random) -> Object:
    """What `k8sgpt analyze -o json` prints; findings are (kind, name, text)."""
    results = [
        {
            "kind": kind,
            "name": f"{system.namespace}/{name}",
            "error": [{"Text": text, "KubernetesDoc": "", "Sensitive": []}],
            "details": "",
            "parentObject": f"{named['kind']}/{named['name']}" if named and kind == "Pod" else "",
        }
        for kind, name, text in findings
    ]
    rng.shuffle(results)
    return {
        "provider": "",
        "errors": None,
        "status": "ProblemDetected" if results else "OK",
        "problems": len(results),
        "results": results,
    }


def _who(named: dict[str, str], system: System, rng: random.Random) -> str:
    name, kind = named["name"], named["kind"]
    return rng.choice(
        (
            name,
            name,
            f"{kind.lower()} {name}",
            f"{kind} {name}",
            f"service {name}",
            f"{kind.lower()}/{name}",
            f"the {name} service",
            f"{system.namespace}/{name}",
        )
    )


def _seen(api: Api, injected: Injected, named: Named) -> list[tuple[str, str, str]]:
    """What k8sgpt would find: waiting containers, Services without endpoints; else the workload named."""
    found: list[tuple[str, str, str]] = []
    space = injected.namespace
    for pod in api.list("Pod", space):
        for status in pod.get("status", {}).get("containerStatuses", ()):
            waiting = status.get("state", {}).get("waiting", {})
            if waiting.get("message"):
                found.append(("Pod", pod["metadata"]["name"], waiting["message"]))
        found += [
            ("Pod", pod["metadata"]["name"], condition["message"])
            for condition in pod.get("status", {}).get("conditions", ())
            if condition.get("reason") == "Unschedulable"
        ]
    for item in api.list("Endpoints", space):
        if not any(subset.get("addresses") for subset in item.get("subsets") or ()):
            service = api.get("Service", space, item["metadata"]["name"])
            labels = ", ".join(
                f"{key}={value}" for key, value in ((service or {}).get("spec", {}).get("selector") or {}).items()
            )
            found.append(("Service", item["metadata"]["name"], f"Service has no endpoints, expected label {labels}"))
    if not found and named is not None:
        how = _SEEN.get(injected.symptom, "does not answer requests")
        found.append((named["kind"], named["name"], f"{named['kind']} {space}/{named['name']} {how}"))
    return found[:4]
