"""The shape of the code: imports point one way, names tell, docstrings are there, paths stay relative."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PACKAGES = {
    "tallyport_schemas": ROOT / "schemas/tallyport_schemas",
    "tallyport_converters": ROOT / "converters/tallyport_converters",
    "tallyport": ROOT / "pipeline/tallyport",
}
"""Every package and where it lies; each imports itself and those above it."""

ROOMS = {
    "tallyport_schemas": (
        "findings",
        "findings_page",
        "header",
        "generations",
        "top_level_domains",
        "value_types",
        "progress",
    ),
    "tallyport_converters": (
        "locks",
        "other_documents",
        "metering",
        "sources",
        "native",
        "periods",
        "combos",
        "header",
        "readers",
        "detect",
        "adv2_reading",
        "scanning",
        "source_rows",
        "trail",
        "rejects",
        "gather",
        "meaning",
        "adv2",
        "output",
        "groups",
        "left_out",
        "superseded",
        "naming",
        "work_folders",
        "publish",
        "options",
        "completions",
        "deletions",
        "tidied",
        "manifest",
        "attempt",
        "convert",
        "writers",
    ),
    "tallyport_converters.native": ("adv2", "join"),
    "tallyport_converters.sources": ("raw", "expand", "archive"),
    "tallyport_converters.readers": (
        "field_names",
        "header_names",
        "row_fields",
        "reader",
        "place",
        "csv_records",
        "csv_layout",
        "csv_columns",
        "dxf_csv",
        "dxf_json",
        "dxf_pdf",
        "pdf_rows",
        "xml_fields",
        "xml_common_subset",
        "xml_general",
    ),
    "tallyport_converters.writers": ("writer", "xml_text", "dxf_json", "dxf_csv", "dxf_xml", "adx", "formats"),
    "tallyport": (
        "metadata",
        "validation",
        "whole_file",
        "rejected_rows",
        "source_report",
        "option_combos",
        "known_categories",
        "group_scope",
        "legacy_files",
        "rewriting",
        "converting",
        "postgres",
        "dhis2",
        "mcp",
        "web",
        "cli",
    ),
    "tallyport.postgres": (
        "watching",
        "server",
        "statements",
        "connecting",
        "filling",
        "embedded",
        "memory",
        "known_units",
        "scope",
        "row_feed",
        "script",
        "session",
        "batching",
        "undo",
        "schema_history",
        "changes",
        "triggers",
        "uninterrupted",
        "access",
        "default_combos",
        "known_categories",
        "writing",
        "group",
        "bundle",
        "load",
        "importing",
        "selecting",
        "identifying",
        "combo_naming",
        "naming",
        "stored",
        "exporting",
    ),
    "tallyport.dhis2": (
        "answers",
        "profiles",
        "patience",
        "connecting",
        "tasks",
        "issue_stream",
        "integrity",
        "maintenance",
        "client",
        "pulling",
        "lookups",
        "values",
        "plan",
        "chunk_size",
        "rejections",
        "acknowledgement",
        "journal",
        "completing",
        "push_report",
        "survey",
        "value_import",
        "keeping",
        "passes",
        "row_spool",
        "streams",
        "sending",
        "feeding",
        "push",
    ),
    "tallyport.cli": (
        "signals",
        "drawing",
        "listing",
        "source_reports",
        "server_options",
        "database",
        "convert",
        "validate",
        "snapshot",
        "importing",
        "rewriting",
        "exporting",
        "push",
        "serving",
        "server",
        "maintenance",
        "integrity",
        "mcp",
        "explain",
        "main",
        "demo",
        "completion",
    ),
    "tallyport.web": ("messages", "store", "folders", "jobs", "http", "serve"),
    "tallyport.web.jobs": (
        "change_preview",
        "limits",
        "targets",
        "completeness",
        "outlook",
        "problems",
        "names",
        "recorder",
        "delivery",
        "validation_document",
        "worker",
        "upload_format",
        "processes",
    ),
    "tallyport.web.http": ("failures", "access", "uploads", "downloads", "openapi", "app"),
}
"""The rooms of each package in order: a room imports only from rooms before it."""

HEAVY = {
    "lxml",
    "pypdf",
    "orjson",
    "polars",
    "backports",
    "zipfile",
    "ssl",
    "asyncio",
    "psycopg",
    "httpx2",
    "pydantic",
    "mcp",
}
"""What the command line's front door must not load before it is needed."""

WORDS_THAT_TELL_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "tools", "stuff", "base"}

