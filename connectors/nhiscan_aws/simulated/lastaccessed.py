"""Service last accessed data: a job that is started, awaited and read page by page by the caller that started it.

AWS knows some 450 services; this cloud knows those of `SERVICES`. What is listed is what the Allow statements of the
identity's own policies and of its groups name, used or not. Deny statements, boundaries and conditions are not looked
at; AWS leaves boundaries and policies of the organisation out as well.
"""

import fnmatch
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nhiscan_aws.simulated.state import AccountState
from nhiscan_aws.simulated.wire import Form, Refusal, invalid, no_such_entity
from nhiscan_aws.simulated.world import Access

MEMORY = 400 * 86_400
"""Seconds for which AWS remembers an access."""
PAGE = 200
"""What a page shows when nothing else was asked for. The documentation says 100."""
LEVELS = ("SERVICE_LEVEL", "ACTION_LEVEL")

SERVICES: Mapping[str, str] = {
    "access-analyzer": "AWS IAM Access Analyzer",
    "acm": "AWS Certificate Manager",
    "apigateway": "Amazon API Gateway Management",
    "athena": "Amazon Athena",
    "autoscaling": "Amazon EC2 Auto Scaling",
    "backup": "AWS Backup",
    "batch": "AWS Batch",
    "bedrock": "Amazon Bedrock",
    "budgets": "AWS Budget Service",
    "ce": "AWS Cost Explorer Service",
    "cloudformation": "AWS CloudFormation",
    "cloudfront": "Amazon CloudFront",
    "cloudtrail": "AWS CloudTrail",
    "cloudwatch": "Amazon CloudWatch",
    "codebuild": "AWS CodeBuild",
    "codepipeline": "AWS CodePipeline",
    "cognito-idp": "Amazon Cognito user pools",
    "config": "AWS Config",
    "dynamodb": "Amazon DynamoDB",
    "ec2": "Amazon EC2",
    "ecr": "Amazon Elastic Container Registry",
    "ecs": "Amazon Elastic Container Service",
    "eks": "Amazon Elastic Kubernetes Service",
    "elasticache": "Amazon ElastiCache",
    "elasticloadbalancing": "AWS Elastic Load Balancing",
    "elasticmapreduce": "Amazon EMR",
    "events": "Amazon EventBridge",
    "firehose": "Amazon Kinesis Firehose",
    "glue": "AWS Glue",
    "guardduty": "Amazon GuardDuty",
    "iam": "AWS Identity and Access Management (IAM)",
    "kinesis": "Amazon Kinesis Data Streams",
    "kms": "AWS Key Management Service",
    "lakeformation": "AWS Lake Formation",
    "lambda": "AWS Lambda",
    "logs": "Amazon CloudWatch Logs",
    "organizations": "AWS Organizations",
    "rds": "Amazon RDS",
    "redshift": "Amazon Redshift",
    "route53": "Amazon Route 53",
    "s3": "Amazon S3",
    "sagemaker": "Amazon SageMaker",
    "secretsmanager": "AWS Secrets Manager",
    "securityhub": "AWS Security Hub",
    "ses": "Amazon SES",
    "sns": "Amazon SNS",
    "sqs": "Amazon SQS",
    "ssm": "AWS Systems Manager",
    "states": "AWS Step Functions",
    "sts": "AWS Security Token Service",
}
TRACKED: Mapping[str, tuple[str, ...]] = {
    "ec2": ("DescribeInstances", "RunInstances", "TerminateInstances"),
    "iam": ("AttachUserPolicy", "CreateAccessKey", "CreateRole", "CreateUser", "ListUsers", "PutRolePolicy"),
    "lambda": ("CreateFunction", "InvokeFunction", "UpdateFunctionCode"),
    "s3": ("CreateBucket", "DeleteBucket", "ListAllMyBuckets", "PutBucketPolicy"),
}
"""Actions that report to IAM, by service. AWS tracks some thousands."""

_OTHER_NAMES = {"monitoring": "cloudwatch"}  # name in the credential report -> namespace


@dataclass
class Job:
    """A report that was asked for. ``services`` is frozen when the job starts."""

    caller: str
    level: str
    created_at: int
    services: list[dict[str, Any]]
    polls_left: int


def generate_service_last_accessed_details(state: AccountState, caller: str, form: Form) -> dict[str, Any]:
    """Start a job for a user or a role."""
    arn = form.need("Arn")
    level = form.get("Granularity") or LEVELS[0]
    if level not in LEVELS:
        raise invalid(f"Value '{level}' at 'granularity' failed to satisfy constraint")
    found = _find(state, arn)
    if found is None:
        raise no_such_entity(f"ARN {arn} is not found.")
    what, documents, accessed = found
    services = _services(state, what, documents, accessed, actions=level == LEVELS[1])
    job_id = state.ids.request("job", state.id, arn, len(state.jobs))
    state.jobs[job_id] = Job(caller, level, state.clock(), services, state.job_polls)
    return {"JobId": job_id}


