"""`trust`: who may become a service account by the bindings on it and above it, and who comes in through each pool.

A binding lets in where its role lets its members get tokens of the account, sign as it, or have resources run as it.
What Google's own agents are given in their own project is how its services work: they have rows only where they are
bound on the account itself, or come from another project. Members of the organisation that are bound above the project
of an account may become tens of thousands of accounts: they stand together in one row a place.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from nhiscan.model import Credential, Identity, Trust
from nhiscan_gcp.analyzer.conditions import MAYBE, NO
from nhiscan_gcp.analyzer.estate import Binding, Estate
from nhiscan_gcp.analyzer.issuers import Provider, provider_of, subject_width
from nhiscan_gcp.analyzer.members import Member
from nhiscan_gcp.records import canonical

BECOMING = ("assume_role", "pass_role")
"""Capabilities that let a member act as an account."""
_KINDS = {
    "account": "identity",
    "agent": "service",
    "user": "identity",
    "group": "identity",
    "domain": "account",
    "node": "account",
    "federated": "federated",
    "workforce": "federated",
    "anybody": "anybody",
    "deleted": "deleted",
}
_PUBLIC_MAIL = frozenset({"gmail.com", "googlemail.com"})


def trusts(estate: Estate) -> Iterator[Trust]:
    """The rows of all accounts, then those of all pools."""
    writer = _Writer(estate)
    for key, identity in sorted(estate.accounts.items()):
        for place in estate.chain(key):
            yield from writer.rows(identity, place)
    for _, identity in sorted(estate.pools.items()):
        yield from writer.providers(identity)


class Inside(NamedTuple):
    """Members of the organisation that are bound above a project, together."""

    where: str
    statement: str
    conditional: bool  # each under a condition
    groups: bool  # nobody but groups


class _Writer:
    """Writes rows. What is bound above many accounts is looked at once."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        table = estate.table
        self._becoming = 0
        for name in BECOMING:
            self._becoming |= table.classes[name]
        self._doors: dict[str, list[Binding]] = {}
        self._upper: dict[str, tuple[list[Binding], Inside | None]] = {}
        self._providers: dict[str, list[Provider]] = {}
        for scope in estate.tree.nodes:
            for credential in estate.records.credentials(scope):
                if credential.kind == "federated_credential":
                    self._providers.setdefault(credential.identity, []).append(provider_of(credential))
        self._home = lru_cache(maxsize=50_000)(self._home_of)

    def doors(self, place: str) -> list[Binding]:
        """The bindings in a place that let somebody become an account."""
        found = self._doors.get(place)
        if found is None:
            found = [
                one
                for one in self._estate.on.get(place, ())
                if (one.role.mask & self._becoming or one.role.reason is not None)
                and self._estate.outcome_under(one, self._estate.any_account).answer != NO
            ]
            self._doors[place] = found
        return found

    def rows(self, identity: Identity, place: str) -> Iterator[Trust]:
        """The rows of an account by what is bound in one place."""
        inside: Inside | None = None
        doors: Iterable[Binding] = self.doors(place)
        if place not in (identity.key, identity.scope):
            doors, inside = self._split(identity, place)
        for binding in doors:
            row = self.row(identity, place, binding)
            if row is not None:
                yield row
        if inside is not None:
            yield self._together(identity, place, inside)

    def _split(self, identity: Identity, place: str) -> tuple[list[Binding], "Inside | None"]:
        """(members from outside, all others together) of a place above projects: the same for every account below."""
        found = self._upper.get(place)
        if found is None:
            some = [(one, self._is_inside(identity, one)) for one in self.doors(place)]
            inside = [one for one, is_inside in some if is_inside]
            outside = [one for one, is_inside in some if not is_inside]
            found = self._upper[place] = (outside, self._summary(place, inside) if inside else None)
        return found

    def _is_inside(self, identity: Identity, binding: Binding) -> bool:
        """Whether a member is of the organisation, and its role was read."""
        return binding.role.reason is None and self._inside(identity, binding.member, self._home(binding.member))

    def _summary(self, place: str, inside: list[Binding]) -> "Inside":
        members = len({one.member.text for one in inside})
        roles = sorted({one.role.name for one in inside})
        some = f"{roles[0]} and {len(roles) - 1} more" if len(roles) > 1 else roles[0]
        where = self._estate.resource_of(place)
        return Inside(
            where,
            f"{some} on {where}, given to {members} of the organisation",
            all(one.condition is not None for one in inside),
            all(one.member.kind == "group" for one in inside),
        )

    @staticmethod
    def _together(identity: Identity, place: str, inside: "Inside") -> Trust:
        """One row for members of the organisation that are bound above the project."""
        reasons = [*(["condition"] if inside.conditional else []), *(["membership-unread"] if inside.groups else [])]
        return Trust(
            key=f"{identity.key}|inside|{place}",
            scope=identity.scope,
            identity=identity.key,
            principal_kind="account",
            principal=inside.where,
            principal_scope=place,
            external=0,
            external_id=0,
            conditional=int(inside.conditional),
            conditions=None,
            statement=inside.statement,
            organization=1,
            confidence="conditional" if reasons else "proven",
            reason=",".join(reasons) or None,
        )

    def row(self, identity: Identity, place: str, binding: Binding) -> Trust | None:
        """None where a condition shuts the door of this account, and for agents at work in their own project."""
        member = binding.member
        home = self._home(member)
        if member.kind == "agent" and place != identity.key and home in (identity.scope, None):
            return None
        if binding.grant.principal == identity.key or self._estate.emails.get(member.value) == identity.key:
            return None
        reasons: set[str] = set()
        if binding.condition is not None:
            outcome = binding.condition.outcome(self._estate.target(identity.key).facts)
            if outcome.answer == NO:
                return None
            if outcome.answer == MAYBE:
                reasons.add("unknown-condition-key" if outcome.strange else "condition")
        if binding.role.reason is not None:
            reasons.add(binding.role.reason)
        external, sure = self._external(identity, member, home)
        if not sure:
            reasons.add("domain-unread")
        if member.kind == "group":
            reasons.add("membership-unread")
        federated = member.kind in ("federated", "workforce")
        return Trust(
            key=f"{identity.key}|{binding.grant.key}",
            scope=identity.scope,
            identity=identity.key,
            principal_kind=_KINDS.get(member.kind, "unknown"),
            principal=member.text,
            principal_scope=home,
            external=external,
            external_id=0,
            conditional=int(binding.condition is not None),
            conditions=binding.grant.condition,
            statement=f"{binding.role.name} on {self._estate.resource_of(place)}",
            organization=int(self._inside(identity, member, home)),
            audience=int(member.kind == "federated"),
            subject=member.value if federated else None,
            width=self._width(member),
            confidence=_confidence(reasons),
            reason=",".join(sorted(reasons)) or None,
        )

    def _home_of(self, member: Member) -> str | None:
        """Key of the scope a member lives in, as far as its text tells."""
        if member.kind == "node" and member.home and not member.home.startswith("projects/"):
            kind, _, name = member.home.partition("/")
            return f"gcp/{kind.removesuffix('s')}/{name}"
        name = (member.home or "").removeprefix("projects/")
        if not name:
            return None
        known = self._estate.numbers.get(name)
        return known or (None if name.isdecimal() else f"gcp/project/{name}")

    def _external(self, identity: Identity, member: Member, home: str | None) -> tuple[int, bool]:
        """(whether a member is from outside, whether that is certain)."""
        if member.kind in ("user", "group", "domain"):
            domain = member.value.rpartition("@")[2].lower()
            if domain in self._estate.tree.domains:
                return 0, True
            return int(bool(self._estate.tree.domains) or domain in _PUBLIC_MAIL), domain in _PUBLIC_MAIL
        if member.kind == "node":
            return int(home not in self._estate.chain(identity.scope)), True
        if member.kind in ("account", "federated", "agent"):
            return int(home != identity.scope), True
        return int(member.kind != "deleted"), True

    def _inside(self, identity: Identity, member: Member, home: str | None) -> bool:
        """Whether a member is of the same organisation."""
        if member.kind in ("user", "group", "domain"):
            return self._external(identity, member, home) == (0, True)
        nodes = self._estate.tree.nodes
        if home is None or home not in nodes:
            return False
        top = nodes[home].chain[-1]
        return top == nodes[identity.scope].chain[-1] and (top in nodes or top == home)

    def _width(self, member: Member) -> str | None:
        if member.kind == "workforce":
            return "any-subject" if member.value == "*" else None
        if member.kind != "federated":
            return None
        if (member.pool or "").endswith(".svc.id.goog"):  # of Kubernetes: the whole cluster's, or a namespace's
            whole = member.value == "*" or member.value.startswith(("namespace/", "kubernetes.cluster/"))
            return "wide-subject" if whole else None
        pool = self._estate.pool_of(member)
        return subject_width(member.value, self._living(pool)) if pool else None

    def _living(self, pool: str) -> list[Provider]:
        return [one for one in self._providers.get(pool, ()) if one.credential.state not in ("deleted", "inactive")]

    def providers(self, pool: Identity) -> Iterator[Trust]:
        """Whom each provider of a pool lets in. Pools and providers that are off let in nobody."""
        for one in self._living(pool.key) if pool.state not in ("deleted", "disabled") else ():
            yield self._provider(pool, one)

    def _provider(self, pool: Identity, one: Provider) -> Trust:
        credential: Credential = one.credential
        aws = one.kind == "aws"
        unread = not self._estate.records.complete(pool.scope, "credential:federated_credential.restrictions")
        return Trust(
            key=f"{pool.key}|{credential.key}",
            scope=pool.scope,
            identity=pool.key,
            principal_kind="account" if aws else "federated",
            principal=one.issuer or one.kind,
            principal_scope=None,
            external=1,
            external_id=0,
            conditional=int(bool(one.condition.strip())),
            conditions=canonical({"attributeCondition": one.condition}) if one.condition.strip() else None,
            statement=credential.name,
            audience=int(one.kind == "oidc"),
            subject=one.mapping.get("google.subject"),
            width=one.width(),
            confidence="possible" if unread else "proven",
            reason="document-unread" if unread else None,
        )


def _confidence(reasons: set[str]) -> str:
    if reasons & {"document-unread", "document-unreadable", "domain-unread"}:
        return "possible"
    return "conditional" if reasons else "proven"
