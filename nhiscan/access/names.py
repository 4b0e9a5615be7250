"""Puts names onto keys: identities, and what grants something to them."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from nhiscan.inventory import Sql

KEPT = 50_000
"""Names held in memory at once."""


class Who(NamedTuple):
    """An identity as people know it. One that the inventory does not hold has its key as name and no kind."""

    key: str
    name: str
    kind: str
    arn: str | None
    scope: str
    scope_name: str

    @property
    def words(self) -> str:
        """Kind and name: role deployer."""
        return f"{self.kind.replace('_', ' ')} {self.name}" if self.kind else self.name


class Source(NamedTuple):
    """What a permission comes from: a grant, the trust document of an identity, owning it, or a credential of it.

    ``holder`` is whom it is granted to: the identity, or a group it is in, or a scope. What is neither has its text as
    name and no kind.
    """

    key: str
    name: str
    kind: str  # GRANT_KINDS, "trust", "owned_by", "federated_credential"; "" not known
    holder: Who | None
    arn: str | None  # of the policy

    @property
    def words(self) -> str:
        """What it is and whose: attached policy ReadOnly of group Readers."""
        if self.kind == "owned_by" and self.holder:
            return f"the ownership of {self.holder.words}"
        if self.kind == "federated_credential" and self.holder:
            return f"federated credential {self.name} of {self.holder.words}"
        if self.kind == "trust":
            return f"the trust policy of {self.name}"
        kind = self.kind.replace("_", " ")
        held = f" of {self.holder.words}" if self.holder and self.holder.kind else ""
        return f"{kind} {self.name}{held}" if kind else self.name


class Names:
    """Looks names up in the views of identities, grants, policies, relations, credentials and scopes."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql
        self._scopes: dict[str, str] = {
            key: name or native.rpartition(":")[2]
            for key, name, native in sql.rows("SELECT key, name, native_id FROM scope")
        }
        self.who: Callable[[str], Who] = lru_cache(maxsize=KEPT)(self._who)
        self.source: Callable[[str], Source] = lru_cache(maxsize=KEPT)(self._source)

    def scope(self, key: str) -> str:
        return self._scopes.get(key, key)

    def _who(self, key: str) -> Who:
        row = self._sql.one("SELECT name, kind, arn, scope FROM identity WHERE key = :key", {"key": key})
        if row is not None:
            return Who(key, row[0], row[1], row[2], row[3], self.scope(row[3]))
        if key in self._scopes:
            return Who(key, self._scopes[key], "scope", None, key, self._scopes[key])
        return Who(key, key, "", None, "", "")

    def _source(self, key: str) -> Source:
        row = self._sql.one(
            "SELECT g.name, g.kind, g.principal, p.arn FROM access_grant g LEFT JOIN policy p ON p.key = g.policy"
            " WHERE g.key = :key",
            {"key": key},
        )
        if row is not None:
            return Source(key, row[0], row[1], self.who(row[2]), row[3])
        row = self._sql.one("SELECT kind, subject, target FROM relation WHERE key = :key", {"key": key})
        if row is not None:
            return Source(key, self.who(row[2]).words, row[0], self.who(row[1]), None)
        row = self._sql.one("SELECT kind, name, identity FROM credential WHERE key = :key", {"key": key})
        if row is not None:
            return Source(key, row[1], row[0], self.who(row[2]), None)
        holder = self.who(key)
        return Source(key, holder.words, "trust", holder, None) if holder.kind else Source(key, key, "", None, None)
