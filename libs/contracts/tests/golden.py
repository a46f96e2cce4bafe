"""The golden files of events, and how a missing one is made.

`python -m libs.contracts.tests.golden` writes the files of new events and never touches one that
exists: a published shape does not change. A new shape is a new tag.
"""

import json
import types
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin
from uuid import UUID, uuid5

from annotated_types import Ge
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from lingxi_contracts import agent, chat, gateway, scheduler
from lingxi_contracts.base import Event

FOLDER = Path(__file__).parent / "golden"
OWNERS = {module.OWNER: module.EVENTS for module in (agent, chat, gateway, scheduler)}
KINDS = ("full", "required")
NAMESPACE = UUID("a0000000-0000-4000-8000-000000000000")
# What no rule below can know.
BY_FIELD: dict[str, Any] = {
    "start": "22:30",
    "end": "07:00",
    "timezone": "Asia/Shanghai",
    "xid": "700",
}


def golden_path(owner: str, tag: str, kind: str) -> Path:
    """Where an event's golden file is."""
    return FOLDER / owner / f"{tag}.{kind}.json"


def all_events() -> Iterator[tuple[str, type[Event]]]:
    """Every event with its owner."""
    for owner, events in OWNERS.items():
        for event in events.values():
            yield owner, event


def example(model: type[BaseModel], kind: str) -> dict[str, Any]:
    """A value of every field (`full`) or of the required ones alone."""
    made = {
        name: _value(name, field.annotation, field, kind)
        for name, field in model.model_fields.items()
        if kind == "full" or field.is_required()
    }
    if kind == "full" and model.model_config.get("extra") == "allow":
        made["a_key_of_the_users"] = {"kept": [1, "二"]}
    return made


def _value(name: str, kind_of: Any, field: FieldInfo | None, kind: str) -> Any:
    if name in BY_FIELD:
        return BY_FIELD[name]
    origin, inner = get_origin(kind_of), get_args(kind_of)
    if origin is Annotated:
        return _value(name, inner[0], field, kind)
    if origin in (Union, types.UnionType):
        return _value(name, next(one for one in inner if one is not type(None)), field, kind)
    if origin is Literal:
        return inner[-1]
    if origin is dict:
        return {f"a key of {name}": _value(name, inner[1], None, kind)}
    if kind_of is Any:
        return [name, 1]
    if origin is tuple:
        return [_value(f"{name} {n}", inner[0], None, kind) for n in range(2)]
    return _plain(name, kind_of, field, kind)


def _plain(name: str, kind_of: Any, field: FieldInfo | None, kind: str) -> Any:
    if kind_of is UUID:
        return str(uuid5(NAMESPACE, name))
    if kind_of is str:
        return f"{name}: 你好, “hello” \n"
    if kind_of is bool:
        return True
    if kind_of is int:
        limits = [
            cast("int", limit.ge)
            for limit in (field.metadata if field else ())
            if isinstance(limit, Ge)
        ]
        return max([*limits, 0]) + 7
    if kind_of in (datetime, AwareDatetime):
        return "2026-11-22T18:30:00Z"
    if kind_of is date:
        return "2026-11-22"
    if kind_of is float:
        return 0.25
    if isinstance(kind_of, type) and issubclass(kind_of, BaseModel):
        return example(kind_of, kind)
    raise TypeError(f"no example for {name}: {kind_of}")


def written(value: object) -> str:
    """JSON as the golden files hold it."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write what is missing."""
    for owner, event in all_events():
        for kind in KINDS:
            path = golden_path(owner, event.tag, kind)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(written(example(event, kind)), encoding="utf-8")


if __name__ == "__main__":
    main()
