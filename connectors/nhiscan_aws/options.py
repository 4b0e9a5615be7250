"""What the connector can be asked. Read for every ``--help``, so it imports nothing else of the package."""

from nhiscan.connector import Option

OPTIONS = (
    Option(
        "account",
        "account to read, 12 digits; repeatable (default: the account of the caller)",
        repeatable=True,
        default=(),
        metavar="ID",
    ),
    Option("role-name", "role to assume in the accounts named by account", metavar="NAME"),
    Option("external-id", "external id that the trust policy of that role demands", metavar="ID"),
    Option(
        "organization",
        "read units and policies of the organisation: auto (if the caller is in its management account), yes (also as "
        "its delegated administrator), no",
        default="auto",
        metavar="auto|yes|no",
    ),
    Option(
        "last-accessed",
        "ask which services each user and role used: two calls or more for each",
        kind="flag",
        default=False,
    ),
    Option("profile", "profile of the AWS configuration files to read with", metavar="NAME"),
    Option("region", "region to call (IAM is global; GovCloud and China need one of their own)", metavar="REGION"),
    Option(
        "no-key-ids",
        "leave the ids of access keys off: fewer calls, keys are named by slot",
        kind="flag",
        default=False,
    ),
)
