"""The words of reports: what is said of each symptom, and what stands around it."""

from __future__ import annotations

UNREADY = (
    "{who} has Pods that do not become ready",
    "{who} is not healthy since the last hour",
    "Pods of {who} keep failing",
    "the rollout of {who} does not finish",
    "{who} is broken, please fix it",
    "something is wrong with {who}",
    "{who} does not come up",
    "we see failing Pods at {who}",
    "{who} degraded: fewer replicas available than wanted",
)
UNANSWERED = (
    "requests to {who} fail",
    "{who} does not answer",
    "{who} returns errors to its callers",
    "users get errors from {who}",
    "{who} is down",
    "error rate of {who} went up to 100 %",
    "calls to {who} fail or time out",
    "{who} is unreachable",
)
SLOW = (
    "{who} answers slowly",
    "latency of {who} went up by a lot",
    "requests to {who} take seconds, some of them time out",
    "p95 of {who} is far above what is usual",
    "{who} hangs again and again, and then answers all the same",
    "users wait for {who}",
    "calls to {who} are slow or fail now and then",
    "response time of {who} breaches its objective",
)
BUSY = (
    "{who} runs at its CPU limit",
    "CPU of {who} is saturated",
    "{who} is throttled most of the time",
    "CPU usage of {who} is abnormally high",
    "{who} burns CPU although hardly anybody asks it for anything",
    "high CPU on {who}",
)
FULL = (
    "{who} is close to its memory limit",
    "memory usage of {who} is abnormally high",
    "{who} may run out of memory soon",
    "memory of {who} jumped up, traffic did not",
    "high memory on {who}",
)
STARVED = (
    "{who} is slow since its resources were changed",
    "{who} got slow, or does not come up at all",
    "{who} starves",
    "something is wrong with the resources of {who}",
    "{who} takes ages to start and to answer",
)
MEASURED = ("slow", "busy", "full", "starved")
"""Symptoms that only measuring shows."""
WORDS = {"unanswered": UNANSWERED, "slow": SLOW, "busy": BUSY, "full": FULL, "starved": STARVED}
"""What is said of a symptom; of all others ``UNREADY``."""
NOBODY = (
    "users report errors in namespace {space}",
    "the application in {space} does not work properly",
    "synthetic checks of {space} are red",
    "something broke in {space} a few minutes ago",
    "customers complain about errors, the system runs in namespace {space}",
    "please have a look at {space}, an alert went off",
)
OPENINGS = ("", "", "", "Hi team, ", "Incident: ", "On call: ", "URGENT: ", "FYI ", "[sev2] ")
TAILS = (
    "",
    "",
    "",
    ".",
    ". Please remediate.",
    ". Thanks!",
    ", since about ten minutes.",
    ". Nothing was announced.",
    "!",
)
PROSE = (
    "Root cause analysis finished. The most likely faulty component is {kind} {name} in namespace {space} "
    "(score {score}). "
    "Observed symptom: {symptom}. Dependent components may show secondary errors.",
    "Diagnosis: {symptom}. Suspected root cause: {name} ({kind}, namespace {space}). Confidence: {score}.",
    "The anomaly detector ranked the following components by anomaly score: 1. {name} ({score}) 2. {other} ({low}). "
    "Namespace: {space}. Summary of the top candidate: {symptom}.",
    "## Findings\n- component: {kind}/{name}\n- namespace: {space}\n- symptom: {symptom}\n- confidence: {score}\n",
)
PROSE_NOBODY = (
    "Root cause analysis finished without a clear root cause in namespace {space}. Observed symptom: {symptom}.",
    "Diagnosis: {symptom}. No single component could be ranked first (namespace {space}).",
)
ALERTS = {
    "unready": (
        "KubePodNotReady",
        "KubeDeploymentReplicasMismatch",
        "KubeDeploymentRolloutStuck",
        "KubePodCrashLooping",
        "KubeContainerWaiting",
    ),
    "absent": ("KubeDeploymentReplicasMismatch", "ServiceDown", "TargetDown"),
    "unanswered": ("HighErrorRate", "ServiceDown", "TargetDown", "BlackboxProbeFailed", "SLOErrorBudgetBurn"),
    "slow": ("HighRequestLatency", "LatencyP95High", "SLOLatencyBudgetBurn", "BlackboxSlowProbe", "UpstreamTimeouts"),
    "busy": ("CPUThrottlingHigh", "ContainerCpuUsageHigh", "PodCpuNearLimit"),
    "starved": ("CPUThrottlingHigh", "HighRequestLatency", "KubePodNotReady", "KubeDeploymentRolloutStuck"),
    "full": ("ContainerMemoryUsageHigh", "PodMemoryNearLimit", "ContainerMemoryNearLimit"),
}
