"""The credential report: root first, AWS's cells, frozen when its making starts and served for four hours."""

import base64
import csv
import io
from collections.abc import Sequence
from typing import Any

from nhiscan_aws.simulated import stock
from nhiscan_aws.simulated.state import AccountState, Report, root_keys
from nhiscan_aws.simulated.wire import Form, Refusal, time_text
from nhiscan_aws.simulated.world import Certificate, Use

LIFETIME = 4 * 3600
"""Seconds for which a report is kept and served."""

COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(
        f"access_key_{slot}_{fact}"
        for slot in (1, 2)
        for fact in ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
    ),
    *(f"cert_{slot}_{fact}" for slot in (1, 2) for fact in ("active", "last_rotated")),
)
MORE = "additional_credentials_info"
NOTHING = "N/A"
KeyFacts = tuple[str, str, int, Use | None]  # id, status, creation, last use


def generate_credential_report(state: AccountState, form: Form) -> dict[str, Any]:
    del form
    report = state.report
    if report is None or state.clock() - report.generated_at >= LIFETIME:
        state.report = Report(write_report(state), state.clock(), state.report_polls)
        return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}
    if report.polls_left > 1:
        report.polls_left -= 1
        return {"State": "INPROGRESS"}
    report.polls_left = 0
    return {"State": "COMPLETE"}


def get_credential_report(state: AccountState, form: Form) -> dict[str, Any]:
    del form
    report = state.report
    if report is None:
        raise Refusal("ReportNotPresent", 410, "No report exists. Please generate a report first.")
    if report.polls_left > 0:
        raise Refusal("ReportInProgress", 404, "The report is being generated.")
    if state.clock() - report.generated_at >= LIFETIME:
        raise Refusal("ReportExpired", 410, "The report has expired. Please generate a new report.")
    content = base64.b64encode(report.content.encode()).decode()
    return {"Content": content, "ReportFormat": "text/csv", "GeneratedTime": report.generated_at}


def prepare(state: AccountState) -> None:
    """A report made now, ready to be fetched: what is found when somebody else asked for one shortly before."""
    state.report = Report(write_report(state), state.clock(), 0)


def write_report(state: AccountState) -> str:
    """The report as of now, LF between its lines and none after the last."""
    users = sorted(state.backend.users.values(), key=lambda user: user.name.lower())
    more = any(state.facts(user).more_credentials for user in users)
    lines: list[Sequence[str]] = [(*COLUMNS, MORE) if more else COLUMNS, _root(state) + ([NOTHING] if more else [])]
    for user in users:
        row = _user(state, user)
        lines.append([*row, state.facts(user).more_credentials or NOTHING] if more else row)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue().rstrip("\n")


def _root(state: AccountState) -> list[str]:
    root = state.root
    password = root.password
    used = changed = "not_supported"
    if password is not None:
        used = time_text(password.used_at) if password.used_at is not None else "no_information"
        changed = time_text(password.changed_at) if password.changed_at else "not_supported"
    keys = [(key_id, key.status, key.created_at, state.key_use(key_id) or key.used) for key_id, key in root_keys(state)]
    return [
        "<root_account>",
        state.root_arn,
        time_text(state.created_at),
        _flag(password is not None),
        used if password else NOTHING,
        changed if password else NOTHING,
        "not_supported",
        _flag(root.mfa),
        *_keys(keys),
        *_certificates(root.certificates),
    ]


def _user(state: AccountState, user: Any) -> list[str]:
    facts = state.facts(user)
    used = changed = following = NOTHING
    if user.password:
        used = time_text(stock.epoch(user.password_last_used)) if user.password_last_used else "no_information"
        if facts.password_changed_at is not None:
            changed = time_text(facts.password_changed_at)
            policy = state.backend.account_password_policy
            if policy is not None and policy.max_password_age:
                following = time_text(facts.password_changed_at + policy.max_password_age * 86_400)
    keys = [
        (key.access_key_id, key.status, stock.epoch(key.create_date), state.key_use(key.access_key_id))
        for key in user.access_keys
    ]
    certificates = [Certificate(stock.epoch(one.upload_date), one.status) for one in user.signing_certificates.values()]
    return [
        user.name,
        user.arn,
        time_text(stock.epoch(user.create_date)),
        _flag(bool(user.password)),
        used,
        changed,
        following,
        _flag(bool(user.mfa_devices)),
        *_keys(keys),
        *_certificates(certificates),
    ]


def _keys(keys: list[KeyFacts]) -> list[str]:
    """Two slots, by ascending key id, which is not the order of creation."""
    cells: list[str] = []
    for _, status, created, use in sorted(keys)[:2]:
        cells += [_flag(status == "Active"), time_text(created)]
        cells += [time_text(use.at), use.region, use.service] if use else [NOTHING] * 3
    return cells + ["false", *[NOTHING] * 4] * (2 - min(2, len(keys)))


def _certificates(certificates: Sequence[Certificate]) -> list[str]:
    cells: list[str] = []
    for certificate in certificates[:2]:
        cells += [_flag(certificate.status == "Active"), time_text(certificate.created_at)]
    return cells + ["false", NOTHING] * (2 - min(2, len(certificates)))


def _flag(value: bool) -> str:
    return "true" if value else "false"
