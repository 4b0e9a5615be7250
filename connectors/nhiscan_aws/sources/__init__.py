"""The listings of one AWS account. A source streams page by page.

None imports the SDK: the client comes with the account.
"""
