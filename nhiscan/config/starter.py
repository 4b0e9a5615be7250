"""The commented file that ``nhiscan init`` writes. It passes ``nhiscan config check`` as it stands."""

STARTER = """\
# nhiscan.toml: what to scan and how to judge it. `nhiscan config check` reads it and names every problem.
# nhiscan looks for this file in: --config, NHISCAN_CONFIG, the working directory, your configuration folder.
# A flag goes before an environment variable, that before this file, and this file before the default.
# Paths are relative to this file. No secrets belong here: the connectors use the provider's own credential chain.

[inventory]
# Where the inventory and its history lie: a path (SQLite) or a URL (PostgreSQL).
# Default: nhiscan.db in your data folder. Flag --db, variable NHISCAN_DB.
# url = "nhiscan.db"
# url = "postgresql://nhiscan@db.example.com/nhiscan"

[scan]
# The lowest severity that ends a command with 1: none, info, low, medium, high, critical. Flag --fail-on.
# fail_on = "high"
# Accept a collection with gaps (exit 0 or 1 instead of 3). Output and evidence still say so. Flag --allow-partial.
# allow_partial = false
# How many scopes are read at once, from threads:1 to threads:64. Flag --executor.
# executor = "threads:16"

# One table for each connector that `nhiscan scan` takes when none is named on the command line.
# `nhiscan connectors list` shows the options of each one.
# [connectors.aws]
# account = ["111111111111", "222222222222"]
# role-name = "nhiscan-audit"

[registers]
# The people roster (CSV). Without it the rules about leavers say "could not be determined". Flag --roster.
# people = "people.csv"

[registers.columns]
# Header names in that file, where they differ from ours.
# person_id = "Employee ID"
# email = "Work e-mail"
# name = "Name"
# status = "Status"
# start_date = "Start date"
# end_date = "Last day"

[owners]
# Tags that name who answers for an identity, the most trusted first.
# tags = ["owner", "contact"]

[rules]
# Folders with rules of your own, besides those that ship with nhiscan. Flag --rules.
# paths = ["our-rules"]

# Thresholds of a rule. `nhiscan rules show ID` lists the parameters of each one.
# [rules.parameters.access-key-not-rotated]
# max_age_days = 60

[evidence]
# Printed on the cover of an evidence package; "not stated" where left out.
# organisation = "Example Ltd"
# system = "Payments platform"
# contact = "security@example.com"
# The SSH private key that signs packages. Default: a key made once in your configuration folder. Flag --sign-key.
# sign_key = "~/.ssh/nhiscan_ed25519"
"""
