#!/usr/bin/env python3
"""Runs a test plan and counts.

    run.py [-j N] [--only GROUP,…] [--match TEXT] --plan FILE

A plan is a table (see plan.txt): group, seconds allowed, kind, files, command. Groups run one after another in the
order of the plan; the tests of a group run N at a time, except in the group "build". Kind "one": the command is one
test, its exit code is the result. Kind "tap": every "ok"/"not ok" line the command prints is a test; results that were
announced and never came, a crash and an exit code without a "not ok" count as failures too.

Each test gets an empty TMPDIR and a HOME of its own, and must leave nothing: a process that is still there after the
test, or a file in TMPDIR, is a failed test. The last line is "N passed, N failed"; the exit code is 1 when one failed.
"""
import argparse
import ctypes
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LOGS = os.path.join(TOP, "build", "test-logs")
PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 5     # for processes that end by themselves when their test has ended
TERM_SECONDS = 20     # for a test to clean up after itself when its time is over
SHOWN_LINES = 40      # of the end of a failed test's log; what failed before them is shown as well


# ---- one test, in a process of its own -----------------------------------------------------------------------------

def descendants(root):
    """All living processes below root. Orphans come to us because we are a subreaper."""
    parent, name = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                stat = f.read()
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                words = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        state, ppid = stat[stat.rindex(")") + 2:].split()[:2]
        if state not in "ZX":
            parent[int(entry)] = int(ppid)
            name[int(entry)] = words
    found = []
    for pid in parent:
        p = pid
        while p in parent and p != root:
            p = parent[p]
        if p == root and pid != root:
            found.append((pid, name[pid]))
    return found


