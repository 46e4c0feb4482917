#!/usr/bin/env bash
# The article on backing up a PostgreSQL server, walked through in the portal at 80x24 with nothing but what the screen says: from
# an empty service over vault, policy, key vault, secret, a missing role, a missing privilege, backup now and its job to a restored
# database. With PICTURES=DIRECTORY it is the walk that "make pictures" draws: the same keys, a clock that is set, larger tables.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"
# shellcheck source=../support/portal.sh
. "${BASH_SOURCE%/*}/../support/portal.sh"
need command -v tmux
orders=20000 payload=0
if [ -n "${PICTURES:-}" ]; then
    export TZ=UTC
    clock_start '2027-03-01 09:00'
    orders=90000 payload=1
    need mkdir "$T/shots"
fi
# to TIME: in pictures, what the clock shows from here on; a minute is more than a chapter takes.
to() { [ -z "${PICTURES:-}" ] || clock_to "2027-03-01 $1"; }
# picture NAME: the screen as it is now, with its colours.
picture() { [ -z "${PICTURES:-}" ] || tm capture-pane -e -p >"$T/shots/$1"; }
# quiet: the status line counts no running job any more.
quiet() { [ -z "${PICTURES:-}" ] || hides "the status line is quiet" '1 job'; }
# sees NAME REGEX [SECONDS]: shows, and the walk ends where the screen is another one: what follows would be typed into anything.
sees() { shows "$@"; [ $failures -eq 0 ] || finish; }

pg_start pg
need createdb sales
need createdb hr
need sql hr -c "create table people(id int primary key, name text); insert into people select i, md5(i::text) from generate_series(1, 100) i"
need sql sales -c "create table customers(id int primary key, name text); create table orders(id int primary key, customer int, note text);
    insert into customers select i, md5(i::text) from generate_series(1, 1000) i;
    insert into orders select i, 1 + i % 1000, md5(i::text) || case $payload when 1 then (select string_agg(md5((i * k)::text), '')
        from generate_series(1, 11) k) else '' end from generate_series(1, $orders) i;
    alter table orders add foreign key (customer) references customers"
need sql postgres -c "create role backup login password 'the backup word'; alter role postgres password 'the admin word'"
need mkdir "$T/work"
cd "$T/work" || exit 1

# ---- a server ----

portal 80x24
sees "an empty Backup center says what to do, in order" '1\. .*[Ss]erver'
sees "to its last step" '5\. Configure backup'
picture first-run
keys Enter
sees "the first step asks for a server" 'Resource group +\[default'
keys Tab Tab pg1 Tab 127.0.0.1 Tab C-u "$PGPORT" Tab Enter
sees "how it is connected to is a choice" 'disable'
keys disable Enter
sees "found by typing" 'SSL mode +\[disable'
press 'Add'
sees "the step is done" '✓ 1\.'

# ---- a Backup vault ----

to 09:05
keys ':' 'backup center'
sees "Backup center is found by its name" 'Backup center +page'
keys Enter
hides "and opened" 'Search pages'
keys v
sees "from there a vault is created" '\[Basics\]'
sees "in the only resource group" 'Resource group +\[default'
keys Tab vault1
sees "with a name" 'Backup vault name +\[vault1'
picture vault
press 'Next'
sees "its properties are asked" '\[Vault properties\]'
press 'Review'
sees "and reviewed" '\[Review \+ create\]'
press 'Create'
sees "the recovery key is shown" 'Recovery key of vault1' 30
picture recovery-key
press 'Save'
sees "it is written to a file" '[Ww]ritten to .*vault1.recovery-key'
check "which is there" test -s "$(find . "$HOME" -name vault1.recovery-key | head -n 1)"
press 'I have it'
sees "the vault's step is done" '✓ 3\.'

# ---- a policy ----

to 09:10
keys p
sees "a policy belongs to a vault, the only one" 'Backup vault +\[vault1'
keys Tab weekly
sees "and has a name" 'Policy name +\[weekly'
press 'Next'
sees "the schedule is weekly" '\[Schedule \+ retention\]'
keys Tab Right Right Right Space
sees "on two days" '\[x\] Su .*\[x\] We'
keys Tab C-u 23:30 Tab Tab Tab 8
press 'Add retention rule'
sees "a rule is added" '─ Retention rule ─'
keys Enter
sees "one of four" 'Yearly'
keys weekly Enter
sees "the weekly one" 'Rule +\[Weekly'
keys Tab C-u 12
press 'OK'
sees "it stands before the default" 'Weekly +first of each week +12 months'
sees "which keeps three months" 'Default +all others +3 months'
picture policy
press 'Review'
sees "it is reviewed" 'Su, We'
press 'Create'
sees "the policy's step is done" '✓ 4\.' 20

# ---- configure backup ----

