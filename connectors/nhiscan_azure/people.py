"""Users and groups as records. Pure."""

from collections.abc import Iterator

from nhiscan.model import Alias, Identity
from nhiscan_azure import keys
from nhiscan_azure.service import Json
from nhiscan_azure.values import identifier, moment, text

USER = "id,userPrincipalName,displayName,mail,accountEnabled,userType,createdDateTime"


def user(tenant: str, shown: Json, source: str) -> tuple[Identity, list[Alias]]:
    """A user, with the e-mail by which a roster knows it."""
    native = str(identifier(shown.get("id")))
    key = keys.directory_object(tenant, native)
    login, mail = text(shown.get("userPrincipalName")), text(shown.get("mail"))
    enabled = shown.get("accountEnabled")
    identity = Identity(
        key=key,
        scope=tenant,
        kind="user",
        native_id=native,
        name=login or text(shown.get("displayName")) or native,
        arn=login,
        path=text(shown.get("userType")),
        state="unknown" if not isinstance(enabled, bool) else "active" if enabled else "disabled",
        created_at=moment(shown.get("createdDateTime")),
        description=text(shown.get("displayName")),
        provider_managed=0,
        source=source,
    )
    names = dict.fromkeys(one.lower() for one in (mail, login) if one and "@" in one)
    return identity, [Alias(f"{key}|email|{name}", tenant, key, "email", name, source) for name in names]


def group(tenant: str, shown: Json, source: str) -> Identity:
    """A group. ``path`` says whether it may hold roles over the directory."""
    native = str(identifier(shown.get("id")))
    return Identity(
        key=keys.directory_object(tenant, native),
        scope=tenant,
        kind="group",
        native_id=native,
        name=text(shown.get("displayName")) or native,
        path="role-assignable" if shown.get("isAssignableToRole") is True else None,
        state="active",
        created_at=moment(shown.get("createdDateTime")),
        description=text(shown.get("description")),
        provider_managed=0,
        source=source,
    )


def kind_of(shown: Json) -> str:
    """``user``, ``group``, ``servicePrincipal`` ... of a directory object."""
    return str(shown.get("@odata.type") or "").rpartition(".")[2]


def ids(found: list[Json] | None, kind: str) -> Iterator[str]:
    """The object ids of one kind."""
    for shown in found or ():
        if kind_of(shown) == kind and (native := identifier(shown.get("id"))):
            yield native
