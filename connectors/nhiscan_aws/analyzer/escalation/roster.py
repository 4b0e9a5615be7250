"""Who and what an account has, one bit each, so that "these roles" is one number."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nhiscan.model import Credential, Identity
from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.escalation.sets import Service
from nhiscan_aws.analyzer.estate import Answer, Estate
from nhiscan_aws.analyzer.principal import Account
from nhiscan_aws.analyzer.trusting import ASSUME

PROFILED = "ec2.amazonaws.com"
"""The service principal that takes a role through an instance profile only."""

_MOST_KEYS = 2
"""Access keys that a user can have at once, inactive ones among them. Source: IAM and AWS STS quotas."""

OF_TARGET = ("aws:resourcetag/", "iam:resourcetag/", "iam:permissionsboundary")
"""Condition keys whose values follow from the user or role that is asked about."""

_LAST = "\U0010ffff"
_SAML, _WEB = "sts:assumerolewithsaml", "sts:assumerolewithwebidentity"


class Spread(NamedTuple):
    """Some of a pool, by how certain it is that they will do. Each mask holds the ones before it."""

    sure: int = 0
    open: int = 0  # hangs on a condition, or on something of the policies that was not read
    all: int = 0  # hangs on something that no source reads

    def both(self, other: "Spread") -> "Spread":
        sure = self.sure & other.sure
        if self.even and other.even:
            return Spread(sure, sure, sure)
        return Spread(sure, self.open & other.open, self.all & other.all)

    def either(self, other: "Spread") -> "Spread":
        sure = self.sure | other.sure
        if self.even and other.even:
            return Spread(sure, sure, sure)
        return Spread(sure, self.open | other.open, self.all | other.all)

    def within(self, mask: int) -> "Spread":
        return self.both(Spread(mask, mask, mask))

    @property
    def even(self) -> bool:
        """Whether all are certain. Then its masks are one number: in large accounts numbers are long."""
        return self.sure is self.all

    def at_best(self, rank: int | None) -> "Spread":
        """The same, none more certain than a rank; None: nothing at all."""
        if rank is None:
            return NOBODY
        return (self, Spread(0, self.open, self.all), Spread(0, 0, self.all))[rank]

    def rank(self, bit: int) -> int | None:
        return next((rank for rank, mask in enumerate(self) if mask >> bit & 1), None)


NOBODY = Spread()
_RANKS = {"allowed": 0, "conditional": 1}


def certain(mask: int) -> Spread:
    return Spread(mask, mask, mask)


def ranked(rank: int | None, mask: int) -> Spread:
    """All of a mask at one rank."""
    return certain(mask).at_best(rank)


def rank_of(answer: Answer) -> int | None:
    """How certain an answer is; None: denied."""
    return _RANKS.get(answer.state)


def bits(mask: int) -> Iterator[int]:
    """The places of the bits of a mask, the lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Pool:
    """Identities, policies or providers of one kind in one account. A bit's place is that of its key."""

    def __init__(self, things: Iterable[tuple[str, str]]) -> None:
        """``things``: (key, ARN), sorted by key."""
        self.keys: list[str] = []
        self.arns: list[str] = []
        for key, arn in things:
            self.keys.append(key)
            self.arns.append(arn)
        self.places = {key: place for place, key in enumerate(self.keys)}
        self.full = (1 << len(self.keys)) - 1
        self._sorted = sorted((arn, place) for place, arn in enumerate(self.arns))
        self._by_arn: dict[str, tuple[int, ...]] = {}
        for arn, place in self._sorted:
            self._by_arn[arn] = (*self._by_arn.get(arn, ()), place)
        self._matching: dict[str, int] = {}

    def mask(self, keys: Iterable[str]) -> int:
        return _mask(self.places[key] for key in keys if key in self.places)

    def matching(self, pattern: str) -> int:
        """Those whose ARN a pattern matches."""
        if not patterns.has_wildcard(pattern):
            return sum(1 << place for place in self._by_arn.get(pattern, ()))
        if patterns.covers_all_resources(pattern):
            return self.full
        found = self._matching.get(pattern)
        if found is None:
            start = patterns.start(pattern)
            first = bisect_left(self._sorted, (start, -1))
            last = bisect_left(self._sorted, (start + _LAST, -1), first)
            some = self._sorted[first:last]
            found = self._matching[pattern] = _mask(place for arn, place in some if patterns.matches(pattern, arn))
        return found


