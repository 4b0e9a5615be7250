"""Resources as records: user-assigned identities, what runs as whom, keys of accounts, vaults. Pure: no calls.

Keys themselves are in no answer that is asked for. What is told of them is when they were made and whether they work.
"""

from collections.abc import Container, Iterator
from typing import Any, NamedTuple

from nhiscan.connector import BadAnswer
from nhiscan.model import Alias, Credential, Identity, Record, Relation
from nhiscan_azure import keys
from nhiscan_azure.noting import canonical
from nhiscan_azure.rbac import properties_of
from nhiscan_azure.service import Json
from nhiscan_azure.values import identifier, moment, text

IDENTITIES = "microsoft.managedidentity/userassignedidentities"
STORAGE = "microsoft.storage/storageaccounts"
VAULTS = "microsoft.keyvault/vaults"


class Local(NamedTuple):
    """Keys of a service beside its directory.

    ``name`` is the property that says whether they work, ``off`` its value that says no. Any other value, and none at
    all, means what it means by default: ``works``.
    """

    name: str
    off: bool
    works: bool


_DISABLED = Local("disableLocalAuth", off=True, works=True)
LOCAL = {
    "microsoft.appconfiguration/configurationstores": _DISABLED,
    "microsoft.cache/redis": Local("disableAccessKeyAuthentication", off=True, works=True),
    "microsoft.cognitiveservices/accounts": _DISABLED,
    "microsoft.containerregistry/registries": Local("adminUserEnabled", off=False, works=False),
    "microsoft.containerservice/managedclusters": Local("disableLocalAccounts", off=True, works=True),
    "microsoft.documentdb/databaseaccounts": _DISABLED,
    "microsoft.eventgrid/topics": _DISABLED,
    "microsoft.eventhub/namespaces": _DISABLED,
    "microsoft.search/searchservices": _DISABLED,
    "microsoft.servicebus/namespaces": _DISABLED,
    "microsoft.signalrservice/signalr": _DISABLED,
}
"""Type -> how its keys are turned off. Of registries the user ``admin``, which is off unless it was turned on."""
TYPES = (IDENTITIES, STORAGE, VAULTS, *LOCAL)
_STORAGE_RULES = ("allowSharedKeyAccess", "isLocalUserEnabled", "allowCrossTenantDelegationSas")


def resource(tenant: str, planned: Container[str], shown: Json, source: str) -> Iterator[Record]:
    """All that a resource is: an identity where it holds keys, its keys, and what it runs as. Nothing where it is in no
    scope that is planned.

    BadAnswer for one without id or type.
    """
    made, kind = identifier(shown.get("id")), identifier(shown.get("type"))
    if made is None or kind is None:
        raise BadAnswer(source, "has a resource without id or type")
    scope = keys.scope_of(tenant, made, planned)
    if scope is None or keys.within(made) is None or scope == tenant:
        return
    if kind in TYPES:
        yield _identity(scope, made, kind, shown, source)
        if kind == IDENTITIES:
            yield from _names(scope, made, shown, source)
        elif kind == STORAGE:
            yield from _storage_keys(scope, made, shown, source)
        elif kind in LOCAL:
            yield _local_key(scope, made, kind, shown, source)
    yield from _runs_as(tenant, scope, made, shown, source)


def _identity(scope: str, made: str, kind: str, shown: Json, source: str) -> Identity:
    properties = properties_of(shown)
    tags = shown.get("tags")
    words = {str(name): str(value) for name, value in tags.items()} if isinstance(tags, dict) else {}
    born = properties.get("creationTime") or properties.get("dateCreated")
    return Identity(
        key=keys.resource(scope, made),
        scope=scope,
        kind="resource",
        native_id=made,
        name=text(shown.get("name")) or made.rpartition("/")[2],
        arn=made,
        path=kind,
        state="active",
        created_at=moment(born),
        tags=canonical(words),
        provider_managed=0,
        source=source,
    )


def _names(scope: str, made: str, shown: Json, source: str) -> Iterator[Alias]:
    """Under which names a directory knows a user-assigned identity."""
    key, properties = keys.resource(scope, made), properties_of(shown)
    for kind, name in (("object_id", "principalId"), ("app_id", "clientId")):
        value = identifier(properties.get(name))
        if value is not None:
            yield Alias(f"{key}|{kind}|{value}", scope, key, kind, value, source)


