"""The shape of the code: imports point one way, names tell, docstrings are there, paths stay relative."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.places import ROOT

PACKAGES = {
    "tallyport_schemas": ROOT / "schemas/tallyport_schemas",
    "tallyport_converters": ROOT / "converters/tallyport_converters",
    "tallyport": ROOT / "pipeline/tallyport",
}
"""Every package and where it lies; each imports itself and those above it."""

ROOMS = {
    "tallyport_schemas": (
        "document",
        "finding_codes",
        "finding",
        "findings_page",
        "generations",
        "group_header",
        "progress",
        "row_batch",
        "value_types",
    ),
    "tallyport_converters": (
        "native",
        "model",
        "sources",
        "text",
        "readers",
        "adv2",
        "files",
        "options",
        "conversion",
        "convert",
        "writers",
    ),
    "tallyport_converters.adv2": (
        "file",
        "group_text",
        "header_form",
        "row_rules",
        "row_check",
        "row_batches",
    ),
    "tallyport_converters.conversion": (
        "completions",
        "gather",
        "order",
        "groups",
        "deletions",
        "superseded",
        "scan",
        "source_rows",
        "trail",
        "manifest",
        "rejects",
        "tidied",
        "unread_fields",
        "source_run",
    ),
    "tallyport_converters.files": (
        "folders",
        "output",
        "locks",
        "work_folders",
        "atomic",
        "names",
        "publish",
    ),
    "tallyport_converters.model": (
        "combos",
        "field_names",
        "file_header",
        "header_names",
        "periods",
        "row_fields",
    ),
    "tallyport_converters.native": (
        "abi",
        "library",
        "batch",
        "lines",
        "dictionaries",
        "split",
        "merge",
        "row_batch",
        "table",
        "adv2",
        "join",
        "sheet",
    ),
    "tallyport_converters.readers": (
        "csv_layout",
        "csv_columns",
        "reader",
        "dxf_csv",
        "dxf_json",
        "dxf_pdf",
        "pdf_form",
        "xml_attributes",
        "xml_fast",
        "xml_lxml",
        "tables",
        "detect",
    ),
    "tallyport_converters.readers.tables": (
        "table",
        "cell_faults",
        "date_periods",
        "text_cells",
        "number_format",
        "sheet_cells",
        "table_columns",
        "table_reader",
        "columnar_file",
        "workbook",
        "sheet_table",
    ),
    "tallyport_converters.sources": (
        "meter",
        "raw",
        "decompress",
        "other_documents",
        "zip_member",
    ),
    "tallyport_converters.text": (
        "csv_records",
        "json_members",
        "position",
    ),
    "tallyport_converters.writers": (
        "writer",
        "xml_text",
        "adx",
        "dxf_csv",
        "dxf_json",
        "dxf_xml",
        "registry",
    ),
    "tallyport": (
        "metadata",
        "validation",
        "any_source",
        "source_report",
        "frames",
        "analysis",
        "tables",
        "dhis2",
        "legacy",
        "mcp",
        "postgres",
        "web",
        "cli",
    ),
    "tallyport.analysis": (
        "names",
        "period_span",
        "statistics",
        "look",
    ),
    "tallyport.analysis.look": (
        "conditions",
        "view",
        "wanted",
        "field_use",
        "row_cells",
        "row_search",
        "adv2_view",
        "legacy_view",
        "folder_view",
        "show",
    ),
    "tallyport.analysis.statistics": (
        "distinct",
        "number_range",
        "presence",
        "repeats",
        "tally",
        "report",
        "stats",
    ),
    "tallyport.cli": (
        "options",
        "screen",
        "table",
        "progress",
        "talk",
        "database_options",
        "rows",
        "server_options",
        "signals",
        "versions",
        "main",
        "completion",
        "verbs",
    ),
    "tallyport.cli.verbs": (
        "convert",
        "demo",
        "explain",
        "write_back",
        "export",
        "import_values",
        "mcp",
        "serve",
        "server",
        "stats",
        "show",
        "table",
        "validate",
    ),
    "tallyport.cli.verbs.server": (
        "info",
        "maintenance",
        "integrity",
        "push",
        "snapshot",
    ),
    "tallyport.dhis2": (
        "api",
        "maintenance",
        "client",
        "pull_snapshot",
        "request",
        "push",
    ),
    "tallyport.dhis2.api": (
        "models",
        "patience",
        "profiles",
        "connection",
        "server_jobs",
    ),
    "tallyport.dhis2.maintenance": (
        "issue_stream",
        "integrity",
        "maintenance",
    ),
    "tallyport.dhis2.push": (
        "chunk_size",
        "journal",
        "completions",
        "report",
        "value_import",
        "kept_details",
        "delivery",
        "passes",
        "row_spool",
        "streams",
        "survey",
        "chunks",
        "push",
    ),
    "tallyport.dhis2.request": (
        "data_values",
        "rejections",
        "acknowledgement",
        "lookups",
        "plan",
    ),
    "tallyport.frames": (
        "columns",
        "metadata_columns",
        "group_columns",
        "ahead",
        "selection",
        "value_files",
        "opened",
        "scan",
        "scan_converted",
        "write",
    ),
    "tallyport.legacy": (
        "scope",
        "plan",
        "write",
    ),
    "tallyport.metadata": (
        "json_export",
        "tables",
        "snapshot_file",
        "collect",
        "near_names",
        "catalog",
        "combos",
        "snapshot",
        "known_categories",
        "known_period_types",
    ),
    "tallyport.postgres": (
        "statements",
        "connection",
        "catalog",
        "embedded",
        "schema_history",
        "exports",
        "imports",
    ),
    "tallyport.postgres.catalog": (
        "memory",
        "org_unit_cache",
        "stored_metadata",
        "header_lookup",
    ),
    "tallyport.postgres.embedded": (
        "metadata_lines",
        "metadata_tables",
        "stopper",
        "server",
        "database",
    ),
    "tallyport.postgres.exports": (
        "filters",
        "identifiers",
        "option_names",
        "names",
        "tuple_reader",
        "export_values",
        "export_legacy",
    ),
    "tallyport.postgres.imports": (
        "batch_size",
        "report",
        "records",
        "session",
        "access",
        "row_feed",
        "write",
        "import_run",
        "removal",
        "skipped_rows",
        "group",
        "bundle",
        "run",
        "import_values",
    ),
    "tallyport.tables": (
        "cells",
        "value_keys",
        "database_file",
        "flat_file",
        "parts",
        "workbook",
        "wide",
        "table_kind",
        "passage",
        "report",
        "write_table",
    ),
    "tallyport.validation": (
        "report",
        "rejected_rows",
        "header_findings",
        "existence",
        "membership",
        "dates",
        "relations",
        "validate",
    ),
    "tallyport.web": (
        "folders",
        "messages",
        "store",
        "jobs",
        "http",
        "serve",
    ),
    "tallyport.web.http": (
        "failures",
        "access",
        "downloads",
        "uploads",
        "job_queue",
        "route",
        "upload_routes",
        "job_routes",
        "conversion_routes",
        "app",
    ),
    "tallyport.web.jobs": (
        "change_preview",
        "completeness",
        "limits",
        "outlook",
        "problems",
        "recorder",
        "targets",
        "delivery",
        "names",
        "processes",
        "upload_format",
        "worker",
    ),
}
"""The rooms of each package in order: a room imports only from rooms before it."""

MOST_MODULES = 15
"""How many modules and rooms a folder holds at most."""

HEAVY = {
    "lxml",
    "pikepdf",
    "ijson",
    "orjson",
    "polars",
    "duckdb",
    "xlsxwriter",
    "python_calamine",
    "pyarrow",
    "backports",
    "zipfile",
    "ssl",
    "asyncio",
    "psycopg",
    "httpx2",
    "pydantic",
    "mcp",
    "rich",
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


@pytest.mark.parametrize("module", MODULES)
def test_module_is_named_for_what_it_holds(module: str) -> None:
    name = module.rpartition(".")[2]
    assert not name.endswith("ing") or name == "finding", f"{module}: a noun of the domain, not what it does"


def test_no_two_public_classes_share_a_name() -> None:
    """But for the structures of the core, which are generated and have the names that they have in C."""
    found: dict[str, list[str]] = {}
    for module in MODULES.keys() - {"tallyport_converters.native.abi"}:
        for node in parsed(module).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(module)
    assert {name: homes for name, homes in found.items() if len(homes) > 1} == {}


@pytest.mark.parametrize("package", ROOMS)
def test_room_has_no_more_modules_than_one_takes_in_at_a_glance(package: str) -> None:
    assert len(ROOMS[package]) <= MOST_MODULES


def test_tests_lie_in_folders_that_mirror_the_packages() -> None:
    inner = {"converters": "tallyport_converters", "pipeline": "tallyport", "schemas": "tallyport_schemas"}
    for path in (ROOT / "tests").rglob("test_*.py"):
        half, *rooms = path.relative_to(ROOT / "tests").parts[:-1] or ("",)
        assert not half or (ROOT / half / inner[half] / Path(*rooms)).is_dir(), path


def test_tests_reach_the_user_s_door_and_no_room_imports_tests() -> None:
    for module in MODULES:
        assert not {"tests", "twin", "support", "benchmarks"} & {name.partition(".")[0] for name in imports(module)}


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
