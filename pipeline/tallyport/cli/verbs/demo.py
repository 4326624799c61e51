"""`tallyport demo`: the whole way once, on the sample that comes with the package and a database of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

import click

from tallyport.cli.main import VERBS, run
from tallyport.cli.options import option
from tallyport.cli.talk import json_option, print_document
from tallyport_schemas.document import Document
from tallyport_schemas.finding import Refused, finding

DONE = (0, 1)
"""Exit codes of a step that was done; 1 says that there are findings, and the sample has some."""


class Step(NamedTuple):
    """A step: what it is for, and the command that a user would type."""

    sentence: str
    arguments: tuple[str, ...]


_STEPS = (
    Step(
        "Three months of a district's immunisation data, as JSON, CSV and ADX, become ADV2: a file a data element. "
        "A value that was counted again stands; one for a 13th month is put aside.",
        ("convert", "legacy", "-o", "adv2"),
    ),
    Step(
        "The files are checked against the metadata, without any server. Someone wrote a number as a word.",
        ("validate", "adv2", "--metadata", "metadata.json"),
    ),
    Step(
        "A dry run of the import: everything is done, then taken back. The database is an embedded PostgreSQL with "
        "DHIS2's tables, made just now and filled from the metadata.",
        ("import", "adv2", "--embedded", "database", "--metadata", "metadata.json", "--dry-run"),
    ),
    Step(
        "The import itself. The metadata is remembered.",
        ("import", "adv2", "--embedded", "database"),
    ),
    Step(
        "And back: what the database holds now, as one legacy file; without --to it is ADV2.",
        ("export", "--embedded", "database", "--all", "--to", "dxf-csv", "-o", "back"),
    ),
)


@click.command("demo")
@option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Keep all files in a new folder.")
@json_option()
def command(keep: Path | None, as_json: bool) -> int:
    """Show the whole way in a few seconds: convert, validate, dry run, import, and back.

    \b
    Examples:
      tallyport demo
      tallyport demo --keep tour     keep the files, to continue with

    Nothing is needed but pip install 'tallyport[embedded]'. It works in a folder of its own, which is gone afterwards.
    """
    if keep is not None and os.path.lexists(keep) and not (keep.is_dir() and not any(keep.iterdir())):
        raise Refused(finding("TP901", help="choose another folder", found=str(keep)))
    began = time.monotonic()
    done: list[Document] = []
    from tallyport.postgres.embedded.database import embedded_server

    with (
        _folder(keep) as folder,
        _own_settings(),
        contextlib.chdir(folder),
        embedded_server(Path("database"), is_passing=True),
    ):
        for number, step in enumerate(_STEPS, 1):
            if not as_json:
                _announce(number, step)
            code = _run(step, done) if as_json else run(step.arguments)
            if code not in DONE:
                if as_json:
                    print_document({"steps": done})
                return code
    if as_json:
        print_document({"folder": None if keep is None else str(keep), "steps": done})
        return 0
    where = f"all files are in {keep}" if keep else "keep the files with --keep DIR"
    click.echo(f"\ndone in {time.monotonic() - began:.1f} s; {where}")
    return 0


def _announce(number: int, step: Step) -> None:
    if number > 1:
        click.echo()
    click.echo(click.wrap_text(f"{number}. {step.sentence}", width=88, subsequent_indent="   "))
    click.echo(click.style(f"$ {_line(step)}", bold=True))


def _line(step: Step) -> str:
    return shlex.join(("tallyport", *step.arguments))


def _run(step: Step, done: list[Document]) -> int:
    """Run a step for its JSON document."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = run((*step.arguments, "--json"))
    done.append({"command": _line(step), "exit": code, "result": json.loads(printed.getvalue())})
    return code


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give a folder with the sample. One that is kept gets its name when all is done."""
    near = None if keep is None else keep.absolute().parent
    if near is not None:
        near.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".tallyport-demo-" if near else "tallyport-demo-", dir=near))
    try:
        folder.chmod(0o755)  # where this is root, another user runs the database
        (folder / "legacy").mkdir()
        with as_file(files("tallyport").joinpath("demo")) as sample:
            for path in sample.iterdir():
                home = folder if path.name == "metadata.json" else folder / "legacy"
                shutil.copyfile(path, home / path.name)
        yield folder
        if keep is not None:
            folder.rename(keep)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    """Skip what the environment sets for the verbs: a database that is named there is not for this."""
    prefixes = tuple(f"TALLYPORT_{name}" for name in (*(verb.upper() for verb in VERBS), "EMBEDDED"))
    left_out = {name: text for name, text in os.environ.items() if name.startswith(prefixes)}
    for name in left_out:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(left_out)
