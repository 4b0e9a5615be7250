"""The data account of the demo company. A service control policy keeps bulk exports of IAM out of it, so that the
scanner has to go the long way round, and some of what it wants to know stays closed.
"""

from nhiscan_aws.simulated.demo_parts import ADMINISTRATOR, AWS, DATA, READ_ONLY, SHARED, Parts, allow
from nhiscan_aws.simulated.world import Account, Key, ManagedPolicy, Role, Root, trust


def data(parts: Parts) -> Account:
    return Account(
        DATA,
        parts.day("2020-01-20"),
        "lanternfish-data",
        root=Root(password=None, mfa=False),
        users=(
            parts.person(
                "Chen Wei",
                1500,
                "Analysts",
                password=parts.password(50, 2),
                accessed=parts.calls(2, "athena", "glue", "s3"),
            ),
            parts.person(
                "Mei Tanaka",
                900,
                "Analysts",
                password=parts.password(10, 1),
                keys=(parts.key(25, 1, service="athena"),),
            ),
            parts.person(
                "Dana Novak",
                2000,
                "Analysts",
                password=parts.password(400, 95),
                keys=(parts.key(1300, 30, service="glue"),),
            ),
            parts.service(
                "airflow", 1700, "Chen Wei", parts.key(1650, 1, service="glue"), attached=(AWS + "AmazonS3FullAccess",)
            ),
            parts.service("dbt-runner", 800, "Mei Tanaka", parts.key(80, 1, service="redshift")),
            parts.service("notebook-export", 700, "Dana Novak", parts.key(690)),
            # the key expired and was left there
            parts.service("trial-loader", 380, "Chen Wei", Key(parts.ago(375), "Expired")),
            parts.service(
                "ml-labeling-vendor",
                520,
                None,
                parts.key(515, 200),
                inline={"bucket": allow("s3:*", "arn:aws:s3:::lanternfish-labels/*")},
            ),
        ),
        groups=(parts.group("Analysts", 1900, AWS + "AmazonAthenaFullAccess", READ_ONLY),),
        roles=_roles(parts),
        policies=(
            ManagedPolicy(
                "lake-read", parts.ago(1500), (allow(["s3:Get*", "s3:List*"], "arn:aws:s3:::lanternfish-lake*"),)
            ),
        ),
        password_policy=None,
        # two counts that do not agree, and nothing that explains it
        summary_extra={"Groups": 1},
    )


def _roles(parts: Parts) -> tuple[Role, ...]:
    issuer = f"arn:aws:iam::{DATA}:oidc-provider/gitlab.example.com"
    anybody = {"Effect": "Allow", "Principal": {"Federated": issuer}, "Action": "sts:AssumeRoleWithWebIdentity"}
    return (
        # any project of the issuer may become it
        parts.workload(
            "gitlab-runner", 300, "Mei Tanaka", path="/", trust={"Version": "2012-10-17", "Statement": [anybody]}
        ),
        parts.audit_role(),
        parts.workload(
            "glue-crawler",
            1500,
            "Chen Wei",
            used=1,
            calls=("glue", "s3"),
            by="glue.amazonaws.com",
            attached=("lake-read", AWS + "service-role/AWSGlueServiceRole"),
        ),
        parts.workload(
            "lake-writer",
            1450,
            "Chen Wei",
            used=1,
            calls=("s3",),
            inline={"write": allow("s3:PutObject", "arn:aws:s3:::lanternfish-lake/*")},
        ),
        parts.workload(
            "sagemaker-notebooks",
            600,
            "Mei Tanaka",
            used=9,
            calls=("sagemaker", "s3", "ecr"),
            by="sagemaker.amazonaws.com",
            attached=(AWS + "AmazonSageMakerFullAccess",),
        ),
        parts.workload("forecast-trial", 1000, "Dana Novak", used=380, calls=("sagemaker",), attached=(ADMINISTRATOR,)),
        parts.workload(
            "deploy-target",
            1000,
            "Bruno Keller",
            used=1,
            calls=("cloudformation", "lambda", "s3"),
            path="/",
            trust=trust(f"arn:aws:iam::{SHARED}:role/workload/cross-account-deploy"),
            attached=(ADMINISTRATOR,),
        ),
        parts.workload("stream-archiver", 500, None, used=30, by="firehose.amazonaws.com"),
    )
