"""Options that several commands share, the types of their values, and how help lists options in sections."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TypeVar

import click

from tallyport_schemas.finding import OutsideFailed, finding

Called = TypeVar("Called", bound=Callable[..., object])
Run = Callable[..., object]
"""What a command runs: it gets the values of its options by name."""

LEGACY_FORMATS = ("dxf-json", "dxf-csv", "dxf-xml", "dxf-pdf", "adx", "parquet", "arrow", "xlsx")
"""Formats that can be read, as readers/detect.py lists them: it need not be loaded for `--help`."""

WRITTEN_FORMATS = ("dxf-json", "dxf-csv", "dxf-xml", "adx")
"""Formats that can be written, as writers/registry.py lists them."""

COMPRESSIONS = ("none", "gz", "zst")

_SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}
_TIMES: Mapping[str, float] = {"": 1, "s": 1, "m": 60, "h": 3600}


class Option(click.Option):
    """An option that help lists in a section, and whose environment variable is named after the option itself."""

    section = ""

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Return what the environment says of it."""
        name = self.opts[-1].lstrip("-").replace("-", "_").upper()
        return super().resolve_envvar_value(ctx) or os.environ.get(f"{ctx.auto_envvar_prefix}_{name}") or None


def option(*names: str, choices: Sequence[str] = (), **attributes: object) -> Callable[[Called], Called]:
    """Return an option; `choices`: the words that it takes. A default is shown."""
    if choices:
        attributes["type"] = click.Choice(choices)
    attributes.setdefault("show_default", attributes.get("default") is not None)
    return click.option(*names, cls=Option, **attributes)


def flag(*names: str, help: str) -> Callable[[Called], Called]:
    """Return an option without a value."""
    return option(*names, help=help, is_flag=True, show_default=False)


