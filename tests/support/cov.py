#!/usr/bin/env python3
"""cov.py BUILD TEST… - runs the tests of a coverage build and prints the share of lines they reach, folder by folder.

A folder below its number in tests/lint/coverage.txt fails; the numbers there may only rise. A line that cannot be reached
carries the comment "uncovered: reason" and does not count.
"""
import json
import os
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def run_tests(programs):
    bad = 0
    for program in programs:
        with tempfile.TemporaryDirectory(prefix="kgt-", dir="/tmp") as tmp:
            os.chmod(tmp, 0o755)
            env = dict(os.environ, TMPDIR=tmp, HOME=tmp, XDG_RUNTIME_DIR=tmp)
            p = subprocess.run([os.path.join(TOP, program)], cwd=TOP, env=env, capture_output=True, text=True, check=False)
        if p.returncode:
            print(f"{program} failed:\n{p.stdout[-2000:]}{p.stderr[-2000:]}")
            bad = 1
    return bad


def excused(source):
    """Numbers of the lines that carry an excuse."""
    with open(os.path.join(TOP, source), encoding="utf-8") as f:
        return {n for n, line in enumerate(f, 1) if "uncovered:" in line}


def lines_of(build):
    """source file -> line number -> times run"""
    hit = {}
    for folder, _, files in os.walk(os.path.join(TOP, build, "src")):
        for name in files:
            if not name.endswith(".gcno"):
                continue
            p = subprocess.run(["gcov", "--json-format", "--stdout", os.path.join(folder, name)], cwd=TOP,
                               capture_output=True, text=True, check=False)
            for text in p.stdout.splitlines():
                for f in json.loads(text)["files"]:
                    source = os.path.relpath(os.path.join(TOP, f["file"]), TOP)
                    if source.startswith("src/") and source.endswith(".c"):
                        lines = hit.setdefault(source, {})
                        for line in f["lines"]:
                            n = line["line_number"]
                            lines[n] = lines.get(n, 0) + line["count"]
    return hit


def main():
    build, programs = sys.argv[1], sys.argv[2:]
    for folder, _, files in os.walk(os.path.join(TOP, build)):
        for name in files:
            if name.endswith(".gcda"):
                os.unlink(os.path.join(folder, name))
    bad = run_tests(programs)
    want = {}
    with open(os.path.join(TOP, "tests/lint/coverage.txt"), encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                room, percent = line.split()
                want[room] = float(percent)
    rooms = {}
    for source, lines in lines_of(build).items():
        excuses = excused(source)
        counted = {n: c for n, c in lines.items() if n not in excuses}
        total, reached = rooms.get(os.path.dirname(source), (0, 0))
        rooms[os.path.dirname(source)] = (total + len(counted), reached + sum(1 for c in counted.values() if c))
    for room, (total, reached) in sorted(rooms.items()):
        share = 100.0 * reached / total if total else 100.0
        least = want.get(room, 0.0)
        low = share + 0.05 < least
        bad |= low
        print(f"{room:16} {share:6.1f} %  of {total:5d} lines{f', below its {least:g} %' if low else ''}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
