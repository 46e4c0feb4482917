#!/usr/bin/env bash
# e2e_portal_many.sh [DATABASES] - the portal where there is much of everything: a server of many databases (40; 500 take half a
# minute to make) with names that nobody would choose, a catalog of 100,000 jobs, and a wizard under which everything happens at
# once: the terminal changes its size, is suspended, the service is killed before the last step.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"
# shellcheck source=../support/portal.sh
. "${BASH_SOURCE%/*}/../support/portal.sh"
need command -v tmux
databases=${1:-40}
SECONDS_TO_WAIT=30

pg_start pg - max_wal_size=256MB full_page_writes=off autovacuum=off
kg_setup
odd=(crm_1 crm_2 "it's \"quoted\" \\ %s \$(id)" '日本語データベース' $'עברית-\u202eabc' "$(printf 'x%.0s' {1..63})" $'two\nlines' $'\e[31mred\a')
{
    for i in $(seq "$databases"); do printf 'create database app_%03d template template0 strategy wal_log;\n' "$i"; done
    for name in "${odd[@]}"; do printf 'create database "%s" template template0;\n' "${name//\"/\"\"}"; done
} >"$T/databases.sql"
need sql postgres -f "$T/databases.sql"
total=$((databases + ${#odd[@]} + 3))        # with postgres and the templates

# ---- a server of many databases ----

portal 80x24 --page configure-backup
shows "the wizard has found vault" 'vault1'
press Next
shows "and policy" 'every Sunday'
press Next
keys a
shows "no database is listed before somebody asks" 'Enter lists'
keys Enter
shows "which needs a login" 'kv1'
shows "that is offered" 'login'
press Assign
shows "all databases of the server are listed" "$total databases, 0 selected"
keys / 'crm_' BTab A
shows "all that pass a filter are selected at once" "$total databases, 2 selected"
hides "the others are out of sight" 'postgres'
keys / C-u BTab End
shows "the end is reached" "› +日本語"
for part in quoted 日本 עברית xxx; do keys / C-u "$part" BTab A; done
shows "odd names are found by what is in them, and selected" "$total databases, 6 selected"
keys / C-u red BTab A
shows "one that would move the cursor does not, and cannot be selected" '\?\[31mred\? .*control characters'
keys / C-u two BTab A
shows "nor one of two lines" 'two\?lines .*control characters'
resize 120x36
shows "the terminal grows" '6 selected +│$'
press Add
shows "they are in the wizard" 'crm_1'
resize 30x8
shows "a terminal that is much too small says so" 'needs 80'
resize 80x24
keys C-z
shows "Ctrl-Z leads to the shell" 'Stopped'
keys fg Enter
shows "and fg back" 'crm_1'
shows "all are looked at: roles are missing" '6 without roles' 60
keys A r
shows "which can be assigned for all" '6 databases'
shows "and are named" "Role 'Key Vault Secrets User'|Role "
press Assign
shows "all are ready then" '6 ready' 60

# ---- the service is killed under the last step ----

press Next
shows "the review lists them" 'crm_2 .*To be configured'
killed=$(kg_pid)
kill -STOP "$killed"
press Configure
shows "a service that does not answer is waited for" 'crm_1 .*Configuring'
kill -9 "$killed"
shows "one that died is told, and what came through" '✗ [1-6] of 6 databases could not be configured' 60
shows "with what can be done" 'configure again'
for _ in 1 2 3 4 5 6; do                     # from the step that has what is not ready, when that is where it leads
    wait_screen '6 databases are protected now' 2 && break
    if screen | grep -q '\[ *Next'; then press Next; else press Configure; fi
done
shows "what was chosen is still there, and goes through now" '6 databases are protected now'
is "each is protected once" "$(keepgres backup-instance list -v $VAULT | jq length)" 6

# ---- a service that is slow from the start ----

slow=$(kg_pid)
kill -STOP "$slow"
terminal 80x24
keys 'keepgres portal --page backup-instances' Enter
shows "the portal waits for a slow service" 'Connecting to the service'
keys F10 Escape : servers Enter
resize 100x30
kill -CONT "$slow"
shows "and opens what was asked for meanwhile" '127\.0\.0\.1'
kill -STOP "$slow"
keys F5
shows "one that no longer answers leaves what was there" '127\.0\.0\.1'
keys m
shows "and every key works" 'Backup vaults'
keys Escape
kill -CONT "$slow"

# ---- 100,000 jobs ----

crm=$(keepgres backup-instance list -v $VAULT | jq -r '.[] | select(.properties.friendlyName | endswith("crm_1")).name')
need kg_backup "$crm"
need keepgres service stop
need python3 -c "import sys; sys.path.insert(0, '$TOP/tests/bench'); import bench_jobs; bench_jobs.fill('$T/state/keepgres/catalog.sqlite', 100000)"
portal 80x24 --page backup-jobs
shows "the newest of very many jobs are there" '^│100 rows'
shows "and it is told that there are more" '^│100 rows.*more are there'
keys End
shows "the next ones come when the end is near" '^│200 rows.*more are there'
keys PPage PPage PPage PPage PPage PPage G
shows "and the next" '^│[3-9]00 rows.*more are there'
keys / crm_1
shows "a filter looks in all of them" '^│[1-9],[0-9]{3}|^│[0-9]+ of 1,9[0-9]{2} rows' 60
keys Escape a / nothing-has-this Enter
shows "and says where it gives up" '^│0 of 8,000 rows.*more are there' 120
keys R
asked=$(grep -c searchBackupJobs "$T/state/keepgres/service.log")
shows_again() { [ $(($(grep -c searchBackupJobs "$T/state/keepgres/service.log") - asked)) -ge 80 ]; }
check "all of them are asked for again" wait_for 60 shows_again
portal_kib() { awk '/^VmHWM/ { print $2 }' "/proc/$(pgrep -P "$(tm list-panes -F '#{pane_pid}')")/status"; }
at_most "8,000 rows, in KiB of memory" "$(portal_kib)" 32768
keys Escape Home : crm_2
shows "the palette finds one of the instances" 'crm_2 +Backup instance'
keys Enter
shows "and opens it" 'Protection status'
keys q
shows "q leaves" 'shell\$ *$'
finish
