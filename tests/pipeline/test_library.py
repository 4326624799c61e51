"""The library's contract: `tallyport.convert` for programs - typed, silent, without state of its own."""

from __future__ import annotations

import inspect
import json
import os
import random
import subprocess
import sys
import threading
import typing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import tallyport
from support.places import ROOT, SAMPLES
from support.running import check_whole, contents, environment, json_rows, names
from tallyport import Finding, NameClash, Outcome, OutsideFailed, Progress, Refused, Severity, convert

ROW = {"dataElement": "element1", "period": "202501", "orgUnit": "unit1", "value": "1"}
SPOILT = {**ROW, "period": "202513"}


def write(path: Path, *rows: dict[str, str]) -> Path:
    path.write_bytes(json_rows(rows))
    return path


def rows(seed: int, count: int) -> list[dict[str, str]]:
    rng = random.Random(seed)
    return [
        {
            **ROW,
            "dataElement": f"element{rng.randrange(9)}of{seed}",
            "orgUnit": f"unit{rng.randrange(500)}",
            "period": f"20250{rng.randrange(1, 10)}",
            "value": str(rng.randrange(10_000)),
        }
        for _ in range(count)
    ]


# What comes back


def test_a_source_that_was_written_has_a_folder_and_its_manifest(tmp_path: Path) -> None:
    report = convert([SAMPLES / "january.json"], tmp_path / "out")
    (outcome,) = report.sources
    assert (outcome.source, outcome.folder, outcome.error) == ("january.json", tmp_path / "out" / "january", None)
    assert outcome.manifest == json.loads((tmp_path / "out" / "january" / "manifest.json").read_bytes())
    assert outcome.exit_code == report.exit_code == 1
    check_whole(tmp_path / "out" / "january")


def test_findings_are_objects_with_their_place(tmp_path: Path) -> None:
    source = write(tmp_path / "a.json", ROW, {**ROW, "period": "2025-01"}, {**ROW, "value": " "})
    (outcome,) = convert([source], tmp_path / "out").sources
    found = {finding.code: finding for finding in outcome.findings}
    assert set(found) == {"TP404", "TP414", "TP426"}
    assert all(isinstance(finding, Finding) for finding in outcome.findings)
    blank = found["TP404"]
    assert (blank.severity, blank.source, blank.row, blank.count) == (Severity.WARNING, "a.json", 2, 1)
    assert outcome.manifest is not None
    assert outcome.manifest["findings"] == [finding.as_json() for finding in outcome.findings]


def test_a_source_that_cannot_be_read_is_an_outcome_and_keeps_no_other_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    sources = [tmp_path / "broken.json", tmp_path / "missing.json", write(tmp_path / "fine.json", ROW)]
    report = convert(sources, tmp_path / "out")
    assert [outcome.source for outcome in report.sources] == ["broken.json", "missing.json", "fine.json"]
    assert [outcome.error and outcome.error.code for outcome in report.sources] == ["TP108", "TP101", None]
    assert [outcome.exit_code for outcome in report.sources] == [3, 3, 0]
    broken = report.sources[0]
    assert (broken.folder, broken.manifest) == (None, None)
    assert report.exit_code == 3
    assert names(tmp_path / "out") == {"fine"}


def test_no_source_is_an_empty_report(tmp_path: Path) -> None:
    report = convert([], tmp_path / "out")
    assert (list(report.sources), report.exit_code) == ([], 0)
    assert not (tmp_path / "out").exists()


# What goes in


