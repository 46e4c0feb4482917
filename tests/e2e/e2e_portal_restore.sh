#!/usr/bin/env bash
# Backup now and restore by the portal, in a real terminal: several databases at once, one table, files, what validation refuses,
# the log. A whole database: e2e_tour.sh.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"
# shellcheck source=../support/portal.sh
. "${BASH_SOURCE%/*}/../support/portal.sh"
need command -v tmux

pg_start pg
kg_setup
need createdb sales
need createdb shop
need sql sales -c "create table t(i int)"
need sql shop -c "create schema app; create table app.items(i int primary key, v text); create table public.orders as select 1 i;
                  insert into app.items select i, md5(i::text) from generate_series(1, 3000) i"
need kg_protect sales
need kg_protect shop
need mkdir "$T/files"
need keepgres storage account create -n files1 --path "$T/files"
need kg_grant_files files1

# ---- backup now, of two ----

portal 80x24 --page backup-instances
shows "the instances are listed" 'shop +✓ Protection'
keys Space Down Space b
shows "a rule that both have is chosen" 'Retention rule +\[Default'
press 'Back up now'
shows "and the jobs are shown" '› Backup jobs'
shows "until they have ended" '✓ Completed' 30
for _ in $(seq 200); do [ -n "$(kg_points shop)" ] && [ -n "$(kg_points sales)" ] && break; sleep 0.1; done
is "both have a recovery point" "$(kg_points sales | wc -l) $(kg_points shop | wc -l)" "1 1"
keys Escape
shows "Esc leads back to the instances" 'Protection status|Protection st'

# ---- one table ----

keys '/shop' Enter r
shows "the newest recovery point is chosen" '›\*.*Vault tier'
press 'Look'
shows "one can look inside" 'app +items +table +3,000'
keys Escape
press 'Next'
shows "the server is the backup's" 'Server +\[pg1'
shows "a new name is proposed" 'New database +\[shop_20[0-9_]+ '
keys Tab Tab C-u sales Tab
shows "a name that is there is refused" 'has a database of this name already'
keys BTab C-u part Tab Tab Right
shows "roles that are missing can be made" '\(•\) Create'
press 'Next'
shows "the scope is asked" 'Chosen schemas and tables'
keys Right
shows "the schemas are there" 'app +schema +3,000'
keys Tab Right Down Space
shows "what is chosen is summed up" '1 table: 3,000 rows'
press 'Review'
shows "what will be done is told" 'New database +part'
press 'Restore'
shows "the job is followed" 'Restore of pg1.shop +✓ Completed' 30
is "only that table is there" "$(sql part -c "select string_agg(schemaname || '.' || tablename, ' ') from pg_tables
   where schemaname in ('app', 'public')")" app.items
is "with its rows" "$(sql part -c 'select count(*), max(v) from app.items')" "$(sql shop -c 'select count(*), max(v) from app.items')"
keys o
shows "the log is at hand" 'Restore of pg1.shop, asked for by'
keys Escape Escape
shows "Esc leads back" '› pg1.shop|shop +✓ Protection'

# ---- files ----

keys r
shows "and as files" '›\*.*Vault tier'
press 'Next'
shows "the target is asked" 'As files'
keys Right
shows "the only account is chosen" 'Storage account +\[files1'
keys Tab Tab Enter
shows "a container can be made here" 'Create new container'
keys Up Down Enter
shows "by a dialog" 'New container'
keys dumps
press 'Create'
shows "which is chosen then" 'Container +\[dumps'
keys Tab night
press 'Next'
press 'Review'
press 'Restore'
shows "the files are written" 'Restore of pg1.shop +✓ Completed' 30
check "they are there" test -s "$T/files/dumps/night.dump"
keys Escape
hides "the wizard is gone with the job" '› Restore'
keys r
wait_screen '›\*.*Vault tier'
press 'Next'
keys Right
shows "the same once more" 'Container +\[dumps'
keys Tab Tab Tab night
press 'Next'
press 'Review'
press 'Restore'
shows "validation names the file that is in the way" "has a file 'night.dump' already"
finish
