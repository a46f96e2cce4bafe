"""python -m lingxi_scheduler"""

from lingxi_chassis import process
from lingxi_scheduler import bootstrap
from lingxi_scheduler.settings import Settings

if __name__ == "__main__":
    process.main(bootstrap.SERVICE, Settings, bootstrap.start)
