"""The shared account of the demo company: people sign in here, pipelines start here."""

from nhiscan_aws.simulated.demo_parts import (
    ADMINISTRATOR,
    AUDIT_ROLE,
    AWS,
    DATA,
    MONITORING,
    PARTNER,
    PRODUCTION,
    READ_ONLY,
    SCANNER,
    SECURITY_AUDIT,
    SHARED,
    Parts,
    allow,
)
from nhiscan_aws.simulated.world import (
    Account,
    Certificate,
    Key,
    ManagedPolicy,
    PasswordPolicy,
    PolicyDocument,
    Role,
    Root,
    Use,
    User,
    trust,
)


def shared(parts: Parts) -> Account:
    return Account(
        SHARED,
        parts.day("2016-03-14"),
        "lanternfish-shared",
        root=Root(password=parts.password(900, 9), mfa=True),
        users=(*_people(parts), *_programs(parts)),
        groups=(
            parts.group("Administrators", 3100, ADMINISTRATOR),
            parts.group("Auditors", 2200, SECURITY_AUDIT),
            parts.group("Platform", 2900, AWS + "AmazonEC2FullAccess", "deploy-any-role"),
            parts.group("Support", 1400, READ_ONLY),
        ),
        roles=_roles(parts),
        policies=(
            ManagedPolicy("deploy-any-role", parts.ago(1500), (allow(["iam:PassRole", "ec2:RunInstances"]),)),
            ManagedPolicy(
                "assume-anything",
                parts.ago(700),
                (allow("sts:AssumeRole", f"arn:aws:iam::{DATA}:role/*"), allow("sts:AssumeRole")),
            ),
            ManagedPolicy("unattached-leftover", parts.ago(1900), (allow("s3:*"),)),
            ManagedPolicy("boundary-pipelines", parts.ago(1200), (allow(["s3:*", "ecr:*", "lambda:*"]),)),
        ),
        password_policy=PasswordPolicy(),
    )


def _people(parts: Parts) -> tuple[User, ...]:
    return (
        parts.person(
            "Amara Okafor",
            2400,
            "Administrators",
            "Platform",
            password=parts.password(40, 1),
            accessed=parts.calls(1, "iam", "ec2", "s3", "organizations"),
        ),
        parts.person(
            "Bruno Keller",
            2200,
            "Platform",
            password=parts.password(75, 3),
            keys=(parts.key(140, 2),),
            accessed=parts.calls(3, "ec2", "iam"),
        ),
        parts.person(
            "Elif Demir",
            2500,
            "Auditors",
            password=parts.password(20, 1),
            accessed=parts.calls(1, "iam", "cloudtrail", "guardduty"),
        ),
        # left in May; the user stayed, and its key is still at work
        parts.person(
            "Hugo Marin",
            3300,
            "Administrators",
            password=parts.password(260, 170),
            keys=(parts.key(1460, 12, service="sts"),),
        ),
        parts.person("Kavya Rao", 2100, "Auditors", password=parts.password(60, 6)),
        # left last December; nothing used since
        parts.person("Liam Byrne", 3600, "Support", password=parts.password(700, 330), mfa=False),
        parts.person("Nadia Petrova", 1400, "Support", password=parts.password(85, 130), mfa=False),
        parts.person("Omar Said", 600, "Platform", password=parts.password(30, 4), accessed=parts.calls(4, "ec2")),
    )


