"""The organisation of an account, read. Needs no SDK: the clients come from the session."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nhiscan.model import Scope
from nhiscan_aws.failures import ListCut

PAGE = 20  # the most that Organizations gives
Value = TypeVar("Value")


@dataclass(frozen=True)
class Membership:
    """The organisation that an account belongs to, as DescribeOrganization tells it."""

    id: str  # "o-..."
    management_account: str
    features: str  # "ALL" | "CONSOLIDATED_BILLING"


@dataclass(frozen=True)
class Answer(Generic[Value]):
    """What was asked while the scan was planned: a value, or the error that a source is to raise in its place."""

    value: Value | None = None
    error: Exception | None = None

    def get(self) -> Value | None:
        if self.error is not None:
            raise self.error
        return self.value


@dataclass
class Organization:
    """The scope client of an organisation, with the caller's credentials.

    ``parents`` is how the asking for parents ended, which took place while the scan was planned.
    """

    scope: Scope
    partition: str
    client: Any
    described: Answer[Membership | None]
    parents: Answer[None]

    @property
    def key(self) -> str:
        return self.scope.key

    def close(self) -> None:
        """The client belongs to the session."""


def describe(client: Any) -> Membership | None:
    """DescribeOrganization; None for an account that is in no organisation. Raises ListCut where a fact is left out."""
    try:
        found: Mapping[str, Any] = client.describe_organization().get("Organization") or {}
    except client.exceptions.AWSOrganizationsNotInUseException:  # the API's way to say that there is none
        return None
    if lacking := [name for name in ("Id", "MasterAccountId", "FeatureSet") if not found.get(name)]:
        raise ListCut("DescribeOrganization", ", ".join(lacking))
    return Membership(str(found["Id"]), str(found["MasterAccountId"]), str(found["FeatureSet"]))


def walk(client: Any, operation: str, section: str, **parameters: Any) -> Iterator[Mapping[str, Any]]:
    """The items of a listing. A page may be empty and name a next one: only a page that names none is the last."""
    for page in client.get_paginator(operation).paginate(**parameters, PaginationConfig={"PageSize": PAGE}):
        if section not in page:
            raise ListCut("".join(word.capitalize() for word in operation.split("_")), section)
        yield from page[section]


def organization_scope(partition: str, native_id: str, name: str | None = None) -> Scope:
    """The scope of an organisation."""
    native_id = f"{partition}:{native_id}"
    return Scope(f"aws/organization/{native_id}", "aws", "organization", native_id, name)


def target_key(partition: str, native_id: str) -> str:
    """Key of the scope of an account, a unit or a root, by its id. Only ids of accounts are digits."""
    kind = "account" if native_id.isdigit() else "organizational_unit"
    return f"aws/{kind}/{partition}:{native_id}"
