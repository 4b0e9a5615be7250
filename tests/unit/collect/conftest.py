"""A small cloud of our own on the loopback, Acme, and a real connector that reads it over HTTP."""

import hashlib
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import pytest

from nhiscan.collect import ScanOutcome, scan
from nhiscan.connector import Connector, Context, Failure, NoAccess, Option, OptionError, Reader, Settings, Source
from nhiscan.inventory import Finishing, Inventory, open_inventory
from nhiscan.model import Call, Covered, Credential, Identity, Policy, Record, Scope, Setting, TieOut
from nhiscan.testing.canaries import Canaries
from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import CUT, DENY, Attempt, Faults
from nhiscan.testing.server import ConnectionCut, Environ, LoopbackServer, StartResponse

NOW = 1_790_000_000
PAGE = 3

World = dict[str, dict[str, list[str]]]  # account -> user -> tokens


def small_world() -> World:
    return {
        "one": {f"user{number}": [f"t{number}a", f"t{number}b"][: number % 3] for number in range(7)},
        "two": {"ci": ["c1"], "ann": []},
    }


class Acme:
    """The simulated cloud. ``users`` may change between scans; its organisation does not tell of ``hidden`` ones."""

    def __init__(self, users: World) -> None:
        self.users = users
        self.hidden: set[str] = set()
        self.clock = SimulatedClock(NOW)
        self.faults = Faults(self.clock)
        self.calls = CallCounts()
        self.canaries = Canaries(7)
        self.remove: tuple[str, ...] = ()
        self.environment: Mapping[str, str] = {}
        self._server = LoopbackServer(self._answer)

    @property
    def endpoint(self) -> str:
        return self._server.url

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"endpoint": self.endpoint, "account": tuple(sorted(self.users)), "key": "/nowhere/acme.key"}

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.stop()

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        _, action, account, *rest = environ["PATH_INFO"].split("/")
        name = f"acme:{action}"
        self.calls.add(account, name)
        fault, _ = self.faults.judge(Attempt(account, name, "reader"))
        if fault is not None and fault.kind == CUT:
            raise ConnectionCut
        if fault is not None:
            status = 403 if fault.kind == DENY else fault.status or 500
            start_response(f"{status} Refused", [("Content-Type", "application/json")])
            return [json.dumps({"code": "Forbidden" if fault.kind == DENY else fault.code or "Broken"}).encode()]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(self._body(action, account, rest)).encode()]

    def _body(self, action: str, account: str, rest: list[str]) -> Any:
        if action == "WhoAmI":
            return {"principal": "reader"}
        if action.startswith("Org"):
            return self._of_organisation(action, rest)
        if action in ("Enter", "OwnBindings"):
            return {}
        users = self.users[account]
        if action == "ListUsers":
            first = int(rest[0])
            return {"users": sorted(users)[first : first + PAGE], "more": first + PAGE < len(users)}
        if action == "FindUsers":
            return {"users": sorted(users, reverse=True), "more": False}
        if action == "ListTokens":
            return {"tokens": users[rest[0]], "secret": self.canaries.plant(f"secret of {rest[0]}")}
        return {"users": len(users)}

    def _of_organisation(self, action: str, rest: list[str]) -> Any:
        told = {name: users for name, users in sorted(self.users.items()) if name not in self.hidden}
        if action == "OrgGuards":
            return {"guards": ["no-exit"]}
        pairs = sorted((position, name, one) for name, users in told.items() for position, one in enumerate(users))
        first = int(rest[0])
        page = [{"account": name, "name": one, "tokens": told[name][one]} for _, name, one in pairs[first:][:PAGE]]
        return {"users": page, "more": first + PAGE < len(pairs), "accounts": list(told)}


class Refused(Exception):
    def __init__(self, operation: str, status: int, code: str) -> None:
        super().__init__(operation, status, code)
        self.operation, self.status, self.code = operation, status, code


@dataclass
class Door:
    """The client of one account, or of the organisation with the accounts ``below`` it."""

    scope: Scope
    endpoint: str
    context: Context
    closed: list[str]
    below: Mapping[str, Scope] = field(default_factory=dict)

    def call(self, operation: str, *path: str, page: int = 1) -> Any:
        request = urllib.request.Request("/".join((self.endpoint, operation, self.scope.native_id, *path)))
        status, body, code = 200, b"", None
        started = self.context.clock()
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            status, code = error.code, json.loads(error.read())["code"]
            error.close()
        self.context.note(
            Call(
                "acme",
                operation,
                json.dumps(path),
                "http://127.0.0.1",
                page,
                None,
                None,
                status,
                code,
                None,
                1,
                started,
                self.context.clock(),
                hashlib.sha256(body).hexdigest(),
            )
        )
        if code is not None:
            raise Refused(operation, status, code)
        return json.loads(body)

    def close(self) -> None:
        self.closed.append(self.scope.native_id)


