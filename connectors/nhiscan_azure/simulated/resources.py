"""Resources of a world as ARM shows them, each with the properties that its provider gives."""

from collections.abc import Callable, Iterator
from typing import Any

from nhiscan_azure.simulated.directory import Directory
from nhiscan_azure.simulated.ids import fine
from nhiscan_azure.simulated.world import Holding, ManagedIdentity, Resource, StorageAccount, Vault

Json = dict[str, Any]


def described(held: Holding, resource_id: str, directory: Directory, identity_id: Callable[[str], str]) -> Json:
    """The resource as its provider lists it. ``identity_id`` gives the ARM id of a user-assigned identity."""
    provider, _, kind = resource_id.rpartition("/providers/")[2].partition("/")
    found: Json = {
        "id": resource_id,
        "name": held.name,
        "type": f"{provider}/{kind.rpartition('/')[0]}",
        "location": held.location,
        "tags": dict(held.tags),
    }
    if isinstance(held, ManagedIdentity):
        principal = directory.principals[held.name]
        found["properties"] = {
            "tenantId": directory.tenant,
            "principalId": principal.id,
            "clientId": principal.app_id,
        }
    elif isinstance(held, StorageAccount):
        found["kind"] = "StorageV2"
        found["sku"] = {"name": "Standard_LRS", "tier": "Standard"}
        found["properties"] = _storage(held)
    elif isinstance(held, Vault):
        found["properties"] = _vault(held, directory)
    else:
        if held.kind is not None:
            found["kind"] = held.kind
        if held.sku is not None:
            found["sku"] = {"name": held.sku}
        found["properties"] = dict(held.properties)
    if isinstance(held, Resource | StorageAccount) and (held.system or held.identities):
        found["identity"] = _identity(held, directory, identity_id)
    return found


def _identity(held: Resource | StorageAccount, directory: Directory, identity_id: Callable[[str], str]) -> Json:
    kinds = [*(["SystemAssigned"] if held.system else []), *(["UserAssigned"] if held.identities else [])]
    found: Json = {"type": ", ".join(kinds)}
    if held.system:
        name = held.principal or held.name if isinstance(held, Resource) else held.name
        found["principalId"] = directory.principals[name].id
        found["tenantId"] = directory.tenant
    if held.identities:
        found["userAssignedIdentities"] = {
            identity_id(name): {
                "principalId": directory.principals[name].id,
                "clientId": directory.principals[name].app_id,
            }
            for name in held.identities
        }
    return found


def _storage(held: StorageAccount) -> Json:
    found: Json = {
        "creationTime": fine(held.created_at),
        "provisioningState": "Succeeded",
        "statusOfPrimary": "available",
        "primaryLocation": held.location,
        "accessTier": "Hot",
        "supportsHttpsTrafficOnly": True,
        "minimumTlsVersion": "TLS1_2",
        "keyCreationTime": {
            name: None if at is None else fine(at) for name, at in zip(("key1", "key2"), held.keys, strict=True)
        },
    }
    if held.shared_key is not None:
        found["allowSharedKeyAccess"] = held.shared_key
    if held.expiry_days is not None:
        found["keyPolicy"] = {"keyExpirationPeriodInDays": held.expiry_days}
    if held.sas_period is not None:
        found["sasPolicy"] = {"sasExpirationPeriod": held.sas_period, "expirationAction": "Log"}
    if held.local_users is not None:
        found["isLocalUserEnabled"] = held.local_users
    return found


def _vault(held: Vault, directory: Directory) -> Json:
    return {
        "tenantId": directory.tenant,
        "sku": {"family": "A", "name": "standard"},
        "vaultUri": f"https://{held.name}.vault.azure.net/",
        "enableRbacAuthorization": held.rbac,
        "enableSoftDelete": True,
        "provisioningState": "Succeeded",
        "accessPolicies": [
            {
                "tenantId": directory.tenant,
                "objectId": directory.id_of(one.principal),
                "permissions": {"secrets": list(one.secrets), "keys": list(one.keys)},
            }
            for one in held.policies
        ],
    }


def federated_of(held: Holding, resource_id: str) -> Iterator[Json]:
    """The federated credentials of a user-assigned identity."""
    for one in held.federated if isinstance(held, ManagedIdentity) else ():
        yield {
            "id": f"{resource_id}/federatedIdentityCredentials/{one.name}",
            "name": one.name,
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
            "properties": {"issuer": one.issuer, "subject": one.subject, "audiences": list(one.audiences)},
        }


def items_of(held: Holding, resource_id: str) -> tuple[tuple[Json, ...], tuple[Json, ...]]:
    """(secrets, keys) of a vault as the management plane lists them."""
    found: dict[str, list[Json]] = {"secret": [], "key": []}
    for one in held.items if isinstance(held, Vault) else ():
        created = one.created_at
        dates = {
            "enabled": one.enabled,
            "created": created,
            "updated": created if one.updated_at is None else one.updated_at,
        }
        dates |= {name: at for name, at in (("nbf", one.not_before), ("exp", one.expires)) if at is not None}
        plural = one.kind + "s"
        uri = f"https://{held.name}.vault.azure.net/{plural}/{one.name}"
        properties: Json = {"attributes": dates, f"{one.kind}Uri": uri}
        if one.kind == "secret":
            properties["contentType"] = one.content_type
            properties["secretUriWithVersion"] = f"{uri}/1"
        else:
            properties["kty"] = "RSA"
            properties["keySize"] = 2048
            if one.rotates is not None:
                properties["rotationPolicy"] = {
                    "attributes": {"expiryTime": None},
                    "lifetimeActions": [
                        {"trigger": {"timeAfterCreate": one.rotates}, "action": {"type": "rotate"}},
                    ],
                }
        found[one.kind].append(
            {
                "id": f"{resource_id}/{plural}/{one.name}",
                "name": one.name,
                "type": f"Microsoft.KeyVault/vaults/{plural}",
                "location": held.location,
                "properties": properties,
            }
        )
    return tuple(found["secret"]), tuple(found["key"])
