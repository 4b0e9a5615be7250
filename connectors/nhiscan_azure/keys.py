"""How records of Entra and Azure are named (docs/adr/0090-how-entra-and-azure-look.md). Pure text."""

import re
from collections.abc import Container

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
GROUP_NAME = re.compile(r"[A-Za-z0-9_.()-]{1,90}", re.ASCII)
_GROUP = re.compile(r"/providers/microsoft\.management/managementgroups/([^/]+)", re.IGNORECASE)
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)


def tenant(tenant_id: str) -> str:
    return f"azure/tenant/{tenant_id.lower()}"


def management_group(name: str) -> str:
    """Key of the scope of a management group, by its name (the last part of its id)."""
    return f"azure/management_group/{name.lower()}"


def subscription(subscription_id: str) -> str:
    return f"azure/subscription/{subscription_id.lower()}"


def directory_object(tenant_key: str, object_id: str) -> str:
    """Key of an application, a service principal, a managed identity, a user or a group: one space of ids."""
    return f"{tenant_key}/object/{object_id.lower()}"


def resource(scope: str, resource_id: str) -> str:
    """Key of an identity of kind ``resource``, by its id at Resource Manager."""
    return f"{scope}/resource/{resource_id.lower()}"


def role_definition(tenant_key: str, definition: str) -> str:
    """Key of a role definition of Azure, by its GUID or an id that ends with it."""
    return f"{tenant_key}/role_definition/{definition.rpartition('/')[2].lower()}"


def directory_role(tenant_key: str, definition_id: str) -> str:
    return f"{tenant_key}/directory_role/{definition_id.lower()}"


def app_role(tenant_key: str, app_id: str, role_id: str) -> str:
    """Key of an application permission: app id of the API that offers it, and id of the app role."""
    return f"{tenant_key}/app_role/{app_id.lower()}/{role_id.lower()}"


def scope_of(tenant_key: str, resource_id: str, planned: Container[str]) -> str | None:
    """Key of the planned scope in which something with an id of Resource Manager lives; None: it is not planned.

    ``/`` and what names neither subscription nor management group live in the tenant.
    """
    if found := _SUBSCRIPTION.match(resource_id):
        key = subscription(found[1])
    elif found := _GROUP.match(resource_id):
        key = management_group(found[1])
    else:
        return tenant_key
    return key if key in planned else None


def within(resource_id: str) -> str | None:
    """The part of an id below its scope, as `Grant.resource`: None where the id is that of the scope itself."""
    plain = resource_id.rstrip("/").lower()
    whole = _SUBSCRIPTION.fullmatch(plain) or _GROUP.fullmatch(plain)
    return None if whole or not plain else plain
