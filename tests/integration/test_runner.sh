#!/usr/bin/env bash
# The runner counts what happened: passes, failures, crashes, missing results, leftovers, time.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

mkdir "$T/cases"
sample() { printf '#!/bin/sh\n%s\n' "$2" >"$T/cases/$1.sh"; chmod +x "$T/cases/$1.sh"; }
# last_line CASE KIND: the runner's verdict on one sample.
verdict()
{
    echo "sample 2 $2 - $T/cases/$1.sh" >"$T/plan"
    python3 - "$SUPPORT/run.py" "$T" <<'END' >"$T/out" 2>&1
import importlib.util, sys
spec = importlib.util.spec_from_file_location("run", sys.argv[1])
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)
run.LOGS = sys.argv[2] + "/logs"        # the real ones belong to the run that this test is part of
sys.argv[1:] = ["--plan", sys.argv[2] + "/plan"]
sys.exit(run.main())
END
    tail -n 1 "$T/out"
}
judged() { is "$1" "$(verdict "$2" "$3")" "$4"; }

sample good 'echo 1..2; echo "ok 1 - a"; echo "ok 2 - b"'
judged "two passes are two" good tap "2 passed, 0 failed"
sample bad 'echo "ok 1 - a"; echo "not ok 2 - b"; exit 1'
judged "a failure is one" bad tap "1 passed, 1 failed"
sample fewer 'echo 1..3; echo "ok 1 - a"'
judged "announced results that never came are failures" fewer tap "1 passed, 2 failed"
sample silent 'true'
judged "a test without results is a failure" silent tap "0 passed, 1 failed"
sample crash 'echo "ok 1 - a"; kill -SEGV $$'
judged "a crash is a failure" crash tap "1 passed, 1 failed"
sample liar 'echo "ok 1 - a"; exit 3'
judged "an exit code that nobody explains is a failure" liar tap "1 passed, 1 failed"
sample skipped 'echo "ok 1 - a"; echo "ok 2 - b # SKIP not here"'
judged "what was skipped is neither" skipped tap "1 passed, 0 failed"
sample slow "trap 'echo cleaned; exit 1' TERM; echo 'ok 1 - a'; sleep 60 & wait"
judged "a test that does not end is a failure" slow tap "1 passed, 1 failed"
check "and may clean up first" grep -q cleaned "$T/out"
# shellcheck disable=SC2016 # the sample's own variable
sample files 'echo "ok 1 - a"; touch "$TMPDIR/left"'
judged "a file that is left is a failure" files tap "1 passed, 1 failed"
sample orphan 'echo "ok 1 - a"; (setsid sleep 600 >/dev/null 2>&1 &)'
judged "a process that is left is a failure" orphan tap "1 passed, 1 failed"
check "and is ended" sh -c "! pgrep -f '^sleep 600$'"
sample one 'exit 0'
judged "a check that succeeds is one pass" one one "1 passed, 0 failed"
sample none 'exit 1'
judged "a check that fails is one failure" none one "0 passed, 1 failed"
finish
