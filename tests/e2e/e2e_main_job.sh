#!/usr/bin/env bash
# The product's main job on a database that holds every kind of object: backed up, and back again as a database and as
# files, whole and in parts, with the service and with nothing but the vault and its recovery key.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

pg_start pg - wal_level=logical
need createdb corpus
need sql corpus -o /dev/null -f "$TOP/tests/corpus/feature.sql" -f "$TOP/tests/corpus/more.sql"
kg_setup

# What stock tools make of it is the measure: they, too, may put a hash partition's rows elsewhere.
need pg_dump --no-sync -Fc -f "$T/stock.dump" corpus
need createdb stock
need as_backup pg_restore -d stock "$T/stock.dump"
dump_text stock >"$T/stock.sql"
sums corpus >"$T/corpus.sums"
check "the corpus is not empty" [ "$(wc -l <"$T/corpus.sums")" -gt 30 ]

succeeds "protection is configured" kg_protect corpus
succeeds "the first backup succeeds" kg_backup corpus
is "the job says so" "$(fact status)" Completed
first=$(kg_newest corpus)
is "there is one recovery point" "$(kg_points corpus | wc -l)" 1
bytes_first=$(kg_vault_bytes)
vault_is_healthy "the vault is healthy" --read-data

# Every table, a partition being one of its own, with as many rows as there are; foreign tables are not dumped.
contents() { keepgres recovery-point show -n corpus -v $VAULT --recovery-point-id "$first" --contents; }
counts()
{
    sql corpus <<'END'
select format('select %L, count(*) from only %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_t' order by 1 \gexec
END
}
contents >"$T/contents.json"
same_file "the point tells its tables and their rows" <(counts | grep -v cfg | LC_ALL=C sort) \
          <(jq -r '.properties.contents.tables[] | "\(.schema).\(.name)|\(.rows)"' "$T/contents.json" | grep -v cfg | LC_ALL=C sort)
is "and what a schema adds up to" "$(jq '.properties.contents.schemas[] | select(.name == "app") | .rows' "$T/contents.json")" \
   "$(counts | awk -F'|' '/^app\./ { n += $2 } END { print n }')"
is "and its large objects" "$(jq '.properties.contents.largeObjects.count' "$T/contents.json")" \
   "$(sql corpus -c 'select count(*) from pg_largeobject_metadata')"

# ---- as a database ----

succeeds "a restore as database succeeds" kg_restore corpus "$first" whole
dump_text whole >"$T/whole.sql"
same_file "its pg_dump text is what stock tools restore" "$T/stock.sql" "$T/whole.sql"
sums whole >"$T/whole.sums"
same_file "every table, sequence and large object is the source's" "$T/corpus.sums" "$T/whole.sums"
is "nothing of the restore is left beside it" \
   "$(sql postgres -c "select count(*) from pg_database where datname not in ('postgres', 'template0', 'template1', 'corpus', 'stock', 'whole')")" 0
fails "the same name again is refused" 'whole' kg_restore corpus "$first" whole
sums whole >"$T/again.sums"
same_file "and the database of that name is untouched" "$T/corpus.sums" "$T/again.sums"
need dropdb whole

# ---- as files ----

succeeds "a restore as files succeeds" kg_restore_files corpus "$first" it
dump=$T/files/dumps/it.dump
check "the sums are right" sh -c "cd '$T/files/dumps' && sha256sum --quiet -c it_SHA256SUMS"
succeeds "pg_restore lists the archive" pg_restore -l "$dump"
is "with the entries of pg_dump's own" "$(pg_restore -l "$dump" | grep -vc '^;')" "$(pg_restore -l "$T/stock.dump" | grep -vc '^;')"
need createdb from_files
succeeds "pg_restore restores it with two jobs" as_backup pg_restore -j 2 -d from_files "$dump"
dump_text from_files >"$T/from_files.sql"
same_file "its pg_dump text is what stock tools restore" "$T/stock.sql" "$T/from_files.sql"
sums from_files >"$T/from_files.sums"
same_file "every table, sequence and large object is the source's" "$T/corpus.sums" "$T/from_files.sums"
pg_restore -f "$T/ours.sql" "$dump"; pg_restore -f "$T/theirs.sql" "$T/stock.dump"
same_file "as a script it is pg_dump's own script" \
    <(grep -vE '^\\(un)?restrict |^-- (Dumped|Started|Completed)' "$T/theirs.sql") \
    <(grep -vE '^\\(un)?restrict |^-- (Dumped|Started|Completed)' "$T/ours.sql")
check "the roles are there" grep -q 'CREATE ROLE "app_ro"' "$T/files/dumps/it_roles.sql"
check "and no password" sh -c "! grep -qi 'SCRAM-SHA-256' '$T/files/dumps/it_roles.sql'"
fails "files are never overwritten" 'it' kg_restore_files corpus "$first" it
need dropdb from_files

# ---- again, without a change ----

succeeds "a second backup succeeds" kg_backup corpus
new=$(($(kg_vault_bytes) - bytes_first))
at_most "it adds less than 2 % and 64 KiB (here the catalogs weigh more than the rows)" "$new" $((bytes_first / 50 + 65536))
is "there are two recovery points" "$(kg_points corpus | wc -l)" 2

# ---- after a change: the older point still is what it was ----

need sql corpus -c 'update app.users set fullname = upper(fullname); delete from app.esc; drop table app.big'
succeeds "a backup after a change succeeds" kg_backup corpus
succeeds "the first point is restored after the third backup" kg_restore corpus "$first" old
sums old >"$T/old.sums"
same_file "and is what the database was then" "$T/corpus.sums" "$T/old.sums"
need dropdb old
succeeds "the newest point is restored" kg_restore corpus "$(kg_newest corpus)" new
same_file "and is what the database is now" <(sums corpus) <(sums new)
need dropdb new

# ---- parts ----

succeeds "one table is restored" kg_restore corpus "$first" part --table app.users
is "with its rows" "$(sql part -c 'select count(*) from app.users')" "$(grep '^app.users|' "$T/corpus.sums" | cut -d'|' -f2)"
is "and no other table" "$(sql part -c "select count(*) from pg_class c join pg_namespace n on n.oid = relnamespace
                            where relkind in ('r', 'p') and nspname not in ('pg_catalog', 'information_schema')")" 1
same_file "and its content" <(grep '^app.users|' "$T/corpus.sums") <(sums part | grep '^app.users|')
need dropdb part
succeeds "two tables are restored" kg_restore corpus "$first" part --table app.meas --table app.esc
same_file "both with their content, partitions included" <(grep -E '^app\.(esc|meas)\|' "$T/corpus.sums") \
          <(sums part | grep -E '^app\.(esc|meas)\|')
need dropdb part
succeeds "one schema is restored" kg_restore corpus "$first" part --schema app
same_file "with all tables and sequences of it" <(grep -E '^app\.' "$T/corpus.sums") <(sums part | grep -E '^app\.')
kinds() { sql "$1" -c "select 'relation', relkind, relname from pg_class where relnamespace = 'app'::regnamespace union all
                       select 'function', prokind, proname from pg_proc where pronamespace = 'app'::regnamespace union all
                       select 'type', typtype, typname from pg_type where typnamespace = 'app'::regnamespace union all
                       select 'trigger', 't', tgname from pg_trigger join pg_class c on c.oid = tgrelid
                        where not tgisinternal and relnamespace = 'app'::regnamespace order by 1, 2, 3"; }
same_file "and all else of it" <(kinds stock) <(kinds part)
is "and none of another" "$(sql part -c "select count(*) from pg_namespace where nspname like 'Sch ema%'")" 0
need dropdb part
fails "a table that is not in the point is refused" 'app\.nothing' kg_restore corpus "$first" part --table app.nothing
is "and no database appears" "$(sql postgres -c "select count(*) from pg_database where datname = 'part'")" 0

# ---- without the service ----

dir=$(kg_vault_dir)
need keepgres service stop
mv "$T/state" "$T/state.away"
mkdir "$T/alone"
succeeds "a point is exported with nothing but the vault and its recovery key" kg_export "$dir" "$first" "$T/alone" it
check "the archive is the one that the service wrote" cmp "$T/alone/it.dump" "$dump"
other_reader() { python3 "$TOP/tests/support/vault_reader.py" "$dir" "$@" <"$T/$VAULT.key"; }
instance=$(other_reader points | awk -v p="$first" '$2 == p { print $1 }')
succeeds "a reader written from the format's page alone finds every row of it right" other_reader verify "$instance" "$first"
sql stock -c "copy app.esc to stdout" >"$T/esc.rows"
same_file "and gives a table's rows as COPY does" "$T/esc.rows" <(other_reader rows "$instance" "$first" app.esc)
fails "a wrong recovery key is refused" 'key' kg_export "$dir" "$first" "$T/alone" other <(tr 'A-Y' 'B-Z' <"$T/$VAULT.key")
check "and no service was started for it" [ ! -e "$T/run/keepgres/api.sock" ]
rm -rf "$T/state"
mv "$T/state.away" "$T/state"
finish