class Command(click.Command):
    """A command whose help lists options in their sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, those of no section first."""
        sections: dict[str, list[tuple[str, str]]] = {"": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                sections.setdefault(getattr(parameter, "section", ""), []).append(record)
        for title, records in sections.items():
            with formatter.section(title or "Options"):
                formatter.write_dl(records)


class HintedUsageError(click.UsageError):
    """An error of usage that knows what to type instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, click.get_current_context())
        self.hint = hint


def together(*options: Callable[[Called], Called], section: str = "") -> Callable[[Called], Called]:
    """Return what gives a command several options, in this order; help lists them in a section."""

    def decorate(command: Called) -> Called:
        parameters: list[click.Parameter] = command.__dict__.setdefault("__click_params__", [])
        known = len(parameters)
        for each in reversed(options):
            command = each(command)
        for parameter in parameters[known:] if section else ():
            assert isinstance(parameter, Option)
            parameter.section = section
        return command

    return decorate


def gathered(name: str, make: Run, *options: Callable[[Run], Run], section: str = "") -> Callable[[Run], Run]:
    """Return what gives a command options that it gets as one argument, `name`: what `make` makes of their values."""

    def decorate(command: Run) -> Run:
        @wraps(command)
        def gathering(**arguments: object) -> object:
            given = {each: arguments.pop(each) for each in names}
            return command(**{name: make(**given)}, **arguments)

        known = len(command.__dict__.get("__click_params__", ()))
        decorated = together(*options, section=section)(gathering)
        names = [str(each.name) for each in reversed(decorated.__dict__["__click_params__"][known:])]
        return decorated

    return decorate


def refuse(*cases: tuple[object, str]) -> None:
    """Refuse what is wrong with the arguments.

    Raises:
        click.UsageError: one of the cases holds; with its message.
    """
    for is_wrong, message in cases:
        if is_wrong:
            raise click.UsageError(message)


@contextmanager
def usage(kind: type[ValueError] = ValueError) -> Iterator[None]:
    """Turn what the library says of arguments into an error of usage."""
    try:
        yield
    except kind as error:
        raise click.UsageError(str(error)) from None


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Name the extra to install where a library that it brings is missing."""
    try:
        yield
    except ImportError as error:
        advice = f"install it with pip install 'tallyport[{name}]'"
        raise OutsideFailed(finding("TP809", help=advice, found=error.name or str(error))) from None


def is_given(name: str) -> bool:
    """Whether a parameter was given on the command line; from the environment it may be meant for other commands."""
    return click.get_current_context().get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def read_once(sources: Sequence[str], *, others: int = 0) -> None:
    """Refuse standard input if it is named more than once; `others`: how often it is named elsewhere."""
    refuse((list(sources).count("-") + others > 1, "standard input can be read only once"))


# --- Types of values -------------------------------------------------------------------------------------------------


class Size(click.ParamType[int]):
    """A number of bytes: 256MB, 1.5GiB, 1000000."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]I?)?B?", str(value).strip().upper())
        if not match or not (size := int(float(match[1]) * _SIZES[match[2] or ""])):
            self.fail(f"invalid size {value!r}: write it as 256MB or 1GiB", param, ctx)
        return size


class Duration(click.ParamType[float]):
    """A time such as 90s, 10m or 2h; a number alone counts seconds. It becomes seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        if match is None:
            self.fail(f"{value!r} is not a time: write 90s, 10m or 2h, or 0 not to wait", param, ctx)
        return float(match[1]) * _TIMES[match[2]]


class Scheme(click.ParamType[tuple[str, str]]):
    """An identifier scheme, for all kinds or for one: CODE, ou=NAME."""

    name = "[kind=]scheme"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return (kind or "", scheme)."""
        from tallyport_converters.model.file_header import canonical_scheme
        from tallyport_schemas.group_header import KINDS

        if isinstance(value, tuple):
            return value
        kind, _, scheme = str(value).rpartition("=")
        if kind and kind not in KINDS:
            self.fail(f"{kind!r} is none of {', '.join(KINDS)}", param, ctx)
        try:
            return kind, canonical_scheme(scheme)
        except ValueError:
            self.fail(f"{scheme!r} is none of UID, CODE, NAME, ATTRIBUTE:<uid>", param, ctx)


def _by_kind(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    for kind, times in Counter(kind for kind, _ in given).items():
        refuse((times > 1, f"--id-scheme is given {times} times {f'for {kind}' if kind else 'in general'}"))
    return dict(given)


# --- Options ---------------------------------------------------------------------------------------------------------


def file_option(name: str, help: str, *, folder: bool = False) -> Callable[[Called], Called]:
    """Return an option that names a file, or a folder, to write."""
    kind = click.Path(path_type=Path, dir_okay=folder, file_okay=not folder)
    return option(name, type=kind, metavar="DIR" if folder else "FILE", help=help)


def id_scheme_option(help: str) -> Callable[[Called], Called]:
    """Return the option --id-scheme, which a command gets as `id_schemes`: the scheme of each kind."""
    return option(
        "--id-scheme",
        "id_schemes",
        type=Scheme(),
        callback=lambda _context, _option, given: _by_kind(given),
        multiple=True,
        metavar="[KIND=]SCHEME",
        help=f"{help} UID, CODE, NAME or ATTRIBUTE:<uid>; for one kind of de ou ds cc c co coc aoc, or for all. "
        "Repeatable.",
    )


writing_options = together(
    option("--layout", choices=["split", "single"], default="split", help="One file per group, or one per source."),
    option("--compress", choices=COMPRESSIONS, default="none", help="Compress the files."),
    option(
        "--jobs",
        type=click.IntRange(min=1),
        callback=lambda _context, _option, given: given or 0,
        metavar="N",
        help="Number of threads.  [default: one per core]",
    ),
    option(
        "--memory", "memory_bytes", type=Size(), default="256MB", help="Memory for values; beyond it they go to disk."
    ),
    section="Output",
)
"""How ADV2 is written: --layout, --compress, --jobs and --memory."""

conversion_options = together(
    id_scheme_option("Their identifier scheme, as for convert:"),
    option("--data-set", metavar="ID", help="Data set of sources that do not name one."),
    file_option("--rejects", "Write all their rejected values to a file, as NDJSON."),
    section="Sources in a legacy format",
)
"""How sources are converted on the way: --id-scheme, --data-set and --rejects."""
