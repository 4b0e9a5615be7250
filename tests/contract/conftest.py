"""The schema gate of the simulated Google Cloud: no answer leaves it that Google's own discovery documents refuse."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import googleapiclient
import pytest
from jsonschema import Draft202012Validator

DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
Gate = Callable[[Any, dict[str, Any]], None]

ANSWERS = {
    "cloudasset.assets.list": ("cloudasset.v1", "ListAssetsResponse"),
    "cloudasset.searchAllIamPolicies": ("cloudasset.v1", "SearchAllIamPoliciesResponse"),
    "cloudasset.searchAllResources": ("cloudasset.v1", "SearchAllResourcesResponse"),
    "cloudresourcemanager.organizations.search": ("cloudresourcemanager.v3", "SearchOrganizationsResponse"),
    "cloudresourcemanager.folders.search": ("cloudresourcemanager.v3", "SearchFoldersResponse"),
    "cloudresourcemanager.projects.search": ("cloudresourcemanager.v3", "SearchProjectsResponse"),
    "cloudresourcemanager.projects.list": ("cloudresourcemanager.v3", "ListProjectsResponse"),
    "cloudresourcemanager.organizations.get": ("cloudresourcemanager.v3", "Organization"),
    "cloudresourcemanager.folders.get": ("cloudresourcemanager.v3", "Folder"),
    "cloudresourcemanager.projects.get": ("cloudresourcemanager.v3", "Project"),
    "cloudresourcemanager.getIamPolicy": ("cloudresourcemanager.v3", "Policy"),
    "iam.projects.serviceAccounts.keys.list": ("iam.v1", "ListServiceAccountKeysResponse"),
    "iam.projects.serviceAccounts.getIamPolicy": ("iam.v1", "Policy"),
    "iam.projects.locations.workloadIdentityPools.list": ("iam.v1", "ListWorkloadIdentityPoolsResponse"),
    "iam.projects.locations.workloadIdentityPools.providers.list": (
        "iam.v1",
        "ListWorkloadIdentityPoolProvidersResponse",
    ),
    "apikeys.projects.locations.keys.list": ("apikeys.v2", "V2ListKeysResponse"),
    "storage.projects.hmacKeys.list": ("storage.v1", "HmacKeysMetadata"),
    "policyanalyzer.activities.query": ("policyanalyzer.v1", "GoogleCloudPolicyanalyzerV1QueryActivityResponse"),
    "orgpolicy.policies.getEffectivePolicy": ("orgpolicy.v2", "GoogleCloudOrgpolicyV2Policy"),
    "monitoring.projects.timeSeries.list": ("monitoring.v3", "ListTimeSeriesResponse"),
    "logging.entries.list": ("logging.v2", "ListLogEntriesResponse"),
    "recommender.insightTypes.insights.list": ("recommender.v1", "GoogleCloudRecommenderV1ListInsightsResponse"),
}
"""Method as it is counted -> API and name of the schema of its whole answer."""

DATA = {
    "iam.googleapis.com/ServiceAccount": ("iam.v1", "ServiceAccount"),
    "iam.googleapis.com/ServiceAccountKey": ("iam.v1", "ServiceAccountKey"),
    "iam.googleapis.com/Role": ("iam.v1", "Role"),
    "iam.googleapis.com/WorkloadIdentityPool": ("iam.v1", "WorkloadIdentityPool"),
    "iam.googleapis.com/WorkloadIdentityPoolProvider": ("iam.v1", "WorkloadIdentityPoolProvider"),
    "apikeys.googleapis.com/Key": ("apikeys.v2", "V2Key"),
    "compute.googleapis.com/Instance": ("compute.v1", "Instance"),
    "cloudfunctions.googleapis.com/Function": ("cloudfunctions.v2", "Function"),
    "run.googleapis.com/Service": ("run.v1", "Service"),
    "run.googleapis.com/Job": ("run.v1", "Job"),
    "appengine.googleapis.com/Version": ("appengine.v1", "Version"),
    "cloudresourcemanager.googleapis.com/Organization": ("cloudresourcemanager.v3", "Organization"),
    "cloudresourcemanager.googleapis.com/Folder": ("cloudresourcemanager.v3", "Folder"),
    "cloudresourcemanager.googleapis.com/Project": ("cloudresourcemanager.v3", "Project"),
}
"""Asset type -> API and name of the schema of ``resource.data``, about which the asset inventory has no schema."""


@cache
def validator(api: str, name: str) -> Draft202012Validator:
    """A schema of a discovery document as JSON Schema in which nothing may stand that it does not name."""
    schemas = json.loads((DOCUMENTS / f"{api}.json").read_text(encoding="utf-8"))["schemas"]
    definitions = {key: _converted(value) for key, value in schemas.items()}
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions})


def _converted(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return {"$ref": "#/$defs/" + schema["$ref"]}
    kind = schema.get("type")
    found: dict[str, Any] = {} if kind in (None, "any") else {"type": kind}
    if schema.get("format") in ("int64", "uint64"):
        found["type"] = ["string", "integer"]
    if "enum" in schema:
        found["enum"] = schema["enum"]
    if kind == "array":
        found["items"] = _converted(schema["items"])
    if kind == "object":
        found["properties"] = {key: _converted(value) for key, value in schema.get("properties", {}).items()}
        more = schema.get("additionalProperties")
        found["additionalProperties"] = _converted(more) if more is not None else False
    if schema.get("format") in ("google-datetime", "date-time"):
        found["pattern"] = TIME
    return found


def problems(method: Any, answer: dict[str, Any]) -> Iterator[str]:
    """What is wrong with an answer, in words."""
    action = method.action
    if action == "cloudresourcemanager.get":
        action = f"cloudresourcemanager.{answer['name'].partition('/')[0]}.get"
    yield from _errors(ANSWERS[action], answer)
    for asset in answer.get("assets", ()):
        yield from _errors(DATA[asset["assetType"]], asset["resource"]["data"])
    for result in answer.get("results", ()):
        for versioned in result.get("versionedResources", ()):
            yield from _errors(DATA[result["assetType"]], versioned["resource"])


def _errors(schema: tuple[str, str], value: Any) -> Iterator[str]:
    for error in validator(*schema).iter_errors(value):
        yield f"{'.'.join(schema)} {error.json_path}: {error.message}"


@pytest.fixture
def gcp_gate() -> Iterator[Gate]:
    """For `Gateway.gate`. The test fails in the end where an answer was one that the API could not give."""
    found: list[str] = []

    def gate(method: Any, answer: dict[str, Any]) -> None:
        found.extend(problems(method, answer))

    yield gate
    assert found == []


@pytest.fixture
def gcp_problems() -> Callable[[Any, dict[str, Any]], Iterator[str]]:
    """The gate's judgement, for tests of the gate itself."""
    return problems


def _azure() -> Any:
    """The gate of the simulated Entra ID and Azure: a file of its own, which no path for imports leads to."""
    path = Path(__file__).with_name("azure_gate.py")
    spec = importlib.util.spec_from_file_location("nhiscan_tests_azure_gate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def azure_problems() -> Callable[[Any], Iterator[str]]:
    """The judgement of the gate of Azure on one answer (`nhiscan_azure.simulated.gateway.Answered`)."""
    found: Callable[[Any], Iterator[str]] = _azure().problems
    return found


@pytest.fixture
def azure_gate(azure_problems: Callable[[Any], Iterator[str]]) -> Iterator[Callable[[Any], None]]:
    """For `nhiscan_azure.simulated.gateway.Gateway.gate`. The test fails in the end where an answer was one that
    Microsoft could not give.
    """
    found: list[str] = []

    def gate(answered: Any) -> None:
        found.extend(f"{answered.action} {problem}" for problem in azure_problems(answered))

    yield gate
    assert found == []
