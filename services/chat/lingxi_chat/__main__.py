"""python -m lingxi_chat [migrate]"""

from lingxi_chassis import process
from lingxi_chat import bootstrap
from lingxi_chat.settings import Settings

if __name__ == "__main__":
    process.main("chat", Settings, bootstrap.start, bootstrap.migrate)
