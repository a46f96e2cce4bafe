"""The system's Chromium, and how it is started where there is no desktop."""

import shutil

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


def chromium() -> str | None:
    """Its path, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)
