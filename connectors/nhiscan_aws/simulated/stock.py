"""The only module that reaches into moto: its backends and objects, its server application, and three patches to its
module functions while a simulation answers (clock, marking of used keys).

moto keeps its backends in process-wide dictionaries. An account can therefore be simulated once at a time in a process.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from typing import Any

import moto.iam.models
import moto.sts.models
from moto.backends import list_of_moto_modules
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

Application = Callable[[dict[str, Any], Callable[..., Any]], Any]

iam: Any = moto.iam.models  # its classes are untyped in part, and patched below
sts: Any = moto.sts.models

_clock: ContextVar[Callable[[], int] | None] = ContextVar("nhiscan_simulated_clock", default=None)
_taken: set[str] = set()
_lock = threading.Lock()


def moment(at: int) -> datetime:
    """Epoch seconds as moto keeps times: naive, UTC."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def epoch(value: datetime) -> int:
    """A time of moto's as epoch seconds."""
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())


def application() -> Application:
    """The server application for all services."""
    app: Application = DomainDispatcherApplication(create_backend_app)
    return app


def services() -> frozenset[str]:
    """Names of the services that moto knows."""
    return frozenset(list_of_moto_modules())


def take(accounts: list[str]) -> None:
    """Reserve accounts for one simulation; RuntimeError when one of them is simulated already in this process."""
    with _lock:
        if twice := _taken.intersection(accounts):
            names = ", ".join(sorted(twice))
            raise RuntimeError(f"account {names} is simulated already in this process: stop that or use another id")
        for account in accounts:
            _forget(account)
        _taken.update(accounts)


def give_back(accounts: list[str]) -> None:
    """Forget everything about these accounts."""
    with _lock:
        for account in accounts:
            _forget(account)
            _taken.discard(account)


def _forget(account: str) -> None:
    for backends in list(type(iam.iam_backends)._instances):  # noqa: SLF001 moto keeps the list of its backends there
        backends.pop(account, None)
    iam.iam_backends.pop(account, None)
    sts.sts_backends.pop(account, None)


def iam_backend(account: str, partition: str) -> Any:
    """The IAM of an account, empty when it is new."""
    return iam.iam_backends[account][partition]


@cache
def provider_policies() -> dict[str, Any]:
    """Name -> AWS-managed policy (Path, Document, DefaultVersionId, CreateDate, UpdateDate), from moto's copy."""
    data: dict[str, Any] = json.loads(aws_managed_policies_data)
    return data


def use_provider_policy(backend: Any, arn: str) -> Any:
    """Make an AWS-managed policy known to an account; KeyError when there is none of this ARN."""
    known = backend.managed_policies.get(arn)
    if known is not None:
        return known
    name = arn.rpartition("/")[2]
    policy = iam.AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, provider_policies()[name])
    if policy.arn != arn:
        raise KeyError(arn)
    policy.create_date, policy.update_date = moment(epoch(policy.create_date)), moment(epoch(policy.update_date))
    for version in policy.versions:
        version.create_date = moment(epoch(version.create_date))
    backend.managed_policies[arn] = policy
    return policy


@contextmanager
def answering(clock: Callable[[], int]) -> Iterator[None]:
    """While this lasts, moto in this thread reads the simulated clock and leaves the marking of used keys to us."""
    token = _clock.set(clock)
    try:
        yield
    finally:
        _clock.reset(token)


def _patch() -> None:
    real_now, real_mark = iam.utcnow, iam.mark_account_as_visited

    def utcnow() -> datetime:
        clock = _clock.get()
        return real_now() if clock is None else moment(clock())

    def mark_account_as_visited(**what: Any) -> None:
        if _clock.get() is None:
            real_mark(**what)

    iam.utcnow = sts.utcnow = utcnow
    iam.mark_account_as_visited = mark_account_as_visited


_patch()

AccessKey, Group, InstanceProfile, ManagedPolicy = iam.AccessKey, iam.Group, iam.InstanceProfile, iam.ManagedPolicy
MFADevice, PasswordPolicy, PolicyVersion = iam.MFADevice, iam.AccountPasswordPolicy, iam.PolicyVersion
Role, SigningCertificate, User = iam.Role, iam.SigningCertificate, iam.User