def reap(until_pid=None, deadline=None):
    """Collects children until until_pid has ended (its exit status), nobody is left, or time is over (None)."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return None
        if pid == 0:
            if deadline is not None and time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        elif pid == until_pid:
            return os.waitstatus_to_exitcode(status)


def end_all(sig):
    for pid, _ in descendants(os.getpid()):
        try:
            os.kill(pid, sig)
        except ProcessLookupError:
            pass


def left_files(tmp):
    """What a test left in its folder, apart from the empty folders that were made for it."""
    left = []
    for folder, _, files in os.walk(tmp):
        left += [os.path.relpath(os.path.join(folder, f), tmp) for f in files]
        if folder != tmp and not os.listdir(folder) and os.path.basename(folder) not in ("home", "run"):
            left.append(os.path.relpath(folder, tmp) + "/")
    return sorted(left)


def run_one(spec):
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    tmp = tempfile.mkdtemp(prefix="kgt-", dir="/tmp")
    os.chmod(tmp, 0o755)                      # servers run as another user and must get through
    for d in ("home", "run"):
        os.mkdir(os.path.join(tmp, d), 0o700)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("KEEPGRES_", "KG_", "PG", "XDG_", "MAKE"))
           and k not in ("MFLAGS", "DATABASE_URL")}
    env.update(TMPDIR=tmp, HOME=os.path.join(tmp, "home"), XDG_RUNTIME_DIR=os.path.join(tmp, "run"),
               LC_ALL="C.UTF-8", CMOCKA_MESSAGE_OUTPUT="TAP", TOP=TOP,
               KEEPGRES=os.path.join(TOP, "build", "debug", "keepgres"),
               PATH=os.path.join(TOP, "build", "debug") + ":" + env.get("PATH", "/usr/bin:/bin"))
    result = {"note": []}
    started = time.monotonic()

    def interrupted(_sig, _frame):
        end_all(signal.SIGTERM)
        reap(deadline=time.monotonic() + TERM_SECONDS)
        end_all(signal.SIGKILL)
        shutil.rmtree(tmp, ignore_errors=True)
        os._exit(130)
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)

    with open(spec["log"], "wb") as log:
        child = subprocess.Popen(spec["command"], shell=True, cwd=TOP, env=env, stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        code = reap(child.pid, started + spec["seconds"])
        if code is None:
            result["note"].append(f"was not done after {spec['seconds']} seconds")
            os.killpg(child.pid, signal.SIGTERM)
            code = reap(child.pid, time.monotonic() + TERM_SECONDS)
            code = -9 if code is None else code or 1
        else:
            reap(deadline=time.monotonic() + (GRACE_SECONDS if descendants(os.getpid()) else 0))
            left = descendants(os.getpid())
            if left:
                result["note"] += [f"left a process behind: {pid} {words[:150]}" for pid, words in left]
            files = left_files(tmp)
            if files:
                result["note"] += [f"left {len(files)} files behind, such as {files[0]}"]
    for _ in range(50):
        if not descendants(os.getpid()):
            break
        end_all(signal.SIGKILL)
        reap(deadline=time.monotonic() + 0.1)
    shutil.rmtree(tmp, ignore_errors=True)
    if os.path.exists(tmp):
        result["note"].append(f"left '{tmp}', which cannot be removed")
    result.update(code=code, seconds=time.monotonic() - started)
    print(json.dumps(result))


# ---- reading results -----------------------------------------------------------------------------------------------

def count(kind, result, text):
    """(passed, failed, skipped texts) of one test program."""
    passed = failed = planned = seen = 0
    skips = []
    if kind == "one":
        passed, failed = (1, 0) if result["code"] == 0 else (0, 1)
        skips = re.findall(r"(?m)^skip:? *(.*)$", text)
    else:
        for line in text.splitlines():
            # A test that empties its own environment makes cmocka forget that it should write TAP.
            m = re.match(r"\[=+\] Running (\d+) test", line)
            planned += int(m.group(1)) if m else 0
            line = re.sub(r"^\[ +OK \] (.*)", r"ok - \1", line)
            line = re.sub(r"^\[  FAILED  \] (?=test)(.*)", r"not ok - \1", line)
            m = re.match(r"(not )?ok\b\s*\d*\s*(.*)", line)
            if m:
                seen += 1
                skip = re.search(r"# *SKIP\b *(.*)", m.group(2), re.I)
                if skip:
                    skips.append(m.group(2))
                elif m.group(1):
                    failed += 1
                else:
                    passed += 1
                continue
            m = re.match(r"1\.\.(\d+)\s*$", line)
            if m:
                planned += int(m.group(1))
        if planned > seen:
            result["note"].append(f"{planned - seen} of {planned} announced results never came")
            failed += planned - seen
        if seen == 0 and not failed:
            result["note"].append("printed no results")
            failed += 1
        if result["code"] != 0 and not failed:
            failed += 1
    if result["code"] < 0:
        result["note"].append(f"ended by signal {-result['code']}")
    elif result["code"] and kind == "tap":
        result["note"].append(f"exit code {result['code']}")
    leaks = [n for n in result["note"] if n.startswith("left ")]
    return passed, failed + (1 if leaks else 0), skips


def excerpt(text):
    """What to show of a failed test's log: what failed, with what was said about it, and the end."""
    lines = text.splitlines()
    shown, explaining = [], 0
    for line in lines[:-SHOWN_LINES]:
        if line.startswith("not ok"):
            explaining = 6
        elif explaining and not line.startswith("#"):
            explaining = 0
        if explaining or re.search(r"\bERROR: \w+Sanitizer|runtime error:", line):
            shown.append(line)
        explaining = max(0, explaining - 1)
    return shown[:60] + (["…"] if shown else []) + lines[-SHOWN_LINES:]


def read_plan(path, jobs):
    tests = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.split(None, 4)
            if len(fields) != 5 or not fields[1].isdigit() or fields[2] not in ("one", "tap"):
                sys.exit(f"{path}:{number}: want 'group seconds one|tap files command'")
            group, seconds, kind, files, command = fields
            found = [None] if files == "-" else sorted(glob.glob(os.path.join(TOP, files)))
            for name in found:
                rel = os.path.relpath(name, TOP) if name else ""
                stem = os.path.splitext(rel)[0]
                text = command.strip().replace("{file}", rel).replace("{stem}", stem).replace("{jobs}", str(jobs))
                text = text.replace("{name}", os.path.basename(stem))
                if any(t["command"] == text for t in tests):
                    continue        # named before, to be started early
                tests.append({"group": group, "seconds": int(seconds), "kind": kind, "command": text,
                              "label": f"{group}: {text}"})
    return tests


