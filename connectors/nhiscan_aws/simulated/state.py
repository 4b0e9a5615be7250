"""One simulated account while it runs: moto's IAM backend, and what moto has no place for.

moto's objects are the only copy of users, groups, roles, policies and keys, so that whatever is created or deleted
through the API shows in every answer. Beside them stand facts of AWS that moto does not keep: when a password was
set, the text for further credentials, root, the cached credential report, and uses that do not show yet.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nhiscan_aws.simulated import stock
from nhiscan_aws.simulated.ids import GROUP, KEY, POLICY, PROFILE, ROLE, USER, Ids
from nhiscan_aws.simulated.world import Access, Account, Key, Root, Use

ROLE_MEMORY = 400 * 86_400
"""Seconds for which AWS remembers the last use of a role."""


@dataclass
class UserFacts:
    """What moto does not keep about a user. Times are epoch seconds."""

    password_changed_at: int | None = None
    more_credentials: str | None = None


@dataclass
class Report:
    """A credential report: frozen when its making started."""

    content: str
    generated_at: int
    polls_left: int


@dataclass
class AccountState:
    """See the module. ``use_delay`` is the time, in seconds, after which a use shows."""

    id: str
    partition: str
    created_at: int
    root: Root
    backend: Any  # moto's IAMBackend
    ids: Ids
    clock: Callable[[], int]
    use_delay: int
    report_polls: int
    job_polls: int
    short_pages: int
    summary_extra: Mapping[str, int]
    users: dict[str, UserFacts] = field(default_factory=dict)  # by unique id
    uses: dict[str, list[Use]] = field(default_factory=dict)  # by access key id
    role_uses: dict[str, list[Use]] = field(default_factory=dict)  # by unique id of the role
    accessed: dict[str, tuple[Access, ...]] = field(default_factory=dict)  # by unique id of the user or role
    jobs: dict[str, Any] = field(default_factory=dict)  # service last accessed data that was asked for, by job id
    report: Report | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    settled: dict[str, str] = field(
        default_factory=dict
    )  # unique id of an object -> its ARN or key id, once ids are ours

    @property
    def root_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.id}:root"

    def facts(self, user: Any) -> UserFacts:
        """The facts of one of moto's users."""
        return self.users.setdefault(user.id, UserFacts())

    def user(self, name: str) -> Any | None:
        """A user by name, without regard to case, as AWS has it."""
        found = self.backend.users.get(name)
        if found is not None:
            return found
        return next((user for known, user in self.backend.users.items() if known.lower() == name.lower()), None)

    def keys(self, user: Any) -> list[Any]:
        """The access keys of one of moto's users, in order of creation."""
        keys: list[Any] = user.access_keys
        return keys

    def find_key(self, key_id: str) -> tuple[Any, Any] | None:
        """(user, key) of an access key id."""
        key = self.backend.access_keys.get(key_id)
        if key is None or key.user_name is None:
            return None
        user = self.backend.users.get(key.user_name)
        return None if user is None else (user, key)

    def key_use(self, key_id: str) -> Use | None:
        """The last use that shows by now."""
        return self._shown(self.uses.get(key_id, ()))

    def role_use(self, role: Any) -> Use | None:
        """The last use of a role that shows and that AWS still remembers."""
        use = self._shown(self.role_uses.get(role.id, ()))
        return use if use is not None and use.at > self.clock() - ROLE_MEMORY else None

    def boundary(self, holder: Any) -> str | None:
        """ARN of the permissions boundary of one of moto's users or roles."""
        boundary = getattr(holder, "permissions_boundary", None)
        return boundary["PermissionsBoundaryArn"] if boundary else None

    def boundary_counts(self) -> dict[str, int]:
        """Policy ARN -> how many users and roles have it as their boundary."""
        counts: dict[str, int] = {}
        for holder in (*self.backend.users.values(), *self.backend.roles.values()):
            arn = self.boundary(holder)
            if arn is not None:
                counts[arn] = counts.get(arn, 0) + 1
        return counts

    def groups_of_users(self) -> dict[str, list[str]]:
        """User id -> names of its groups, made in one walk over the groups."""
        groups: dict[str, list[str]] = {}
        for group in self.backend.groups.values():
            for member in group.users:
                groups.setdefault(member.id, []).append(group.name)
        return groups

    def instance_profiles(self) -> dict[str, list[Any]]:
        """Role id -> its instance profiles."""
        profiles: dict[str, list[Any]] = {}
        for profile in self.backend.instance_profiles.values():
            for role in profile.roles:
                profiles.setdefault(role.id, []).append(profile)
        return profiles

    def settle(self) -> dict[str, str]:
        """Give what was made through moto's API ids of AWS's form. Returns old id -> new id, to put into the answer."""
        renamed: dict[str, str] = {}
        for prefix, things in (
            (USER, self.backend.users.values()),
            (GROUP, self.backend.groups.values()),
            (PROFILE, self.backend.instance_profiles.values()),
            (POLICY, [policy for policy in self.backend.managed_policies.values() if not policy.id.startswith(POLICY)]),
        ):
            for thing in things:
                if thing.id not in self.settled:
                    new = self.ids.make(prefix, self.id, thing.arn, stock.epoch(thing.create_date))
                    renamed[thing.id] = new
                    thing.id = new
                    self.settled[new] = thing.arn
        for role in [role for role in self.backend.roles.values() if role.id not in self.settled]:
            new = self.ids.make(ROLE, self.id, role.arn, stock.epoch(role.create_date))
            renamed[role.id] = new
            self.backend.roles[new] = self.backend.roles.pop(role.id)
            role.id = new
            self.settled[new] = role.arn
        for key in list(self.backend.access_keys.values()):
            if key.access_key_id not in self.settled and key.user_name is not None:
                renamed |= self._settle_key(key)
        for user in self.backend.users.values():
            facts = self.facts(user)
            if user.password and facts.password_changed_at is None:
                facts.password_changed_at = self.clock()
            elif not user.password:
                facts.password_changed_at = None
        return renamed

    def _settle_key(self, key: Any) -> dict[str, str]:
        old, old_secret, number = key.access_key_id, key.secret_access_key, 0
        created = stock.epoch(key.create_date)
        while True:
            new = self.ids.make(KEY, self.id, "key", key.user_name, number, created)
            if new not in self.settled:
                break
            number += 1
        self.backend.access_keys.pop(old)
        key.access_key_id, key.secret_access_key = new, self.ids.secret(new)
        self.backend.access_keys[new] = key
        self.settled[new] = key.user_name
        return {old: new, old_secret: key.secret_access_key}

    def _shown(self, uses: Any) -> Use | None:
        now = self.clock()
        shown = [use for use in uses if use.at + self.use_delay <= now]
        return max(shown, key=lambda use: use.at) if shown else None


def root_keys(state: AccountState) -> Iterator[tuple[str, Key]]:
    """The access keys of root with their ids."""
    for number, key in enumerate(state.root.keys):
        yield state.ids.key(state.id, "<root_account>", number, key), key


def new_state(
    account: Account,
    ids: Ids,
    clock: Callable[[], int],
    *,
    use_delay: int,
    report_polls: int,
    job_polls: int,
    short_pages: int,
) -> AccountState:
    """An account without anything in it yet (see `planting`)."""
    return AccountState(
        id=account.id,
        partition=account.partition,
        created_at=account.created_at,
        root=account.root,
        backend=stock.iam_backend(account.id, account.partition),
        ids=ids,
        clock=clock,
        use_delay=use_delay,
        report_polls=report_polls,
        job_polls=job_polls,
        short_pages=short_pages,
        summary_extra=account.summary_extra,
    )
