#!/bin/sh
# fuzz.sh BUILD SECONDS SOURCE... - each libFuzzer target for so many seconds; new inputs that reach new code stay in BUILD/corpus,
# an input that crashes in BUILD/crashes: the target run with that file alone does it again. FUZZ_SEED: instead of a new one.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1 seconds=$2
shift 2
bad=0
mkdir -p "$build/crashes"
for source; do
    name=$(basename "$source" .c)
    own=$build/corpus/$name
    given=tests/fuzz/corpus/$name
    mkdir -p "$own"
    [ -d "$given" ] || given=$own
    echo "== $name, $seconds seconds"
    "$build/tests/fuzz/$name" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
        -seed="${FUZZ_SEED:-0}" \
        -artifact_prefix="$build/crashes/$name-" "$own" "$given" 2>&1 | grep -aE 'INFO: Seed|ERROR|SUMMARY|stat::number_of_executed|stat::new_units|cov:.*DONE|Test unit'
    ls "$build/crashes/$name-"* >/dev/null 2>&1 && bad=1
done
[ $bad -eq 0 ] || echo "inputs that crash: $build/crashes"
exit $bad
