"""What the connector can be asked. Read for every ``--help``, so it imports nothing else of the package."""

from nhiscan.connector import Option

OPTIONS = (
    Option("tenant", "tenant to read, by id (default: the one of the credentials)", metavar="ID"),
    Option(
        "subscription",
        "subscription to read, by id; repeatable (default: all that the caller sees)",
        repeatable=True,
        default=(),
        metavar="ID",
    ),
    Option(
        "management-group",
        "management group to read, by name, with all below it; repeatable",
        repeatable=True,
        default=(),
        metavar="NAME",
    ),
    Option("directory-only", "read Entra ID alone, and no subscription", kind="flag", default=False),
    Option("no-directory", "do not read Entra ID: no application, no secret, no owner", kind="flag", default=False),
    Option("cloud", "public, usgovernment, usdod or china", default="public", metavar="NAME"),
    Option(
        "endpoint",
        "address of an API, such as graph=https://graph.example.com; repeatable (arm, graph, login)",
        repeatable=True,
        default=(),
        metavar="API=ADDRESS",
    ),
    Option(
        "no-sign-in-activity",
        "do not ask when service principals and credentials were last used (needs AuditLog.Read.All and Entra ID P1)",
        kind="flag",
        default=False,
    ),
    Option(
        "no-eligible-assignments",
        "do not ask who may activate a role (needs Entra ID P2)",
        kind="flag",
        default=False,
    ),
    Option(
        "no-leave-dates",
        "do not ask when users leave (needs User-LifeCycleInfo.Read.All)",
        kind="flag",
        default=False,
    ),
    Option(
        "no-second-count",
        "do not list role assignments a second time: one call less for each management group and subscription",
        kind="flag",
        default=False,
    ),
    Option("agent-identities", "read the identities of AI agents (Entra Agent ID)", kind="flag", default=False),
)
