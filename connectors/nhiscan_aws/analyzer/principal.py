"""Principals and accounts of an estate: who is asked about, and what holds it back. Built by `Estate`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nhiscan.model import Identity, Scope
from nhiscan_aws.analyzer.conditions import Value
from nhiscan_aws.analyzer.facts import Context, of_account
from nhiscan_aws.analyzer.layers import Held, Layer, Power
from nhiscan_aws.analyzer.organization import Standing
from nhiscan_aws.analyzer.reach import Place
from nhiscan_aws.analyzer.verdict import Answer, judge

if TYPE_CHECKING:
    from nhiscan_aws.analyzer.estate import Estate

SERVICE_LINKED = "/aws-service-role/"
RESERVED = "/aws-reserved/"


class Principal:
    """A user or role, or a group as if a member had only the group."""

    __slots__ = (
        "_estate",
        "_layer",
        "_power",
        "account",
        "boundary",
        "groups",
        "identity",
        "key",
        "partition",
        "scope",
    )

    def __init__(
        self,
        estate: "Estate",
        identity: Identity,
        account: "Account",
        layer: Layer,
        boundary: Layer | None,
        groups: tuple[str, ...],
    ) -> None:
        self._estate = estate
        self._layer = layer
        self._power: Power | None = None
        self.identity = identity
        self.key = identity.key
        self.scope = account.scope.key
        self.account = account.place.account  # 12 digits
        self.partition = account.place.partition  # "aws"
        self.boundary = boundary
        self.groups = groups  # keys of the groups a user is in, sorted

    @property
    def arn(self) -> str:
        return self.identity.arn or ""

    @property
    def policies(self) -> tuple[Held, ...]:
        """What grants: own policies, then those of groups; each sorted by the key of the grant."""
        return self._layer.held

    @property
    def service_linked(self) -> bool:
        """A role that belongs to a service; no policy of the organisation touches it."""
        return self.identity.kind == "role" and (self.identity.path or "").startswith(SERVICE_LINKED)

    @property
    def reserved(self) -> bool:
        """A role that AWS made (service-linked, or of IAM Identity Center): the account cannot change it."""
        path = self.identity.path or ""
        return self.identity.kind == "role" and path.startswith((SERVICE_LINKED, RESERVED))

    @property
    def power(self) -> Power:
        """All masks."""
        if self._power is None:
            self._power = self._estate.power_of(self)
        return self._power

    @property
    def possible(self) -> int:
        """Actions that are left on some resource under some condition, after all layers. Never too small."""
        return self.power.possible

    @property
    def sure(self) -> int:
        """Actions that are left on some resource without an open condition, after all layers that were read (see
        `unread` for those that were not). Never too large.
        """
        return self.power.sure

    @property
    def everywhere(self) -> int:
        """The part of `possible` that is left on every resource of the account, but for those that a Deny names."""
        return self.power.everywhere

    @property
    def granted(self) -> int:
        """Actions that its own and its groups' policies alone would give, their Deny statements left out."""
        return self.power.granted

    @property
    def unread(self) -> tuple[str, ...]:
        """ACCESS_REASONS of what could not be read of its policies (it may have more than is known) and limits (it may
        have less), sorted.
        """
        return tuple(sorted(self._layer.gaps.union(*(layer.gaps for layer in self.limits()))))

    @property
    def layer(self) -> Layer:
        """The policies that grant."""
        return self._layer

    def limits(self) -> list[Layer]:
        """Its permissions boundary and the levels of the organisation that hold it back."""
        above = [] if self.service_linked else self._estate.accounts[self.scope].levels
        return [self.boundary, *above] if self.boundary is not None else list(above)

    def check(self, action: str, resource: str = "*", context: Context | None = None) -> Answer:
        """May it do ``action`` on ``resource``? Identity side and all limits; never asks a resource's own policy."""
        return judge(self._estate.question(self, action, resource, context), self._layer, self.limits())

    def resources(self, action: str) -> tuple[str, ...]:
        """Resource patterns of its statements that allow an action, sorted; "not:a,b" for NotResource."""
        found = set()
        for document in self._layer.documents:
            for rule in document.naming(action.lower()) if document is not None else ():
                if rule.allow and rule.spared:
                    found.add(rule.written)
                elif rule.allow:
                    sure, unsure = rule.filled(self._estate.facts_of(self))
                    found.update(sure, unsure)
        return tuple(sorted(found))


class Account:
    """A planned account."""

    def __init__(
        self, scope: Scope, standing: Standing, levels: Sequence[Layer], resource_levels: Sequence[Layer]
    ) -> None:
        self.scope = scope
        partition, _, account = scope.native_id.partition(":")
        self.place = Place(partition, account)
        self.standing = standing
        self.levels = tuple(levels)  # service control policies, one layer a level
        self.resource_levels = tuple(resource_levels)  # the same for resource control policies
        self.values: dict[str, Value] = of_account(account, standing.membership)
        membership = standing.membership
        self.owned: dict[str, Value] = {
            "aws:resourceaccount": (account,),
            "aws:resourceorgid": membership.id,
            "aws:resourceorgpaths": membership.paths,
        }
