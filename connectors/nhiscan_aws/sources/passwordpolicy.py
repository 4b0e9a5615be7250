"""Source ``iam.password-policy``: what the account demands of console passwords."""

from collections.abc import Iterator, Mapping
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import Record, Setting
from nhiscan_aws.account import Account

PASSWORD_POLICY = "iam.password-policy"  # noqa: S105 - the id of a source

_FIELDS = {
    "minimum_length": "MinimumPasswordLength",
    "require_symbols": "RequireSymbols",
    "require_numbers": "RequireNumbers",
    "require_uppercase": "RequireUppercaseCharacters",
    "require_lowercase": "RequireLowercaseCharacters",
    "max_age_days": "MaxPasswordAge",  # left out by IAM where passwords do not expire: 0
    "reuse_prevention": "PasswordReusePrevention",  # left out where earlier passwords may return: 0
    "hard_expiry": "HardExpiry",
    "users_may_change": "AllowUsersToChangePassword",
}


def run(account: Account, reader: Reader) -> Iterator[Record]:
    """GetAccountPasswordPolicy as settings ``password_policy.*``; without a policy only ``...exists`` = 0."""
    del reader
    try:
        policy = account.iam.get_account_password_policy()["PasswordPolicy"]
    except account.iam.exceptions.NoSuchEntityException:  # the API's way to say that none is set
        yield _setting(account, "exists", 0)
        return
    yield _setting(account, "exists", 1)
    fields: Mapping[str, Any] = policy
    for name, field in _FIELDS.items():
        yield _setting(account, name, int(fields.get(field) or 0))


def _setting(account: Account, name: str, number: int) -> Setting:
    full = f"password_policy.{name}"
    return Setting(f"{account.key}|{full}", account.key, full, number, None, PASSWORD_POLICY)
