"""What evaluating policies costs: 10,000 different ones, drawn from the managed policies of AWS.

    python benchmarks/policies.py
    python benchmarks/policies.py --policies 20000      another size, for the growth of the cost

moto carries the managed policies. Each is drawn as often as needed; a copy gets a Sid of its own, so that no text comes
twice. Every user holds one policy. Counted is what the analyzer does beyond loading the action data: reading the
statements, masks of what is allowed and denied, and what is left of them for each user. Making the records is the
benchmark's own work.
"""

import argparse
import json
import resource
import time

from moto.iam.aws_managed_policies import aws_managed_policies_data

from nhiscan.model import Grant, Identity, Scope, Setting
from nhiscan.testing.records import MemoryRecords
from nhiscan_aws.analyzer.actions import ActionTable
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.reference import reference

AS_OF = 1_790_000_000
SCOPE = "aws/account/aws:111122223333"


def documents(count: int) -> list[str]:
    """Policy texts, no two the same."""
    managed = json.loads(aws_managed_policies_data)
    drawn = [managed[name]["Document"] for name in sorted(managed)]
    found = []
    for number in range(count):
        document = json.loads(json.dumps(drawn[number * 7 % len(drawn)]))
        statements = document["Statement"]
        first = statements[0] if isinstance(statements, list) else statements
        first["Sid"] = f"Copy{number}"
        found.append(json.dumps(document))
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--policies", type=int, default=10_000)
    count = options.parse_args().policies
    text = reference().text
    records = MemoryRecords(AS_OF, text)
    records.add(Scope(SCOPE, "aws", "account", "aws:111122223333"))
    records.add(Setting(f"{SCOPE}|organization.member", SCOPE, "organization.member", 0))
    for number, document in enumerate(documents(count)):
        key = f"{SCOPE}/user/U{number:016d}"
        arn = f"arn:aws:iam::111122223333:user/u{number}"
        records.add(Identity(key, SCOPE, "user", f"U{number:016d}", f"u{number}", arn=arn, path="/", tags="{}"))
        grant = f"{key}|inline_policy|p"
        records.add(Grant(grant, SCOPE, "inline_policy", key, "p", document=records.keep(document)))
    started = time.process_time()
    table = ActionTable.of(text, ())
    loading = time.process_time() - started
    started = time.process_time()
    estate = Estate(records)
    left = sum(principal.possible.bit_count() for principal in estate.principals.values())
    spent = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count:,} policies, {table.everything.bit_count():,} actions known, {left:,} rights left in all")
    print(f"loading the action data   {loading:6.2f} CPU-s")
    print(f"evaluating the policies   {spent - loading:6.2f} CPU-s beyond that")
    print(f"peak memory               {peak:6.0f} MB")


if __name__ == "__main__":
    main()
