"""Source ``iam.credential-report``: root, console passwords, MFA, signing certificates, and the slots of access keys.

The report has no ids. Its rows are joined to the users of the authorization details by name and creation time; a row
whose user is gone (the report may be four hours old) is left out and counted in the tie-out. A report that lacks a row
or a cell gives what it has and ends as not complete: what is missing is not known to be absent.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from nhiscan.connector import Reader
from nhiscan.model import Credential, DataTime, Identity, Record
from nhiscan_aws.account import Account, ReportedKeys, Slot
from nhiscan_aws.failures import ReportIncomplete, ReportNotReady
from nhiscan_aws.ledger import Count, tie_out
from nhiscan_aws.sources.details import DETAILS
from nhiscan_aws.sources.lastuse import ACCESS_KEYS_SINCE, PASSWORDS_SINCE, last_use
from nhiscan_aws.sources.reportfile import Report, Row, parse
from nhiscan_aws.sources.summary import ROOT_KEYS

REPORT = "iam.credential-report"
TRIES = 8
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds


def run(account: Account, reader: Reader) -> Iterator[Record]:
    """The report; users' access keys are kept for ``iam.access-keys``, which gives them with their ids."""
    return _run(account, reader, slots=False)


def run_with_slots(account: Account, reader: Reader) -> Iterator[Record]:
    """The report; users' access keys are given by slot, without ids."""
    return _run(account, reader, slots=True)


def _run(account: Account, reader: Reader, *, slots: bool) -> Iterator[Record]:
    generated_at, report = _fetch(account)
    yield DataTime(generated_at)
    users = users_by_name(reader)
    filled: dict[str, tuple[Slot, ...]] = {}
    more: set[str] = set()
    without: list[Row] = []
    roots = 0
    for row in report.rows:
        if row.root:
            roots += 1
            yield from _root(account, row, generated_at)
            continue
        user = users.get(row.user.lower())
        if user is None or not _same(user, row):
            without.append(row)
            continue
        keys = row.access_keys()
        filled[user.key] = keys
        if row.more:
            more.add(user.key)
        yield from _user(account, user, row)
        if slots:
            for slot in keys:
                yield slot_key(account, user, "access_key", f"{user.name}, access key {slot.number}", slot)
    account.reported = ReportedKeys(generated_at, filled, frozenset(more))
    yield tie_out(
        account.key,
        "users in the credential report",
        Count(REPORT, len(filled) + len(without)),
        Count(DETAILS, len(users)),
        _differences(account, generated_at, without, [user for user in users.values() if user.key not in filled]),
    )
    yield from account.ledger.compare(account.key)
    lacking = list(report.unreadable)
    if not roots:
        lacking.append("it has no row for root")
    if left_out := [user for user in users.values() if user.key not in filled and _was_there(user, generated_at)]:
        lacking.append(f"it has no row for {len(left_out)} of the users listed, {left_out[0].name} the first")
    if report.missing or lacking:
        raise ReportIncomplete(report.missing, tuple(lacking))


def _was_there(user: Identity, generated_at: int) -> bool:
    """The user is older than the report, so a complete report has a row for it."""
    return (user.created_at or 0) < generated_at


def _fetch(account: Account) -> tuple[int, Report]:
    """Ask for a report until there is one. A report younger than four hours is there at once."""
    wait = FIRST_WAIT
    for attempt in range(TRIES):
        if account.iam.generate_credential_report().get("State") == "COMPLETE":
            answer = account.iam.get_credential_report()
            return int(answer["GeneratedTime"].timestamp()), parse(answer["Content"])
        if attempt + 1 < TRIES:
            account.context.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
    raise ReportNotReady(TRIES)


def users_by_name(reader: Reader) -> dict[str, Identity]:
    """The users listed, by their names in lower case (IAM names are unique without regard to case)."""
    return {
        record.name.lower(): record
        for record in reader(DETAILS)
        if isinstance(record, Identity) and record.kind == "user"
    }


def _same(user: Identity, row: Row) -> bool:
    """A user deleted and made again has the same name and another creation time."""
    made = row.time("user_creation_time")
    return made is None or user.created_at is None or abs(made - user.created_at) <= 1


def _user(account: Account, user: Identity, row: Row) -> Iterator[Record]:
    console = row.truth("password_enabled")
    yield login_facts(account, user, console, row.truth("mfa_active"), REPORT)
    if console:
        due = row.time("password_next_rotation")
        used = row.time("password_last_used")
        never_used = row.text("password_last_used") == "no_information"  # N/A would mean that there is no password
        yield password(
            account,
            user,
            used,
            REPORT,
            known=used is not None or never_used,
            changed_at=row.time("password_last_changed"),
            expires_at=due,
            never_expires=0 if due is not None else 1 if row.text("password_next_rotation") == "N/A" else None,
        )
    yield from _certificates(account, user.key, user.native_id, user.name, row)


