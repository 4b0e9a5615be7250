"""Evidence packages: a signed BagIt bag with report, population, calls, tests and rules, made from one stored scan.

`write_package` is what the command line calls. It is imported when it is asked for, so that `keys` and `sshsig` stay
quick to import.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nhiscan.report.material import Cover
    from nhiscan.report.package import PackageInfo, PackageProblem, write_package

__all__ = ["Cover", "PackageInfo", "PackageProblem", "write_package"]


def __getattr__(name: str) -> Any:
    if name == "Cover":
        from nhiscan.report.material import Cover

        return Cover
    if name in __all__:
        from nhiscan.report import package

        return getattr(package, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
