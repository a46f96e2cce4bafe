"""`python -m lingxi_gateway [migrate]`."""

from lingxi_chassis import process
from lingxi_gateway import bootstrap
from lingxi_gateway.settings import Settings

if __name__ == "__main__":
    process.main("gateway", Settings, bootstrap.start, bootstrap.migrate)
