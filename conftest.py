"""Fixtures and options of all tests."""

from hypothesis import settings

pytest_plugins = [
    "tests.fixtures.clusters",
    "tests.fixtures.collecting",
    "tests.fixtures.prerequisites",
    "tests.fixtures.servers",
    "tests.fixtures.system",
]

# How long one example takes says more of what else the machine does than of what is tried.
settings.register_profile("lingxi", deadline=None)
settings.load_profile("lingxi")