class Run:
    def __init__(self, jobs):
        self.jobs, self.lock = jobs, threading.Lock()
        self.passed = self.failed = 0
        self.skips, self.failures = [], []
        self.procs = set()

    def one(self, number, test):
        name = re.sub(r"[^A-Za-z0-9]+", "-", test["label"])[:80].strip("-")
        test["log"] = os.path.join(LOGS, f"{number:03d}-{name}.log")
        with subprocess.Popen([sys.executable, os.path.abspath(__file__), "--one", json.dumps(test)],
                              stdout=subprocess.PIPE, text=True) as p:
            with self.lock:
                self.procs.add(p)
            out = p.stdout.read()
            p.wait()
        with self.lock:
            self.procs.discard(p)
        try:
            result = json.loads(out)
        except ValueError:
            result = {"code": p.returncode or 1, "seconds": 0.0, "note": ["the runner itself failed"]}
        text = ""
        if os.path.exists(test["log"]):
            with open(test["log"], encoding="utf-8", errors="replace") as f:
                text = f.read()
        passed, failed, skips = count(test["kind"], result, text)
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.skips += [f"{test['label']}: {s}" for s in skips]
            print(f"{'ok  ' if not failed else 'FAIL'} {result['seconds']:7.1f} s {passed:5d} passed"
                  f"{f', {failed} failed' if failed else ''}  {test['label']}", flush=True)
            if failed:
                self.failures.append(test["label"])
                shown = result["note"] + excerpt(text)
                print("\n".join("     | " + l for l in shown), flush=True)
                print(f"     (all of it: {os.path.relpath(test['log'], TOP)})", flush=True)

    def group(self, tests, jobs):
        queue = list(tests)

        def work():
            while True:
                with self.lock:
                    if not queue:
                        return
                    number, test = queue.pop(0)
                self.one(number, test)
        threads = [threading.Thread(target=work, daemon=True) for _ in range(jobs)]
        for t in threads:
            t.start()
        for t in threads:
            while t.is_alive():
                t.join(0.2)


def tree_state():
    """What git would show as new or changed; None outside a work tree."""
    p = subprocess.run(["git", "status", "--porcelain"], cwd=TOP, capture_output=True, text=True, check=False)
    return p.stdout if p.returncode == 0 else None


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("-j", type=int, default=2, dest="jobs")
    ap.add_argument("--plan")
    ap.add_argument("--only", default="", help="groups, separated by commas")
    ap.add_argument("--match", default="", help="only tests whose label has this text")
    ap.add_argument("--one", help=argparse.SUPPRESS)
    args = ap.parse_args()
    if args.one:
        return run_one(json.loads(args.one))

    tests = read_plan(args.plan, args.jobs)
    only = [g for g in args.only.split(",") if g]
    tests = [t for t in tests if (t["group"] in only if only else t["group"] != "soak") and args.match in t["label"]]
    shutil.rmtree(LOGS, ignore_errors=True)
    os.makedirs(LOGS)
    before = tree_state() if os.environ.get("CI") else None
    run = Run(args.jobs)
    started = time.monotonic()
    try:
        numbered = list(enumerate(tests, 1))
        for group in dict.fromkeys(t["group"] for t in tests):
            mine = [(n, t) for n, t in numbered if t["group"] == group]
            run.group(mine, 1 if group in ("build", "alone", "soak") else args.jobs)
    except KeyboardInterrupt:
        with run.lock:
            procs = list(run.procs)
        for p in procs:
            p.send_signal(signal.SIGINT)
        for p in procs:
            p.wait()
        run.failed += 1
        run.failures.append("interrupted")
    if before is not None and tree_state() != before:
        run.failed += 1
        run.failures.append("the tests changed the work tree")
    if run.skips:
        print("\nskipped:\n" + "\n".join("  " + s for s in run.skips))
    if run.failures:
        print("\nfailed:\n" + "\n".join("  " + f for f in run.failures))
    print(f"\n{time.monotonic() - started:.0f} seconds, logs in {os.path.relpath(LOGS, TOP)}")
    print(f"{run.passed} passed, {run.failed} failed")
    return 1 if run.failed or not run.passed else 0


if __name__ == "__main__":
    sys.exit(main())
