"""The production account of the demo company: services, each with the habits of its team."""

from nhiscan_aws.simulated import demo_reach
from nhiscan_aws.simulated.demo_parts import ADMINISTRATOR, AWS, PARTNER, PRODUCTION, READ_ONLY, SHARED, Parts, allow
from nhiscan_aws.simulated.world import (
    Account,
    Certificate,
    Key,
    ManagedPolicy,
    PasswordPolicy,
    Role,
    Root,
    Use,
    User,
    trust,
)


def production(parts: Parts) -> Account:
    root_key = Key(parts.day("2017-08-02"), used=Use(parts.ago(210), "s3"))
    return Account(
        PRODUCTION,
        parts.day("2017-08-01"),
        "lanternfish-production",
        root=Root(
            password=parts.password(1500, 420),
            mfa=False,
            keys=(root_key,),
            certificates=(Certificate(root_key.created_at),),
        ),
        users=(*_users(parts), *demo_reach.users(parts)),
        groups=(
            parts.group("Deployers", 2000, "everything-but-iam"),
            parts.group("OnCall", 1800, READ_ONLY, AWS + "CloudWatchFullAccess"),
            parts.group("Empty", 1000),
        ),
        roles=(*_roles(parts), *demo_reach.roles(parts)),
        policies=(
            ManagedPolicy("everything-but-iam", parts.ago(1900), (_not_iam(),)),
            ManagedPolicy(
                "parcel-tables",
                parts.ago(1400),
                (allow("dynamodb:*", f"arn:aws:dynamodb:*:{PRODUCTION}:table/parcel-*"),),
            ),
            ManagedPolicy("own-admin", parts.ago(1300), (allow("s3:*"), allow("*:*"))),
            ManagedPolicy("hostile-text", parts.ago(300), (_hostile(),)),
        ),
        password_policy=PasswordPolicy(
            minimum_length=6, symbols=False, numbers=False, uppercase=False, max_age_days=None, reuse_prevention=None
        ),
    )


def _users(parts: Parts) -> tuple[User, ...]:
    payments = parts.ago(1700)
    return (
        parts.person(
            "Farid Haddad",
            1900,
            "OnCall",
            password=parts.password(120, 2),
            keys=(parts.key(400, 15),),
            accessed=parts.calls(2, "cloudwatch", "logs"),
        ),
        parts.person("Jonas Weber", 1300, "OnCall", password=parts.password(95, 7), mfa=False),
        parts.service(
            "parcel-tracker", 2100, "Amara Okafor", parts.key(71, 1, service="dynamodb"), attached=("parcel-tables",)
        ),
        # never rotated: made with the user
        User(
            "payments-api",
            payments,
            "/service/",
            parts.owner("Farid Haddad"),
            keys=(Key(payments + 600, used=Use(parts.ago(1), "kms")),),
            groups=("Deployers",),
        ),
        # owner left in August, key still used
        parts.service(
            "route-optimizer",
            1500,
            "Dana Novak",
            parts.key(640, 3, service="sqs"),
            attached=(AWS + "AmazonSQSFullAccess",),
        ),
        # owner left in May, key idle but active
        parts.service("fleet-sync", 1600, "Hugo Marin", parts.key(910, 300)),
        parts.service("label-printer", 1200, "Greta Lund", parts.key(230), attached=(AWS + "AmazonS3ReadOnlyAccess",)),
        parts.service(
            "mailer", 1100, "Nadia Petrova", parts.key(88, 4, service="ses"), inline={"send": allow("ses:SendEmail")}
        ),
        # a program that can sign in to the console, without MFA
        parts.service(
            "svc-reporting",
            1000,
            "Greta Lund",
            parts.key(150, 20),
            password=parts.password(900, 45),
            attached=(ADMINISTRATOR,),
        ),
        parts.service(
            "ftp-ingest", 2400, None, parts.key(1800, 600), parts.key(1750, 20), attached=(AWS + "AmazonS3FullAccess",)
        ),
        parts.service(
            "metrics-push",
            300,
            "Omar Said",
            parts.key(300, 1, service="monitoring"),
            inline={"push": allow("cloudwatch:PutMetricData")},
        ),
        parts.service(
            "old-batch",
            2600,
            "Bruno Keller",
            parts.key(2000, 1500, status="Inactive"),
            parts.key(1990, 1499, status="Inactive"),
        ),
        parts.service("shadow-admin", 800, None, parts.key(77, 9, service="iam"), inline={"all": allow("*")}),
        # a policy that is no JSON: what it allows cannot be determined
        parts.service("migrated-app", 1750, "Jonas Weber", parts.key(60, 2), inline={"imported": "{broken: policy"}),
    )


def _roles(parts: Parts) -> tuple[Role, ...]:
    hidden = parts.workload(
        "public-handoff",
        1200,
        None,
        used=40,
        calls=("s3",),
        trust=trust("*"),
        attached=(AWS + "AmazonS3ReadOnlyAccess",),
    )
    return (
        parts.audit_role(),
        parts.workload("parcel-api", 1500, "Amara Okafor", used=1, calls=("dynamodb",), attached=("parcel-tables",)),
        parts.workload(
            "parcel-indexer", 1400, "Amara Okafor", used=1, calls=("dynamodb",), attached=("parcel-tables",)
        ),
        parts.workload(
            "payments-worker",
            1300,
            "Farid Haddad",
            used=1,
            calls=("kms",),
            inline={"kms": allow("kms:Decrypt", f"arn:aws:kms:*:{PRODUCTION}:key/*")},
        ),
        parts.workload("invoice-export", 1250, "Liam Byrne", used=120, calls=("s3",), attached=("own-admin",)),
        parts.workload(
            "partner-pull",
            1100,
            "Greta Lund",
            used=2,
            calls=("s3",),
            trust=trust(PARTNER),
            attached=(AWS + "AmazonS3ReadOnlyAccess",),
        ),
        parts.workload(
            "deploy-target",
            1000,
            "Bruno Keller",
            used=1,
            calls=("cloudformation", "lambda", "ecs", "s3"),
            path="/",
            trust=trust(f"arn:aws:iam::{SHARED}:role/workload/cross-account-deploy"),
            attached=("everything-but-iam",),
        ),
        parts.workload(
            "batch-host",
            1600,
            "Omar Said",
            used=3,
            calls=("ec2", "ssm", "s3"),
            by="ec2.amazonaws.com",
            instance_profile=True,
            attached=(ADMINISTRATOR,),
        ),
        parts.workload("seasonal-planner", 950, "Dana Novak", used=310),
        parts.workload("abandoned-poc", 900, None, used=None, attached=(AWS + "PowerUserAccess",)),
        parts.workload(
            "report-reader", 450, "Nadia Petrova", used=5, calls=("s3", "athena"), attached=(READ_ONLY, "hostile-text")
        ),
        parts.workload(
            "queue-drainer",
            420,
            "Omar Said",
            used=1,
            calls=("sqs",),
            attached=(AWS + "AmazonSQSFullAccess",),
            boundary="parcel-tables",
        ),
        hidden,
    )


def _not_iam() -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "AllButIam", "Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
    }


def _hostile() -> dict[str, object]:
    text = "</script><script>alert('policy')</script>"
    condition = {"StringEquals": {"aws:PrincipalTag/team": text}}
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{text}/*",
        "Condition": condition,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
