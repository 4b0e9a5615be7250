"""How to install an extra of the distribution that this program came in."""

from importlib.metadata import PackageNotFoundError, distribution, packages_distributions


def command(extra: str) -> str:
    """The pip command. From a checkout (an editable install, or none) it installs the checkout."""
    names = packages_distributions().get("nhiscan", [])
    for name in names:
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        if '"editable": true' not in (found.read_text("direct_url.json") or ""):
            return f'pip install "{name}[{extra}]"'
    return f'pip install -e ".[{extra}]"'
