#!/bin/sh
# fuzz.sh BUILD SECONDS - every libFuzzer target for so many seconds; new inputs that reach new code stay in BUILD/corpus,
# an input that crashes in BUILD/crashes.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$1 seconds=$2
bad=0
mkdir -p "$build/crashes"
for source in tests/fuzz/fuzz_*.c; do
    [ -e "$source" ] || { echo "no fuzz targets"; exit 1; }
    name=$(basename "$source" .c)
    own=$build/corpus/$name
    given=tests/fuzz/corpus/$name
    mkdir -p "$own"
    [ -d "$given" ] || given=$own
    echo "== $name, $seconds seconds"
    "$build/tests/fuzz/$name" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
        -artifact_prefix="$build/crashes/$name-" "$own" "$given" 2>&1 | grep -E 'ERROR|SUMMARY|stat::number_of_executed|stat::new_units|cov:.*DONE|Test unit'
    ls "$build/crashes/$name-"* >/dev/null 2>&1 && bad=1
done
[ $bad -eq 0 ] || echo "inputs that crash: $build/crashes"
exit $bad
