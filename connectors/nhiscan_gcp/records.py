"""What Google's resources are as records. Pure: no calls, no clock. Resources come as their REST APIs write them."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from nhiscan.connector import BadAnswer
from nhiscan.model import Alias, Credential, Document, Grant, Identity, Policy, Relation
from nhiscan_gcp.registry import default_of

Json = Mapping[str, Any]
NEVER = 253_402_300_799  # 9999-12-31T23:59:59Z: how Google writes that a key does not expire
EXPOSED = frozenset({"EXPOSED", "COMPROMISE_DETECTED"})
DAY = 86_400
_REASON = "SERVICE_ACCOUNT_KEY_DISABLE_REASON_"
_STATUS = "SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_"
_FRACTION = re.compile(r"\.\d+")


def moment(value: Any) -> int | None:
    """A time of an answer as epoch seconds: RFC 3339 text, or epoch seconds already; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(_FRACTION.sub("", value))
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def stamp(at: int) -> str:
    """Epoch seconds as Google's parameters want them."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def account(scope: str, shown: Json, source: str) -> tuple[Identity, list[Alias]]:
    """A service account and its other names. BadAnswer without unique id or e-mail: it cannot be told from others."""
    unique_id, email = text(shown.get("uniqueId")), text(shown.get("email"))
    if unique_id is None or email is None:
        raise BadAnswer(source, "has a service account without unique id or e-mail")
    key = f"{scope}/service_account/{unique_id}"
    client = text(shown.get("oauth2ClientId"))  # by which delegations of a whole domain name it
    names = [
        ("email", email),
        ("unique_id", unique_id),
        ("name", text(shown.get("name"))),
        ("app_id", client if client != unique_id else None),
    ]
    description = [part for part in (text(shown.get("displayName")), text(shown.get("description"))) if part]
    identity = Identity(
        key=key,
        scope=scope,
        kind="service_account",
        native_id=unique_id,
        name=email,
        arn=email,
        path=default_of(email),
        state="disabled" if shown.get("disabled") is True else "active",
        description=": ".join(description) or None,
        provider_managed=0,
        source=source,
    )
    aliases = [Alias(f"{key}|{kind}|{value}", scope, key, kind, value, source) for kind, value in names if value]
    return identity, aliases


_DELETED = re.compile(r"deleted:serviceAccount:([^?]+)\?uid=([0-9]{1,30})", re.ASCII)


def deleted_account(scope: str, member: str, source: str) -> Identity | None:
    """The soft-deleted service account that a member of a policy names, else None.

    No API lists such accounts. It lives where it is still bound, as predefined roles do: a policy is all that shows it.
    """
    found = _DELETED.fullmatch(member)
    if found is None:
        return None
    email, unique_id = found[1], found[2]
    return Identity(
        key=f"{scope}/deleted_service_account/{unique_id}",
        scope=scope,
        kind="deleted_service_account",
        native_id=unique_id,
        name=email,
        arn=member,
        path=default_of(email),
        state="deleted",
        provider_managed=0,
        source=source,
    )


def service_account_key(scope: str, identity: str, shown: Json, source: str) -> Credential:
    """A key. A type that Google does not tell counts as user-managed: what is not known is not taken for safe."""
    key_id = str(shown.get("name", "")).rpartition("/keys/")[2]
    if not key_id:
        raise BadAnswer(source, "has a key without a name")
    kind = "system_managed_key" if shown.get("keyType") == "SYSTEM_MANAGED" else "service_account_key"
    made, expires = moment(shown.get("validAfterTime")), moment(shown.get("validBeforeTime"))
    disabled = shown.get("disabled") if kind == "service_account_key" else None  # nobody can disable the others
    never = None if expires is None else int(expires >= NEVER)
    return Credential(
        key=f"{scope}/{kind}/{key_id}",
        scope=scope,
        kind=kind,
        native_id=key_id,
        name=key_id,
        identity=identity,
        state=None if not isinstance(disabled, bool) else "inactive" if disabled else "active",
        created_at=made,
        changed_at=made,
        expires_at=None if never else expires,
        never_expires=never,
        origin={"GOOGLE_PROVIDED": "provider", "USER_PROVIDED": "uploaded"}.get(str(shown.get("keyOrigin"))),
        source=source,
    )


def exposed(shown: Json) -> int:
    """1 where Google says that it saw a key in the open (REST only: ``disableReason``, ``extendedStatus``)."""
    reason = str(shown.get("disableReason", "")).removeprefix(_REASON)
    statuses = shown.get("extendedStatus")
    told = [one.get("key") for one in statuses if isinstance(one, dict)] if isinstance(statuses, list) else []
    return int(reason in EXPOSED or any(str(one).removeprefix(_STATUS) in EXPOSED for one in told))


def project_identity(scope: str, project: str, source: str) -> Identity:
    """The project itself, as which an API key without an account acts: for quota and billing, not for data."""
    return Identity(
        key=f"{scope}/resource/{project}",
        scope=scope,
        kind="resource",
        native_id=project,
        name=project,
        arn=f"//cloudresourcemanager.googleapis.com/projects/{project}",
        state="active",
        provider_managed=0,
        source=source,
    )


def api_key(scope: str, identity: str, shown: Json, source: str) -> Credential:
    """An API key. Its string is in no answer that is asked for, and not read here in any case.

    One that was deleted can be brought back for 30 days, and is listed for as long.
    """
    uid = text(shown.get("uid")) or str(shown.get("name", "")).rpartition("/keys/")[2]
    if not uid:
        raise BadAnswer(source, "has an API key without an id")
    made = moment(shown.get("createTime"))
    limits = shown.get("restrictions")
    return Credential(
        key=f"{scope}/api_key/{uid}",
        scope=scope,
        kind="api_key",
        native_id=uid,
        name=text(shown.get("displayName")) or uid,
        identity=identity,
        state="deleted" if shown.get("deleteTime") else "active",
        created_at=made,
        changed_at=made,
        never_expires=1,
        restrictions=canonical(limits if isinstance(limits, dict) else {}),
        source=source,
    )


def hmac_key(scope: str, identity: str, shown: Json, source: str) -> Credential:
    """A Cloud Storage HMAC key, named by its access id."""
    access_id = text(shown.get("accessId"))
    if access_id is None:
        raise BadAnswer(source, "has an HMAC key without an access id")
    made = moment(shown.get("timeCreated"))
    states = {"ACTIVE": "active", "INACTIVE": "inactive", "DELETED": "deleted"}
    return Credential(
        key=f"{scope}/hmac_key/{access_id}",
        scope=scope,
        kind="hmac_key",
        native_id=access_id,
        name=access_id,
        identity=identity,
        state=states.get(str(shown.get("state")), "unknown"),
        created_at=made,
        changed_at=made,
        never_expires=1,
        source=source,
    )


def pool(scope: str, shown: Json, source: str) -> Identity:
    """A workload identity pool: what outside identities come in by."""
    name = str(shown.get("name", ""))
    pool_id = name.rpartition("/workloadIdentityPools/")[2]
    if not pool_id or "/" in pool_id:
        raise BadAnswer(source, "has a workload identity pool without a name")
    deleted, disabled = shown.get("state") == "DELETED", shown.get("disabled") is True
    return Identity(
        key=f"{scope}/federation/{pool_id}",
        scope=scope,
        kind="federation",
        native_id=pool_id,
        name=pool_id,
        arn=name,
        state="deleted" if deleted else "disabled" if disabled else "active",
        description=text(shown.get("description")),
        provider_managed=0,
        source=source,
    )


def provider(scope: str, shown: Json, source: str) -> Credential:
    """A provider of a pool. Its restrictions: issuer, audiences, mapping and condition, as Google writes them.

    The condition is always there, "" where there is none: that is the finding.
    """
    parts = str(shown.get("name", "")).split("/")
    if len(parts) != 8 or parts[4:7:2] != ["workloadIdentityPools", "providers"]:
        raise BadAnswer(source, "has a provider without a name")
    pool_id, provider_id = parts[5], parts[7]
    limits: dict[str, Any] = {
        "attributeCondition": text(shown.get("attributeCondition")) or "",
        "attributeMapping": _strings(shown.get("attributeMapping")),
    }
    for kind, fields in (
        ("oidc", ("issuerUri", "allowedAudiences")),
        ("aws", ("accountId",)),
        ("saml", ()),
        ("x509", ()),
    ):
        if isinstance(shown.get(kind), dict):
            limits[kind] = {name: shown[kind][name] for name in fields if name in shown[kind]}
    deleted, disabled = shown.get("state") == "DELETED", shown.get("disabled") is True
    return Credential(
        key=f"{scope}/federated_credential/{pool_id}/{provider_id}",
        scope=scope,
        kind="federated_credential",
        native_id=f"{pool_id}/{provider_id}",
        name=f"{pool_id}/{provider_id}",
        identity=f"{scope}/federation/{pool_id}",
        state="deleted" if deleted else "inactive" if disabled else "active",
        restrictions=canonical(limits),
        source=source,
    )


def _strings(value: Any) -> dict[str, str]:
    return {str(name): str(one) for name, one in value.items()} if isinstance(value, dict) else {}


def role_document(shown: Json) -> Document:
    """A role definition: its permissions, sorted."""
    permissions = shown.get("includedPermissions") or []
    held = sorted({str(one) for one in permissions}) if isinstance(permissions, list) else []
    body = canonical(
        {
            "includedPermissions": held,
            "name": str(shown.get("name", "")),
            "stage": text(shown.get("stage")),
            "title": text(shown.get("title")),
        }
    )
    return Document(hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest(), "policy", body)


def services_of(role: Json) -> frozenset[str]:
    """The services in which a role gives permissions."""
    held = role.get("includedPermissions")
    return frozenset(str(one).partition(".")[0] for one in held) if isinstance(held, list) else frozenset()


def custom_role(scope: str, shown: Json, source: str) -> tuple[Policy, Document]:
    """A custom role of a project or an organisation."""
    name, document = str(shown.get("name", "")), role_document(shown)
    key = f"{scope}/role_definition/{name}"
    return Policy(
        key, scope, "role_definition", name, name, arn=name, document=document.digest, source=source
    ), document


def policy_key(scope: str, role: str) -> str:
    """Key of the Policy behind a role: custom ones live where they were made, predefined ones where they are bound."""
    kind, _, rest = role.partition("/")
    owner = rest.partition("/roles/")[0]
    if kind == "projects":
        return f"gcp/project/{owner}/role_definition/{role}"
    if kind == "organizations":
        return f"gcp/organization/{owner}/role_definition/{role}"
    return f"{scope}/provider_policy/{role}"


def bindings(policy: Any, source: str) -> Iterator[tuple[str, str, str | None]]:
    """(role, member, condition) of an IAM policy, each once. Members stay as Google writes them.

    Conditions come as canonical JSON. BadAnswer for what is no policy.
    """
    seen = set()
    shown = policy.get("bindings", []) if isinstance(policy, dict) else None
    for binding in shown if isinstance(shown, list) else [None]:
        if not isinstance(binding, dict) or not isinstance(binding.get("members", []), list):
            raise BadAnswer(source, "has bindings that are none")
        role, condition = text(binding.get("role")), binding.get("condition")
        if role is None:
            raise BadAnswer(source, "has a binding without a role")
        held = None
        if isinstance(condition, dict) and condition:
            held = canonical({str(name): value for name, value in condition.items() if value not in ("", None)})
        for member in binding.get("members", []):
            if (found := (role, str(member), held)) not in seen:
                seen.add(found)
                yield found


def grant(
    scope: str, resource: str | None, member: str, identity: str | None, role: str, condition: str | None, source: str
) -> Grant:
    """A role given to a member. ``resource`` is the key of the account it is given on; None: the node itself."""
    place = resource or scope
    mark = "|" + hashlib.sha256(condition.encode("utf-8", "surrogatepass")).hexdigest()[:16] if condition else ""
    return Grant(
        key=f"{member}|role_binding|{role}|{place}{mark}",
        scope=scope,
        kind="role_binding",
        principal=identity or member,
        name=role,
        policy=policy_key(scope, role),
        resource=resource,
        condition=condition,
        source=source,
    )


def runs_as(scope: str, workload: str, target: str, source: str) -> Relation:
    """A workload, by its full resource name, runs as an account: the key of the identity, or the member it would be."""
    return Relation(f"runs_as|{workload}|{target}", scope, "runs_as", workload, target, source)


def created_by(scope: str, made: str, target: str, source: str) -> Relation:
    """Who made an account or a key: the key of an identity, or the member (``user:ann@example.com``)."""
    return Relation(f"created_by|{made}|{target}", scope, "created_by", made, target, source)