to 09:15
keys c
sees "the vault is chosen" 'Backup vault +\[vault1'
press 'Next'
sees "the policy, too" 'Backup policy +\[weekly'
press 'Next'
sees "there are no databases yet" 'No database is chosen yet'
keys a
sees "servers are listed" '› . pg1'
keys Enter
sees "a login is asked for" '─ Assign key vault ─'
keys Tab Enter
sees "a key vault can be made here" 'Create new key vault'
keys Down Enter
sees "by its form" '─ Create key vault ─'
wait_screen 'Resource group +\[default'
keys Tab kv1
press 'Create'
sees "it is chosen then" 'Key vault +\[kv1'
wait_screen '─ Assign key vault ─'
keys Tab Enter
sees "so can a secret" 'Create new secret'
keys Down Enter
sees "from user and password" '─ Create secret ─'
keys pg1-login Tab Tab backup Tab 'the backup word'
sees "which is not shown" 'Password +\[\*+ '
picture secret
press 'Create'
sees "it is chosen then, too" '\[pg1-login'
press 'Assign'
sees "the databases are listed" '  sales ' 20
sees "a template cannot be chosen" 'template0 .*template'
row ' hr '
keys Space
row ' sales '
keys Space
sees "two are marked" '2 selected'
picture select-databases
press 'Add'
sees "both lack roles" 'sales .*! Role assignment not done' 30
wait_screen ' hr .*! Role assignment not done'
picture readiness-roles
keys d
sees "the details name the check that failed" 'UserErrorMSIMissingPermissions'
keys Escape
sees "and lead back" '\[Datasources\]'
keys A r
sees "the missing roles are listed" "Will be granted .*'Key Vault Secrets User' on kv1"
sees "down to the server's" "'Reader' on pg1"
picture assign-roles
press 'Assign'
sees "with them the login is tried: it may not read" 'sales .*✗ Validation failed' 30
wait_screen ' hr .*✗ Validation failed'
sees "and the privilege is named" 'lacks .*privilege'
picture readiness-privileges
for db in hr sales; do
    row " $db "
    keys p
    sees "a script for $db grants it" "grant-$db.sh"
    press 'Save'
    wait_for 10 test -s "grant-$db.sh"
    succeeds "which an administrator runs" env PGPASSWORD='the admin word' bash "grant-$db.sh" -U postgres
    sees "the list is back" 'lacks .*privilege'
done
keys e
sees "validated again, sales is ready" 'sales .*✓ Success' 30
sees "and hr" ' hr .*✓ Success' 30
picture readiness-success
press 'Next'
sees "what will be configured is listed" 'sales .*To be configured'
press 'Configure backup'
sees "the instances are followed until they are protected" 'sales +✓ Protection configured' 30

# ---- the connection, tested ----

keys ':' 'pg1'
sees "the server is found by its name" 'pg1 +PostgreSQL server'
keys Enter
sees "its page opens" 'Test connection'
keys t
sees "the key vault is the only one" '\[kv1'
wait_screen '\[pg1-login'
press 'Test'
sees "the connection works" 'logged in as'
press 'Done'
keys Escape
sees "and back" 'sales +✓ Protection configured'

# ---- backup now ----

to 09:20
row 'sales'
keys Enter
sees "the instance opens" 'Backup policy +weekly'
keys b
sees "backup now asks for a rule" 'Retention rule +\[Default'
keys Enter
sees "among the policy's" 'Weekly .*12 months'
keys weekly Enter
sees "the weekly one is chosen" 'Retention rule +\[Weekly'
picture backup-now
press 'Back up now'
sees "the job is followed" 'Operation +Backup'
if [ -n "${PICTURES:-}" ]; then
    wait_screen 'Status +… In progress'
    keys End
    wait_screen '[4-7][0-9]%' 20
    keys End
    picture job-progress
    keys Home
fi
sees "to its end" 'Status +✓ Completed' 60
keys N
sees "its end is a notification" "Backup of .*sales completed"
keys Escape
quiet
keys Escape
sees "Esc leads back to the instance" 'Last backup +✓ Completed'
keys ':' 'backup jobs' Enter
sees "the dashboard of jobs has it, completed" '✓ Completed +Backup .*sales'
picture jobs
keys Enter
sees "a job opens" 'Status +✓ Completed'
point=$(screen | sed -n 's/.*Recovery point  *\([0-9a-f]*\).*/\1/p')
instance=$(keepgres backup-instance list -v vault1 | jq -r '.[] | select(.properties.friendlyName | test("sales")).name')
is "its recovery point is there, under the rule" \
   "$(keepgres recovery-point list --backup-instance-name "$instance" -v vault1 | jq -r '.[] | [.name, .properties.retentionTagName] | join(" ")')" \
   "$point Weekly"
keys ':' 'overview' Enter
sees "the Overview counts it" 'completed'
wait_screen '[0-9] [kM]?B stored'
picture overview

# ---- and back ----

to 09:30
keys ':' 'sales'
sees "the instance is found by its name" 'sales +Backup instance'
keys Enter
sees "and opens" 'Protection status +✓'
keys r
sees "its recovery point is chosen" '›\*.*Weekly'
picture restore-point
press 'Look'
sees "one can look inside" 'orders +table'
keys Escape
press 'Next'
sees "a name is proposed" 'New database +\[sales_20'
keys Tab Tab C-u sales_copy Tab Right
sees "who restores may be another" 'Key vault +\[kv1'
keys Tab Tab Enter
sees "whose secret is made here" 'Create new secret'
keys Down Enter
sees "now as a connection string" '─ Create secret ─'
keys pg1-admin Tab Right Tab 'User Id=postgres;Password=the admin word;'
press 'Create'
sees "it is chosen" 'Secret +\[pg1-admin'
picture restore-parameters
press 'Next'
sees "all of it" 'The whole database'
press 'Review'
sees "it is reviewed" 'New database +sales_copy'
press 'Restore'
sees "the job is followed to its end" 'Status +✓ Completed' 60
sees "it says where to" 'Restored to +pg1.sales_copy'
quiet
picture restored
same_file "what was restored is what was backed up" <(sums sales) <(sums sales_copy)
keys q
sees "q leaves" 'shell\$ *$'

if [ -n "${PICTURES:-}" ] && [ $failures -eq 0 ]; then
    succeeds "the pictures are drawn" python3 "$SUPPORT/picture.py" --port "$PGPORT" --home "$HOME" "$T/shots" "$PICTURES"
fi
finish