def _root(account: Account, row: Row, generated_at: int) -> Iterator[Record]:
    """The root identity: in no other listing, and nobody but root itself can list the ids of its keys."""
    key = f"{account.key}/root/{account.account_id}"
    keys = row.access_keys()
    made = row.time("user_creation_time")
    used = [row.time("password_last_used"), *(slot.used_at for slot in keys)]
    password_told = row.time("password_last_used") is not None or row.has_nothing("password_last_used")
    known = password_told and all(slot.used_known for slot in keys)
    newest = max((at for at in used if at is not None), default=None)
    since = last_use(newest, ACCESS_KEYS_SINCE, made, known=known)["known_since"]
    root = Identity(
        key=key,
        scope=account.key,
        kind="root",
        native_id=account.account_id,
        name="root",
        arn=row.arn or None,
        state="active",
        created_at=made,
        provider_managed=0,
        console_access=row.truth("password_enabled"),
        mfa=row.truth("mfa_active"),
        used_at=newest,
        known_since=since,
        source=REPORT,
    )
    yield root
    for slot in keys:
        yield slot_key(account, root, "root_access_key", f"root, access key {slot.number}", slot)
    yield from _certificates(account, key, account.account_id, "root", row)
    older = f"the report is as of {text(generated_at)}" if generated_at < account.opened_at else None
    account.ledger.listed[ROOT_KEYS] = Count(REPORT, int(any(slot.active for slot in keys)), why=older)
    yield from account.ledger.compare(account.key)


def slot_key(account: Account, identity: Identity, kind: str, name: str, slot: Slot) -> Credential:
    """An access key of which only the slot is known."""
    made = "unknown" if slot.created_at is None else slot.created_at
    return Credential(
        key=f"{account.key}/{kind}/slot:{identity.native_id}:{slot.number}:{made}",
        scope=account.key,
        kind=kind,
        native_id=None,
        name=name,
        identity=identity.key,
        state="active" if slot.active else "inactive",
        created_at=slot.created_at,
        changed_at=slot.created_at,
        slot=slot.number,
        source=REPORT,
        **last_use(slot.used_at, ACCESS_KEYS_SINCE, slot.created_at, known=slot.used_known),
    )


def _certificates(account: Account, identity: str, native_id: str, name: str, row: Row) -> Iterator[Credential]:
    for certificate in row.certificates():
        made = "unknown" if certificate.created_at is None else certificate.created_at
        yield Credential(
            key=f"{account.key}/signing_certificate/slot:{native_id}:{certificate.number}:{made}",
            scope=account.key,
            kind="signing_certificate",
            native_id=None,
            name=f"{name}, signing certificate {certificate.number}",
            identity=identity,
            state="active" if certificate.active else "inactive",
            created_at=certificate.created_at,
            changed_at=certificate.created_at,
            slot=certificate.number,
            source=REPORT,
        )


def login_facts(account: Account, user: Identity, console: int | None, mfa: int | None, source: str) -> Identity:
    """What this source adds to a user that the details list: the fields that are empty here are merged from there."""
    return Identity(
        key=user.key,
        scope=account.key,
        kind="user",
        native_id=user.native_id,
        name=user.name,
        console_access=console,
        mfa=mfa,
        source=source,
    )


def password(
    account: Account,
    user: Identity,
    used_at: int | None,
    source: str,
    *,
    known: bool = True,
    changed_at: int | None = None,
    expires_at: int | None = None,
    never_expires: int | None = None,
) -> Credential:
    """The console password of a user. There is one at most, so the user's id names it."""
    return Credential(
        key=f"{account.key}/password/{user.native_id}",
        scope=account.key,
        kind="password",
        native_id=None,
        name=f"{user.name}, console password",
        identity=user.key,
        state="active",
        changed_at=changed_at,
        expires_at=expires_at,
        never_expires=never_expires,
        source=source,
        **last_use(used_at, PASSWORDS_SINCE, user.created_at, known=known),
    )


def _differences(account: Account, generated_at: int, without: list[Row], users: list[Identity]) -> str | None:
    """Why report and listing differ, when each row without a user and each user without a row is explained."""
    later = sum(1 for row in without if (row.time("user_creation_time") or 0) >= account.opened_at)
    gone = len(without) - later
    new = sum(1 for user in users if not _was_there(user, generated_at))
    if new < len(users) or (gone and generated_at >= account.opened_at):
        return None
    parts = [f"the report is as of {text(generated_at)}"]
    if gone:
        parts.append(f"{gone} of its users deleted since")
    if new:
        parts.append(f"{new} users made since")
    if later:
        parts.append(f"{later} of its users made after the users were listed")
    return "; ".join(parts)


def text(at: int) -> str:
    """A time as people read it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
