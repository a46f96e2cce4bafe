"""What a migration may do while services of the last release still run: expand, not contract.

A migration that says `CONTRACTS = "why, and since which release nobody uses it"` may take away; it
comes a release after the code that needed it.
"""

import re

BREAKING = {
    "drops what the last release uses": re.compile(
        r"\bdrop\s+(table|column|view|type|function|trigger|constraint|schema|extension)\b"
    ),
    "renames": re.compile(r"\brename\s+(to|column|constraint)\b|\brename\s+\w+\s+to\b"),
    "changes a type": re.compile(r"\balter\s+(column\s+)?\w+\s+(set\s+data\s+)?type\b"),
    "wants a value that the last release does not give": re.compile(r"\bset\s+not\s+null\b"),
    "takes a default away": re.compile(r"\bdrop\s+default\b"),
    "refuses what the last release may write": re.compile(
        r"\badd\s+(constraint\s+\w+\s+)?(check|unique|foreign key|primary key|exclude)\b"
        r"|\bcreate\s+unique\s+index\b"
    ),
    "keeps writers waiting while it is built": re.compile(
        r"\bcreate\s+(unique\s+)?index\b(?!\s+concurrently)"
    ),
    "empties": re.compile(r"\btruncate\b"),
}
NEW_COLUMN = re.compile(r"\badd\s+column\s+(?:if\s+not\s+exists\s+)?(\w+)([^,;]*)")
TABLE = r"(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?(\w+)"
CREATED = re.compile(rf"\bcreate\s+table\s+{TABLE}")
ABOUT = re.compile(
    rf"\balter\s+table\s+{TABLE}|\bcreate\s+(?:unique\s+)?index\b.*?\bon\s+{TABLE}", re.DOTALL
)


def faults(sql: str) -> list[str]:
    """What of these statements a running service of the last release would stumble over. Of a
    table that they make themselves, anything goes."""
    text = re.sub(r"--[^\n]*", "", sql).lower()
    made = set(CREATED.findall(text))
    found: list[str] = []
    for statement in text.split(";"):
        about = {name for match in ABOUT.findall(statement) for name in match if name}
        if about and about <= made:
            continue
        told = " ".join(statement.split())[:80]
        found += [f"{what}: {told}" for what, form in BREAKING.items() if form.search(statement)]
        found += [
            f"a new column {name} that the last release leaves out: {told}"
            for name, rest in NEW_COLUMN.findall(statement)
            if "not null" in rest and not re.search(r"\b(default|generated)\b", rest)
        ]
    return found
