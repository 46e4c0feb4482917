# shellcheck shell=bash
# harness.sh - sourced by the end-to-end and integration scripts (bash).
#
#   . "${BASH_SOURCE%/*}/../support/harness.sh"
#   pg_start                     a private PostgreSQL; PGHOST, PGPORT, PGUSER lead to it
#   kg_setup                     server, key vault, secret, Backup vault and policy of this test
#   kg_protect shop              configures backup of a database
#   succeeds "the backup succeeds" kg_backup shop
#   is "one recovery point" "$(kg_points shop | wc -l)" 1
#   finish
#
# Results are TAP lines. Everything lives below $T, which goes away at the end together with every service, server and
# mount that was made here, however the script ends. Nothing of the person running it (home, sockets, PG variables) is
# seen by the tests, and nothing of theirs by that person.

set -uo pipefail
SUPPORT=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
TOP=$(cd "$SUPPORT/../.." && pwd)
KEEPGRES=${KEEPGRES:-$TOP/build/debug/keepgres}

T=$(mktemp -d "${TMPDIR:-/tmp}/kgt-XXXXXX")
chmod 755 "$T"
mkdir -m 700 "$T/run" "$T/home" "$T/tmp"
mkdir "$T/bin"
ln -s "$KEEPGRES" "$T/bin/keepgres"
for v in $(compgen -v | grep -E '^(PG|KEEPGRES_|KG_|XDG_)'); do unset "$v"; done
export PATH="$T/bin:$PATH" HOME="$T/home" TMPDIR="$T/tmp" LC_ALL=C.UTF-8
export XDG_RUNTIME_DIR="$T/run" XDG_STATE_HOME="$T/state" XDG_DATA_HOME="$T/data" XDG_CONFIG_HOME="$T/config"
unset DATABASE_URL

# ---- results ----

