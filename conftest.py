"""Fixtures and options of all tests."""

pytest_plugins = [
    "tests.fixtures.collecting",
    "tests.fixtures.prerequisites",
    "tests.fixtures.servers",
    "tests.fixtures.system",
]
