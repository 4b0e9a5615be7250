"""Source ``iam.service-last-accessed``: which services users and roles may call, and when they last tried to.

AWS makes a report for each of them: at least two calls, one that starts it and one that fetches it. They are started
in batches and fetched afterwards, one call at a time: AWS throttles these calls early. A report looks at nothing
but the permissions policies of the identity (no boundary, no policy of the organisation). It counts refused attempts.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import AccessUse, Identity, Record
from nhiscan_aws.account import Account
from nhiscan_aws.failures import LastAccessedNotGiven, ListCut
from nhiscan_aws.pages import PAGE
from nhiscan_aws.sources.details import DETAILS, TRACKING_DAYS, epoch

LAST_ACCESSED = "iam.service-last-accessed"
PERMISSIONS = ("iam:GenerateServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails")
KINDS = ("user", "role")
BATCH = 50  # reports in the making at once
ROUNDS = 10
FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0  # seconds between two rounds

Service = Mapping[str, Any]


def run(account: Account, reader: Reader) -> Iterator[Record]:
    """An AccessUse for each service that an identity may call, used or not, and for each action that AWS tracks."""
    identities = (one for one in reader(DETAILS) if isinstance(one, Identity) and one.kind in KINDS and one.arn)
    while batch := list(islice(identities, BATCH)):
        yield from _batch(account, batch)


def _batch(account: Account, identities: list[Identity]) -> Iterator[AccessUse]:
    jobs = {identity: job for identity in identities if (job := _start(account, identity)) is not None}
    found: dict[Identity, list[Service]] = {}
    wait = FIRST_WAIT
    for number in range(ROUNDS):
        for identity, job in jobs.items():
            if identity not in found:
                services = _fetch(account, identity, job)
                if services is not None:
                    found[identity] = services
        if len(found) == len(jobs):
            break
        if number + 1 < ROUNDS:
            account.context.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
    else:
        late = next(identity for identity in jobs if identity not in found)
        raise LastAccessedNotGiven(late.name, f"was not ready after it was asked for {ROUNDS} times")
    for identity, services in found.items():
        yield from _uses(account, identity, services).values()


def _start(account: Account, identity: Identity) -> str | None:
    """The id of a job; None for an identity that is gone by now."""
    try:
        answer = account.iam.generate_service_last_accessed_details(Arn=str(identity.arn), Granularity="ACTION_LEVEL")
    except account.iam.exceptions.NoSuchEntityException:
        return None
    return answer["JobId"]


def _fetch(account: Account, identity: Identity, job: str) -> list[Service] | None:
    """The services of a report, all pages; None while it is in the making."""
    services: list[Service] = []
    marker: dict[str, str] = {}
    while True:
        answer: Mapping[str, Any] = account.iam.get_service_last_accessed_details(
            JobId=job,
            MaxItems=PAGE,
            **marker,
        )
        if answer["JobStatus"] == "IN_PROGRESS":
            return None
        if answer["JobStatus"] != "COMPLETED":
            code = (answer.get("Error") or {}).get("Code") or answer["JobStatus"]
            raise LastAccessedNotGiven(identity.name, f"could not be made by AWS ({code})")
        if "ServicesLastAccessed" not in answer:
            raise ListCut("GetServiceLastAccessedDetails", "ServicesLastAccessed")
        services.extend(answer["ServicesLastAccessed"])
        if not answer.get("IsTruncated"):
            return services
        if not answer.get("Marker"):
            raise ListCut("GetServiceLastAccessedDetails")
        marker = {"Marker": str(answer["Marker"])}


def _uses(account: Account, identity: Identity, services: list[Service]) -> dict[str, AccessUse]:
    """Key -> record. The tracked actions of a service are rows of their own."""
    uses: dict[str, AccessUse] = {}

    def keep(key: str, service: str, action: str | None, used_at: int | None) -> None:
        uses[key] = AccessUse(
            key=key,
            scope=account.key,
            identity=identity.key,
            service=service,
            action=action,
            used_at=used_at,
            trailing_days=TRACKING_DAYS,
            source=LAST_ACCESSED,
        )

    for one in services:
        service = str(one["ServiceNamespace"]).lower()
        keep(f"{identity.key}|{service}", service, None, epoch(one.get("LastAuthenticated")))
        for tracked in one.get("TrackedActionsLastAccessed") or ():
            name = str(tracked["ActionName"]).lower()
            action = name if ":" in name else f"{service}:{name}"
            keep(f"{identity.key}|{service}|{action}", service, action, epoch(tracked.get("LastAccessedTime")))
    return uses
