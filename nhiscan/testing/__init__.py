"""The toolkit for simulated clouds, and the contract suite for connectors.

For anybody who writes a connector: `server` (HTTP on the loopback), `tls` (an own authority), `faults` (deny, throttle,
fail, delay), `counts` (calls by account and action), `canaries` (planted secrets), `clock`, `environment`, `company`
(the demo company) and `simulation` (what an entry point offers). Only `contract` needs pytest.
"""
