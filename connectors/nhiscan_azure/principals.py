"""What applications and service principals of Graph are as records. Pure: no calls, no clock."""

from collections.abc import Iterable, Iterator
from typing import Any

from nhiscan.connector import BadAnswer
from nhiscan.model import Alias, Credential, Identity, Policy, Relation
from nhiscan_azure import keys
from nhiscan_azure.noting import canonical
from nhiscan_azure.service import Json
from nhiscan_azure.values import NEVER, identifier, moment, text, thumbprint

MICROSOFT = frozenset({"f8cdef31-a31e-4b4a-93e4-5f571e91255a", "72f988bf-86f1-41af-91ab-2d7cd011db47"})
"""Tenants in which Microsoft registers its own applications."""
MANAGED = "ManagedIdentity"
_ASSIGNED = "/providers/microsoft.managedidentity/userassignedidentities/"
LOCK = "servicePrincipalLockConfiguration"
"""Tag of an application whose principals take no credential of their own."""
_ENABLED = (None, "", "NotDisabled")


def application(tenant: str, shown: Json, source: str) -> Identity:
    """An application of the tenant. BadAnswer without an object id: it cannot be told from others."""
    object_id = _object_id(shown, source)
    tags = _tags(shown)
    reference = text(shown.get("serviceManagementReference"))
    if reference:
        tags["serviceManagementReference"] = reference
    if _locked(shown):
        tags[LOCK] = "credentials"
    disabled = shown.get("isDisabled") is True or shown.get("disabledByMicrosoftStatus") not in _ENABLED
    return Identity(
        key=keys.directory_object(tenant, object_id),
        scope=tenant,
        kind="application",
        native_id=object_id,
        name=text(shown.get("displayName")) or identifier(shown.get("appId")) or object_id,
        arn=identifier(shown.get("appId")),
        path=_derived(shown),
        state="disabled" if disabled else "active",
        created_at=moment(shown.get("createdDateTime")),
        description=text(shown.get("notes")) or text(shown.get("description")),
        tags=canonical(tags) if tags else None,
        provider_managed=0,
        publisher=tenant.rpartition("/")[2],
        publisher_verified=_verified(shown),
        audience=text(shown.get("signInAudience")),
        source=source,
    )


def service_principal(tenant: str, shown: Json, source: str) -> Identity:
    """A service principal; of kind ``managed_identity`` where that is its type."""
    object_id = _object_id(shown, source)
    kind = text(shown.get("servicePrincipalType"))
    publisher = identifier(shown.get("appOwnerOrganizationId"))
    disabled = (
        shown.get("accountEnabled") is False
        or shown.get("isDisabled") is True
        or shown.get("disabledByMicrosoftStatus") not in _ENABLED
    )
    tags = _tags(shown)
    return Identity(
        key=keys.directory_object(tenant, object_id),
        scope=tenant,
        kind="managed_identity" if kind == MANAGED else "service_principal",
        native_id=object_id,
        name=text(shown.get("displayName")) or identifier(shown.get("appId")) or object_id,
        arn=identifier(shown.get("appId")),
        path=_derived(shown) or kind,
        state="disabled" if disabled else "active",
        created_at=moment(shown.get("createdDateTime")),
        description=text(shown.get("notes")) or text(shown.get("description")),
        tags=canonical(tags) if tags else None,
        provider_managed=int(publisher in MICROSOFT and kind != MANAGED),
        publisher=publisher,
        publisher_verified=_verified(shown),
        audience=text(shown.get("signInAudience")),
        source=source,
    )


def aliases(identity: Identity, shown: Json, source: str) -> Iterator[Alias]:
    """The application id, and the resources that a managed identity stands for."""
    found = [("app_id", identity.arn)] if identity.arn else []
    others = shown.get("alternativeNames")
    names = [str(one).lower() for one in others] if isinstance(others, list) else []
    found += [("resource_id", name) for name in names if name.startswith("/subscriptions/")]
    for kind, value in dict.fromkeys(found):
        yield Alias(f"{identity.key}|{kind}|{value}", identity.scope, identity.key, kind, value, source)


def app_roles(tenant: str, shown: Json, source: str) -> Iterator[Policy]:
    """The application permissions that an API offers: those of its app roles that applications may hold."""
    app_id, offered = identifier(shown.get("appId")), shown.get("appRoles")
    seen = set()
    for role in offered if isinstance(offered, list) and app_id else ():
        role_id = identifier(role.get("id")) if isinstance(role, dict) else None
        members = role.get("allowedMemberTypes") if isinstance(role, dict) else None
        if role_id is None or not isinstance(members, list) or "Application" not in members or role_id in seen:
            continue
        seen.add(role_id)
        name = text(role.get("value")) or text(role.get("displayName")) or role_id
        key = keys.app_role(tenant, str(app_id), role_id)
        yield Policy(key, tenant, "app_role", role_id, name, arn=str(app_id), source=source)


def instances(identity: Identity, names: Iterable[Alias], registered: str | None, source: str) -> Iterator[Relation]:
    """From a principal to the application of the tenant (its key), and to the user-assigned identity that it is."""
    found = [registered] if registered else []
    for one in names:
        if one.kind == "resource_id" and _ASSIGNED in one.value:
            subscription = one.value.split("/")[2]
            found.append(keys.resource(keys.subscription(subscription), one.value))
    for target in found:
        key = f"instance_of|{identity.key}|{target}"
        yield Relation(key, identity.scope, "instance_of", identity.key, target, source)


