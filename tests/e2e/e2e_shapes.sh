#!/usr/bin/env bash
# Databases of unusual shape: another encoding, thousands of tables, one enormous field, nothing at all.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

pg_start
kg_setup

round_trip() # database, what it is
{
    succeeds "$2: protection is configured" kg_protect "$1"
    succeeds "$2: the backup succeeds" kg_backup "$1"
    succeeds "$2: the restore succeeds" kg_restore "$1" "$(kg_newest "$1")" "$1_back"
    same_file "$2: every table is the source's" <(sums "$1") <(sums "$1_back")
    same_file "$2: the pg_dump text is the same" <(dump_text "$1") <(dump_text "$1_back")
    need dropdb "$1_back"
}

# ---- nothing ----

need createdb empty
round_trip empty "an empty database"

# ---- names, of everything ----

odd='Schöne "Daten"; drop'
need createdb "$odd"
need sql "$odd" -c 'create table "Tab
elle" ("Spal""te" text); insert into "Tab
elle" values ('"'\\\\.'"'), (null), ('"'ж'"')'
succeeds "a database with an odd name: protection is configured" \
    sh -c "keepgres backup-instance initialize --datasource-type $KIND --datasource-id '$SERVER_ID/databases/$(jq -rn --arg n "$odd" '$n | @uri')' \
           -l local --policy-id '$POLICY_ID' --secret-store-type AzureKeyVault --secret-store-uri $LOGIN |
           jq '.backup_instance_name = \"odd\"' >'$T/odd.json' && keepgres backup-instance create -v $VAULT --backup-instance '$T/odd.json'"
succeeds "a database with an odd name: the backup succeeds" kg_backup odd
succeeds "a database with an odd name: the restore succeeds" kg_restore odd "$(kg_newest odd)" odd_back
same_file "a database with an odd name: every table is the source's" <(sums "$odd") <(sums odd_back)

# ---- LATIN1 ----

need createdb -T template0 -E LATIN1 -l C latin
need sql latin -c "set client_encoding = 'UTF8'; create table \"größe\"(\"straße\" text primary key);
                   insert into \"größe\" select 'Ä' || i || 'ÿ§' from generate_series(1, 1000) i"
round_trip latin "a LATIN1 database"
succeeds "a LATIN1 database: restore for good" kg_restore latin "$(kg_newest latin)" latin2
is "the restored one has the encoding" "$(sql postgres -c "select pg_encoding_to_char(encoding) from pg_database where datname = 'latin2'")" LATIN1

# ---- 5,000 tables: the server's default of locks is just enough for one session that locks them all ----

need createdb many
need sql many -c "do \$\$ begin for i in 1..5000 loop
    execute format('create table t%s(id int primary key, v text)', i);
    execute format('insert into t%s values (1, %L)', i, 'row of ' || i);
    if i % 500 = 0 then commit; end if; end loop; end \$\$"
sums many >"$T/many.sums"
succeeds "5,000 tables: protection is configured" kg_protect many
succeeds "5,000 tables: the backup succeeds" kg_backup many
succeeds "5,000 tables: the restore succeeds" kg_restore many "$(kg_newest many)" many_back
same_file "5,000 tables: every one is the source's" "$T/many.sums" <(sums many_back)
need dropdb many_back

# ---- one field of 256 MiB ----

need createdb wide
need sql wide -c "create table w(id int primary key, t text); alter table w alter t set storage external;
                  insert into w select 1, string_agg(md5(i::text), '') from generate_series(1, 8 << 20) i;
                  insert into w values (2, null), (3, 'small')"
is "the field is 256 MiB" "$(sql wide -c 'select length(t) from w where id = 1')" $((256 << 20))
round_trip wide "one enormous field"

vault_is_healthy "the vault is healthy" --read-data
finish