ABSOLUTE_PATH = re.compile(r"(?<![\w.~<>})-])/(?:home|root|Users|mnt|opt|srv|tmp|usr|var|work)/")


def modules() -> Iterator[tuple[str, Path]]:
    """Yield the dotted name and the file of every module of ours."""
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join((package, *parts)).removesuffix(".__init__"), path


MODULES = dict(modules())


def package_of(module: str) -> str:
    return module.partition(".")[0]


def parsed(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports(module: str, *, lazy: bool = True) -> Iterator[str]:
    """Yield the dotted names that a module imports: within functions too, unless asked otherwise."""
    tree = parsed(module)
    nodes = ast.walk(tree) if lazy else iter(tree.body)
    inside = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(inside.split(".")[: len(inside.split(".")) - node.level + 1]) if node.level else ""
            home = ".".join(filter(None, (start, node.module or "")))
            for alias in node.names:
                name = f"{home}.{alias.name}"
                yield name if name in MODULES else home


def room(module: str, package: str) -> str:
    """Return the room of `package` that a module lies in; empty for the package's own door."""
    return module.removeprefix(package).removeprefix(".").partition(".")[0]


@pytest.mark.parametrize("module", MODULES)
def test_packages_import_one_way(module: str) -> None:
    order = list(PACKAGES)
    allowed = set(order[: order.index(package_of(module)) + 1])
    ours = {package_of(name) for name in imports(module)} & set(order)
    assert ours <= allowed, f"{module} imports {', '.join(sorted(ours - allowed))}"


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_import_one_way(package: str) -> None:
    order = ROOMS[package]
    for module in MODULES:
        here = room(module, package)
        if not module.startswith(f"{package}.") or not here:
            continue
        for name in imports(module):
            if name.startswith(f"{package}."):
                there = room(name, package)
                assert order.index(there) <= order.index(here), f"{module} imports {name}"


@pytest.mark.parametrize("package", ROOMS)
def test_every_room_has_its_place_in_the_order(package: str) -> None:
    found = {room(module, package) for module in MODULES if module.startswith(f"{package}.")}
    assert found == set(ROOMS[package])
    assert len(ROOMS[package]) == len(found)


def test_tests_reach_the_user_s_door_and_no_room_imports_tests() -> None:
    for module in MODULES:
        assert not {"tests", "twin", "checking", "benchmarks"} & {name.partition(".")[0] for name in imports(module)}


@pytest.mark.parametrize(
    "module", [name for name in MODULES if name.startswith("tallyport.cli") or name == "tallyport"]
)
def test_command_line_loads_nothing_heavy_before_it_is_called(module: str) -> None:
    at_once = set(imports(module, lazy=False))
    assert not HEAVY & {name.partition(".")[0] for name in at_once}
    assert not {name for name in at_once if package_of(name) == "tallyport_converters"}


def undocumented(body: list[ast.stmt], path: str = "") -> Iterator[str]:
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        decorators = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
        if not ast.get_docstring(node) and "overload" not in decorators:
            yield f"{path}{node.name}"
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node.body, f"{path}{node.name}.")


@pytest.mark.parametrize("module", MODULES)
def test_whatever_is_public_says_what_it_is(module: str) -> None:
    tree = parsed(module)
    assert ast.get_docstring(tree), f"{module} does not say what room it is"
    assert not list(undocumented(tree.body))


@pytest.mark.parametrize("module", MODULES)
def test_library_never_prints_or_exits(module: str) -> None:
    if module.startswith("tallyport.cli") or module == "tallyport_schemas.findings_page":
        return
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func) not in {"print", "input", "exit", "sys.exit", "os._exit"}, node.lineno


def texts() -> list[Path]:
    """Return the files that people read: code, documents, settings."""
    folders = ("benchmarks", "converters", "docs", "pipeline", "samples", "schemas")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    found += [path for path in ROOT.iterdir() if path.name != ".git"]
    kinds = {".c", ".h", ".json", ".md", ".py", ".svg", ".toml", ".txt", ".csv", ".xml"}
    return sorted(path for path in found if path.is_file() and (path.suffix in kinds or path.name == "Makefile"))


def test_names_of_files_tell_something() -> None:
    for path in texts():
        assert path.stem not in WORDS_THAT_TELL_NOTHING, path
        assert not re.search(r"(?:^|[._-])(?:old|new|copy|final|tmp|bak|v\d)$", path.stem), path


def test_no_text_names_a_folder_of_one_machine() -> None:
    for path in texts():
        found = ABSOLUTE_PATH.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(ROOT)}: {found and found[0]}"
