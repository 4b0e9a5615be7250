"""What is known of a request before anybody makes it: who asks, when, and of whose resource.

Source: IAM User Guide, "Global condition context keys" (availability of each key) and "Policy variables" (values by
kind of principal). What only a request can tell (source address, region, MFA of a session, its tags) is not known.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from nhiscan.model import Identity
from nhiscan_aws.analyzer.actions import ActionTable
from nhiscan_aws.analyzer.conditions import PRESENT, Value

T = TypeVar("T")
Context = Mapping[str, tuple[str, ...]]
"""Condition keys of a request: name in lower case -> values; an empty tuple: the key is absent."""

GLOBAL_KEYS = frozenset(
    f"aws:{name}"
    for name in (
        "assumedroot",
        "calledvia",
        "calledviaawsmcp",
        "calledviafirst",
        "calledvialast",
        "chatbotsourcearn",
        "currenttime",
        "ec2instancesourceprivateipv4",
        "ec2instancesourcevpc",
        "epochtime",
        "federatedprovider",
        "multifactorauthage",
        "multifactorauthpresent",
        "principalaccount",
        "principalarn",
        "principalisawsservice",
        "principalorgid",
        "principalorgpaths",
        "principalservicename",
        "principalservicenameslist",
        "principaltype",
        "referer",
        "requestedregion",
        "resourceaccount",
        "resourceorgid",
        "resourceorgpaths",
        "securetransport",
        "signinsessionarn",
        "sourceaccount",
        "sourcearn",
        "sourceidentity",
        "sourceip",
        "sourceorgid",
        "sourceorgpaths",
        "sourcevpc",
        "sourcevpcarn",
        "sourcevpce",
        "tagkeys",
        "tokenissuetime",
        "useragent",
        "userid",
        "username",
        "viaawsmcpservice",
        "viaawsservice",
        "vpceaccount",
        "vpceorgid",
        "vpceorgpaths",
        "vpcsourceip",
    )
)
_FAMILIES = ("aws:principaltag", "aws:requesttag", "aws:resourcetag")
OWNER_KEYS = frozenset({"aws:resourceaccount", "aws:resourceorgid", "aws:resourceorgpaths"})
"""Keys that tell whose a resource is."""
_BY_SERVICES = ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths")
"""Only there when a service itself makes the call."""


def personal(key: str) -> bool:
    """Whether the value of a key follows from who the principal is."""
    return key.startswith("aws:principal") or key in ("aws:username", "aws:userid", "aws:tokenissuetime")


class Facts:
    """Implements `nhiscan_aws.analyzer.conditions.Facts`."""

    __slots__ = ("_action", "_known", "_table", "_tags", "_values")

    def __init__(
        self,
        table: ActionTable,
        values: Mapping[str, Value],
        tags: Mapping[str, Mapping[str, str] | None],
        action: int | None = None,
    ) -> None:
        """``tags``: "aws:principaltag" -> tags by key in lower case, None where not known; ``action``: its bits."""
        self._table = table
        self._values = values
        self._tags = tags
        self._action = action
        self._known: dict[tuple[int, ...], tuple[Any, Any]] | None = None

    def once(self, tests: Sequence[object], answer: Callable[[], T]) -> T:
        """An answer about tests that are the same objects each time, worked out once."""
        if self._known is None:
            self._known = {}
        key = tuple(map(id, tests))
        if key not in self._known:
            self._known[key] = (tests, answer())  # holding the tests keeps others from having their ids
        found: T = self._known[key][1]
        return found

    def get(self, key: str) -> Value:
        if key in self._values:
            return self._values[key]
        family, slash, name = key.partition("/")
        if slash and family in self._tags:
            tags = self._tags[family]
            if tags is None:
                return None
            return (tags[name],) if name in tags else ()
        if self._action is not None and not self._table.carriers(key) & self._action:
            return ()
        return None

    def heard_of(self, key: str) -> bool:
        if key in GLOBAL_KEYS or key.partition("/")[0] in _FAMILIES:
            return True
        issuer = key.rpartition(":")[0]
        return "." in issuer or issuer == "saml" or self._table.has_key(key)

    def about(
        self,
        values: Mapping[str, Value],
        tags: Mapping[str, Mapping[str, str] | None] | None = None,
        action: int | None = None,
    ) -> "Facts":
        """The same and more; what is given anew counts. ``action``: the bits of the action asked for."""
        return Facts(
            self._table,
            {**self._values, **values} if values else self._values,
            {**self._tags, **tags} if tags else self._tags,
            self._action if action is None else action,
        )

    def within(self, actions: int) -> "Facts":
        """The same, for a request for one of some actions (bits)."""
        return Facts(self._table, self._values, self._tags, actions)


def base(table: ActionTable, as_of: int) -> Facts:
    """What holds for every request of a user or role at a time (epoch seconds)."""
    values: dict[str, Value] = dict.fromkeys(_BY_SERVICES, ())
    values["aws:currenttime"] = (datetime.fromtimestamp(as_of, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),)
    values["aws:epochtime"] = (str(as_of),)
    values["aws:principalisawsservice"] = ("false",)
    values["aws:principalservicename"] = values["aws:principalservicenameslist"] = ()
    values["aws:requestedregion"] = PRESENT
    return Facts(table, values, {})


def of_service(facts: Facts, service: str) -> Facts:
    """Of a call that a service makes itself, as service principal."""
    values: dict[str, Value] = dict.fromkeys(_BY_SERVICES, None)
    values["aws:principalisawsservice"] = ("true",)
    values["aws:principalservicename"] = (service,)
    values["aws:principalservicenameslist"] = None
    values["aws:principalarn"] = values["aws:username"] = ()
    return facts.about(values, {"aws:principaltag": {}})


def of_account(account: str, organization: "Membership") -> dict[str, Value]:
    """Keys that are the same for all principals of an account."""
    return {
        "aws:principalaccount": (account,),
        "aws:principalorgid": organization.id,
        "aws:principalorgpaths": organization.paths,
    }


def of_principal(identity: Identity, account: Mapping[str, Value]) -> dict[str, Value]:
    """Keys that follow from a user or role; of a group, those that are the same for every member."""
    values = dict(account)
    if identity.kind == "role":
        values["aws:principaltype"] = ("AssumedRole",)
        values["aws:username"] = ()
        values["aws:userid"] = values["aws:tokenissuetime"] = PRESENT
    else:
        values["aws:principaltype"] = ("User",)
    if identity.kind == "user":
        values["aws:username"] = (identity.name,)
        values["aws:userid"] = (identity.native_id,)
    if identity.kind != "group":
        values["aws:principalarn"] = (identity.arn,) if identity.arn else None
    return values


def tags_of(identity: Identity) -> Mapping[str, str] | None:
    """Tags by key in lower case; None: not collected, or not readable."""
    if identity.tags is None:
        return None
    try:
        found = json.loads(identity.tags)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {str(key).lower(): str(value) for key, value in found.items()}


class Membership:
    """Of which organisation an account is a member."""

    __slots__ = ("id", "paths")

    def __init__(self, id: tuple[str, ...] | None, paths: tuple[str, ...] | None) -> None:  # noqa: A002
        self.id = id  # (o-...,); (): of none; None: not known
        self.paths = paths  # ("o-.../r-.../ou-.../",); (): of none; None: not known


NOT_KNOWN = Membership(None, None)
