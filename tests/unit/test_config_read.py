"""The configuration file: what it can say, and that every mistake in it is named with its line."""

from pathlib import Path

import pytest

from nhiscan import config
from nhiscan.config.starter import STARTER
from nhiscan.connector import Option

AWS = (
    Option("account", "accounts", repeatable=True),
    Option("role-name", "role"),
    Option("retries", "how often", kind="integer"),
    Option("no-key-ids", "slots", kind="flag"),
    Option("list", "file", kind="path"),
)


def declared() -> dict[str, tuple[Option, ...]]:
    return {"aws": AWS}


def written(folder: Path, text: str) -> Path:
    file = folder / "nhiscan.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(folder: Path, text: str) -> list[tuple[int | None, str]]:
    file = written(folder, text)
    found = config.read(file, declared)[1]
    assert all(problem.path == str(file) for problem in found)
    return [(problem.line, problem.message) for problem in found]


def test_everything_a_file_can_say(tmp_path: Path) -> None:
    for name in ("people.csv", "key"):
        (tmp_path / name).touch()
    (tmp_path / "ours").mkdir()
    settings, found = config.read(
        written(
            tmp_path,
            """
[inventory]
url = "data/nhiscan.db"
[scan]
fail_on = "high"
allow_partial = true
executor = "threads:4"
[connectors.aws]
account = ["111111111111", "222222222222"]
role-name = "audit"
retries = 3
no-key-ids = true
list = "lists/a.txt"
[registers]
people = "people.csv"
[registers.columns]
email = "Work e-mail"
[owners]
tags = ["owner", "contact"]
[rules]
paths = ["ours"]
[rules.parameters.access-key-not-rotated]
max_age_days = 60
[evidence]
organisation = "Example Ltd"
system = "Payments"
contact = "security@example.com"
sign_key = "key"
""",
        ),
        declared,
    )
    assert found == []
    assert settings.inventory == str(tmp_path / "data/nhiscan.db")
    assert settings.scan == config.Scan("high", allow_partial=True, executor="threads:4")
    assert settings.connectors["aws"] == {
        "account": ("111111111111", "222222222222"),
        "role-name": "audit",
        "retries": 3,
        "no-key-ids": True,
        "list": str(tmp_path / "lists/a.txt"),
    }
    assert settings.registers == config.Registers(tmp_path / "people.csv", {"email": "Work e-mail"})
    assert settings.owner_tags == ("owner", "contact")
    assert settings.rules == config.RuleSettings((tmp_path / "ours",), {"access-key-not-rotated": {"max_age_days": 60}})
    assert settings.evidence == config.Evidence("Example Ltd", "Payments", "security@example.com", tmp_path / "key")


def test_no_file_and_an_empty_file_give_the_defaults(tmp_path: Path) -> None:
    assert config.read(None, declared) == (config.Settings(), [])
    file = written(tmp_path, "")
    assert config.read(file, declared) == (config.Settings(file=file), [])


def test_the_starter_file_has_no_problem_and_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, STARTER)
    assert config.read(file, declared) == (config.Settings(file=file), [])


def test_every_key_of_the_starter_file_is_known(tmp_path: Path) -> None:
    """Each commented line of the form `# name = value` or `# [table]` is uncommented."""
    lines = []
    for line in STARTER.splitlines():
        bare = line.removeprefix("# ")
        is_key = bare.split(" = ")[0].replace("_", "").replace("-", "").isalpha() and " = " in bare
        lines.append(bare if line.startswith("# ") and (is_key or bare.startswith("[")) else line)
    text = "\n".join(line for line in lines if line != 'url = "postgresql://nhiscan@db.example.com/nhiscan"')
    (tmp_path / "people.csv").touch()
    (tmp_path / "our-rules").mkdir()
    (tmp_path / "key").touch()
    text = text.replace("~/.ssh/nhiscan_ed25519", "key")
    assert problems(tmp_path, text) == []
    settings = config.read(tmp_path / "nhiscan.toml", declared)[0]
    assert settings.scan.executor == "threads:16"
    assert settings.evidence.organisation == "Example Ltd"
    assert set(settings.registers.columns) == set(config.ROSTER_COLUMNS)


