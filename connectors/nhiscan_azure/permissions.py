"""The least that a scan needs, as text to paste: permissions of Microsoft Graph, and a custom role of Azure."""

import json

from nhiscan.connector import Settings, Source
from nhiscan_azure.declare import sources

GRAPH_APP = "00000003-0000-0000-c000-000000000000"
ROLES = {
    "AgentIdentity.Read.All": "b2b8f011-2898-4234-9092-5059f6c1ebfa",
    "AgentIdentityBlueprint.Read.All": "7547a7d1-36fa-4479-9c31-559a600eaa4f",
    "AgentIdentityBlueprintPrincipal.Read.All": "9361dea9-4524-493d-941d-f1b65aaf6c7c",
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "AuditLog.Read.All": "b0afded3-3588-46d8-8b3d-9842eff778da",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "Policy.Read.All": "246dd0d5-5bd0-4def-940b-0421030a5b68",
    "RoleManagement.Read.Directory": "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
    "User-LifeCycleInfo.Read.All": "8556a004-db57-4d7a-8b82-97a13428e96f",
}
"""Ids of the application permissions of Microsoft Graph that a scan may need."""


def permissions(settings: Settings) -> str:
    """Application permissions with the az commands that grant them, and a custom role with those that assign it."""
    planned = sources(settings)
    graph = sorted(_named(planned, graph=True))
    parts = []
    if graph:
        parts.append("# Application permissions of Microsoft Graph, with consent of an administrator\n" + _graph(graph))
    first = sorted(_named(planned, graph=False))
    if first:
        parts.append("# A custom role of Azure, and where it is assigned\n" + _role(settings, first))
    return "\n\n".join(parts)


def _named(planned: tuple[Source, ...], *, graph: bool) -> set[str]:
    found = {name for source in planned for name in source.permissions}
    return {name for name in found if ("/" not in name) == graph}


def _graph(names: list[str]) -> str:
    lines = [f"# {name}" for name in names]
    roles = " ".join(f"{ROLES[name]}=Role" for name in names)
    return "\n".join(
        (
            *lines,
            f"az ad app permission add --id READER_APP_ID --api {GRAPH_APP} --api-permissions {roles}",
            "az ad app permission admin-consent --id READER_APP_ID",
        )
    )


def _role(settings: Settings, actions: list[str]) -> str:
    groups = tuple(str(one).rpartition("/")[2] for one in settings.get("management-group") or ())
    subscriptions = tuple(str(one).rpartition("/")[2] for one in settings.get("subscription") or ())
    places = [f"/providers/Microsoft.Management/managementGroups/{one}" for one in groups]
    places += [f"/subscriptions/{one}" for one in subscriptions]
    tenant = str(settings.get("tenant") or "TENANT_ID")
    root = f"/providers/Microsoft.Management/managementGroups/{tenant}"
    places = places or [root]
    role = {
        "Name": "nhiscan",
        "Description": "Reads non-human identities and their credentials. No secret, no change.",
        "Actions": actions,
        "NotActions": [],
        "AssignableScopes": [root] if len(groups) > 1 else places,  # Azure takes one management group, not more
    }
    lines = [
        "# nhiscan-role.json",
        json.dumps(role, indent=2),
        "az role definition create --role-definition @nhiscan-role.json",
    ]
    lines += [f"az role assignment create --assignee READER_APP_ID --role nhiscan --scope {one}" for one in places]
    return "\n".join(lines)