tests=0 failures=0 out='' err='' status=0
ok()     { tests=$((tests + 1)); echo "ok $tests - $1"; }
not_ok() # name, then lines of explanation
{
    tests=$((tests + 1)) failures=$((failures + 1))
    echo "not ok $tests - $1"
    shift
    [ $# -eq 0 ] || printf '%s\n' "$@" | head -n 40 | cut -c1-400 | sed 's/^/#   /'
}
skip()   { tests=$((tests + 1)); echo "ok $tests - $1 # SKIP $2"; }
note()   { printf '%s\n' "$@" | sed 's/^/# /'; }
check()  { local name=$1; shift; if "$@"; then ok "$name"; else not_ok "$name" "failed: $*"; fi; }
is()     { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:    $2" "wanted: $3"; fi; }
isnt()   { if [ "$2" != "$3" ]; then ok "$1"; else not_ok "$1" "got:    $2"; fi; }
like()   { if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "got:    $2" "wanted: $3"; fi; }
at_most() { if [ "$2" -le "$3" ]; then ok "$1"; else not_ok "$1" "got: $2, at most: $3"; fi; }
same_file() # name, two files or process substitutions, neither of which may be empty
{
    cat "$2" >"$T/tmp/left"; cat "$3" >"$T/tmp/right"
    if [ ! -s "$T/tmp/left" ]; then not_ok "$1" "there is nothing to compare"
    elif cmp -s "$T/tmp/left" "$T/tmp/right"; then ok "$1"
    else not_ok "$1" "$(diff "$T/tmp/left" "$T/tmp/right" 2>&1 | head -n 30)"; fi
}

# Runs a command; stdout in $out, stderr in $err, exit code in $status.
run()
{
    out=$("$@" 2>"$T/tmp/stderr"); status=$?
    err=$(cat "$T/tmp/stderr")
    return $status
}
succeeds() { local name=$1; shift; if run "$@"; then ok "$name"; else not_ok "$name" "exit code $status: $*" "$err" "$out"; fi; }
# fails NAME REGEX COMMAND…: must fail, and say on stderr what went wrong; an exit code of 128 and more is a crash.
fails()
{
    local name=$1 wanted=$2; shift 2
    if run "$@"; then not_ok "$name" "succeeded: $*" "$out"
    elif [ $status -ge 128 ]; then not_ok "$name" "crashed with $status: $*" "$err"
    elif [[ $err =~ $wanted ]]; then ok "$name"
    else not_ok "$name" "wanted: $wanted" "$err"; fi
}
# A step without which the rest makes no sense.
need() { "$@" >"$T/tmp/need" 2>&1 || { echo "Bail out! failed: $*"; sed 's/^/#   /' "$T/tmp/need"; exit 1; }; }
finish() { echo "1..$tests"; [ $failures -eq 0 ] || { kg_log_tail; exit 1; }; exit 0; }

# ---- the end ----

clusters=()
mounts=()
cleanup()
{
    local code=$?
    trap '' INT TERM
    kg_stop
    for c in "${clusters[@]}"; do "$SUPPORT/pg_cluster.sh" stop "$c"; done
    for m in "${mounts[@]}"; do umount "$m"; done
    rm -rf "$T"
    exit $code
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# ---- PostgreSQL ----

# pg_start [NAME [BINDIR|- [setting=value…]]]; sets PGHOST, PGPORT, PGUSER and PGBIN. The corpus' extension is installed.
pg_start()
{
    local name=${1:-pg} bin=${2:--}
    shift $(($# < 2 ? $# : 2))
    [ "$bin" != - ] || bin=$(pg_newest)
    PGBIN=$(pg_with_corpus "$bin") || { echo "Bail out! no private copy of $bin"; exit 1; }
    clusters+=("$T/$name")
    "$SUPPORT/pg_cluster.sh" start "$T/$name" "$PGBIN" "$@" >"$T/tmp/env" 2>"$T/tmp/pg-start" ||
        { echo "Bail out! PostgreSQL does not start"; sed 's/^/#   /' "$T/tmp/pg-start"; exit 1; }
    . "$T/tmp/env"
    export PGHOST PGPORT PGUSER
    for tool in psql createdb dropdb pg_dump pg_restore pg_dumpall; do
        command -v $tool >/dev/null || PATH="$PATH:$(pg_newest)"
    done
}
pg_newest()
{
    local b newest=''
    for b in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do [ -x "$b/initdb" ] && newest=$b; done
    [ -n "$newest" ] || { newest=$(command -v initdb) && newest=${newest%/*}; }
    echo "$newest"
}
# A server that has the extension of tests/corpus; made once, in a place that the server's user can reach.
pg_with_corpus()
{
    local tree
    tree=$T/pgtree-$(echo "$1" | tr -c 'A-Za-z0-9\n' '-')
    "$SUPPORT/pg_tree.sh" "$1" "$tree"
}
pg_stop()    { "$SUPPORT/pg_cluster.sh" stop "$T/${1:-pg}"; }
pg_restart() { "$SUPPORT/pg_cluster.sh" restart "$T/${1:-pg}"; }
# The same programs as the role that keepgres logs in with, which becomes the owner of what it creates.
as_backup()  { PGUSER=backup PGPASSWORD=$PASSWORD "$@"; }
sql()        { local db=$1; shift; psql -X -A -t -q -v ON_ERROR_STOP=1 -d "$db" "$@"; }

# dump_text DATABASE: what pg_dump says of it, without the random lines of newer minors. The rows of the corpus' table hp are
# left out: it is hash-partitioned by an enum, whose values have another hash in every database; sums compares them as a whole.
dump_text()  { pg_dump --no-sync --exclude-table-data='app.hp?' "$1" | grep -vE '^\\(un)?restrict |^-- Dumped (from|by) '; }

# sums DATABASE: one line for each table, partitioned table (as a whole, or its parts when one of them is foreign and cannot be
# read), materialized view, sequence, and the large objects: name, rows, md5 over the sorted rows. One that broke off is like no
# other.
sums()
{
    sql "$1" <<'END' || echo "no sums of $1, $RANDOM$RANDOM"
set datestyle = iso; set intervalstyle = postgres; set extra_float_digits = 3; set row_security = off;
select format('select %L, count(*), md5(coalesce(string_agg(md5(t::text), '''' order by md5(t::text)), '''')) from %s%I.%I t',
              n.nspname || '.' || c.relname, case c.relkind when 'r' then 'only ' else '' end, n.nspname, c.relname)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm') and (c.relkind <> 'm' or c.relispopulated)
   and case when exists (select from pg_partition_tree(pg_partition_root(c.oid)) t join pg_class f on f.oid = t.relid where f.relkind = 'f')
            then c.relkind = 'r' else not c.relispartition end
   and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_t' order by n.nspname, c.relname \gexec
select format('select %L, last_value, is_called from %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'S' order by 1 \gexec
select 'large objects', count(*), md5(coalesce(string_agg(oid || ':' || md5(lo_get(oid)) || ':' ||
       pg_get_userbyid(lomowner) || ':' || coalesce(lomacl::text, ''), ',' order by oid), '')) from pg_largeobject_metadata;
END
}

# ---- time ----

# wait_for SECONDS COMMAND…: true when the command becomes so.
wait_for()
{
    local n=$(($1 * 5))
    shift
    for _ in $(seq $n); do "$@" && return 0; sleep 0.2; done
    return 1
}

# own_clock: services started from here on show the time that clock_to sets (KG_CLOCK, see base/time.h).
own_clock()
{
    export KG_CLOCK=$T/clock
    head -c 8 /dev/zero >"$KG_CLOCK"
    mkdir -p "$T/config/keepgres"
}
# clock_start TIME: own_clock; schedules are exact, expiry and copies are looked for every second, and no jump is believed to be
# a mistake.
clock_start()
{
    own_clock
    printf '%s\n' 'schedule_jitter_seconds = 0' 'lifecycle_seconds = 1' 'clock_settle_seconds = 0' 'clock_away_days = 36500' >>"$T/config/keepgres/keepgres.conf"
    clock_to "$1"
}

# clock_to TIME: what the service's clock shows from now on.
clock_to()
{
    python3 -c 'import struct, sys, time
with open(sys.argv[1], "r+b") as f: f.write(struct.pack("=q", int((int(sys.argv[2]) - time.time()) * 1000000)))' "$KG_CLOCK" "$(date -u -d "$1" +%s)"
}

# ---- keepgres ----

VAULT=vault1
KV=kv1
LOGIN=https://$KV.vault.local/secrets/login
KIND=AzureDatabaseForPostgreSQL
RULE=BackupWeekly

# The secret's value for the superuser's login of kg_setup.
connection() { echo "Server=127.0.0.1;Port=$PGPORT;Database=postgres;User Id=backup;Password=$PASSWORD;Ssl Mode=Disable;"; }

# kg_setup [SERVER]: everything a database needs to be protected. What is deleted from the vault is gone: no soft delete.
kg_setup()
{
    local server=${1:-pg1}
    PASSWORD=${PASSWORD:-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')}
    sql postgres <<<"create role backup superuser login password '$PASSWORD'"
    need keepgres server add "$server" --host 127.0.0.1 --port "$PGPORT" --sslmode disable
    need keepgres keyvault create -n $KV
    connection | need keepgres keyvault secret set -v $KV -n login --value-stdin
    need keepgres backup-vault create -v $VAULT --soft-delete-state Off --recovery-key-file "$T/$VAULT.key"
    keepgres backup-policy get-default-policy-template --datasource-type $KIND >"$T/policy.json"
    need keepgres backup-policy create -n weekly -v $VAULT --policy "$T/policy.json"
    SERVER_ID=$(keepgres server show "$server" | jq -r .id)
    POLICY_ID=$(keepgres backup-policy show -n weekly -v $VAULT | jq -r .id)
}

# kg_document DATABASE: the file that describes an instance named after it, $T/bi-DATABASE.json.
kg_document()
{
    keepgres backup-instance initialize --datasource-type $KIND --datasource-id "$SERVER_ID/databases/$1" -l local \
             --policy-id "$POLICY_ID" --secret-store-type AzureKeyVault --secret-store-uri "$LOGIN" |
        jq --arg name "$1" '.backup_instance_name = $name' >"$T/bi-$1.json"
}
# kg_grant FILE: the vault's identity gets what it needs for the instance that the file describes.
kg_grant()
{
    keepgres backup-instance update-msi-permissions --datasource-type $KIND --operation Backup --permissions-scope Resource \
             -v $VAULT --backup-instance "$1" --keyvault-id "$(keepgres keyvault show -n $KV | jq -r .id)" --yes
}
# kg_protect DATABASE: makes an instance named after it.
kg_protect()
{
    kg_document "$1" && kg_grant "$T/bi-$1.json" >/dev/null && keepgres backup-instance create -v $VAULT --backup-instance "$T/bi-$1.json"
}
# kg_grant_files ACCOUNT: the vault's identity may write to the account's containers.
kg_grant_files()
{
    keepgres role assignment create --assignee $VAULT --role "Storage Blob Data Contributor" \
             --scope "$(keepgres storage account show -n "$1" | jq -r .id)"
}
kg_backup() { keepgres backup-instance adhoc-backup -n "$1" -v $VAULT --rule-name $RULE --wait; }
kg_points() { keepgres recovery-point list --backup-instance-name "$1" -v $VAULT |
              jq -r 'sort_by(.properties.recoveryPointTime) | .[].name'; }
kg_newest() { kg_points "$1" | tail -n 1; }

# kg_restore DATABASE POINT NEW-DATABASE [--table …]
kg_restore()
{
    local db=$1 point=$2 target=$3
    shift 3
    keepgres backup-instance restore initialize-for-data-recovery --read-back --datasource-type $KIND --restore-location local \
             --source-datastore VaultStore --recovery-point-id "$point" --target-resource-id "$SERVER_ID/databases/$target" \
             --secret-store-type AzureKeyVault --secret-store-uri "$LOGIN" "$@" >"$T/restore.json" &&
        keepgres backup-instance restore trigger -n "$db" -v $VAULT --restore-request-object "$T/restore.json" --wait
}
# kg_restore_files DATABASE POINT PREFIX: into the container "dumps", which lies in $T/files/dumps.
kg_restore_files()
{
    if [ ! -d "$T/files" ]; then
        mkdir "$T/files"
        need keepgres storage account create -n files1 --path "$T/files"
        need keepgres storage container create -n dumps --account-name files1
        need kg_grant_files files1
    fi
    keepgres backup-instance restore initialize-for-data-recovery-as-files --datasource-type $KIND --restore-location local \
             --source-datastore VaultStore --recovery-point-id "$2" --target-blob-container-url https://files1.blob.local/dumps \
             --target-file-name "$3" >"$T/restore.json" &&
        keepgres backup-instance restore trigger -n "$1" -v $VAULT --restore-request-object "$T/restore.json" --wait
}
# azure_start [CLIENT-SECRET]: a key vault of Azure at $AZURE_URI, and the endpoints for its tokens, see fake_keyvault.py; the
# service is told where they are, and started anew. azure_next vault|login|imds LINE…: how the next requests are answered.
# azure_log: what was asked. azure_end: it goes.
azure_start()
{
    mkdir -p "$T/azure" "$T/config/keepgres"
    [ $# -eq 0 ] || printf '%s' "$1" >"$T/azure/client-secret"
    exec {azure_feed}> >(exec python3 "$SUPPORT/fake_keyvault.py" "$T/azure" 2>"$T/azure/stderr")
    for _ in $(seq 300); do [ -e "$T/azure/env" ] && break; sleep 0.1; done
    # shellcheck source=/dev/null
    . "$T/azure/env" || { echo "Bail out! no key vault"; sed 's/^/#   /' "$T/azure/stderr"; exit 1; }
    # shellcheck disable=SC2034 # for the scripts that source this file
    AZURE_URI=https://localhost:$VAULT_PORT/
    printf '%s\n' "azure_imds_url = http://127.0.0.1:$IMDS_PORT" "azure_login_url = https://localhost:$VAULT_PORT" \
           "azure_ca_file = $T/azure/ca.pem" "azure_extra_host = localhost:$VAULT_PORT" >>"$T/config/keepgres/keepgres.conf"
    kg_stop
}
azure_next() { local kind=$1; shift; printf '%s\n' "$@" >"$T/azure/next-$kind"; }
azure_log()  { cat "$T/azure/log"; }
azure_end()  { exec {azure_feed}>&-; }
# The vault's directory: asked for, because its name has a random part.
kg_vault_dir() { keepgres backup-vault show -v $VAULT | jq -r .properties.storeSettings.path; }
kg_vault_bytes() { find "$(kg_vault_dir)" -type f -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'; }

kg_pid()     { keepgres service status 2>/dev/null | jq -r '.pid // .properties.pid // empty'; }
# The service's worker processes.
kg_workers() { local p; p=$(kg_pid); [ -z "$p" ] || pgrep -P "$p"; }
kg_log_tail()
{
    local log=$T/state/keepgres/service.log
    [ ! -e "$log" ] || tail -n 20 "$log" | cut -c1-400 | sed 's/^/# service.log: /'
}
# Stops the service of this test, and waits for it and its workers; kills what does not go.
kg_stop()
{
    local pids p
    [ -e "$T/run/keepgres/api.sock" ] || return 0
    p=$(kg_pid)
    # A service that does not answer is found by this test's folder in its environment.
    [ -n "$p" ] || p=$(grep -lsF "XDG_RUNTIME_DIR=$T/run" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 |
                       while read -r q; do grep -qsz '^serve$' "/proc/$q/cmdline" && echo "$q"; done)
    # shellcheck disable=SC2086 # a list
    pids="$p $(for q in $p; do pgrep -P $q; done)"
    timeout 30 keepgres service stop --now >/dev/null 2>&1
    for _ in $(seq 200); do
        for q in $pids; do [ ! -d "/proc/$q" ] || { sleep 0.05; continue 2; }; done
        return 0
    done
    # shellcheck disable=SC2086 # a list
    kill -9 $pids 2>/dev/null
}

# vault_is_healthy NAME [--read-data]: a test. vault_is_damaged NAME REGEX [--read-data]: the report must match.
vault_is_healthy()
{
    local name=$1; shift
    run keepgres vault check -v $VAULT "$@"
    if [ "$(fact healthy)" = true ]; then ok "$name"; else not_ok "$name" "$out" "$err"; fi
}
vault_is_damaged()
{
    local name=$1 wanted=$2; shift 2
    run keepgres vault check -v $VAULT "$@"
    if [ "$(fact healthy)" != true ] && [[ $out$err =~ $wanted ]]; then ok "$name"
    else not_ok "$name" "wanted: $wanted" "$out" "$err"; fi
}
# fact NAME: the first value of that name anywhere in $out, a job or a report.
fact() { jq -r --arg k "$1" '[.. | objects | select(has($k)) | .[$k]][0] // empty' <<<"$out"; }
# no_points DATABASE: true when it has no recovery point, neither in the catalog nor in the vault.
no_points() { [ -z "$(kg_points "$1")" ] && ! find "$(kg_vault_dir)/points" -type f 2>/dev/null | grep -q .; }
# kg_export VAULT-DIRECTORY POINT DIRECTORY PREFIX [RECOVERY-KEY-FILE]: needs no service.
kg_export()
{
    keepgres vault export-point --store "$1" --point "$2" --output-dir "$3" --prefix "$4" \
             --recovery-key-file "${5:-$T/$VAULT.key}"
}