@pytest.mark.parametrize("kind", [str, Path, os.path.relpath], ids=["str", "path", "relative"])
def test_paths_are_texts_or_paths(kind: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = write(tmp_path / "a.json", ROW)
    report = convert([kind(source)], kind(tmp_path / "out"))
    assert report.exit_code == 0
    check_whole(tmp_path / "out" / "a")


@pytest.mark.parametrize("sources", ["a.json", Path("a.json")], ids=["str", "path"])
def test_one_path_in_place_of_a_list_is_a_type_error(sources: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="list"):
        convert(sources, tmp_path / "out")


def test_options_do_what_those_of_the_command_line_do(tmp_path: Path) -> None:
    source = write(tmp_path / "a", {**ROW, "followup": "false"})
    (outcome,) = convert(
        [source],
        tmp_path / "out",
        source_format="dxf-json",
        id_schemes={"": "CODE", "ou": "NAME"},
        data_set="set1",
        keep_followup_false=True,
        layout="single",
        jobs=1,
        memory_bytes=1_000,
        strict=True,
    ).sources
    assert outcome.exit_code == 0
    (group,) = json.loads((tmp_path / "out" / "a" / "values.adv2.json").read_bytes())
    assert (group["ds"], group["ids"]["de"], group["ids"]["ou"]) == ("set1", "CODE", "NAME")
    assert group["data"] == [[1, False, False]]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"source_format": "ods"}, "dxf-json"),
        ({"id_schemes": {"xx": "CODE"}}, "id_schemes"),
        ({"id_schemes": {"ou": "MINE"}}, "ATTRIBUTE:<uid>"),
        ({"layout": "both"}, "layout"),
        ({"compress": "zip"}, "compress"),
        ({"jobs": -1}, "jobs"),
        ({"memory_bytes": 0}, "memory_bytes"),
    ],
)
def test_an_option_that_is_none_is_a_value_error_before_any_work(
    options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    source = write(tmp_path / "a.json", ROW)
    with pytest.raises(ValueError, match=told):
        convert([source], tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


# What is raised


def test_sources_of_the_same_name_are_a_name_clash(tmp_path: Path) -> None:
    sources = [write(tmp_path / name, ROW) for name in ("a.json", "a.csv")]
    with pytest.raises(NameClash, match=r"a\.json and .*a\.csv"):
        convert(sources, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert issubclass(NameClash, ValueError)


def test_an_output_that_exists_is_refused_unless_it_is_to_be_overwritten(tmp_path: Path) -> None:
    source = write(tmp_path / "a.json", ROW)
    convert([source], tmp_path / "out")
    before = contents(tmp_path / "out")
    write(source, {**ROW, "value": "2"})
    with pytest.raises(Refused) as refused:
        convert([source], tmp_path / "out")
    assert refused.value.finding.code == "TP901"
    assert contents(tmp_path / "out") == before
    convert([source], tmp_path / "out", overwrite=True)
    assert contents(tmp_path / "out") != before


def test_an_output_that_cannot_be_made_is_an_outside_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutsideFailed) as failed:
        convert([write(tmp_path / "a.json", ROW)], tmp_path / "file")
    assert failed.value.finding.code == "TP801"


def test_a_second_run_in_the_same_folder_is_refused_while_one_is_at_work(tmp_path: Path) -> None:
    source, other = write(tmp_path / "a.json", ROW), write(tmp_path / "b.json", ROW)
    refused: list[str] = []

    def watch(_: Progress) -> None:
        with pytest.raises(Refused) as error:
            convert([other], tmp_path / "out")
        refused.append(error.value.finding.code)

    assert convert([source], tmp_path / "out", watch=watch).exit_code == 0
    assert set(refused) == {"TP902"}
    assert convert([other], tmp_path / "out").exit_code == 0
    assert names(tmp_path / "out") == {"a", "b"}


# Watching


def test_progress_goes_up_to_the_whole_of_each_phase(tmp_path: Path) -> None:
    source = write(tmp_path / "a.json", *rows(1, 50_000))
    told: list[Progress] = []
    (outcome,) = convert([source], tmp_path / "out", watch=told.append).sources
    assert {progress.source for progress in told} == {"a.json"}
    assert list(dict.fromkeys(progress.phase for progress in told)) == ["read", "write"]
    for phase in ("read", "write"):
        steps = [progress for progress in told if progress.phase == phase]
        assert [progress.done for progress in steps] == sorted(progress.done for progress in steps)
        assert steps[-1].done == steps[-1].total > 0
        assert steps[-1].values == 50_000
    assert outcome.exit_code == 1  # values are superseded by others


@pytest.mark.parametrize("phase", ["read", "write"])
def test_an_exception_of_the_watcher_ends_the_run_and_leaves_nothing(phase: str, tmp_path: Path) -> None:
    class EnoughError(Exception):
        pass

    def watch(progress: Progress) -> None:
        if progress.phase == phase:
            raise EnoughError

    source = write(tmp_path / "a.json", *rows(1, 5_000))
    with pytest.raises(EnoughError):
        convert([source], tmp_path / "out", watch=watch)
    assert not (tmp_path / "out").exists()
    assert convert([source], tmp_path / "out").exit_code == 1  # values are superseded by others


# No state, no noise


def test_conversions_in_parallel_threads_do_not_meet(tmp_path: Path) -> None:
    sources = [write(tmp_path / f"source{seed}.json", *rows(seed, 5_000)) for seed in range(8)]
    settings: list[dict[str, Any]] = [
        {"id_schemes": {"": "CODE"}},
        {"memory_bytes": 20_000},
        {"data_set": "set1", "jobs": 1},
        {},
    ]
    expected = []
    for number, source in enumerate(sources):
        convert([source], tmp_path / f"alone{number}", **settings[number % 4])
        expected.append(contents(tmp_path / f"alone{number}"))
    start = threading.Barrier(len(sources))

    def work(number: int) -> list[Outcome]:
        start.wait()
        return list(convert([sources[number]], tmp_path / f"out{number}", **settings[number % 4]).sources)

    with ThreadPoolExecutor(len(sources)) as threads:
        found = list(threads.map(work, range(len(sources))))
    assert [outcome.source for (outcome,) in found] == [source.name for source in sources]
    assert [contents(tmp_path / f"out{number}") for number in range(len(sources))] == expected


def test_several_sources_give_what_each_gives_alone(tmp_path: Path) -> None:
    sources = sorted(SAMPLES.iterdir())
    convert(sources, tmp_path / "together")
    for source in sources:
        convert([source], tmp_path / "alone")
    assert contents(tmp_path / "together") == contents(tmp_path / "alone")


def test_nothing_is_printed_and_nothing_of_the_process_is_changed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.xml").write_text("<dataValueSet>")
    sources = [*sorted(SAMPLES.iterdir()), tmp_path / "broken.xml", write(tmp_path / "spoilt.json", SPOILT)]

    def state() -> tuple[object, ...]:
        return Path.cwd(), dict(os.environ), sys.getrecursionlimit(), threading.active_count(), random.getstate()

    before = state()
    handles = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0  # noqa: PTH208 - not a folder to list
    convert(sources, tmp_path / "out")
    assert state() == before
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) == handles  # noqa: PTH208 - as above
    assert capfd.readouterr() == ("", "")


# Types and documentation


def test_all_that_is_exported_exists_and_is_documented() -> None:
    for name in tallyport.__all__:
        thing = getattr(tallyport, name)
        assert thing.__doc__ or name in {"CODES", "__version__"}, name
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        _ = tallyport.nothing_of_this_name
    assert (ROOT / "pipeline" / "tallyport" / "py.typed").exists()


def test_every_parameter_of_convert_is_typed_and_described() -> None:
    hints = typing.get_type_hints(convert)
    documentation = inspect.getdoc(convert) or ""
    plain = {"output", "keep_followup_false", "layout", "compress", "strict", "overwrite"}  # their names say it all
    for name in inspect.signature(convert).parameters:
        assert name in hints
        assert f"`{name}`" in documentation or name in plain
    assert hints["return"] is tallyport.Report


def test_importing_the_library_loads_no_heavy_library() -> None:
    script = "import sys, tallyport; print(*sys.modules)"
    line = [sys.executable, "-c", script]
    loaded = subprocess.run(line, env=environment(), capture_output=True, text=True, check=True).stdout.split()
    assert not {"lxml", "orjson", "pikepdf", "click", "tallyport_converters"} & {
        name.partition(".")[0] for name in loaded
    }
