"""The data folders are found wherever nhiscan is installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nhiscan
from nhiscan import data


@pytest.mark.parametrize("name", ["rules", "reports"])
def test_a_data_folder_is_found(name: str) -> None:
    assert any(data.folder(name).rglob("*"))


def test_an_unknown_folder_is_an_error() -> None:
    with pytest.raises(data.MissingData, match="no-such-folder"):
        data.folder("no-such-folder")


def test_a_folder_of_that_name_beside_an_installed_package_is_not_ours(tmp_path: Path) -> None:
    """Only a checkout (with pyproject.toml) counts: site-packages may hold a foreign package called `rules`."""
    (tmp_path / "nhiscan").mkdir()
    for name in ("__init__.py", "data.py"):
        shutil.copy(Path(nhiscan.__file__).parent / name, tmp_path / "nhiscan" / name)
    (tmp_path / "rules").mkdir()
    look = "import nhiscan.data as d\ntry: print(d.folder('rules'))\nexcept d.MissingData: print('missing')"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + look],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "missing", done.stderr
    (tmp_path / "pyproject.toml").touch()
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + look],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == str(tmp_path / "rules"), done.stderr
