"""Members of bindings: whom a text as Google writes it means.

Source: "Principal identifiers" of Google's documentation, and members of a Binding in the discovery document of IAM.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from nhiscan_gcp.registry import home_of

_POOL = re.compile(
    r"//iam\.googleapis\.com/projects/(?P<project>[^/]+)/locations/global/workloadIdentityPools/(?P<pool>[^/]+)"
    r"/(?P<subjects>.+)",
    re.DOTALL,
)
_WORKFORCE = re.compile(
    r"//iam\.googleapis\.com/locations/global/workforcePools/(?P<pool>[^/]+)/(?P<subjects>.+)", re.DOTALL
)
_NODE = re.compile(
    r"//cloudresourcemanager\.googleapis\.com/(?P<kind>projects|folders|organizations)/(?P<name>[^/]+)"
    r"(?:/type/(?P<type>[A-Za-z]+))?"
)
_CLUSTER = re.compile(r"(?P<project>[^\[\]]+)\.svc\.id\.goog\[(?P<subject>[^\[\]]+)\]")
_AGENT_PROJECTS = frozenset(
    {
        "bigquery-encryption",
        "cloud-filer",
        "cloud-memcache-sa",
        "cloud-ml.google.com",
        "cloud-redis",
        "cloud-tpu",
        "cloudcomposer-accounts",
        "compute-system",
        "container-engine-robot",
        "containerregistry",
        "dataflow-service-producer-prod",
        "dataproc-accounts",
        "dlp-api",
        "endpoints-portal",
        "firebase-rules",
        "gae-api-prod.google.com",
        "gcf-admin-robot",
        "gcp-gae-service",
        "genomics-api.google.com",
        "gs-project-accounts",
        "remotebuildexecution",
        "serverless-robot-prod",
        "service-consumer-management",
        "service-networking",
        "sourcerepo-service-accounts",
        "storage-transfer-service",
        "trifacta-gcloud-prod",
    }
)
"""Projects of Google's own in which agents live, besides those that begin with gcp-sa-. Source: "Service agents"."""
_AGENT = re.compile(
    r"(?:(?:service|project|bq)-(?:org-|folder-)?|p)?(?P<number>[0-9]+)(?:-[a-z0-9]+)?"
    r"@(?P<project>[a-z0-9.-]+?)\.iam\.gserviceaccount\.com"
)
_OLD_AGENT = re.compile(r"(?P<number>[0-9]+)@(?P<project>cloudservices|cloudbuild)\.gserviceaccount\.com")
_SYSTEM = re.compile(r"[a-z0-9-]+@system\.gserviceaccount\.com")
_PUBLIC = frozenset({"allUsers", "allAuthenticatedUsers"})
_PEOPLE = ("user", "group", "domain")


class Member(NamedTuple):
    """Who is meant."""

    kind: str  # "account" | "agent" | "user" | "group" | "domain" | "federated" | "workforce" | "node" | "anybody" ...
    text: str  # as written
    value: str  # e-mail, domain, subjects of a pool, "" of anybody
    home: str | None = None  # project (id or number) in which it lives, or a node ("folders/1")
    pool: str | None = None  # of federated members


@lru_cache(maxsize=100_000)
def member_of(text: str) -> Member:
    """Kinds: "account" (a service account), "agent" (one of Google's own), "user", "group", "domain", "federated"
    (through a workload identity pool), "workforce", "node" (all service accounts of a project, folder or organisation),
    "anybody", "deleted", "unknown".
    """
    if text in _PUBLIC:
        return Member("anybody", text, text)
    kind, _, value = text.partition(":")
    if kind == "deleted":
        return Member("deleted", text, value)
    if kind == "serviceAccount" and value:
        return _account(text, value)
    if kind in _PEOPLE and value:
        return Member(kind, text, value)
    if kind in ("principal", "principalSet"):
        return _principal(kind, text, value)
    return Member("unknown", text, value)


def _account(text: str, email: str) -> Member:
    if cluster := _CLUSTER.fullmatch(email):
        project = cluster["project"]
        return Member("federated", text, cluster["subject"], project, f"{project}.svc.id.goog")
    if (old := _OLD_AGENT.fullmatch(email)) or _SYSTEM.fullmatch(email):
        return Member("agent", text, email, old["number"] if old else None)
    agent = _AGENT.fullmatch(email)
    if agent and (agent["project"] in _AGENT_PROJECTS or agent["project"].startswith("gcp-sa-")):
        return Member("agent", text, email, agent["number"])
    return Member("account", text, email, home_of(email))


def _principal(kind: str, text: str, value: str) -> Member:
    if pool := _POOL.fullmatch(value):
        return Member("federated", text, pool["subjects"], pool["project"], pool["pool"])
    if pool := _WORKFORCE.fullmatch(value):
        return Member("workforce", text, pool["subjects"], None, pool["pool"])
    if (node := _NODE.fullmatch(value)) and kind == "principalSet":
        agents = node["type"] == "ServiceAgent"
        return Member("unknown" if agents else "node", text, node["type"] or "", f"{node['kind']}/{node['name']}")
    if value.startswith("//goog/subject/"):
        return Member("user", text, value.removeprefix("//goog/subject/"))
    if value.startswith("//goog/group/"):
        return Member("group", text, value.removeprefix("//goog/group/"))
    if value.startswith("//goog/public:"):
        return Member("anybody", text, value)
    return Member("unknown", text, value)
