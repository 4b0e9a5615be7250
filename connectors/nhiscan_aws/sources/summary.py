"""Source ``iam.account-summary``: counts made by IAM itself, and flags of the root identity."""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Record, Setting
from nhiscan_aws.account import Account
from nhiscan_aws.failures import ListCut
from nhiscan_aws.ledger import Count

SUMMARY = "iam.account-summary"
ROOT_KEYS = "root has active access keys"

_COUNTS = {
    "users": "Users",
    "groups": "Groups",
    "roles": "Roles",
    "customer managed policies": "Policies",
}
_FLAGS = {
    "account.access_keys_present": "AccountAccessKeysPresent",
    "account.mfa_enabled": "AccountMFAEnabled",
    "account.password_present": "AccountPasswordPresent",
    "account.signing_certificates_present": "AccountSigningCertificatesPresent",
}
_ALWAYS = ("AccountAccessKeysPresent", "AccountMFAEnabled")


def run(account: Account, reader: Reader) -> Iterator[Record]:
    """GetAccountSummary: the flags as settings ``account.*``, the counts for the tie-out."""
    del reader
    found: dict[str, int] = dict(account.iam.get_account_summary()["SummaryMap"])  # type: ignore[arg-type]
    for name, field in _FLAGS.items():
        if field in found:
            yield Setting(f"{account.key}|{name}", account.key, name, int(found[field]), None, SUMMARY)
    for what, field in _COUNTS.items():
        if field in found:
            account.ledger.counted[what] = Count(SUMMARY, int(found[field]))
    if "AccountAccessKeysPresent" in found:
        account.ledger.counted[ROOT_KEYS] = Count(SUMMARY, int(found["AccountAccessKeysPresent"] > 0))
    yield from account.ledger.compare(account.key)
    if lacking := [field for field in (*_COUNTS.values(), *_ALWAYS) if field not in found]:
        raise ListCut("GetAccountSummary", ", ".join(lacking))  # a count that is not there proves nothing complete
