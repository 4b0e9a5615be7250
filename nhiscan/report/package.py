"""Writes an evidence package: a signed BagIt bag made from one stored scan. Calls no cloud and reads no clock."""

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from textwrap import fill
from typing import NamedTuple

from nhiscan import __version__, findings
from nhiscan.analysis import references_of
from nhiscan.inventory import Inventory, ScanInfo, Sql
from nhiscan.report import bag, html, payload, population
from nhiscan.report.keys import Signer
from nhiscan.report.material import CALLER_FACTS, Calls, Cover, Material, ScanFacts
from nhiscan.report.page import Page
from nhiscan.report.tables import Files, iso
from nhiscan.rule.definition import Rule, rules_digest


class PackageProblem(Exception):
    """The package cannot be written as asked. The message says why and what to do; becomes exit code 2."""


class PackageInfo(NamedTuple):
    """What was written. Sizes in bytes; ``failed`` and ``unknown`` count items."""

    path: Path
    package: str
    files: int
    size: int
    fingerprint: str
    complete: bool
    gaps: int
    population: int
    failed: int
    unknown: int
    report: Path
    read_me: Path


def write_package(
    inventory: Inventory,
    number: int | None,
    out: Path,
    *,
    rules: Sequence[Rule],
    parameters: Mapping[str, Mapping[str, int]],
    signer: Signer,
    cover: Cover = Cover(),  # noqa: B008 a tuple of None
    replace: bool = False,
    progress: Callable[[str], None] | None = None,
) -> PackageInfo:
    """Write the package of scan ``number`` (None: the newest) into the folder ``out``.

    It is written beside ``out`` and renamed, so nothing half written is ever seen. A folder that is there already is
    refused, unless it is empty, or an earlier package with nothing else in it and ``replace`` is set. ``progress`` is
    called with a few words at each step. Raises PackageProblem, OSError, and the errors of the inventory.
    """
    scan = inventory.scan(number)
    if scan is None:
        raise PackageProblem("no scan is stored yet" if number is None else f"there is no scan {number}")
    say = progress or (lambda _: None)
    _refuse(out, replace=replace)
    draft = out.parent / f".{out.name}.draft-{secrets.token_hex(8)}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o755)
    except OSError as error:
        raise PackageProblem(f"cannot write {out}: {error.strerror}. Name another folder") from error
    try:
        info = _write(inventory, scan, draft, rules, parameters, signer, cover, say)
        _put_in_place(draft, out)
    finally:
        if draft.exists():
            shutil.rmtree(draft)
    return info._replace(path=out, report=out / "data" / payload.REPORT, read_me=out / "data" / payload.README)


def package_id(organisation: str | None, at: int) -> str:
    """``nhiscan-<organisation>-<time>``, with letters, digits and dashes only."""
    slug = re.sub(r"[^a-z0-9]+", "-", (organisation or "").lower()).strip("-")[:40].strip("-") or "evidence"
    return f"nhiscan-{slug}-{re.sub('[^0-9TZ]', '', iso(at))}"


def _write(
    inventory: Inventory,
    scan: ScanInfo,
    draft: Path,
    rules: Sequence[Rule],
    parameters: Mapping[str, Mapping[str, int]],
    signer: Signer,
    cover: Cover,
    say: Callable[[str], None],
) -> PackageInfo:
    package = package_id(cover.organisation, scan.started_at)
    made = bag.Payload(draft)
    say("reading the population")
    with inventory.bound(scan.number, materialise=True) as bound:
        sql = bound.sql
        run_rules, in_force = _as_run(sql, scan, rules, parameters)
        material = Material(
            sql=sql,
            package=package,
            cover=cover,
            scan=ScanFacts(
                scan.number,
                scan.run,
                scan.started_at,
                scan.ended_at,
                scan.version,
                tuple(sorted(scan.connectors)),
                rules_digest(run_rules, in_force),
            ),
            rules=run_rules,
            parameters=in_force,
            counts=findings.counts(sql, scan.number),
            results=lambda: findings.results(sql, run_rules, in_force, scan.started_at, scan=scan.number),
            findings=lambda: findings.findings(sql, scan.number),
            calls=Calls(),
            caller={name: json.loads(scan.facts[name]) for name in CALLER_FACTS if name in scan.facts},
            inputs=json.loads(scan.facts.get("inputs", "[]")),
            untested=sorted({rule.id for rule in rules} - {rule.id for rule in run_rules}),
            written_by=__version__,
            references=references_of(sql, scan.facts),
        )
        files = Files(made)
        payload.write_sources(material, files, population.documents(sql), inventory.transcript(scan.number))
        say("writing tests and report")
        page = payload.write_derived(material, files)
    say("sealing")
    tags = bag.seal(made, _labels(material, page), verify_text(package, signer))
    (draft / bag.SIGNATURE).write_text(signer.sign(tags), encoding="ascii")
    total = page.total
    return PackageInfo(
        path=draft,
        package=package,
        files=len(made.files),
        size=sum(entry.size for entry in made.files.values()),
        fingerprint=signer.fingerprint,
        complete=page.complete,
        gaps=len(page.breaks),
        population=total.population,
        failed=total.failed,
        unknown=total.unknown,
        report=draft,
        read_me=draft,
    )