def get_service_last_accessed_details(state: AccountState, caller: str, form: Form) -> dict[str, Any]:
    """How far the job is, and when it is done its services. NoSuchEntity for the job of another caller."""
    job_id = form.need("JobId")
    job = state.jobs.get(job_id)
    if job is None or job.caller != caller:
        raise no_such_entity(f"Job {job_id} is not found.")
    if job.polls_left > 0:
        job.polls_left -= 1
        return _status(job, "IN_PROGRESS", [], None)
    size = form.page_size(PAGE)
    start = form.get("Marker") or "0"
    if not start.isdigit():
        raise Refusal("InvalidInput", 400, "The Marker is not valid.")
    shown = job.services[int(start) : int(start) + size]
    following = int(start) + len(shown)
    return _status(job, "COMPLETED", shown, str(following) if following < len(job.services) else None)


def _status(job: Job, status: str, services: list[dict[str, Any]], marker: str | None) -> dict[str, Any]:
    return {
        "JobStatus": status,
        "JobType": job.level,
        "JobCreationDate": job.created_at,
        "JobCompletionDate": job.created_at,
        "ServicesLastAccessed": services,
        "IsTruncated": marker is not None,
        "Marker": marker,
    }


def _find(state: AccountState, arn: str) -> tuple[str, list[Any], list[Access]] | None:
    """(ARN, policy documents, accesses) of a user or a role."""
    for user in state.backend.users.values():
        if user.arn == arn:
            groups = [group for group in state.backend.groups.values() if any(one is user for one in group.users)]
            used = [
                Access(_OTHER_NAMES.get(use.service, use.service), use.at, region=use.region)
                for key in user.access_keys
                for use in state.uses.get(key.access_key_id, ())
            ]
            documents = [text for holder in (user, *groups) for text in _documents(holder)]
            return arn, documents, [*used, *state.accessed.get(user.id, ())]
    for role in state.backend.roles.values():
        if role.arn == arn:
            return arn, list(_documents(role)), list(state.accessed.get(role.id, ()))
    return None


def _documents(holder: Any) -> Iterator[str]:
    yield from holder.policies.values()
    for policy in holder.managed_policies.values():
        yield from (version.document for version in policy.versions if version.is_default)


def _services(
    state: AccountState, arn: str, documents: list[Any], accessed: list[Access], *, actions: bool
) -> list[dict[str, Any]]:
    now = state.clock()
    shown = [one for one in accessed if now - MEMORY < one.at <= now - state.use_delay]
    statements = [statement for text in documents for statement in _allowing(text)]
    rows = []
    for service, name in SERVICES.items():
        if not any(_names_service(statement, service) for statement in statements):
            continue
        row: dict[str, Any] = {"ServiceName": name, "ServiceNamespace": service, "TotalAuthenticatedEntities": 0}
        uses = [one for one in shown if one.service == service]
        if uses:
            last = max(uses, key=lambda one: one.at)
            row |= {
                "LastAuthenticated": last.at,
                "LastAuthenticatedEntity": arn,
                "LastAuthenticatedRegion": last.region,
                "TotalAuthenticatedEntities": 1,
            }
        if actions and service in TRACKED:
            row["TrackedActionsLastAccessed"] = [
                _action(action, arn, uses)
                for action in TRACKED[service]
                if any(_names_action(statement, f"{service}:{action}") for statement in statements)
            ]
        rows.append(row)
    return rows


def _action(action: str, arn: str, uses: list[Access]) -> dict[str, Any]:
    row: dict[str, Any] = {"ActionName": action}
    if used := [(one.actions[action], one.region) for one in uses if action in one.actions]:
        at, region = max(used)
        row |= {"LastAccessedEntity": arn, "LastAccessedTime": at, "LastAccessedRegion": region}
    return row


def _allowing(text: str) -> Iterator[Mapping[str, Any]]:
    """The Allow statements of a document; none of a text that is no policy."""
    try:
        statements = json.loads(text)["Statement"]
    except (ValueError, KeyError, TypeError):
        return
    for statement in statements if isinstance(statements, list) else [statements]:
        if isinstance(statement, dict) and statement.get("Effect") == "Allow":
            yield statement


def _names_service(statement: Mapping[str, Any], service: str) -> bool:
    if "NotAction" in statement:
        return not any(pattern in ("*", f"{service}:*") for pattern in _patterns(statement["NotAction"]))
    return any(
        fnmatch.fnmatchcase(service, pattern.partition(":")[0]) for pattern in _patterns(statement.get("Action", ()))
    )


def _names_action(statement: Mapping[str, Any], action: str) -> bool:
    names = any(
        fnmatch.fnmatchcase(action.lower(), pattern)
        for pattern in _patterns(statement.get("NotAction", statement.get("Action", ())))
    )
    return names != ("NotAction" in statement)


def _patterns(value: Any) -> list[str]:
    return [str(one).lower() for one in ([value] if isinstance(value, str) else value)]
