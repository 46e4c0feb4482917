#!/usr/bin/env bash
# demo.sh KEEPGRES - the whole story in two minutes: a real PostgreSQL database goes into an encrypted vault and comes back,
# as a database and as files, and every row of it is compared. Everything happens in a folder of its own, on a server of its
# own, and is gone at the end.
KEEPGRES=$(realpath "$1")
# shellcheck source=harness.sh
. "${BASH_SOURCE%/*}/harness.sh"

bold='' dim='' green='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') green=$(printf '\033[32m') plain=$(printf '\033[0m')
fi
started=$(date +%s)
chapter=0
chapter() { chapter=$((chapter + 1)); printf '\n%s%d. %s%s\n\n' "$bold" $chapter "$1" "$plain"; }
say()     { printf '%s\n' "$@" | sed 's/^/   /'; }
now()     { date +%s.%N; }
since()   { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }'; }
mb()      { awk -v n="$1" 'BEGIN { printf "%.1f MB", n / 1e6 }'; }
give_up() { printf '\n%s\n' "$1"; kg_log_tail; exit 1; }
# Shows a command as one would type it, runs it, shows what it said, on a terminal as it says it.
show()
{
    printf '   %s$ keepgres %s%s\n' "$dim" "$*" "$plain"
    "$T/bin/keepgres" "$@" || give_up "This command failed."
}
# The same, without what it prints.
quiet()
{
    printf '   %s$ keepgres %s%s\n' "$dim" "$*" "$plain"
    run keepgres "$@" || give_up "This command failed: $err"
}
proven() { if [ "$2" = "$3" ]; then say "$green✓$plain $1"; else give_up "✗ $1: not the same"; fi; }

printf '%skeepgres: a Backup center for PostgreSQL%s\n' "$bold" "$plain"

chapter "A PostgreSQL server with something worth keeping"
pg_start pg - wal_level=logical shared_buffers=256MB max_wal_size=2GB
PGBIN=$PGBIN "$TOP/tests/bench/generate.sh" shop 8 || give_up "The database could not be made."
sql shop -o /dev/null -f "$TOP/tests/corpus/feature.sql" -f "$TOP/tests/corpus/more.sql" || give_up "The database could not be filled."
say "Database 'shop', $(sql shop -c 'select pg_size_pretty(pg_database_size(current_database()))'), $(sql shop -c "
    select count(*) from pg_class where relkind in ('r', 'p') and relnamespace > 16000 or relnamespace = 2200 and relkind = 'r'") tables:"
sql shop -F ' ' -c "select '  ' || to_char(reltuples, '99,999,999'), oid::regclass from pg_class
                    where relkind = 'r' and relnamespace = 'public'::regnamespace order by reltuples desc"
say "and a schema that holds one of everything: partitions, inheritance, identity columns, enums, domains," \
    "large objects, row security, triggers, materialized views, circular foreign keys, a 30 MB field …"

chapter "A vault, a policy, a protected database"
PASSWORD=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
sql postgres <<<"create role backup superuser login password '$PASSWORD'"
quiet server add pg1 --host 127.0.0.1 --port "$PGPORT"
quiet keyvault create -n kv1
say "${dim}$ keepgres keyvault secret set -v kv1 -n login --value-stdin <<<'User Id=backup;Password=…;'$plain"
"$T/bin/keepgres" keyvault secret set -v kv1 -n login --value-stdin <<<"User Id=backup;Password=$PASSWORD;" >/dev/null ||
    give_up "The secret was not taken."