def test_all_problems_come_at_once_each_with_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
[inventry]
url = "x.db"
[scan]
fail_onn = "high"
allow_partial = "yes"
[connectors.aws]
rolename = "audit"
account = "111111111111"
retries = true
[connectors.asw]
[registers]
people = "nobody.csv"
[registers.columns]
emial = "E-mail"
[rules]
paths = [
  "nowhere",
]
[rules.parameters.some-rule]
days = -1
""",
    )
    assert found == [
        (2, "unknown key 'inventry': did you mean 'inventory'?"),
        (5, "unknown key 'scan.fail_onn': did you mean 'fail_on'?"),
        (6, "scan.allow_partial must be true or false"),
        (8, "unknown key 'connectors.aws.rolename': did you mean 'role-name'?"),
        (9, "connectors.aws.account must be a list: each a text in quotes"),
        (10, "connectors.aws.retries must be a whole number"),
        (11, "unknown connector 'asw': did you mean 'aws'?"),
        (13, f"registers.people: no such file or folder: {tmp_path}/nobody.csv"),
        (15, "unknown key 'registers.columns.emial': did you mean 'email'?"),
        (17, f"rules.paths: no such file or folder: {tmp_path}/nowhere"),
        (21, "rules.parameters.some-rule.days must be a whole number, 0 or more"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('a = "', 1, "is not TOML"),
        ("[scan]\nfail_on = high\n", 2, "is not TOML"),
        ("[scan]\nfail_on = 'hihg'\n", 2, "must be one of none, info, low, medium, high, critical"),
        ("scan = 1\n", 1, "scan must be a table"),
        ("[evidence]\n\nsystem = ''\n", 3, "must be a text in quotes"),
        ("[owners]\ntags = 'owner'\n", 2, "must be a list of texts"),
        ("[rules]\nparameters = { some-rule = 3 }\n", 2, "must be a table"),
    ],
)
def test_wrong_values(tmp_path: Path, text: str, line: int, words: str) -> None:
    ((found, message),) = problems(tmp_path, text)
    assert found == line
    assert words in message


def test_a_file_that_is_not_text_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "nhiscan.toml"
    file.write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in str(config.read(file, declared)[1][0])


def test_connectors_are_looked_up_only_when_the_file_names_some(tmp_path: Path) -> None:
    def never() -> dict[str, tuple[Option, ...]]:
        raise AssertionError("asked for")

    assert config.read(written(tmp_path, "[scan]\nfail_on = 'low'\n"), never)[1] == []


def test_parameters_must_name_a_rule_and_one_of_its_parameters(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "[rules.parameters.key-old]\nmax_age_day = 3\n"
        "[rules.parameters.key-odl]\nx = 1\n[rules.parameters.bare]\nx = 1\n",
    )
    settings, found = config.read(file, declared)
    assert found == []
    assert [str(one) for one in config.check_parameters(settings, {"key-old": ("max_age_days",), "bare": ()})] == [
        f"{file}:2: unknown parameter 'max_age_day' of rule key-old: did you mean 'max_age_days'?",
        f"{file}:3: unknown rule 'key-odl': did you mean 'key-old'?",
        f"{file}:6: unknown parameter 'x' of rule bare: the rule has no parameters",
    ]


def test_which_file_is_found(tmp_path: Path) -> None:
    here, user = tmp_path / "here", tmp_path / "user"
    for folder in (here, user):
        folder.mkdir()
    other = tmp_path / "other.toml"
    other.touch()
    assert config.find(None, {}, here, user) is None
    (user / "nhiscan.toml").touch()
    assert config.find(None, {}, here, user) == user / "nhiscan.toml"
    (here / "nhiscan.toml").touch()
    assert config.find(None, {"NHISCAN_CONFIG": ""}, here, user) == here / "nhiscan.toml"
    assert config.find(None, {"NHISCAN_CONFIG": str(other)}, here, user) == other
    assert config.find(here / "nhiscan.toml", {"NHISCAN_CONFIG": str(other)}, here, user) == here / "nhiscan.toml"
    with pytest.raises(config.ConfigError, match="no such file \\(named by --config\\)"):
        config.find(tmp_path / "none.toml", {}, here, user)
    with pytest.raises(config.ConfigError, match="no such file \\(named by NHISCAN_CONFIG\\)"):
        config.find(None, {"NHISCAN_CONFIG": str(tmp_path / "none.toml")}, here, user)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ("a.db", "/base/a.db"),
        ("/x/a.db", "/x/a.db"),
        ("sqlite:///a.db", "/base/a.db"),
        ("sqlite:////x/a.db", "/x/a.db"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
    ],
)
def test_places_are_relative_to_the_file(value: str, place: str) -> None:
    assert config.place(value, Path("/base")) == place
