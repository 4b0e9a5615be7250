"""`trust`: by whom an identity can be entered or changed from elsewhere.

``federated``   an outside issuer whose tokens are taken for the application or managed identity
``tenant``      the tenant that registered an application: a vendor, who holds the application's credentials
``any_tenant``  a registration that takes sign-ins from every tenant
``owner``       an owner, who can add a credential to the application or principal, or a member to the group
"""

import json
from collections.abc import Iterator

from nhiscan.model import Credential, Identity, Trust
from nhiscan_azure.analyzer.escalation.owning import may_add_credentials
from nhiscan_azure.analyzer.estate import Estate
from nhiscan_azure.analyzer.issuers import Door, door

MULTI_TENANT = frozenset({"azureadmultipleorgs", "azureadandpersonalmicrosoftaccount", "personalmicrosoftaccount"})
"""Values of ``signInAudience`` that let in others than the own tenant (Graph, application)."""
_OWNED = ("application", "service_principal", "group")


def trusts(estate: Estate) -> Iterator[Trust]:
    """All rows, by identity."""
    for scope in estate.scopes:
        for credential in estate.records.credentials(scope):
            if credential.kind == "federated_credential":
                yield from _federated(estate, credential)
    for key in sorted(estate.identities):
        identity = estate.identities[key]
        if identity.kind == "service_principal":
            yield from _vendor(identity)
        if identity.kind == "application" and (identity.audience or "").lower() in MULTI_TENANT:
            yield _row(identity, "audience", "any_tenant", identity.audience or "", external=1)
        if identity.kind in _OWNED:
            yield from _owners(estate, identity)


def _federated(estate: Estate, credential: Credential) -> Iterator[Trust]:
    """Of a credential of a user-assigned identity the one that is entered is the managed identity."""
    holder = estate.identities.get(credential.identity)
    entered = [holder] if holder is not None and holder.kind != "resource" else []
    if holder is not None and holder.kind == "resource":
        entered = [
            estate.identities[key] for key in estate.principals_of.get(holder.key, ()) if key in estate.identities
        ]
    for identity in entered or ([holder] if holder is not None else []):
        found = door(credential.restrictions)
        if found is None or not found.readable:
            reason = "document-unread" if found is None else "document-unreadable"
            row = _row(identity, credential.key, "unknown", "unknown", external=0, statement=credential.name)
            yield row._replace(confidence="possible", reason=reason)
        else:
            yield _door(identity, credential, found)


def _door(identity: Identity, credential: Credential, found: Door) -> Trust:
    tenant = identity.scope.rpartition("/")[2]
    own = found.of_tenant(tenant)
    conditions = {"issuer": found.issuer, "audiences": list(found.audiences), "subjects": list(found.subjects)}
    if found.expression is not None:
        conditions["claimsMatchingExpression"] = found.expression
    row = _row(identity, credential.key, "federated", found.issuer, external=int(not own), statement=credential.name)
    return row._replace(
        principal_scope=identity.scope if own else None,
        conditional=1,
        conditions=json.dumps(conditions, sort_keys=True, separators=(",", ":")),
        audience=int(bool(found.audiences)),
        subject=",".join(found.subjects) or None,
        width=found.width,
    )


def _vendor(identity: Identity) -> Iterator[Trust]:
    """The tenant that registered the application, where that is neither the own one nor Microsoft's."""
    tenant = identity.scope.rpartition("/")[2]
    publisher = identity.publisher
    if publisher is not None and publisher.lower() != tenant and identity.provider_managed != 1:
        row = _row(identity, "publisher", "tenant", publisher.lower(), external=1)
        yield row._replace(principal_scope=f"azure/tenant/{publisher.lower()}")


def _owners(estate: Estate, identity: Identity) -> Iterator[Trust]:
    for owner, _ in sorted(estate.owners.get(identity.key, ())):
        known = estate.identities.get(owner)
        row = _row(identity, "owner", "owner", owner, external=int(known is not None and known.path == "Guest"))
        sure = identity.kind == "group" or may_add_credentials(estate, owner, identity.key) == 0
        yield row._replace(
            principal_scope=known.scope if known is not None else identity.scope,
            confidence="proven" if sure else "possible",
            reason=None if sure else "resource-unread",
        )


def _row(
    identity: Identity, what: str, kind: str, principal: str, *, external: int, statement: str | None = None
) -> Trust:
    return Trust(
        key=f"{identity.key}|{what}|{kind}|{principal}",
        scope=identity.scope,
        identity=identity.key,
        principal_kind=kind,
        principal=principal,
        principal_scope=None,
        external=external,
        external_id=0,
        conditional=0,
        conditions=None,
        statement=what if statement is None else statement,
        confidence="proven",
    )
