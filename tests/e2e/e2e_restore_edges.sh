#!/usr/bin/env bash
# Restores that meet something unusual: a target without the source's roles and tablespaces, in another language, what is said of
# the database itself, more large objects than the server has locks, partitions that are loaded through their root, a
# worker that is killed in the middle.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

# A server that speaks another language, when the machine has what it takes: the locale is made here, the messages are the
# server's own.
spoken=''
bin=$(pg_newest)
need pg_with_corpus "$bin"
server_bin=$(pg_with_corpus "$bin")
messages=$(ls -d /usr/share/locale/de/LC_MESSAGES/postgres-*.mo "$bin"/../share/locale/de/LC_MESSAGES/postgres-*.mo 2>/dev/null | head -n 1)
if [ -n "$messages" ] && command -v localedef >/dev/null && mkdir "$T/locale" &&
       localedef -i de_DE -f UTF-8 "$T/locale/de_DE.UTF-8" >/dev/null 2>&1; then
    share=${server_bin%/lib/postgresql/*}/share
    [ -e "$share/locale" ] || ln -s /usr/share/locale "$share/locale"
    export LOCPATH=$T/locale
    chmod -R a+rX "$T/locale"
    spoken=lc_messages=de_DE.UTF-8
fi

# More large objects than this has locks for.
pg_start pg - max_connections=16 max_locks_per_transaction=10 wal_level=logical ${spoken:+"$spoken"}
LARGE=6000
kg_setup
if [[ $(psql -X -d postgres -c 'select * from nothing' 2>&1) == *existiert\ nicht* ]]; then
    ok "the server speaks German"
else
    skip "the server speaks German" "no German locale or no messages"
fi

facts() { sql "$1" -c "select datconnlimit, datistemplate, pg_get_userbyid(datdba), array(select a::text from unnest(datacl) a order by 1),
                              shobj_description(oid, 'pg_database') from pg_database where datname = '$1'" \
                   -c "select coalesce(rolname, '-'), setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
                       left join pg_roles r on r.oid = s.setrole where datname = '$1' order by 1"; }
# The job's warnings, one a line.
warnings() { jq -r '[.. | objects | select(has("warningDetails")) | .warningDetails[] | .. | objects | .message? // empty] | unique[]' \
                <<<"$out"; }

# ---- what is said of the database itself ----

need sql postgres -c 'create role dbowner' -c 'create role reader' -c 'create role "Odd;role" login' -c 'create role guest'
need createdb 'props'
need sql props -c "create table t(i int); insert into t select generate_series(1, 10);
    alter database props set work_mem = '77MB'; alter database props set search_path = 'a b', public;
    alter database props set \"my.text\" = 'it''s; -- \"odd\"';
    alter role \"Odd;role\" in database props set statement_timeout = '5s';
    alter role backup in database props set idle_in_transaction_session_timeout = '7s';
    revoke connect on database props from public; grant connect on database props to reader;
    grant create on database props to \"Odd;role\" with grant option;
    comment on database props is 'the source; of ''all''';
    alter database props connection limit 9; alter database props owner to dbowner"
need sql props -c 'set session authorization "Odd;role"' -c 'grant create on database props to guest'
facts props >"$T/props.facts"
check "the source's properties are there" [ "$(wc -l <"$T/props.facts")" -ge 4 ]
succeeds "properties: protection is configured" kg_protect props
succeeds "properties: the backup succeeds" kg_backup props
succeeds "properties: the restore succeeds" kg_restore props "$(kg_newest props)" props_back
is "properties: without a warning" "$(fact status)" Completed
facts props_back >"$T/back.facts"
same_file "properties: the restored database has the source's" "$T/props.facts" "$T/back.facts"
need dropdb props_back

# ---- a target without the roles ----

mkdir "$T/space"
[ "$(id -u)" -ne 0 ] || chown postgres: "$T/space"
need sql postgres -c "create tablespace fast location '$T/space'" -c 'create role alice' -c 'create role bob' \
     -c 'create role "Frau Ö"' -c 'create role kept'
need createdb roles
need sql roles -c "
    create schema s authorization alice;
    create table s.t(i int primary key, who text); insert into s.t select i, 'r' || i from generate_series(1, 100) i;
    alter table s.t owner to alice;
    create table s.u(i int) tablespace fast; insert into s.u values (1); create index u_i on s.u(i) tablespace fast;
    alter table s.u owner to \"Frau Ö\";
    create view s.v as select * from s.t; alter view s.v owner to bob;
    grant select on s.t to bob, kept; grant update(who) on s.t to kept; grant usage on schema s to kept, bob, reader;
    revoke all on function pg_catalog.pg_sleep(double precision) from public;
    grant execute on function pg_catalog.pg_sleep(double precision) to bob, kept;
    alter default privileges for role alice in schema s grant select on tables to kept;
    alter default privileges for role kept in schema s grant select on tables to bob;
    alter default privileges for role kept in schema s grant insert on tables to reader;
    alter table s.t enable row level security;
    create policy two on s.t for select to bob, kept using (who <> ' TO nobody');
    create policy only_bob on s.t as restrictive to bob using (true);
    comment on policy only_bob on s.t is 'for bob';
    create policy everybody on s.t for insert with check (true);
    create extension postgres_fdw; create server srv foreign data wrapper postgres_fdw;
    create user mapping for bob server srv options (user 'x'); create user mapping for kept server srv;
    create user mapping for public server srv;
    select lo_from_bytea(1000, 'alice has it'); alter large object 1000 owner to alice; grant select on large object 1000 to bob, kept;
    alter database roles owner to alice; grant create on database roles to bob, kept; alter role bob in database roles set work_mem = '5MB'"
need sql roles -c 'set role alice' -c 'grant select on s.t to reader with grant option'
need sql roles -c 'set session authorization reader' -c 'grant select on s.t to guest'
sums roles | grep -v '^large' >"$T/roles.sums"
succeeds "roles: protection is configured" kg_protect roles
succeeds "roles: the backup succeeds" kg_backup roles
point=$(kg_newest roles)
succeeds "roles: a restore where all are there succeeds" kg_restore roles "$point" roles_all
is "roles: without a warning" "$(fact status)" Completed
same_file "roles: and the pg_dump text is the same" <(dump_text roles) <(dump_text roles_all)
need dropdb roles_all
need sql roles -c 'reassign owned by alice, bob, "Frau Ö" to postgres' -c 'drop owned by alice, bob, "Frau Ö"'
need dropdb roles
need sql postgres -c 'drop role alice' -c 'drop role bob' -c 'drop role "Frau Ö"' -c 'drop tablespace fast'
succeeds "missing roles: the restore succeeds" kg_restore roles "$point" roles_less
is "missing roles: with warnings" "$(fact status)" CompletedWithWarnings
warnings >"$T/warnings"
for role in alice bob 'Frau Ö'; do
    is "missing roles: '$role' is named once" "$(grep -c "role '$role' does not exist" "$T/warnings")" 1
done
like "missing roles: with how many objects are not its" "$(grep "role 'alice'" "$T/warnings")" "4 objects belong to user 'backup'.*1 default privilege"
like "missing roles: and what else is lost" "$(grep "role 'bob'" "$T/warnings")" \
     "1 object belongs to.*privileges.*default privilege.*2 policies, 1 user mapping, 1 setting not applied"
is "a missing tablespace is named once" "$(grep -c "tablespace 'fast'" "$T/warnings")" 1
is "and nothing else is said" "$(grep -c . "$T/warnings")" 4
same_file "missing roles: every table is the source's" "$T/roles.sums" <(sums roles_less | grep -v '^large')
is "missing roles: what was granted to others is granted" \
   "$(sql roles_less -c "select has_table_privilege('kept', 's.t', 'select'), has_column_privilege('kept', 's.t', 'who', 'update'),
       has_schema_privilege('kept', 's', 'usage'), has_function_privilege('kept', 'pg_sleep(float8)', 'execute'),
       has_function_privilege('guest', 'pg_sleep(float8)', 'execute'), has_table_privilege('guest', 's.t', 'select')")" "t|t|t|t|f|t"
is "missing roles: also the database and the large object" \
   "$(sql roles_less -c "select has_database_privilege('kept', 'roles_less', 'create'), lomacl::text ~ 'kept=r' from pg_largeobject_metadata")" "t|t"
is "missing roles: default privileges of others are there" \
   "$(sql roles_less -c "select defaclacl from pg_default_acl")" "{reader=a/kept}"
is "missing roles: policies are made for who is left" \
   "$(sql roles_less -c "select polname, array(select rolname from pg_roles where oid = any(polroles)) from pg_policy order by 1")" \
   $'everybody|{}\ntwo|{kept}'
is "missing roles: the other user mappings are there" "$(sql roles_less -c "select usename from pg_user_mappings order by 1")" $'kept\npublic'
need dropdb roles_less

# Twenty of them are told one by one.
need createdb crowd
for i in $(seq -w 25); do echo "create role m$i; create table t$i(i int); alter table t$i owner to m$i;"; done | need sql crowd -f -
succeeds "25 missing roles: protection is configured" kg_protect crowd
succeeds "25 missing roles: the backup succeeds" kg_backup crowd
need dropdb crowd
for i in $(seq -w 25); do echo "drop role m$i;"; done | need sql postgres -f -
succeeds "25 missing roles: the restore succeeds" kg_restore crowd "$(kg_newest crowd)" crowd_back
like "25 missing roles: five are told together" "$(warnings)" "and 5 more roles or tablespaces: 'm21', 'm22', 'm23', 'm24', 'm25'"
is "25 missing roles: after twenty others" "$(warnings | grep -c "does not exist")" 20
need dropdb crowd_back

# ---- more large objects than locks ----

need createdb large
need sql large -o /dev/null -c "create role lo1" -c "create role lo2"
for from in $(seq 1 500 $LARGE); do # pieces: the source's server has no more locks
    echo "select lo_from_bytea(i, ('object ' || i)::bytea) from generate_series($from, $((from + 499))) i;"
    for step in 0 100 200 300 400; do
        echo "do \$\$ begin for i in $((from + step))..$((from + step + 99)) loop
                  execute format('alter large object %s owner to %I', i, case i % 3 when 0 then 'lo1' when 1 then 'lo2' else 'postgres' end);
              end loop; end \$\$;"
    done
done | need sql large -o /dev/null -f -
sums large >"$T/large.sums"
fails "one transaction has not got that many locks" 'max_locks_per_transaction' sql large -c "do \$\$ begin for i in 1..$LARGE loop
    execute format('alter large object %s owner to lo1', i); end loop; end \$\$"
succeeds "many large objects: protection is configured" kg_protect large
succeeds "many large objects: the backup succeeds" kg_backup large
succeeds "many large objects: the restore succeeds" kg_restore large "$(kg_newest large)" large_back
is "many large objects: without a warning" "$(fact status)" Completed
same_file "many large objects: all are the source's, with their owners" "$T/large.sums" <(sums large_back)
need dropdb large_back

# ---- partitions: some through their root, some not ----

need createdb parts
need sql parts -c "create type mood as enum ('sad', 'ok', 'happy', 'odd');
    create table p(k text, m mood, v int) partition by list (k);
    create table p_plain partition of p for values in ('a');
    create table p_hash partition of p for values in ('b') partition by hash (m);
    create table p_hash0 partition of p_hash for values with (modulus 2, remainder 0);
    create table p_hash1(v int, k text, m mood); alter table p_hash attach partition p_hash1 for values with (modulus 2, remainder 1);
    insert into p select 'a', 'ok', i from generate_series(1, 1000) i;
    insert into p select 'b', (enum_range(null::mood))[1 + i % 4], i from generate_series(1, 1000) i"
sums parts >"$T/parts.sums"
is "partitions: pg_dump loads two of three through their root" "$(pg_dump -a parts | grep -oE '^COPY public\.\w+' | sort | uniq -c | xargs)" \
   "2 COPY public.p 1 COPY public.p_plain"
succeeds "partitions: protection is configured" kg_protect parts
succeeds "partitions: the backup succeeds" kg_backup parts
succeeds "partitions: the restore succeeds, read again" kg_restore parts "$(kg_newest parts)" parts_back
same_file "partitions: they are the source's" "$T/parts.sums" <(sums parts_back)
need dropdb parts_back
hash=$(sql parts -c "select relname from (values ('p_hash0'), ('p_hash1')) r(relname)
                     where (select count(*) from p where tableoid = relname::regclass) > 0 limit 1")
succeeds "one of them alone is restored" kg_restore parts "$(kg_newest parts)" parts_back --table "public.$hash"
same_file "with its rows" <(sql parts -c "select k, m, v from $hash order by v") <(sql parts_back -c "select k, m, v from $hash order by v")
need dropdb parts_back

# ---- what locks the same tables, by several sessions at a time ----

need createdb web
{
    for i in $(seq 12); do
        echo "create table web$i(id int primary key, $(seq -s ', ' -f 'to%.0f int' 12)); insert into web$i(id, to1) values (1, 1), (2, 1);"
    done
    for i in $(seq 12); do
        for j in $(seq 12); do echo "alter table web$i add foreign key (to$j) references web$j;"; done
    done
    echo "create table split(k int, v int, w int) partition by range (k);"
    for i in $(seq 16); do echo "create table split$i partition of split for values from ($i) to ($((i + 1)));"; done
    echo "alter table split add primary key (k, v); create index on split(v); create index on split(w, v);
          insert into split select 1 + i % 16, i, 1 from generate_series(1, 200) i;
          alter table split add foreign key (w) references web1; alter table web2 add foreign key (to1, to2) references split;"
} | need sql web -f -
dump_text web >"$T/web.sql"
by_four() # DATABASE TARGET
{
    keepgres backup-instance restore initialize-for-data-recovery --read-back --datasource-type $KIND --restore-location local \
             --source-datastore VaultStore --recovery-point-id "$(kg_newest "$1")" --target-resource-id "$SERVER_ID/databases/$2" \
             --secret-store-type AzureKeyVault --secret-store-uri "$LOGIN" >"$T/restore.json" &&
        keepgres backup-instance restore trigger -n "$1" -v $VAULT --restore-request-object "$T/restore.json" --jobs 4 --wait
}
succeeds "tables that refer to each other: protection is configured" kg_protect web
succeeds "tables that refer to each other: the backup succeeds" kg_backup web
for round in 1 2 3; do
    succeeds "tables that refer to each other: restore $round by four sessions succeeds" \
             by_four web web_back
    is "and without a warning" "$(fact status)" Completed
    same_file "and the pg_dump text is the same" "$T/web.sql" <(dump_text web_back)
    is "and no session met another one in a deadlock" \
       "$(sql postgres -c "select deadlocks from pg_stat_database where datname = 'web_back'")" 0
    need dropdb web_back
done

# A part of them: what it refers to is named, once and for machines.
keepgres backup-instance restore initialize-for-data-recovery --table public.web1 public.web2 --datasource-type $KIND --restore-location local \
         --source-datastore VaultStore --recovery-point-id "$(kg_newest web)" --target-resource-id "$SERVER_ID/databases/web_part" \
         --secret-store-type AzureKeyVault --secret-store-uri "$LOGIN" >"$T/restore.json"
succeeds "chosen tables: the restore succeeds" keepgres backup-instance restore trigger -n web -v $VAULT \
         --restore-request-object "$T/restore.json" --wait
is "chosen tables: with a warning" "$(fact status)" CompletedWithWarnings
like "chosen tables: that names foreign keys and what they need" "$(warnings)" \
     "foreign key 'web1_to3_fkey' of 'public.web1' \(needs 'public.web3'\).*and 1[0-9] more"
is "chosen tables: all of them for machines" "$(fact leftOut | jq -c '[length, (map(.needs) | unique | length)]')" '[21,11]'
need dropdb web_part

# Two indexes of which pg_restore cannot know that making one locks the other's table, each a moment after its own.
need createdb meet
need sql meet -c "create function lock_it(regclass) returns void language plpgsql as \$\$ begin
        if current_database() like 'keepgres_restore%' then
            perform pg_catalog.pg_sleep(1); execute pg_catalog.format('lock table %s in access exclusive mode', \$1);
        end if; end \$\$;
    create function locking(regclass, int) returns int immutable language plpgsql as \$\$ begin
        perform public.lock_it(\$1); return \$2; end \$\$;
    create table l(i int); create table r(i int); insert into l values (1); insert into r values (1);
    create index l_locking on l(locking('r', i)); create index r_locking on r(locking('l', i)); create index l_plain on l(i);
    comment on index l_locking is 'left'; comment on index r_locking is 'right'; comment on index l_plain is 'plain'"
dump_text meet >"$T/meet.sql"
succeeds "sessions that meet in a deadlock: protection is configured" kg_protect meet
succeeds "sessions that meet in a deadlock: the backup succeeds" kg_backup meet
succeeds "sessions that meet in a deadlock: the restore succeeds nevertheless" by_four meet meet_back
is "and without a warning" "$(fact status)" Completed
same_file "and the pg_dump text is the same" "$T/meet.sql" <(dump_text meet_back)
is "though there was one" "$(sql postgres -c "select deadlocks from pg_stat_database where datname = 'meet_back'")" 1
need dropdb meet_back

# ---- a worker that is killed, and a job that is cancelled, while pg_restore waits for the server ----

need createdb slow
need sql slow -c "create table t(i int); insert into t select generate_series(1, 100);
    create function slowly(int) returns int immutable language plpgsql as \$\$ begin
        perform pg_catalog.pg_sleep(case when current_database() like 'keepgres_restore%' then 120 else 0 end); return \$1; end \$\$;
    create index on t(slowly(i)) where i = 7"
succeeds "a slow index: protection is configured" kg_protect slow
succeeds "a slow index: the backup succeeds" kg_backup slow
point=$(kg_newest slow)
sessions() { sql postgres -c "select count(*) from pg_stat_activity where query like 'CREATE INDEX%' and datname like 'keepgres_restore%'"; }
wait_sessions() # wanted number; within 20 seconds
{
    for _ in $(seq 100); do [ "$(sessions)" -ne "$1" ] || return 0; sleep 0.2; done
    return 1
}
kg_restore slow "$point" slow_back >"$T/slow.out" 2>&1 &
check "pg_restore makes the index" wait_sessions 1
# shellcheck disable=SC2046 # a list
kill -9 $(kg_workers)
wait $!
check "a worker that is killed takes pg_restore and its statement with it" wait_sessions 0
is "its database is still there, under a name of its own" \
   "$(sql postgres -c "select count(*) from pg_database where datname like 'keepgres_restore%'")" 1
need psql -X -q -d "$(sql postgres -c "select datname from pg_database where datname like 'keepgres_restore%'")" -c 'select 1'

kg_restore slow "$point" slow_back >"$T/slow.out" 2>&1 &
restoring=$!
check "pg_restore makes the index again" wait_sessions 1
is "the one before has been dropped" "$(sql postgres -c "select count(*) from pg_database where datname like 'keepgres_restore%'")" 1
job=$(keepgres job list -v $VAULT | jq -r '[.[] | select(.properties.status == "InProgress")][0].name')
succeeds "the job is cancelled" keepgres job cancel --job-id "$job" -v $VAULT
wait $restoring
is "and says so" "$(keepgres job show --job-id "$job" -v $VAULT | jq -r .properties.status)" Cancelled
is "and nothing is left of it" "$(sessions)|$(sql postgres -c "select count(*) from pg_database where datname ~ 'keepgres_restore|slow_back'")" "0|0"
vault_is_healthy "the vault is healthy"
finish