def _as_run(
    sql: Sql, scan: ScanInfo, rules: Sequence[Rule], parameters: Mapping[str, Mapping[str, int]]
) -> tuple[list[Rule], dict[str, dict[str, int]]]:
    """The rules that the scan ran, with their parameters. Raises PackageProblem where they are not what they were."""
    known = {rule.id: rule for rule in rules}
    run_rules: list[Rule] = []
    in_force: dict[str, dict[str, int]] = {}
    changed = []
    for name, sha256, settings in sql.rows(
        "SELECT rule, sha256, parameters FROM rule_run WHERE scan = :scan ORDER BY rule", {"scan": scan.number}
    ):
        rule = known.get(name)
        if rule is None:
            changed.append(name)
            continue
        in_force[name] = dict(parameters.get(name) or rule.parameters())
        if rule.sha256 != sha256 or in_force[name] != json.loads(settings):
            changed.append(name)
        run_rules.append(rule)
    if changed:
        raise PackageProblem(
            f"rules or parameters are not those that scan {scan.number} was judged by ({', '.join(changed[:5])}). "
            f"Judge it anew: nhiscan evaluate --scan {scan.number}"
        )
    return run_rules, in_force


def _labels(material: Material, page: Page) -> dict[str, str]:
    printed = material.cover.printed()
    return {
        "Source-Organization": printed.organisation or "",
        "Contact-Name": printed.contact or "",
        "External-Identifier": material.package,
        "External-Description": "Evidence on non-human identities and their credentials",
        "Bagging-Date": iso(material.scan.ended_at)[:10],
        "Bag-Software-Agent": f"nhiscan {material.written_by}",
        "Nhiscan-Version": material.written_by,
        "Nhiscan-Scan": str(material.scan.number),
        "Nhiscan-Population-Proven-Complete": "yes" if page.complete else "no",
        "Ruleset-SHA256": material.scan.rules_sha256,
    }


def verify_text(package: str, signer: Signer) -> str:
    """``VERIFY.txt``: the only file that names the signer, and no part of the payload."""
    indent = " " * 10
    return Template(html.asset("VERIFY.txt")).substitute(
        package=package,
        fingerprint=signer.fingerprint,
        remark=fill(signer.remark, 78, initial_indent=indent, subsequent_indent=indent) + "\n" * bool(signer.remark),
        allowed="    " + signer.allowed_signers.strip(),
        principal=signer.principal,
    )


def _refuse(out: Path, *, replace: bool) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise PackageProblem(f"{out} is there already and is no folder. Name another one")
    if not out.exists() or not any(out.iterdir()):
        return
    foreign = foreign_files(out)
    if not replace:
        ours = " It is an earlier package: --replace writes over it" if foreign == [] else ""
        raise PackageProblem(f"{out} is there already. Name another folder.{ours}")
    if foreign is None:
        raise PackageProblem(f"{out} is there already and is no package of nhiscan. Name another folder")
    if foreign:
        raise PackageProblem(f"{out} holds something that is no part of the package in it: {foreign[0]}. Move it away")


def foreign_files(root: Path) -> list[str] | None:
    """Files in the folder of a package that no list of it names; None where the folder holds no package."""
    try:
        labels = bag.parse_info((root / bag.INFO).read_text(encoding="utf-8"))
        listed, _ = bag.parse_manifest((root / bag.MANIFEST).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    if "Nhiscan-Version" not in labels:
        return None
    known = {*listed, *bag.TAG_FILES, bag.TAG_MANIFEST, bag.SIGNATURE}
    return sorted(name for name in walk(root) if name not in known)


def walk(root: Path) -> Iterator[str]:
    """Every file below a folder, links and other odd things included, as paths with ``/``."""
    for folder, folders, names in os.walk(root, followlinks=False):
        folders.sort()
        here = Path(folder).relative_to(root).as_posix()
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted([*names, *links]):
            yield name if here == "." else f"{here}/{name}"


def _put_in_place(draft: Path, out: Path) -> None:
    if not out.exists():
        draft.rename(out)
        return
    old = out.parent / f".{out.name}.old-{secrets.token_hex(8)}"
    out.rename(old)
    try:
        draft.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old)
