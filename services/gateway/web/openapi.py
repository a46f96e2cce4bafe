"""Writes our OpenAPI document to standard output, without anything running.

The feed's frames are not in it as served (a stream has no schema there): they are added as the
schema `Frames`, so that the web app's types come from one place.
"""  # noqa: INP001

import sys
from types import SimpleNamespace
from typing import Any, cast

import orjson
from pydantic.json_schema import models_json_schema

from lingxi_gateway.entrypoints.http.app import create_app
from lingxi_gateway.entrypoints.http.limits import limits
from lingxi_gateway.entrypoints.http.parts import Parts
from lingxi_gateway.entrypoints.http.wire.frames import FRAMES

REFERENCE = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """The document, with `Frames`: the data of every frame by its name."""
    none_of_it = SimpleNamespace(
        limits=limits(0, 0), cors_origins=(), trusted_proxies=(), hsts_seconds=0
    )
    described = create_app(cast("Parts", none_of_it)).openapi()
    shapes = [(shape, "serialization") for shape in dict.fromkeys(FRAMES.values())]
    references, definitions = models_json_schema(cast("Any", shapes), ref_template=REFERENCE)
    schemas = described["components"]["schemas"]
    for name, schema in definitions["$defs"].items():
        schemas.setdefault(name, schema)
    schemas["Frames"] = {
        "type": "object",
        "properties": {
            name: references[(shape, "serialization")] for name, shape in FRAMES.items()
        },
        "required": list(FRAMES),
    }
    return described


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(document(), option=orjson.OPT_INDENT_2))
