"""The web app's types of the API: `python deploy/local/web.py` writes them from the gateway's code.

`... --check` exits 1 when they are behind, or when the web app's own checks fail. A machine without
Node says so and passes: nothing here changed because of that.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from lingxi_local.settings import environment
from lingxi_local.web import SOURCES, Node, WebApp, WebNotBuilt

DOCUMENT = SOURCES / "openapi.py"
TYPES = SOURCES / "src" / "api" / "schema.d.ts"
# What has a default may be left out of a request.
OPTIONS = ("--default-non-nullable", "false")


async def main() -> None:
    """Write, or check."""
    web = WebApp(environment())
    try:
        node = await web.prepare()
    except WebNotBuilt as failure:
        print(f"web app: not checked, {str(failure).splitlines()[0]}")
        return
    with tempfile.TemporaryDirectory() as folder:
        fresh = await _types(web, node, Path(folder))
    if sys.argv[1:] != ["--check"]:
        TYPES.write_text(fresh)
        return
    if TYPES.read_text() != fresh:
        sys.exit(f"{TYPES.name} is behind the API; `make types` writes it anew")
    try:
        await web.run([*node.npm, "run", "check"], node)
    except WebNotBuilt as failure:
        sys.exit(str(failure))


async def _types(web: WebApp, node: Node, folder: Path) -> str:
    document, types = folder / "openapi.json", folder / "schema.d.ts"
    document.write_text(await web.run([sys.executable, DOCUMENT]))
    tool = SOURCES / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    await web.run([node.node, tool, document, "-o", types, *OPTIONS], node)
    return types.read_text()


if __name__ == "__main__":
    asyncio.run(main())
