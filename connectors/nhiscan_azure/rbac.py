"""Roles of Azure as records: definitions, assignments, schedules, deny assignments. Pure: no calls, no clock.

Both paths give the same: Resource Graph and Resource Manager write ids in different case and with different beginnings,
and one leaves out what the other says to be null.
"""

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from nhiscan.connector import BadAnswer
from nhiscan.model import Document, Grant, Policy
from nhiscan_azure import keys
from nhiscan_azure.noting import canonical
from nhiscan_azure.service import Json
from nhiscan_azure.values import identifier, moment, text

EVERYBODY = "00000000-0000-0000-0000-000000000000"
_LISTS = ("actions", "notActions", "dataActions", "notDataActions")
_CONDITION = ("condition", "conditionVersion")


def definition(tenant: str, planned: Container[str], shown: Json, source: str) -> tuple[Policy, Document] | None:
    """A role definition. A built-in one lives in the tenant, an own one in its first assignable scope that is planned.

    None for an own one that can be given in no planned scope. BadAnswer for one without a GUID.
    """
    guid, properties = guid_of(shown.get("id")), properties_of(shown)
    if guid is None:
        raise BadAnswer(source, "has a role definition without an id")
    built_in = str(properties.get("type", "")).lower() == "builtinrole"
    places = sorted(_texts(properties.get("assignableScopes")), key=str.lower)
    scope = tenant if built_in else _home(tenant, planned, _texts(properties.get("assignableScopes")))
    body = {
        "assignableScopes": [place.lower() for place in places],
        "permissions": [_block(one) for one in _objects(properties.get("permissions"))],
    }
    if scope is None:
        return None
    document = document_of(body)
    kind = "provider_policy" if built_in else "role_definition"
    arn = f"/providers/microsoft.authorization/roledefinitions/{guid}"
    name = text(properties.get("roleName")) or guid
    key = keys.role_definition(tenant, guid)
    made = None if built_in else moment(properties.get("createdOn"))
    return Policy(key, scope, kind, guid, name, arn, document.digest, created_at=made, source=source), document


def _home(tenant: str, planned: Container[str], places: Sequence[str]) -> str | None:
    found = (keys.scope_of(tenant, place, planned) for place in places)
    return next((scope for scope in found if scope is not None), None)


def _block(shown: Json) -> dict[str, Any]:
    found: dict[str, Any] = {name: sorted(_texts(shown.get(name))) for name in _LISTS}
    return {**found, **{name: shown[name] for name in _CONDITION if text(shown.get(name))}}


def document_of(body: Any) -> Document:
    written = canonical(body)
    return Document(hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest(), "policy", written)


def assignment(
    tenant: str, planned: Container[str], names: Mapping[str, str], shown: Json, source: str
) -> Grant | None:
    """A role given to somebody; None where its scope is not planned. BadAnswer for one that says not who and what."""
    return _given("role_assignment", identifier(shown.get("id")), tenant, planned, names, shown, source)


def eligible(tenant: str, planned: Container[str], names: Mapping[str, str], shown: Json, source: str) -> Grant | None:
    """A role that somebody may activate (``roleEligibilitySchedules``)."""
    more = _times(shown, ("memberType",))
    return _given("eligible_assignment", identifier(shown.get("id")), tenant, planned, names, shown, source, more)


def active(tenant: str, planned: Container[str], names: Mapping[str, str], shown: Json, source: str) -> Grant | None:
    """The assignment behind an active schedule instance that ends, or was activated; None for all others.

    ``roleAssignmentScheduleInstances`` shows standing assignments, too. Only Resource Graph lists those.
    """
    properties = properties_of(shown)
    made = identifier(properties.get("originRoleAssignmentId"))
    limited = text(properties.get("endDateTime")) or properties.get("assignmentType") == "Activated"
    if made is None or not limited or properties.get("memberType") not in (None, "Direct"):
        return None
    more = _times(shown, ("assignmentType",))
    return _given("role_assignment", made, tenant, planned, names, shown, source, more)