def _mask(places: Iterable[int]) -> int:
    found = 0
    for place in places:
        found |= 1 << place
    return found


class Roster:
    """An account."""

    def __init__(self, estate: Estate, account: Account) -> None:
        self._estate = estate
        self.scope = scope = account.scope.key
        self.partition = account.place.partition
        mine = [one for one in estate.principals.values() if one.scope == scope]
        self.users = Pool((one.key, one.arn) for one in mine if one.identity.kind == "user")
        self.roles = Pool((one.key, one.arn) for one in mine if one.identity.kind == "role")
        self.groups = Pool((one.key, one.arn) for one in estate.groups.values() if one.scope == scope)
        self.policies = Pool(
            sorted(
                (policy.key, policy.arn)
                for policy in estate.policies.values()
                if policy.scope == scope and policy.kind == "customer_policy" and policy.arn
            )
        )
        self.changeable = self.roles.mask(one.key for one in mine if not one.reserved)
        self.linked = self.roles.mask(one.key for one in mine if one.service_linked)
        self._trusting: dict[tuple[tuple[str, ...], bool], Spread] = {}
        self._profiled: Spread | None = None
        self._whens: dict[str, Spread] = {}
        self._trust()

    def _trust(self) -> None:
        """Sorts the roles by whom they trust."""
        estate, roles = self._estate, self.roles
        self.plain: dict[str, int] = {}
        """Account -> roles that hand the question to it without a condition, and deny nobody."""
        self.odd: dict[str, dict[str, int]] = {}
        """Account, or "*" for anybody -> trust document -> the roles with it that let some of it in otherwise."""
        self.named: dict[str, int] = {}
        """ARN or unique id -> roles whose trust document names it."""
        self.trust_by_target = False
        """Whether some trust document hangs on what its role carries."""
        providers: dict[str, int] = {}
        for place, key in enumerate(roles.keys):
            trust = estate.trusts.get(key)
            if trust is None:
                continue
            digest = estate.identities[key].trust_document or ""
            denies = any(not rule.statement.allow for rule in trust.rules)
            if any(test.key.startswith(OF_TARGET) for rule in trust.rules for test in rule.tests):
                self.trust_by_target = True
            for door in estate.doors(key):
                if door.kind == "federated":
                    providers[door.value] = providers.get(door.value, 0) | 1 << place
                elif ASSUME not in door.actions or door.kind in ("service", "deleted"):
                    continue
                elif door.kind == "account" and not door.conditions and not denies:
                    self.plain[door.value] = self.plain.get(door.value, 0) | 1 << place
                elif door.kind in ("account", "anybody"):
                    who = "*" if door.kind == "anybody" else door.value
                    some = self.odd.setdefault(who, {})
                    some[digest] = some.get(digest, 0) | 1 << place
                else:
                    name = _principal_of(door.value)
                    self.named[name] = self.named.get(name, 0) | 1 << place
        self.let_in = {*self.plain, *self.odd, *self.named}
        """Accounts, "*" and names that some trust document lets in."""
        self.federated = providers
        self.providers = Pool((name, name) for name in sorted(providers) if ":saml-provider/" in name)

    # --- services ---

    def trusting(self, service: Service) -> Spread:
        """The roles that a service can take."""
        return self.letting_in(service.trusted_in(self.partition), federated=service.federated)

    def letting_in(self, principals: tuple[str, ...], *, federated: bool = False) -> Spread:
        """The roles whose trust document lets any of some service principals in."""
        found = self._trusting.get((principals, federated))
        if found is None:
            found = NOBODY
            for principal in principals:
                some = self._federated(principal) if federated else self._admitting(principal)
                found = found.either(some.both(self.profiled) if principal.startswith(PROFILED) else some)
            found = self._trusting[(principals, federated)] = found.within(self.roles.full & ~self.linked)
        return found

    def _admitting(self, principal: str) -> Spread:
        found = NOBODY
        for key in self._estate.admitting(principal):
            if key in self.roles.places:
                answer = self._estate.admits(key, principal)
                found = found.either(ranked(rank_of(answer), 1 << self.roles.places[key]))
        return found

    def _federated(self, principal: str) -> Spread:
        found = NOBODY
        for place in bits(self.federated.get(principal, 0)):
            answer = self._estate.admits_federated(self.roles.keys[place], principal, _WEB)
            found = found.either(ranked(rank_of(answer), 1 << place))
        return found

    def spoken_for(self, providers: Spread) -> Spread:
        """The roles that somebody becomes who speaks for SAML providers. It chooses what an assertion says."""
        found = NOBODY
        for place in bits(providers.all):
            name = self.providers.keys[place]
            for role in bits(self.federated[name] & ~self.linked):
                answer = self._estate.admits_federated(self.roles.keys[role], name, _SAML)
                rank = rank_of(answer)
                if rank and answer.conditions and all(key.lower().startswith("saml:") for key in answer.conditions):
                    rank = 0
                both = None if rank is None else max(rank, providers.rank(place) or 0)
                found = found.either(ranked(both, 1 << role))
        return found

    @property
    def profiled(self) -> Spread:
        """The roles with an instance profile."""
        if self._profiled is None:
            records = self._estate.records
            some = {alias.identity for alias in records.aliases(self.scope) if alias.kind == "instance_profile"}
            mask = self.roles.mask(some)
            unread = 0 if records.complete(self.scope, "alias") else self.roles.full
            self._profiled = Spread(mask, mask, mask | unread)
        return self._profiled

    # --- users ---

    def when(self, what: str) -> Spread:
        """The users of which something is so: "free-key", "no-free-key", "password", "no-password"."""
        if not self._whens:
            self._look_at_users()
        return self._whens[what]

    def _look_at_users(self) -> None:
        records, users = self._estate.records, self.users
        keys: dict[str, int] = {}
        for credential in records.credentials(self.scope):
            if _counts(credential):
                keys[credential.identity] = keys.get(credential.identity, 0) + 1
        known = records.complete(self.scope, "credential:access_key")
        full = users.mask(key for key, count in keys.items() if count >= _MOST_KEYS)
        free = users.full & ~full
        self._whens["free-key"] = Spread(free, free, free) if known else Spread(0, 0, users.full)
        self._whens["no-free-key"] = Spread(full, full, full) if known else Spread(full, full, users.full)
        with_password = self._users(lambda one: one.console_access == 1)
        without = self._users(lambda one: one.console_access == 0)
        unread = users.full & ~with_password & ~without
        # whoever signs in with a password needs the second factor, too, where there is one
        alone = with_password & self._users(lambda one: one.mfa == 0)
        bare = without & self._users(lambda one: one.mfa == 0)
        self._whens["password"] = Spread(alone, alone, with_password | unread)
        self._whens["no-password"] = Spread(bare, bare, without | unread)

    def _users(self, wanted: Callable[[Identity], bool]) -> int:
        return self.users.mask(key for key in self.users.keys if wanted(self._estate.identities[key]))

    # --- policies ---

    def customer_policies(self, key: str) -> Sequence[int]:
        """Places of the customer managed policies that a principal has, its groups' among them."""
        estate = self._estate
        holder = estate.principals.get(key) or estate.groups[key]
        found = {held.grant.policy for held in holder.policies if held.grant.kind == "attached_policy"}
        return sorted(self.policies.places[policy] for policy in found if policy in self.policies.places)

    @property
    def attached(self) -> Mapping[int, int]:
        """Place of a customer managed policy -> roles that have it."""
        found: dict[int, int] = {}
        for place, key in enumerate(self.roles.keys):
            for policy in self.customer_policies(key):
                found[policy] = found.get(policy, 0) | 1 << place
        return found


def _counts(credential: Credential) -> bool:
    return credential.kind == "access_key" and credential.state != "deleted"


def _principal_of(value: str) -> str:
    """The ARN of the role of which a value names a session; any other value as it is."""
    parts = value.split(":")
    if len(parts) == 6 and parts[2] == "sts" and parts[5].startswith("assumed-role/"):
        return f"{parts[4]}/{parts[5].split('/')[1]}"
    return value