def _programs(parts: Parts) -> tuple[User, ...]:
    terraform = parts.ago(2550)
    return (
        parts.service(SCANNER, 200, "Elif Demir", parts.key(12, 1, service="sts"), inline={"read": _assume_audit()}),
        # the key made with the user, seven years ago, administrator
        User(
            "terraform",
            terraform,
            "/service/",
            parts.owner("Amara Okafor", team="platform"),
            keys=(Key(terraform + 35, used=Use(parts.ago(1), "iam")),),
            attached=(ADMINISTRATOR,),
        ),
        # a rotation that was begun and never finished
        parts.service(
            "jenkins-deploy", 2300, "Bruno Keller", parts.key(820, 30), parts.key(47, 1), attached=("deploy-any-role",)
        ),
        parts.service("backup-agent", 1900, "Omar Said", parts.key(1000, 410, status="Inactive"), parts.key(33, 1)),
        parts.service(
            "legacy-sftp-bridge", 3000, "Hugo Marin", parts.key(2100, 400), attached=(AWS + "AmazonS3FullAccess",)
        ),
        parts.service("ci-preview", 500, None, parts.key(480), boundary="boundary-pipelines"),
        parts.service(
            "artifact-signer",
            1600,
            "Greta Lund",
            certificates=(Certificate(parts.ago(1150)), Certificate(parts.ago(1580), "Inactive")),
        ),
        # the owner tag names nobody in the roster
        parts.service(
            "grafana-reader", 900, None, parts.key(64, 2, service="cloudwatch"), tags={"owner": "observability-squad"}
        ),
        parts.service(
            "slack-notifier", 1100, None, parts.key(61, 5, service="sns"), tags={"Owner": "old.contractor@example.com"}
        ),
        # names and tags that try to be something else
        User(
            "label-import",
            parts.ago(400),
            "/=cmd|'/C:calc'!A0/",
            parts.owner("Ines Costa", note="=1+1", cost="@SUM", display="-2+3\u2028new line"),
            keys=(parts.key(55, 8),),
        ),
    )


def _roles(parts: Parts) -> tuple[Role, ...]:
    return (
        parts.audit_role(),
        parts.workload(
            "github-actions-deploy",
            700,
            "Amara Okafor",
            used=1,
            calls=("ec2", "iam"),
            path="/",
            attached=("deploy-any-role",),
            trust={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {
                            "Federated": f"arn:aws:iam::{SHARED}:oidc-provider/token.actions.githubusercontent.com"
                        },
                        "Action": "sts:AssumeRoleWithWebIdentity",
                        "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:lanternfish/*"}},
                    }
                ],
            },
        ),
        # a vendor without an external id
        parts.workload(
            "monitoring-vendor",
            1300,
            "Kavya Rao",
            used=1,
            calls=("cloudwatch", "ec2", "rds"),
            trust=trust(MONITORING),
            attached=(SECURITY_AUDIT,),
        ),
        parts.workload(
            "partner-handover",
            900,
            "Greta Lund",
            used=3,
            trust=trust(f"arn:aws:iam::{PARTNER}:root", external_id="lf-4711"),
        ),
        parts.workload("break-glass", 2500, "Amara Okafor", used=None, trust=trust(SHARED), attached=(ADMINISTRATOR,)),
        parts.workload(
            "cross-account-deploy",
            1500,
            "Bruno Keller",
            used=2,
            calls=("sts",),
            trust=trust(f"arn:aws:iam::{PRODUCTION}:root", f"arn:aws:iam::{DATA}:root"),
            attached=("assume-anything",),
        ),
        parts.workload(
            "log-shipper",
            1000,
            "Omar Said",
            calls=("logs",),
            by="ec2.amazonaws.com",
            instance_profile=True,
            inline={"logs": _logs()},
        ),
        parts.workload(
            "image-builder",
            800,
            None,
            used=200,
            calls=("ec2",),
            by="codebuild.amazonaws.com",
            attached=(AWS + "PowerUserAccess",),
        ),
        parts.workload(
            "cost-reporter",
            650,
            "Amara Okafor",
            used=1,
            calls=("ce",),
            attached=(AWS + "job-function/Billing",),
            description="<img src=x onerror=alert(1)>",
        ),
        # trusts a user that was deleted: only its id is left
        parts.workload("orphaned-trust", 1700, "Hugo Marin", used=None, trust=trust("AIDAJQABLZS4A3QDU576Q")),
        parts.workload(
            "AWSServiceRoleForSupport",
            3100,
            None,
            used=None,
            path="/aws-service-role/support.amazonaws.com/",
            by="support.amazonaws.com",
            attached=(AWS + "aws-service-role/AWSSupportServiceRolePolicy",),
        ),
    )


def _assume_audit() -> PolicyDocument:
    roles = [f"arn:aws:iam::{account}:role/{AUDIT_ROLE}" for account in (SHARED, PRODUCTION, DATA)]
    return allow("sts:AssumeRole", roles)


def _logs() -> PolicyDocument:
    return allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"arn:aws:logs:eu-central-1:{SHARED}:*")
