"""What Grafana's own schemas say against a dashboard: the models of grafana-foundation-sdk are generated from them.

A real Grafana can't be had in the tests. The models drop a key that they don't know and take a value of any type, so a
dashboard is read and written again, what did not survive is named, and every value is compared with its model's annotation.
"""
import enum
import json
import re
import types
import typing
from collections.abc import Iterator

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()

# What we write on purpose and the models do not know, with the reason. A test fails when one of them is not met any more.
BESIDE_THE_SCHEMA = {
    r"/__requires": "read when a file is imported, then dropped",
    r"/annotations/list/\d+/(expr|step|titleFormat|tagKeys|useValueForTime)":
        "the query of an annotation belongs to its datasource; Prometheus' plugin moves 7.5's form into `target`",
    r"/annotations/list/\d+/showIn": "written by 7.5's editor; current versions have `filter` instead",
    r"/panels/\d+:heatmap/(dataFormat|color|yAxis|xAxis|yBucketBound|tooltip|legend|hideZeroBuckets)":
        "7.5's heatmap; the current panel's migration handler turns them into `options`",
}


def migrated(value: typing.Any) -> typing.Any:
    """As current Grafana's DashboardMigrator makes a dashboard of schemaVersion 27: steps 30 (mappings) and 33 (datasources)."""
    if isinstance(value, list):
        return [migrated(one) for one in value]
    if not isinstance(value, dict):
        return value
    new = {key: migrated(one) for key, one in value.items()}
    if isinstance(new.get("datasource"), str):
        new["datasource"] = {"uid": new["datasource"], "type": "prometheus"}
    if "mappings" in new:
        new["mappings"] = [_migrated_mapping(dict(one), index) for index, one in enumerate(new["mappings"])]
    return new


def _migrated_mapping(old: dict, index: int) -> dict:
    assert old.pop("type") == 1, "1: a value becomes a text"
    del old["id"]
    return old | {"type": "value", "options": {old.pop("value"): {"text": old.pop("text"), "index": index}}}


def lost(written: typing.Any, read: typing.Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every (path, complaint) where `read` is not what `written` says; defaults that were added don't count."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            if key in read:
                yield from lost(value, read[key], f"{path}/{key}")
            else:
                yield f"{path}/{key}", "no such key"
    elif isinstance(written, list) and isinstance(read, list):
        for number, (one, other) in enumerate(zip(written, read, strict=True)):
            kind = f":{one['type']}" if path == "/panels" else ""
            yield from lost(one, other, f"{path}/{number}{kind}")
    elif written != read:
        yield path, f"{written!r} was read as {read!r}"


def fits(value: typing.Any, hint: typing.Any) -> bool:
    """Whether a value is of its annotation's type. The insides of a model that was read are left to mistyped()."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(fits(one, arguments[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, arguments[1]) for one in value.values())
    if hint in (typing.Any, object):
        return True
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return any(value == member.value for member in hint)
    if hint in (int, float, bool):
        return type(value) is hint or (hint is float and type(value) is int)
    if isinstance(value, dict) and hasattr(hint, "from_json"):  # The SDK leaves some lists of models unread.
        return not misread(value, hint.from_json(value))
    return isinstance(value, hint)


def mistyped(model: typing.Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every (path, complaint) of a value in a parsed model that its annotation forbids."""
    if isinstance(model, list):
        for number, one in enumerate(model):
            yield from mistyped(one, f"{path}/{number}")
    elif isinstance(model, dict):
        for key, one in model.items():
            yield from mistyped(one, f"{path}/{key}")
    elif hasattr(model, "to_json"):
        for name, hint in typing.get_type_hints(type(model)).items():
            value = getattr(model, name)
            if not fits(value, hint):
                yield f"{path}/{name}", f"{value!r} is no {hint}"
            yield from mistyped(value, f"{path}/{name}")


def misread(written: dict, model: typing.Any) -> list[tuple[str, str]]:
    return [*lost(written, json.loads(json.dumps(model, cls=JSONEncoder))), *mistyped(model)]


def complaints(dashboard: dict) -> list[tuple[str, str]]:
    """What Grafana's schemas have against a dashboard of ours, what lies beside them on purpose included."""
    modern = migrated(dashboard)
    return misread(modern, Dashboard.from_json(modern))


def beside_the_schema(path: str) -> str | None:
    """The pattern of BESIDE_THE_SCHEMA that a path falls under."""
    return next((pattern for pattern in BESIDE_THE_SCHEMA if re.fullmatch(pattern, path)), None)
