"""The least role that a scan needs, as text to paste."""

from nhiscan.connector import Settings, Source
from nhiscan_gcp.declare import has_upper, sources
from nhiscan_gcp.endpoints import HOSTS

_ALWAYS = (
    "resourcemanager.folders.get",
    "resourcemanager.organizations.get",
    "resourcemanager.projects.get",
)
_ONLY_ABOVE = {"resourcemanager.organizations.getIamPolicy", "resourcemanager.folders.getIamPolicy"}
"""A custom role of a project cannot hold them."""
_APIS = ("apikeys", "cloudasset", "cloudresourcemanager", "iam", "orgpolicy", "policyanalyzer", "storage")


def permissions(settings: Settings) -> str:
    """A custom role (YAML) and the commands that make and grant it, for an organisation or for single projects."""
    planned = sources(settings)
    upper = has_upper(settings)
    first = _permissions(planned, fallback=False)
    first |= set(_ALWAYS) if upper else {"resourcemanager.projects.get"}
    if not upper:
        first -= _ONLY_ABOVE
    role = "\n".join(
        (
            "# nhiscan-role.yaml",
            "title: nhiscan",
            "description: Reads non-human identities and their credentials. No secret, no change.",
            "stage: GA",
            "includedPermissions:",
            *(f"- {name}" for name in sorted(first)),
        )
    )
    parts = [role, _commands(settings, upper=upper)]
    if upper:
        more = ", ".join(sorted(_permissions(planned, fallback=True) - first))
        parts.append(f"# Only where one of these is denied does a scan ask, project by project:\n# {more}")
    else:
        parts.append(f"# Needed on an organisation or a folder only: {', '.join(sorted(_ONLY_ABOVE))}")
    return "\n\n".join(parts)


def _permissions(planned: tuple[Source, ...], *, fallback: bool) -> set[str]:
    return {name for source in planned if bool(source.fallback_for) == fallback for name in source.permissions}


def _commands(settings: Settings, *, upper: bool) -> str:
    projects = tuple(str(one).removeprefix("projects/") for one in settings.get("project") or ())
    reader = "serviceAccount:READER@QUOTA_PROJECT.iam.gserviceaccount.com"
    quota = settings.get("quota-project") or "QUOTA_PROJECT"
    more = {source.id.partition(".")[0] for source in sources(settings)} & set(HOSTS)
    apis = " ".join(f"{api}.googleapis.com" for api in sorted({*_APIS, *more}))
    lines = []
    if upper:
        named = tuple(str(one).removeprefix("organizations/") for one in settings.get("organization") or ())
        folders = tuple(str(one).removeprefix("folders/") for one in settings.get("folder") or ())
        organization = named[0] if named else "ORGANIZATION"
        lines.append(f"gcloud iam roles create nhiscan --organization={organization} --file=nhiscan-role.yaml")
        role = f"organizations/{organization}/roles/nhiscan"
        places = [f"gcloud organizations add-iam-policy-binding {one}" for one in named]
        places += [f"gcloud resource-manager folders add-iam-policy-binding {one}" for one in folders]
        places += [f"gcloud projects add-iam-policy-binding {one}" for one in projects]
        places = places or [f"gcloud organizations add-iam-policy-binding {organization}"]
        lines += [f"{place} --member={reader} --role={role}" for place in places]
    else:
        for one in projects:
            lines.append(f"gcloud iam roles create nhiscan --project={one} --file=nhiscan-role.yaml")
            granted = f"--member={reader} --role=projects/{one}/roles/nhiscan"
            lines.append(f"gcloud projects add-iam-policy-binding {one} {granted}")
    usage = "--role=roles/serviceusage.serviceUsageConsumer"
    lines.append(f"gcloud projects add-iam-policy-binding {quota} --member={reader} {usage}")
    lines.append(f"gcloud services enable {apis} --project={quota}")
    return "\n".join(lines)
