#!/usr/bin/env bash
# Every PostgreSQL server this machine can get: those that the installed pg_dump knows are backed up and restored, newer
# ones are refused by name and with advice.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

servers=$("$SUPPORT/other_majors.sh" "$TOP/build/postgres" 2>"$T/tmp/skips")
newest_dump=$("$(pg_newest)/pg_dump" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
while IFS= read -r line; do
    skip "${line#skip: }" "not available here"
done <"$T/tmp/skips"

seen=0
while read -r major bin; do
    pg_start "pg$major" "$bin" wal_level=logical
    need createdb corpus
    VAULT=vault$major KV=kv$major LOGIN=https://kv$major.vault.local/secrets/login
    PASSWORD=''
    need sql corpus -o /dev/null -f "$TOP/tests/corpus/feature.sql"
    kg_setup "pg$major"
    seen=$((seen + 1))
    if [ "$major" -gt "$newest_dump" ]; then
        fails "PostgreSQL $major is refused: pg_dump $newest_dump is older" 'pg_dump|version' kg_protect corpus
        like "PostgreSQL $major: the advice names the client programs" "$err" 'nstall.*client|client.*nstall'
    else
        succeeds "PostgreSQL $major: protection is configured" kg_protect corpus
        succeeds "PostgreSQL $major: the backup succeeds" kg_backup corpus
        succeeds "PostgreSQL $major: the restore succeeds" kg_restore corpus "$(kg_newest corpus)" back
        sums corpus >"$T/corpus.sums"
        check "PostgreSQL $major: the corpus is not empty" [ "$(wc -l <"$T/corpus.sums")" -gt 30 ]
        same_file "PostgreSQL $major: every table is the source's" "$T/corpus.sums" <(sums back)
        need createdb stock
        pg_dump --no-sync -Fc corpus | as_backup pg_restore -d stock 2>"$T/tmp/stock-errors" || note "$(tail -n 2 "$T/tmp/stock-errors")"
        same_file "PostgreSQL $major: the pg_dump text is what stock tools restore" <(dump_text stock) <(dump_text back)
    fi
    pg_stop "pg$major"
done <<<"$servers"
check "there was a server at all" [ $seen -gt 0 ]
finish
