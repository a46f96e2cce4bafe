"""`python -m lingxi_agent [migrate]`."""

from lingxi_agent import bootstrap
from lingxi_agent.settings import Settings
from lingxi_chassis import process

if __name__ == "__main__":
    process.main("agent", Settings, bootstrap.start, bootstrap.migrate)
