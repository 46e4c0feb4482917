#!/usr/bin/env bash
# What readiness asks of a server, and the scripts that grant what is missing, on every PostgreSQL this machine can get: the
# unit tests of both, once more for each other major version.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

servers=$("$SUPPORT/other_majors.sh" "$TOP/build/postgres" 2>"$T/tmp/skips")
while IFS= read -r line; do
    skip "${line#skip: }" "not available here"
done <"$T/tmp/skips"
cd "$TOP" || exit 1
newest=$(pg_newest)
mkdir -m 711 "$T/servers" # the server's own user has to get into it

while read -r major bin; do
    [ "$bin" != "$newest" ] || continue # the unit tests themselves
    for t in test_database_check test_grant_script; do
        succeeds "PostgreSQL $major: $t" env KG_TEST_PG_BIN="$bin" TMPDIR="$T/servers" "${KEEPGRES%/*}/tests/unit/$t"
    done
done <<<"$servers"
[ $tests -gt 0 ] || skip "readiness on other servers" "there is only one here"
finish
