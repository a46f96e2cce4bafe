"""python -m lingxi_summarizer"""

from lingxi_chassis import process
from lingxi_summarizer import bootstrap
from lingxi_summarizer.settings import Settings

if __name__ == "__main__":
    process.main(bootstrap.SERVICE, Settings, bootstrap.start)
