"""Checks on what a conversion wrote: the published schemas, and the sums that no schema can state.

`check_output(folder)` checks one source's folder, `checked_convert(...)` converts and checks every folder that came
of it. Neither knows what the values should be: that is the twin's and the goldens' matter.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import jsonschema_rs

import tallyport_schemas
from tallyport import Report, convert

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_SCHEMAS = Path(tallyport_schemas.__file__).with_name("json")
SCHEMAS = tuple(sorted(path.name.removesuffix(".schema.json") for path in _SCHEMAS.glob("*.schema.json")))


def schema_text(name: str) -> str:
    """Return a published schema as it is shipped."""
    return (_SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")


@cache
def validator(name: str) -> jsonschema_rs.Validator:
    """Return the validator of a published schema; the schemas may point at each other and at nothing else."""
    known = {str(document["$id"]): document for document in (json.loads(schema_text(name)) for name in SCHEMAS)}
    registry = jsonschema_rs.Registry(list(known.items()))
    return jsonschema_rs.validator_for(json.loads(schema_text(name)), registry=registry, offline=True)


def check_against(name: str, document: Any) -> None:
    """Check a document against a published schema.

    Raises:
        AssertionError: it does not fit; carries every place where.
    """
    faults = [
        f"{'/'.join(map(str, error.instance_path)) or 'the document'}: {error.message[:300]}"
        for error in validator(name).iter_errors(document)
    ]
    assert not faults, f"no {name}: " + "; ".join(faults[:5])


def _not_json(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def _distinct(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        assert key not in found, f"the key {key!r} stands twice in one object"
        found[key] = value
    return found


def strict_json(data: bytes) -> Any:
    """Parse JSON as a careful reader does: UTF-8 only, no NaN, no key twice."""
    return json.loads(data.decode("utf-8"), parse_constant=_not_json, object_pairs_hook=_distinct)


def plain_bytes(path: Path) -> bytes:
    """Return what a file holds, decompressed as its name says."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return bytes(zstd.decompress(data)) if path.suffix == ".zst" else data


def json_lines(data: bytes) -> list[Any]:
    """Parse NDJSON: a document per line, every line ended."""
    assert data.endswith(b"\n"), "the last line has no end"
    return [strict_json(line) for line in data[:-1].split(b"\n")]


def check_output(folder: Path) -> dict[str, Any]:
    """Check everything that a conversion wrote for one source; returns the manifest.

    Checked: manifest, groups and rejects against their schemas; no file that nothing accounts for; each file's size
    and digest; each group's data element and rows; read = written + superseded + rejected.

    Raises:
        AssertionError: something does not fit; says what.
    """
    manifest: dict[str, Any] = strict_json((folder / "manifest.json").read_bytes())
    check_against("manifest", manifest)
    entries: dict[str, list[dict[str, Any]]] = {}
    for entry in manifest["groups"]:
        entries.setdefault(entry["file"], []).append(entry)
    expected = {"manifest.json", *entries}
    values = manifest["values"]
    if values["rejected"]:
        expected.add("rejects.ndjson")
        _check_rejects(folder / "rejects.ndjson", manifest)
    if "completions" in manifest:
        expected.add("completions.json")
        _check_completions(folder / "completions.json", manifest["completions"])
    assert {path.name for path in folder.iterdir()} == expected
    for name, of_file in entries.items():
        _check_groups(folder / name, of_file)
    assert values["read"] == values["written"] + values["superseded"] + values["rejected"]
    assert values["written"] == sum(entry["rows"] for entry in manifest["groups"])
    return manifest


def _check_groups(path: Path, entries: Sequence[dict[str, Any]]) -> None:
    data = path.read_bytes()
    for entry in entries:
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"]), path.name
    document = strict_json(plain_bytes(path))
    check_against("adv2", document)
    groups = document if isinstance(document, list) else [document]
    assert [(group["de"], group["size"]) for group in groups] == [(entry["de"], entry["rows"]) for entry in entries]
    for group in groups:
        assert len(group.get("data", ())) == group["size"], f"{path.name}: size is not the number of rows"
        assert list(group)[-1] == ("data" if group["size"] else "size"), f"{path.name}: data is not the last property"


def _check_rejects(path: Path, manifest: dict[str, Any]) -> None:
    lines = json_lines(path.read_bytes())
    for line in lines:
        check_against("finding", line)
        assert line["severity"] == "error"
        assert line["source"] == next(manifest[of] for of in ("source", "database", "frame") if of in manifest)["name"]
        assert "original" in line
    rows = [line["row"] for line in lines]
    assert rows == sorted(set(rows)), "rejects are not in row order, or a row has two"
    assert len(rows) == manifest["values"]["rejected"]


def _check_completions(path: Path, count: int) -> None:
    document = strict_json(path.read_bytes())
    assert list(document) == ["completeDataSetRegistrations"]
    registrations = document["completeDataSetRegistrations"]
    assert len(registrations) == count
    for registration in registrations:
        assert {"dataSet", "period", "organisationUnit", "completed"} <= registration.keys()


def checked_convert(sources: Sequence[str | Path], output: Path, **options: Any) -> Report:
    """Convert as `tallyport.convert` does, and check every folder that was written."""
    report = convert(sources, output, **options)
    for outcome in report.sources:
        if outcome.error:
            check_against("finding", outcome.error.as_json())
            assert outcome.folder is None
        else:
            assert outcome.folder is not None
            assert check_output(outcome.folder) == outcome.manifest
    left = [path.name for path in output.iterdir() if path.name.startswith(".")] if output.exists() else []
    assert not left, f"left behind: {left}"
    return report


__all__ = ["SCHEMAS", "check_against", "check_output", "checked_convert", "json_lines", "plain_bytes", "strict_json"]
