#!/bin/sh
# Builds the wheel, installs it into an environment of its own, and runs the tests from a copy of tests/ alone.
set -eu
python=${1:-python3}
here=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/.venv/bin/python" -m hatchling build -t wheel -d "$work/dist" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
"$python" -m venv "$work/env"
"$work/env/bin/python" -m pip --disable-pip-version-check install --quiet --require-hashes -r "$here/requirements/dev.txt"
"$work/env/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps "$work"/dist/nhiscan-*.whl
mkdir "$work/run"
cp -R "$here/tests" "$work/run/tests"
sed -n '/^\[tool.pytest.ini_options\]/,/^\[tool.mypy\]/p' "$here/pyproject.toml" | sed '$d' >"$work/run/pyproject.toml"
cd "$work/run"
NHISCAN_TEST_INSTALLED=1 PYTHONDONTWRITEBYTECODE=1 "$work/env/bin/pytest" tests
