"""What the connector can be asked. Read for every ``--help``, so it imports nothing else of the package."""

from nhiscan.connector import Option

OPTIONS = (
    Option(
        "organization", "organisation to read, by number; repeatable", repeatable=True, default=(), metavar="NUMBER"
    ),
    Option("folder", "folder to read, by number; repeatable", repeatable=True, default=(), metavar="NUMBER"),
    Option(
        "project",
        "project to read, by id; repeatable (default, without any of the three: all that the caller sees)",
        repeatable=True,
        default=(),
        metavar="ID",
    ),
    Option("quota-project", "project whose quota the calls count for", metavar="ID"),
    Option(
        "endpoint",
        "address of an API, such as cloudasset=https://cloudasset-shop.p.googleapis.com; repeatable",
        repeatable=True,
        default=(),
        metavar="API=ADDRESS",
    ),
    Option(
        "no-key-state",
        "do not ask which keys are disabled or were seen in the open: one call less for each account with keys",
        kind="flag",
        default=False,
    ),
    Option(
        "account-activity",
        "ask when accounts were last used, not only keys: one more call for each project",
        kind="flag",
        default=False,
    ),
    Option(
        "insights",
        "ask the recommender what accounts used in some 90 days: two more calls for each project",
        kind="flag",
        default=False,
    ),
    Option(
        "monitoring",
        "ask Cloud Monitoring for use in the last 41 days: of API keys, and of keys and accounts where Policy Analyzer "
        "does not tell",
        kind="flag",
        default=False,
    ),
    Option(
        "creators",
        "ask the audit logs of the last 400 days who made accounts and keys: one more call for each 100 projects",
        kind="flag",
        default=False,
    ),
)