def _times(shown: Json, names: tuple[str, ...]) -> dict[str, Any]:
    properties = properties_of(shown)
    found: dict[str, Any] = {name: properties[name] for name in names if text(properties.get(name))}
    for name in ("startDateTime", "endDateTime"):
        at = moment(properties.get(name))
        if at is not None:
            found[name] = at
    return found


def _given(
    kind: str,
    made: str | None,
    tenant: str,
    planned: Container[str],
    names: Mapping[str, str],
    shown: Json,
    source: str,
    more: Mapping[str, Any] | None = None,
) -> Grant | None:
    properties = properties_of(shown)
    where = text(properties.get("scope"))
    principal, role = identifier(properties.get("principalId")), guid_of(properties.get("roleDefinitionId"))
    if made is None or where is None or principal is None or role is None:
        raise BadAnswer(source, "has an assignment without id, scope, principal or role")
    scope = keys.scope_of(tenant, where, planned)
    if scope is None:
        return None
    held = {name: properties[name] for name in _CONDITION if text(properties.get(name))}
    resource = keys.within(where)
    holder = keys.directory_object(tenant, principal)
    return Grant(
        key="|".join((holder, kind, made, *([resource] if resource else []))),
        scope=scope,
        kind=kind,
        principal=holder,
        name=names.get(role, role),
        policy=keys.role_definition(tenant, role),
        resource=resource,
        condition=canonical({**held, **(more or {})}) if held or more else None,
        source=source,
    )


def denied(tenant: str, planned: Container[str], shown: Json, source: str) -> Iterator[Grant | Document]:
    """A deny assignment: a grant for each principal that it is about, with what it takes away as its document.

    Everybody is the principal with the empty GUID. Whom it leaves out stands in the document.
    """
    made, properties = identifier(shown.get("id")), properties_of(shown)
    where = text(properties.get("scope"))
    if made is None or where is None:
        raise BadAnswer(source, "has a deny assignment without id or scope")
    scope = keys.scope_of(tenant, where, planned)
    if scope is None:
        return
    resource = keys.within(where)
    held = {name: properties[name] for name in _CONDITION if text(properties.get(name))}
    document = document_of(
        {
            **held,
            "doNotApplyToChildScopes": properties.get("doNotApplyToChildScopes") is True,
            "excludePrincipals": _parties(properties.get("excludePrincipals")),
            "isSystemProtected": properties.get("isSystemProtected") is True,
            "permissions": [_block(one) for one in _objects(properties.get("permissions"))],
            "principals": _parties(properties.get("principals")),
        }
    )
    yield document
    for principal in _parties(properties.get("principals")) or [EVERYBODY]:
        holder = keys.directory_object(tenant, principal)
        yield Grant(
            key="|".join((holder, "deny_assignment", made, *([resource] if resource else []))),
            scope=scope,
            kind="deny_assignment",
            principal=holder,
            name=text(properties.get("denyAssignmentName")) or made.rpartition("/")[2],
            resource=resource,
            condition=canonical(held) if held else None,
            document=document.digest,
            source=source,
        )


def classic(scope: str, shown: Json, source: str) -> Grant:
    """A classic administrator of a subscription: known by e-mail address alone."""
    made, properties = identifier(shown.get("id")), properties_of(shown)
    who = identifier(properties.get("emailAddress"))
    if made is None or who is None:
        raise BadAnswer(source, "has a classic administrator without id or address")
    name = text(properties.get("role")) or "CoAdministrator"
    return Grant(f"{who}|classic_administrator|{made}", scope, "classic_administrator", who, name, source=source)


def guid_of(value: Any) -> str | None:
    """The GUID at the end of an id, in lower case."""
    found = str(value).rpartition("/")[2].lower() if isinstance(value, str) else ""
    return found if keys.GUID.fullmatch(found) else None


def properties_of(shown: Json) -> Json:
    found = shown.get("properties")
    return found if isinstance(found, dict) else {}


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str) and one] if isinstance(value, list) else []


def _objects(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _parties(value: Any) -> list[str]:
    return sorted({found for one in _objects(value) if (found := identifier(one.get("id")))})
