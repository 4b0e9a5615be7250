"""One AWS account opened for reading: the IAM client and what the sources of the account tell one another."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nhiscan.connector import Context
from nhiscan.model import Scope
from nhiscan_aws.ledger import Ledger
from nhiscan_aws.organization import Answer, Membership

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient


@dataclass(frozen=True)
class Slot:
    """An access key as the credential report shows it: a place in a row, without an id. Times are epoch seconds."""

    number: int  # 1 or 2
    active: bool
    created_at: int | None
    used_at: int | None
    used_known: bool  # False: the report does not say when it was last used


@dataclass(frozen=True)
class ReportedKeys:
    """What the credential report says about users' access keys. The slots have no ids, so they are no records."""

    generated_at: int
    slots: dict[str, tuple[Slot, ...]]  # key of the user -> filled slots; every user with a row in the report is here
    more: frozenset[str]  # keys of users of whom the report says that they have credentials beyond its columns


@dataclass
class Account:
    """The scope client: used by one thread at a time, apart from `iam`, which fanned-out calls share."""

    scope: Scope
    account_id: str
    partition: str
    iam: "IAMClient"
    client: Callable[[str], Any]  # makes a client of another service, with the same credentials
    context: Context
    opened_at: int
    described: Answer[Membership | None] | None = (
        None  # DescribeOrganization with these credentials, where that was asked before
    )
    ledger: Ledger = field(default_factory=Ledger)
    reported: ReportedKeys | None = None  # set by the credential report when it was read

    @property
    def key(self) -> str:
        return self.scope.key

    @cached_property
    def organizations(self) -> Any:
        """The client of AWS Organizations, made when it is needed."""
        return self.client("organizations")

    def close(self) -> None:
        self.iam.close()
        if "organizations" in self.__dict__:
            self.organizations.close()
