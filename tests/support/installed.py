"""Check the tallyport that is installed beside this interpreter, without the source tree: it converts the samples.

python tests/support/installed.py
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Convert the samples and compare what comes out with what the README shows."""
    command = shutil.which("tallyport", path=str(Path(sys.executable).parent))
    assert command, f"no tallyport is installed beside {sys.executable}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        where = subprocess.run(
            [sys.executable, "-c", "import tallyport; print(tallyport.__file__)"],
            cwd=folder, capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
        assert not Path(where).is_relative_to(ROOT / "pipeline"), f"{where} is the source tree, not an installation"
        run = subprocess.run(
            [command, "convert", str(ROOT / "samples"), "-o", "out"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert run.returncode == 1, f"exit code {run.returncode}\n{run.stdout}\n{run.stderr}"
        values = {
            path.parent.name: json.loads(path.read_bytes())["values"] for path in folder.glob("out/*/manifest.json")
        }
        assert len(values) == len(list((ROOT / "samples").iterdir())), values
        for name, sums in values.items():
            assert sums["read"] == sums["written"] + sums["superseded"] + sums["rejected"], (name, sums)
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        shown = re.findall(r"^```json\n(.*?)^```$", readme, flags=re.DOTALL | re.MULTILINE)
        written = (folder / "out/january/deMeasles01.adv2.json").read_bytes().decode()
        assert written in shown, f"the README does not show\n{written}"
    print(f"{where} converts the samples: {sum(sums['written'] for sums in values.values())} values")


if __name__ == "__main__":
    main()