def _storage_keys(scope: str, made: str, shown: Json, source: str) -> Iterator[Credential]:
    """Both keys of a storage account. Where nothing is said of shared keys, they work."""
    properties = properties_of(shown)
    times, policy, sas = (_object(properties.get(name)) for name in ("keyCreationTime", "keyPolicy", "sasPolicy"))
    rules: dict[str, Any] = {name: properties.get(name) for name in _STORAGE_RULES}
    rules["keyExpirationPeriodInDays"] = policy.get("keyExpirationPeriodInDays")
    rules["sasPolicy"] = {name: sas[name] for name in ("expirationAction", "sasExpirationPeriod") if sas.get(name)}
    works = properties.get("allowSharedKeyAccess") is not False
    for slot in (1, 2):
        at = moment(times.get(f"key{slot}"))
        yield Credential(
            key=f"{scope}/storage_key/slot:{made}:{slot}:{at}",
            scope=scope,
            kind="storage_key",
            native_id=None,
            name=f"{made.rpartition('/')[2]}, key {slot}",
            identity=keys.resource(scope, made),
            state="active" if works else "inactive",
            created_at=at,
            changed_at=at,
            never_expires=1,
            slot=slot,
            restrictions=canonical(rules),
            source=source,
        )


def _local_key(scope: str, made: str, kind: str, shown: Json, source: str) -> Credential:
    local, value = LOCAL[kind], properties_of(shown).get(LOCAL[kind].name)
    works = value is not local.off if isinstance(value, bool) else local.works
    return Credential(
        key=f"{scope}/local_key/{made}",
        scope=scope,
        kind="local_key",
        native_id=made,
        name=f"{made.rpartition('/')[2]}, local authentication",
        identity=keys.resource(scope, made),
        state="active" if works else "inactive",
        service=kind,
        restrictions=canonical({local.name: value if isinstance(value, bool) else None}),
        source=source,
    )


def _runs_as(tenant: str, scope: str, made: str, shown: Json, source: str) -> Iterator[Relation]:
    """From the id of a resource to each managed identity that it runs as."""
    identity = _object(shown.get("identity"))
    found = {identifier(identity.get("principalId"))}
    for one in _object(identity.get("userAssignedIdentities")).values():
        found.add(identifier(_object(one).get("principalId")))
    for principal in sorted(one for one in found if one is not None):
        target = keys.directory_object(tenant, principal)
        yield Relation(f"runs_as|{made}|{target}", scope, "runs_as", made, target, source)


def federated(scope: str, owner: str, shown: Json, source: str) -> Credential:
    """A federated credential of a user-assigned identity (``owner``, its id)."""
    name = text(shown.get("name"))
    if name is None:
        raise BadAnswer(source, "has a federated credential without a name")
    properties = properties_of(shown)
    audiences = properties.get("audiences")
    limits: dict[str, Any] = {name: properties[name] for name in ("issuer", "subject") if text(properties.get(name))}
    limits["audiences"] = sorted(map(str, audiences)) if isinstance(audiences, list) else []
    expression = text(_object(properties.get("claimsMatchingExpression")).get("value"))
    if expression is not None:
        limits["claimsMatchingExpression"] = expression
    return Credential(
        key=f"{scope}/federated_credential/{owner}/{name.lower()}",
        scope=scope,
        kind="federated_credential",
        native_id=f"{owner}/{name.lower()}",
        name=name,
        identity=keys.resource(scope, owner),
        state="active",
        never_expires=1,
        restrictions=canonical(limits),
        source=source,
    )


def stored(scope: str, vault: str, kind: str, shown: Json, source: str) -> Credential:
    """A secret or key in a vault (``vault``, its id), by name and dates; ``kind`` is stored_secret or stored_key."""
    name = text(shown.get("name"))
    if name is None:
        raise BadAnswer(source, "has an entry without a name")
    properties = properties_of(shown)
    attributes = _object(properties.get("attributes"))
    made, changed, ends, begins = (_epoch(attributes.get(one)) for one in ("created", "updated", "exp", "nbf"))
    limits: dict[str, Any] = {} if begins is None else {"nbf": begins}
    if kind == "stored_key":
        limits["rotationPolicy"] = _rotation(properties.get("rotationPolicy"))
    enabled = attributes.get("enabled")
    return Credential(
        key=f"{scope}/{kind}/{vault}/{name.lower()}",
        scope=scope,
        kind=kind,
        native_id=f"{vault}/{name.lower()}",
        name=f"{vault.rpartition('/')[2]}/{name}",
        identity=keys.resource(scope, vault),
        state=None if not isinstance(enabled, bool) else "active" if enabled else "inactive",
        created_at=made,
        changed_at=changed,
        expires_at=ends,
        never_expires=None if not attributes else int(ends is None),
        restrictions=canonical(limits),
        source=source,
    )


def _rotation(value: Any) -> list[str] | None:
    """When a key rotates by itself: durations after its creation or before its end. None: it does not."""
    actions = _object(value).get("lifetimeActions")
    found = []
    for one in actions if isinstance(actions, list) else ():
        act = _object(_object(one).get("action")).get("type")
        if str(act).lower() == "rotate":
            found += [f"{name}:{when}" for name, when in sorted(_object(_object(one).get("trigger")).items()) if when]
    return found or None


def _epoch(value: Any) -> int | None:
    """A time of the management plane of vaults: epoch seconds; text as elsewhere."""
    return value if isinstance(value, int) and not isinstance(value, bool) else moment(value)


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}