quiet backup-vault create -v vault1 --recovery-key-file "$T/recovery.key"
say "${dim}the recovery key, which keepgres itself does not keep: $(cut -c1-12 "$T/recovery.key")…$plain"
say "$dim\$ keepgres backup-policy get-default-policy-template --datasource-type $KIND >policy.json$plain"
keepgres backup-policy get-default-policy-template --datasource-type $KIND >"$T/policy.json"
quiet backup-policy create -n weekly -v vault1 --policy "$T/policy.json"
SERVER_ID=$(keepgres server show pg1 | jq -r .id)
POLICY_ID=$(keepgres backup-policy show -n weekly -v vault1 | jq -r .id)
say "$dim\$ keepgres backup-instance initialize --datasource-id …/servers/pg1/databases/shop … >shop.json$plain"
say "$dim\$ keepgres backup-instance update-msi-permissions --operation Backup --permissions-scope Resource … --yes$plain"
say "$dim\$ keepgres backup-instance create -v vault1 --backup-instance shop.json$plain"
run kg_protect shop || give_up "Protection could not be configured: $err"

chapter "Back up now"
begin=$(now)
show backup-instance adhoc-backup -n shop -v vault1 --rule-name $RULE --wait -o none
first=$(since "$begin")
point=$(kg_newest shop)
stored=$(kg_vault_bytes)
begin=$(now); pg_dump -Fc shop >"$T/theirs.dump"; theirs=$(since "$begin")
say "" "keepgres: $first s, $(mb "$stored") in the vault, encrypted, every byte read back and compared" \
    "pg_dump -Fc: $theirs s, $(mb "$(stat -c %s "$T/theirs.dump")") in a file, in clear"

chapter "One row in a hundred changes; back up again"
sums shop >"$T/shop.sums"
pg_dump --schema-only --no-sync shop | grep -vE '^\\(un)?restrict ' >"$T/shop.schema"
PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -v scale=8 -d shop -f "$TOP/tests/bench/changes-clustered.sql" ||
    give_up "The database could not be changed."
begin=$(now)
show backup-instance adhoc-backup -n shop -v vault1 --rule-name $RULE --wait -o none
say "" "keepgres: $(since "$begin") s, $(mb $(($(kg_vault_bytes) - stored))) new in the vault"
show recovery-point list --backup-instance-name shop -v vault1 -o table

chapter "The database of before the change, as a new database"
say "$dim\$ keepgres backup-instance restore initialize-for-data-recovery --read-back --recovery-point-id ${point:0:8}… \\
         --target-resource-id …/servers/pg1/databases/shop_restored … >restore.json$plain"
begin=$(now)
say "$dim\$ keepgres backup-instance restore trigger -n shop -v vault1 --restore-request-object restore.json --wait$plain"
kg_restore shop "$point" shop_restored -o json >/dev/null || give_up "The restore failed."
say "restored in $(since "$begin") s"
sums shop_restored >"$T/restored.sums"
proven "$(wc -l <"$T/shop.sums") tables, views, sequences and large objects: rows and checksums are the source's" \
       "$(md5sum <"$T/shop.sums")" "$(md5sum <"$T/restored.sums")"
proven "$(wc -l <"$T/shop.schema") lines of schema as pg_dump prints it are the source's" "$(md5sum <"$T/shop.schema")" \
       "$(pg_dump --schema-only --no-sync shop_restored | grep -vE '^\\(un)?restrict ' | md5sum)"

chapter "The same, as files, with nothing but the vault and its recovery key"
dir=$(kg_vault_dir)
quiet service stop
mkdir "$T/away"
quiet vault export-point --store "$dir" --point "$point" --recovery-key-file "$T/recovery.key" --output-dir "$T/away" --prefix shop
find "$T/away" -type f -printf '   %9s  %f\n' | sort -k 2
proven "the SHA-256 sums are right" "$(cd "$T/away" && sha256sum --quiet -c shop_SHA256SUMS 2>&1)" ""
need createdb shop_from_files
pg_restore -j 2 -d shop_from_files "$T/away/shop.dump" || give_up "pg_restore failed."
proven "stock pg_restore restores it, and every row is the source's" "$(md5sum <"$T/shop.sums")" "$(sums shop_from_files | md5sum)"

chapter "Is every byte in the vault what it should be?"
show vault check -v vault1 --read-data -o table

printf '\n%sAll of it was true. %d seconds; the server, the vault and the service are gone again.%s\n' "$bold" \
       $(($(date +%s) - started)) "$plain"
exit 0
