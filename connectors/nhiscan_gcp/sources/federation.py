"""Workload identity pools and providers: ``cloudasset.workload-identity``, ``iam.workload-identity``."""

from collections.abc import Iterator
from urllib.parse import quote

from nhiscan.connector import Reader
from nhiscan.model import Record
from nhiscan_gcp import records
from nhiscan_gcp.failures import Refused
from nhiscan_gcp.node import Node
from nhiscan_gcp.sources import assets

ALL, EACH = "cloudasset.workload-identity", "iam.workload-identity"
_POOL, _PROVIDER = f"{assets.IAM}/WorkloadIdentityPool", f"{assets.IAM}/WorkloadIdentityPoolProvider"
_POOLS = "iam.projects.locations.workloadIdentityPools.list"
_PROVIDERS = "iam.projects.locations.workloadIdentityPools.providers.list"
_POOL_FIELDS = "workloadIdentityPools(name,description,state,disabled),nextPageToken"
_PROVIDER_FIELDS = (
    "workloadIdentityPoolProviders(name,state,disabled,attributeCondition,attributeMapping,"
    "oidc(issuerUri,allowedAudiences),aws,saml,x509),nextPageToken"
)


def run(node: Node, reader: Reader) -> Iterator[Record]:
    """Pools and providers of all projects below. Deleted ones are left out, as in the lists of one project."""
    del reader
    for kind, scope, _, data in assets.listed(node, _POOL, _PROVIDER):
        if scope is not None and data.get("state") != "DELETED":
            yield records.pool(scope, data, ALL) if kind == _POOL else records.provider(scope, data, ALL)
    yield from assets.ended(node)


def run_each(node: Node, reader: Reader) -> Iterator[Record]:
    """Pools and providers of one project."""
    del reader
    path = f"v1/projects/{node.project}/locations/global/workloadIdentityPools"
    for pools, _ in node.rest.pages("iam", _POOLS, path, "workloadIdentityPools", pageSize=1000, fields=_POOL_FIELDS):
        for shown in pools:
            pool = records.pool(node.key, shown, EACH)
            yield pool
            below = f"{path}/{quote(pool.native_id, safe='')}/providers"
            try:
                for providers, _ in node.rest.pages(
                    "iam", _PROVIDERS, below, "workloadIdentityPoolProviders", pageSize=100, fields=_PROVIDER_FIELDS
                ):
                    for one in providers:
                        yield records.provider(node.key, one, EACH)
            except Refused as error:  # the pool is gone by now
                if error.status != 404:
                    raise