def user(scope: Scope, name: str, source: str) -> Identity:
    return Identity(f"{scope.key}/user/{name}", scope.key, "user", name, name, tags="{}", source=source)


def users(door: Door, reader: Reader) -> Iterator[Record]:
    first, more = 0, True
    while more:
        answer = door.call("ListUsers", str(first), page=first // PAGE + 1)
        for name in answer["users"]:
            yield user(door.scope, name, "acme.users")
        more, first = answer["more"], first + PAGE


def users_found(door: Door, reader: Reader) -> Iterator[Record]:
    for name in door.call("FindUsers")["users"]:
        yield user(door.scope, name, "acme.users-found")


def org_users(door: Door, reader: Reader) -> Iterator[Record]:
    first, more = 0, True
    while more:
        answer = door.call("OrgUsers", str(first), page=first // PAGE + 1)
        for one in answer["users"]:
            if one["account"] in door.below:
                yield user(door.below[one["account"]], one["name"], "acme.org-users")
        more, first = answer["more"], first + PAGE
    for name in answer["accounts"]:
        if name in door.below:
            yield Covered(door.below[name].key)


def guards(door: Door, reader: Reader) -> Iterator[Record]:
    for name in door.call("OrgGuards")["guards"]:
        key = f"{door.scope.key}/service_control_policy/{name}"
        yield Policy(key, door.scope.key, "service_control_policy", name, name, source="acme.guards")


def tokens_of(read: str) -> Callable[[Door, Reader], Iterator[Record]]:
    """A source of tokens that asks for those of the users whom the source ``read`` showed."""

    def tokens(door: Door, reader: Reader) -> Iterator[Record]:
        names = sorted({record.native_id for record in reader(read) if isinstance(record, Identity)})
        with ThreadPoolExecutor(max(1, door.context.fanout)) as pool:
            asked = [(name, pool.submit(copy_context().run, door.call, "ListTokens", name)) for name in names]
            for name, future in asked:
                for token in future.result()["tokens"]:
                    key = f"{door.scope.key}/token/{token}"
                    identity = f"{door.scope.key}/user/{name}"
                    yield Credential(
                        key, door.scope.key, "token", token, token, identity, "active", source="acme.tokens"
                    )

    return tokens


def summary(door: Door, reader: Reader) -> Iterator[Record]:
    count = door.call("Summary")["users"]
    listed = len({record.native_id for record in reader("acme.users") if isinstance(record, Identity)})
    key = door.scope.key
    yield Setting(f"{key}|account.users", key, "account.users", number=count, source="acme.summary")
    yield TieOut(f"{key}|users", key, "users", "acme.users", listed, "acme.summary", count)


USERS = Source(
    "acme.users",
    users,
    lists=frozenset({"identity:user"}),
    adds=frozenset({"identity:user.tags"}),
    permissions=("acme:ListUsers",),
)
FOUND = Source(
    "acme.users-found",
    users_found,
    lists=frozenset({"identity:user"}),
    adds=frozenset({"identity:user.tags"}),
    fallback_for="acme.users",
    permissions=("acme:FindUsers",),
)
FOUND_ALONE = replace(FOUND, fallback_for=None)
TOKENS = Source(
    "acme.tokens",
    tokens_of("acme.users"),
    lists=frozenset({"credential:token"}),
    reads=("acme.users",),
    permissions=("acme:ListTokens",),
)
SUMMARY = Source(
    "acme.summary",
    summary,
    lists=frozenset({"setting:account"}),
    reads=("acme.users",),
    permissions=("acme:Summary",),
)
SOURCES = (SUMMARY, TOKENS, USERS, FOUND)

ORG_USERS = Source(
    "acme.org-users",
    org_users,
    lists=frozenset({"identity:user"}),
    adds=frozenset({"identity:user.tags"}),
    permissions=("acme:OrgUsers",),
    on=frozenset({"organization"}),
    spans=True,
)
GUARDS = Source(
    "acme.guards",
    guards,
    lists=frozenset({"policy:service_control_policy"}),
    permissions=("acme:OrgGuards",),
    on=frozenset({"organization"}),
)
USERS_ALONE = replace(USERS, fallback_for="acme.org-users")
ORG_TOKENS = replace(TOKENS, run=tokens_of("acme.org-users"), reads=("acme.org-users",))
ORG_SOURCES = (ORG_USERS, GUARDS, USERS_ALONE, ORG_TOKENS)


@dataclass
class AcmeSession:
    settings: Settings
    context: Context
    closed: list[str]

    def caller(self) -> Mapping[str, str]:
        try:
            principal: str = Door(Scope("", "", "", "", ""), self.settings["endpoint"], self.context, []).call(
                "WhoAmI"
            )["principal"]
        except (Refused, OSError) as error:
            raise NoAccess("Acme does not know the caller", "Give a key that is valid") from error
        return {"principal": principal}

    def scopes(self) -> Iterator[Scope]:
        for name in self.settings["account"]:
            yield Scope(f"acme/account/{name}", "acme", "account", name, name=name, state="active")

    def enter(self, scope: Scope) -> Door:
        return Door(scope, self.settings["endpoint"], self.context, self.closed)

    def close(self) -> None:
        self.closed.append("session")


class OrgSession(AcmeSession):
    """Sees the organisation, too. The setting ``folders`` says which account lies in which folder."""

    def scopes(self) -> Iterator[Scope]:
        top = Scope("acme/organization/top", "acme", "organization", "top", name="top")
        folders = self.settings.get("folders", {})
        above = {
            name: Scope(f"acme/folder/{name}", "acme", "folder", name, name=name, parent=top.key)
            for name in sorted(set(folders.values()))
        }
        yield top
        yield from above.values()
        for scope in super().scopes():
            yield scope._replace(parent=above.get(folders.get(scope.native_id), top).key)

    def enter(self, scope: Scope) -> Door:
        door = super().enter(scope)
        if scope.kind != "account":
            door.below = {one.native_id: one for one in self.scopes() if one.kind == "account"}
        door.call("Enter")
        return door


def classify(error: BaseException) -> Failure:
    if isinstance(error, Refused):
        state = "denied" if error.status == 403 else "failed"
        permission = f"acme:{error.operation}" if state == "denied" else None
        return Failure(state, error.code, error.operation, permission, f"{error.operation} was refused")
    return Failure("failed", type(error).__name__, message=type(error).__name__)


def connector(
    sources: Sequence[Source] = SOURCES, *, session: type[AcmeSession] = AcmeSession, closed: list[str] | None = None
) -> Connector:
    def open_session(settings: Settings, context: Context) -> AcmeSession:
        if not settings.get("endpoint"):
            raise OptionError("endpoint", "name the endpoint")
        return session(settings, context, [] if closed is None else closed)

    return Connector(
        name="acme",
        title="Acme",
        options=(
            Option("endpoint", "where Acme answers"),
            Option("account", "account to read", repeatable=True),
            Option("key", "file of the key", kind="path"),
        ),
        sources=lambda settings: tuple(sources),
        open=open_session,
        classify=classify,
        permissions=lambda settings: " ".join(permission for source in sources for permission in source.permissions),
        version=lambda: {"acme-sdk": "1"},
    )


@dataclass
class Bench:
    """One Acme, one inventory, and scans of the one into the other."""

    acme: Acme
    inventory: Inventory
    folder: Path
    runs: list[str] = field(default_factory=list)

    def scan(self, *connectors: tuple[Connector, Settings], **more: Any) -> ScanOutcome[Any]:
        def run_id() -> str:
            self.runs.append(f"run-{len(self.runs) + 1}")
            return self.runs[-1]

        chosen = connectors or ((connector(), self.acme.settings),)
        finish: Callable[[Finishing], Any] = more.pop("finish", lambda scan: scan.number)
        return scan(
            self.inventory,
            chosen,
            finish=finish,
            clock=self.acme.clock,
            sleep=lambda seconds: None,
            run_id=run_id,
            host="bench",
            **more,
        )

    def rows(self, select: str, number: int | None = None) -> list[tuple[Any, ...]]:
        """Rows of a SELECT over the views as of a scan, the newest unless given."""
        info = self.inventory.scan(number)
        assert info is not None
        with self.inventory.bound(info.number) as bound:
            return list(bound.sql.rows(select))

    def run_states(self) -> list[tuple[Any, ...]]:
        with self.inventory.database.connection() as sql:
            return list(sql.rows("SELECT run, state, reason FROM run ORDER BY run"))


@contextmanager
def make_bench(folder: Path, place: str) -> Iterator[Bench]:
    with Acme(small_world()) as acme:
        yield Bench(acme, open_inventory(place), folder)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with make_bench(tmp_path, str(tmp_path / "nhiscan.db")) as made:
        yield made


@pytest.fixture
def postgres_bench(tmp_path: Path, postgres_database: str) -> Iterator[Bench]:
    with make_bench(tmp_path, postgres_database) as made:
        yield made


@pytest.fixture
def acme_parts() -> Any:
    """This module, for tests that build connectors of their own from its parts."""
    return sys.modules[__name__]