def credentials(identity: Identity, shown: Json, source: str) -> Iterator[Credential]:
    """Secrets and certificates. What signs tokens for a single sign-on is told apart from what signs in.

    Adding such a certificate gives a principal three entries: a key that signs, its public half, and the password of
    its file under the same id. They are one credential, as long as the principal is set up for SAML.
    """
    certificates, secrets = _entries(shown, "keyCredentials"), _entries(shown, "passwordCredentials")
    saml = identity.kind == "service_principal" and shown.get("preferredSingleSignOnMode") == "saml"
    signing = [one for one in certificates if one.get("usage") == "Sign"] if saml else []
    signs = {str(one.get("customKeyIdentifier")) for one in signing}
    files = {identifier(one.get("keyId")) for one in signing}
    seen: set[str] = set()
    for one in certificates:
        if str(one.get("customKeyIdentifier")) in signs and one.get("usage") != "Sign":
            continue
        made = _credential(identity, _kind(identity, one), one, source)
        if made.key not in seen:
            seen.add(made.key)
            yield made._replace(
                origin="uploaded" if made.kind == "client_certificate" else "provider",
                fingerprint=thumbprint(one.get("customKeyIdentifier")),
                restrictions=canonical({name: one[name] for name in ("type", "usage") if text(one.get(name))}),
            )
    for one in secrets:
        if identifier(one.get("keyId")) in files:
            continue
        made = _credential(identity, "client_secret", one, source)
        if made.key not in seen:
            seen.add(made.key)
            yield made._replace(origin="provider")


def _kind(identity: Identity, shown: Json) -> str:
    if identity.kind == "managed_identity":
        return "system_managed_key"
    return "client_certificate" if shown.get("usage") == "Verify" else "token_certificate"


def _credential(identity: Identity, kind: str, shown: Json, source: str) -> Credential:
    """Named by its key id. ``startDateTime`` stands for its creation: nothing else is told."""
    key_id = identifier(shown.get("keyId"))
    if key_id is None:
        raise BadAnswer(source, "has a credential without a key id")
    starts, ends = moment(shown.get("startDateTime")), moment(shown.get("endDateTime"))
    never = int(ends is None or ends >= NEVER)
    hint = text(shown.get("hint")) if kind == "client_secret" else None
    return Credential(
        key=f"{identity.scope}/{kind}/{identity.native_id}/{key_id}",
        scope=identity.scope,
        kind=kind,
        native_id=key_id,
        name=text(shown.get("displayName")) or (f"{hint}..." if hint else key_id),
        identity=identity.key,
        state="active",
        created_at=starts,
        changed_at=starts,
        expires_at=None if never else ends,
        never_expires=never,
        source=source,
    )


def federated(tenant: str, identity: str, object_id: str, shown: Json, source: str) -> Credential:
    """A federated credential: whoever holds a token with this issuer, subject and audience signs in."""
    native = identifier(shown.get("id")) or text(shown.get("name"))
    if native is None:
        raise BadAnswer(source, "has a federated credential without an id")
    limits: dict[str, Any] = {name: shown[name] for name in ("issuer", "subject") if text(shown.get(name))}
    audiences = shown.get("audiences")
    limits["audiences"] = sorted(str(one) for one in audiences) if isinstance(audiences, list) else []
    expression = shown.get("claimsMatchingExpression")
    if isinstance(expression, dict) and text(expression.get("value")):
        limits["claimsMatchingExpression"] = expression["value"]
    return Credential(
        key=f"{tenant}/federated_credential/{object_id}/{native}",
        scope=tenant,
        kind="federated_credential",
        native_id=native,
        name=text(shown.get("name")) or native,
        identity=identity,
        state="active",
        origin="uploaded",
        restrictions=canonical(limits),
        source=source,
    )


def _object_id(shown: Json, source: str) -> str:
    found = identifier(shown.get("id"))
    if found is None:
        raise BadAnswer(source, "has an object without an id")
    return found


def _entries(shown: Json, name: str) -> list[Json]:
    found = shown.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _locked(shown: Json) -> bool:
    """Whether no principal of an application takes a credential to sign in with (application property lock)."""
    lock = shown.get(LOCK)
    if not isinstance(lock, dict) or lock.get("isEnabled") is not True:
        return False
    return lock.get("allProperties") is True or lock.get("credentialsWithUsageVerify") is True


def _tags(shown: Json) -> dict[str, str]:
    """Tags of Entra are words; one that is written as ``name:value`` or ``name=value`` counts as such."""
    found: dict[str, str] = {}
    tags = shown.get("tags")
    for one in tags if isinstance(tags, list) else ():
        name, mark, value = str(one).partition("=" if "=" in str(one) else ":")
        found[name.strip() if mark else str(one)] = value.strip()
    return found


def _derived(shown: Json) -> str | None:
    """``AgentIdentity`` and the like, where the object is of a type of its own."""
    kind = str(shown.get("@odata.type") or "").rpartition(".")[2]
    return kind[:1].upper() + kind[1:] if kind.startswith("agentIdentity") else None


def _verified(shown: Json) -> int | None:
    if "verifiedPublisher" not in shown:
        return None
    found = shown["verifiedPublisher"]
    return int(isinstance(found, dict) and bool(text(found.get("verifiedPublisherId"))))
