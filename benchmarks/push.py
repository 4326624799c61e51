"""A push of the Sierra Leone values to servers that cost what real ones of 2.43 and 2.42 were measured to.

By virtual time: the server is that of the tests, and says how long each request takes; nothing waits. The yardstick is
how push cut requests before sizes were learnt for each data set. Exit 0: both goals reached; 1: one was missed.
"""

import argparse
import gzip
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from benchmarks import inputs

from support.dhis2_metadata import served
from support.dhis2_server import PASSWORD, USERNAME, VERSIONS
from support.server_costs import CostlyServer
from support.virtual_time import elapsed
from tallyport.dhis2.api.profiles import Credentials, Profile
from tallyport.dhis2.client import open_client
from tallyport.dhis2.push.push import PushOptions, PushReport, push

GOALS = {VERSIONS[2]: 4.0, VERSIONS[1]: 2.0}


@dataclass(frozen=True)
class Result:
    """A push to one server. Times in virtual seconds, reading what is stored included."""

    version: str
    values: int
    requests: int
    slowest_s: float
    seconds: float
    previous_s: float

    @property
    def ratio(self) -> float:
        """How many times faster than before."""
        return self.previous_s / self.seconds

    @property
    def reached(self) -> bool:
        """Whether the goal is."""
        return self.ratio >= GOALS[self.version]


def attempt(version: str) -> Result:
    """Push all values to a server of a version."""
    data = inputs.source_file().parent
    metadata = json.loads(gzip.decompress((data / "sierra-leone-metadata.json.gz").read_bytes()))
    units = json.loads(gzip.decompress((data / "sierra-leone-org-units.json.gz").read_bytes()))
    server = CostlyServer(version, served(metadata | {"organisationUnits": units}))
    with TemporaryDirectory() as folder:

        async def work() -> PushReport:
            profile = Profile(server.url, Credentials("basic", PASSWORD, USERNAME), retries=0)
            async with open_client(profile) as client:
                return await push(
                    client, [data / "sierra-leone-values.json.gz"], PushOptions(state=Path(folder) / "state")
                )

        report, seconds = elapsed(server, work)
    values = sum(report.rows.values())
    if report.rows["rejected"] or report.left_out or values != len(server.sets):
        raise SystemExit(f"not all values arrived: {report.rows}")
    slowest = max(took for *_, took in server.sent)
    return Result(version, values, len(server.sent), slowest, seconds, server.seconds_of_previous_policy())


def main() -> int:
    """Print a line for each server."""
    usage = argparse.ArgumentParser(description=__doc__)
    usage.add_argument("--json", action="store_true", help="one JSON document on stdout")
    options = usage.parse_args()
    results = [attempt(version) for version in GOALS]
    if options.json:
        print(json.dumps([vars(one) | {"ratio": one.ratio, "reached": one.reached} for one in results]))
    for one in () if options.json else results:
        print(
            f"{one.version}: {one.values:,} values in {one.requests:,} requests, {one.seconds:,.0f} s; "
            f"before {one.previous_s:,.0f} s: {one.ratio:.1f} times faster; goal {GOALS[one.version]:g} times: "
            f"{'reached' if one.reached else 'missed'}; slowest request {one.slowest_s:.1f} s"
        )
    return 0 if all(one.reached for one in results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
