"""Source ``iam.logins``: passwords and MFA user by user, where the credential report cannot be read.

It does not tell when a password was set (GetLoginProfile gives the date of the first one), nor when it ends, nor
signing certificates, nor anything about root.
"""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Identity, Record
from nhiscan_aws.account import Account
from nhiscan_aws.fanout import ask_each
from nhiscan_aws.pages import pages
from nhiscan_aws.sources.details import epoch
from nhiscan_aws.sources.report import login_facts, password, users_by_name

LOGINS = "iam.logins"
PERMISSIONS = ("iam:ListUsers", "iam:GetLoginProfile", "iam:ListMFADevices")


def run(account: Account, reader: Reader) -> Iterator[Record]:
    """ListUsers for the last use of passwords, then GetLoginProfile and ListMFADevices for each user."""
    used: dict[str, int | None] = {}
    for page in pages(account.iam, "list_users"):
        for listed in page["Users"]:
            used[listed["UserId"]] = epoch(listed.get("PasswordLastUsed"))

    def question(user: Identity) -> tuple[int, int] | None:
        return _login(account, user.name)

    for user, answer in ask_each(account.context, question, users_by_name(reader).values()):
        if answer is None:
            continue
        console, mfa = answer
        yield login_facts(account, user, console, mfa, LOGINS)
        if console:
            yield password(account, user, used.get(user.native_id), LOGINS, known=user.native_id in used)


def _login(account: Account, name: str) -> tuple[int, int] | None:
    """(has a password, has an MFA device); None for a user that is gone by now."""
    gone = account.iam.exceptions.NoSuchEntityException
    try:
        account.iam.get_login_profile(UserName=name)
        console = 1
    except gone:
        console = 0
    try:
        devices = sum(len(page["MFADevices"]) for page in pages(account.iam, "list_mfa_devices", UserName=name))
        return console, int(devices > 0)
    except gone:
        return None
