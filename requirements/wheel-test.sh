#!/bin/sh
# Builds the wheel, installs it into an environment of its own, and runs tests from a copy of tests/ alone: those that an
# installed nhiscan can fail where the checkout does not. They go through the command line, the data that ship (rules,
# frameworks, templates, migrations), every entry point (connectors, analyzers, simulated clouds) and the extras. What a
# module computes is the same in both, so the unit tests are not run twice.
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
NHISCAN_TEST_INSTALLED=1 PYTHONDONTWRITEBYTECODE=1 "$work/env/bin/pytest" tests/contract/test_00_installed.py \
	tests/contract/test_*_contract.py tests/contract/test_rules_shipped.py tests/e2e
