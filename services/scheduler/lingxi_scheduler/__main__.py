"""`python -m lingxi_scheduler [migrate]`."""

from lingxi_chassis import process
from lingxi_scheduler import bootstrap
from lingxi_scheduler.settings import Settings

if __name__ == "__main__":
    process.main(bootstrap.OWNER, Settings, bootstrap.start, bootstrap.migrate)
