"""What runs in a project, as the APIs of Compute Engine, Functions, Cloud Run and App Engine write it.

Each carries a secret where people keep one, in a start script or in the environment, as real ones do.
"""

from nhiscan_gcp.simulated.answers import Json
from nhiscan_gcp.simulated.estate import Estate
from nhiscan_gcp.simulated.held import HeldProject
from nhiscan_gcp.simulated.world import Workload

ZONE, REGION = "europe-west1-b", "europe-west1"
TYPES = {
    "instance": ("compute.googleapis.com/Instance", "v1", "Instance"),
    "function": ("cloudfunctions.googleapis.com/Function", "v2", "Function"),
    "service": ("run.googleapis.com/Service", "v1", "Service"),
    "job": ("run.googleapis.com/Job", "v1", "Job"),
    "version": ("appengine.googleapis.com/Version", "v1", "Version"),
}
"""Kind -> asset type, version and name of the resource."""


def workload(estate: Estate, held: HeldProject, one: Workload) -> tuple[str, str, Json]:
    """(asset type, full name, resource)."""
    kind = TYPES[one.kind][0]
    secret = estate.secret(f"environment of {held.id}/{one.name}")
    return (kind, *_MAKE[one.kind](held, one, secret))


def _instance(held: HeldProject, one: Workload, secret: str) -> tuple[str, Json]:
    name = f"projects/{held.id}/zones/{ZONE}/instances/{one.name}"
    data: Json = {
        "kind": "compute#instance",
        "name": one.name,
        "status": "RUNNING",
        "metadata": {"kind": "compute#metadata", "items": [{"key": "startup-script", "value": secret}]},
    }
    if one.account:
        scopes = ["https://www.googleapis.com/auth/cloud-platform"]
        data["serviceAccounts"] = [{"email": one.account, "scopes": scopes}]
    return f"//compute.googleapis.com/{name}", data


def _function(held: HeldProject, one: Workload, secret: str) -> tuple[str, Json]:
    name = f"projects/{held.id}/locations/{REGION}/functions/{one.name}"
    config: Json = {"environmentVariables": {"TOKEN": secret}}
    if one.account:
        config["serviceAccountEmail"] = one.account
    data: Json = {"name": name, "environment": "GEN_2", "state": "ACTIVE", "serviceConfig": config}
    return f"//cloudfunctions.googleapis.com/{name}", data


def _service(held: HeldProject, one: Workload, secret: str) -> tuple[str, Json]:
    data = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": one.name, "namespace": held.number},
        "spec": {"template": {"spec": _run(one, secret)}},
    }
    return f"//run.googleapis.com/projects/{held.id}/locations/{REGION}/services/{one.name}", data


def _job(held: HeldProject, one: Workload, secret: str) -> tuple[str, Json]:
    data = {
        "apiVersion": "run.googleapis.com/v1",
        "kind": "Job",
        "metadata": {"name": one.name, "namespace": held.number},
        "spec": {"template": {"spec": {"template": {"spec": _run(one, secret)}}}},
    }
    return f"//run.googleapis.com/projects/{held.id}/locations/{REGION}/jobs/{one.name}", data


def _run(one: Workload, secret: str) -> Json:
    spec: Json = {"containers": [{"image": "docker.pkg.dev/x/y", "env": [{"name": "TOKEN", "value": secret}]}]}
    return {**spec, "serviceAccountName": one.account} if one.account else spec


def _version(held: HeldProject, one: Workload, secret: str) -> tuple[str, Json]:
    name = f"apps/{held.id}/services/default/versions/{one.name}"
    data: Json = {"name": name, "id": one.name, "servingStatus": "SERVING", "envVariables": {"TOKEN": secret}}
    if one.account:
        data["serviceAccount"] = one.account
    return f"//appengine.googleapis.com/{name}", data


_MAKE = {
    "instance": _instance,
    "function": _function,
    "service": _service,
    "job": _job,
    "version": _version,
}
