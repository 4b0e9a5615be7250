"""Identities of the demo company that can become more than they are, and some that are held back."""

from nhiscan_aws.simulated.demo_parts import ADMINISTRATOR, AWS, PARTNER, PRODUCTION, Parts, allow
from nhiscan_aws.simulated.world import Access, Key, PolicyDocument, Role, User, trust

QUARANTINED = "warehouse-migrator"
"""A role with every right, from which a policy of the organisation takes all of them."""
GUESTS = "eu-central-1:6f1d2c7e-0b5a-4f1e-9d33-5f0e8c2a7b10"
"""An identity pool that lets in whoever asks."""


def users(parts: Parts) -> tuple[User, ...]:
    """Users of the production account."""
    made = parts.ago(500)
    return (
        # over a role that passes another one to a function: administrator in two steps
        parts.service(
            "release-bot",
            640,
            "Bruno Keller",
            parts.key(63, 1, service="sts"),
            inline={
                "become-runner": allow("sts:AssumeRole", f"arn:aws:iam::{PRODUCTION}:role/workload/release-runner")
            },
        ),
        # makes users with any rights, its own among them
        parts.service(
            "access-broker",
            420,
            "Elif Demir",
            parts.key(58, 2, service="iam"),
            inline={
                "people": allow(["iam:CreateUser", "iam:CreateAccessKey", "iam:AttachUserPolicy", "iam:ListUsers"])
            },
            accessed=(Access("iam", parts.ago(2), {"CreateUser": parts.ago(9), "ListUsers": parts.ago(2)}),),
        ),
        # a key from the wizard that made the user, never used
        parts.person("Ines Costa", 500, "OnCall", password=parts.password(70, 3), keys=(Key(made + 240),)),
        # AWS saw its key in public and attached a policy of its own
        parts.service(
            "bitbucket-sync",
            870,
            "Omar Said",
            parts.key(865, 6, service="s3"),
            attached=(AWS + "AWSCompromisedKeyQuarantineV3", AWS + "AmazonS3ReadOnlyAccess"),
        ),
    )


def roles(parts: Parts) -> tuple[Role, ...]:
    """Roles of the production account."""
    bot = f"arn:aws:iam::{PRODUCTION}:user/service/release-bot"
    return (
        parts.workload(
            "release-runner",
            640,
            "Bruno Keller",
            trust=trust(bot),
            inline={"release": _release()},
            calls=("lambda",),
        ),
        parts.workload("nightly-maintenance", 1100, "Omar Said", attached=(ADMINISTRATOR,), calls=("ec2", "rds")),
        # every right, and a boundary that leaves some tables
        parts.workload(
            "sandbox-lab",
            260,
            "Mei Tanaka",
            used=11,
            attached=(ADMINISTRATOR,),
            boundary="parcel-tables",
            calls=("dynamodb",),
        ),
        parts.workload(QUARANTINED, 380, "Dana Novak", used=95, attached=(ADMINISTRATOR,), calls=("s3",)),
        parts.workload(
            "log-janitor",
            530,
            "Omar Said",
            used=4,
            inline={"clean": allow(["logs:DeleteLogGroup", "cloudtrail:StopLogging", "cloudtrail:DescribeTrails"])},
            calls=("logs",),
        ),
        # a partner that may do everything
        parts.workload(
            "migration-partner",
            330,
            "Amara Okafor",
            used=140,
            path="/",
            trust=trust(f"arn:aws:iam::{PARTNER}:root", external_id="lf-0815"),
            attached=(ADMINISTRATOR,),
            calls=("ec2",),
        ),
        # for guests of the app, who do not sign in
        parts.workload(
            "mobile-guests",
            210,
            "Ines Costa",
            used=1,
            path="/",
            trust=_guests(),
            inline={"drop": allow("s3:PutObject", "arn:aws:s3:::lanternfish-uploads/*")},
            calls=("s3",),
        ),
    )


def _release() -> PolicyDocument:
    maintenance = f"arn:aws:iam::{PRODUCTION}:role/workload/nightly-maintenance"
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Functions",
                "Effect": "Allow",
                "Action": ["lambda:CreateFunction", "lambda:InvokeFunction", "lambda:UpdateFunctionCode"],
                "Resource": "*",
            },
            {
                "Sid": "HandOver",
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": maintenance,
                "Condition": to_lambda,
            },
        ],
    }


def _guests() -> PolicyDocument:
    pool = "cognito-identity.amazonaws.com"
    condition = {
        "StringEquals": {f"{pool}:aud": GUESTS},
        "ForAnyValue:StringLike": {f"{pool}:amr": "unauthenticated"},
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": pool},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
