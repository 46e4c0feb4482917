#!/usr/bin/env bash
# Every example that a help page shows is run as it stands there, against a service and a real PostgreSQL. Only what names
# another place (hosts, directories, ids) is replaced. New examples are picked up by themselves: they run in the order of the
# help, those that take something away at the end.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

pg_start
need createdb shop
need sql shop -o /dev/null -c "create table orders(id int primary key, note text); create table customers(id int);
                               insert into orders select i, md5(i::text) from generate_series(1, 1000) i"
PASSWORD=examples
sql postgres <<<"create role backup superuser login password '$PASSWORD'"
mkdir -m 700 "$T/sock"
mkdir "$T/here" "$T/restores" "$T/vaults" "$T/out"
cd "$T/here" || exit 1
connection >login.txt
need keepgres server add pg1 --host 127.0.0.1 --port "$PGPORT" --sslmode disable
need keepgres keyvault create -n kv1
need keepgres keyvault secret set -v kv1 -n pg1-login --file login.txt
SERVER_ID=$(keepgres server show pg1 --query id -o tsv)
POLICY_ID=${SERVER_ID%%/providers/*}/providers/Microsoft.DataProtection/backupVaults/vault1/backupPolicies/weekly
POINT='' JOB='' VAULT_DIR=''
KEYVAULT_ID=$(keepgres keyvault show -n kv1 --query id -o tsv)
export SERVER_ID POLICY_ID KEYVAULT_ID POINT

# The lines below "Examples" of every command's page, each on one line again.
examples()
{
    keepgres internal docs-cli | sed -n 's/^### keepgres //p' | while read -r command; do
        # shellcheck disable=SC2086 # the words of a command
        keepgres $command --help </dev/null | awk '/^Examples$/ { on = 1; next } on' | sed -e ':a' -e '/\\$/N; s/\\\n *//; ta' -e 's/^    //'
    done
}
# What an example calls by names of its own, in this place.
localized()
{
    sed -e "s,--host db.example.com --port 5432 --sslmode verify-full,--host 127.0.0.1 --port $PGPORT --sslmode disable," \
        -e "s,/srv/restores,$T/restores,; s,/srv/vaults/vault1,$VAULT_DIR,; s,--output-dir /tmp,--output-dir $T/out," \
        -e "s,5f0c9d3e8a7b4c1d9e2f3a4b5c6d7e8f,$POINT,; s,c3a52d1d-8853-4211-8141-477c65740264,$JOB," \
        -e "s,-g RG --vault-name V,-g default --vault-name vault2,; s,/etc/keepgres/keepgres.conf,/dev/null," <<<"$1"
}

# What an example's line needs that is no command's business.
before()
{
    case $1 in
    *'secret set'*--file*) connection >login.txt ;;
    *--recovery-key-file*recovery-key* | *'vault recovery-key'*--recovery-key-file*) rm -f vault1.key ;;
    *'group delete -n prod'*) keepgres group create -n prod -l local ;;
    *'service stop'*) keepgres account list ;;
    *initialize-for-data-recovery-as-files*) for account in $(keepgres storage account list --query '[].name' -o tsv); do
                                                 kg_grant_files "$account"; done ;;
    *--restore-request-object*) # the page that shows how to make it comes later
        [ -e restore.json ] ||
            keepgres backup-instance restore initialize-for-data-recovery --datasource-type $KIND --recovery-point-id "$POINT" \
                     --target-resource-id "$SERVER_ID/databases/shop_restored" --secret-store-type AzureKeyVault \
                     --secret-store-uri https://kv1.vault.local/secrets/pg1-login --restore-location local >restore.json ;;
    esac >/dev/null
}
# What later examples call by a file's name or in a variable.
after()
{
    case $1 in
    *get-default-policy-template*) [ -e policy.json ] || printf '%s\n' "$out" >policy.json ;;
    *'backup-instance initialize '*) jq '.backup_instance_name = "pg1-shop"' <<<"$out" >shop.json
                                     kg_grant "$T/here/shop.json" >/dev/null ;;
    *role-template*) printf '%s\n' "$out" >roles.json ;;
    *'backup-vault create '*vault1*) VAULT_DIR=$(kg_vault_dir) ;;
    *'backup-instance delete '*) # it can come back; what is taken apart next must not wait for that
        keepgres backup-vault update -v vault1 --soft-delete-state Off >/dev/null
        for _ in $(seq 100); do
            [ "$(keepgres backup-instance deleted-backup-instance list -v vault1)" != '[]' ] || break
            sleep 0.2
        done ;;
    *adhoc-backup*) POINT=$(kg_newest pg1-shop) JOB=$(keepgres job list -v vault1 --query '[0].name' -o tsv) ;;
    esac
}

try()
{
    local line
    before "$1"
    line=$(localized "$1")
    case $1 in
    *'keepgres keyvault secret set '*' -f '* | *' --file '* | *' --value-stdin'*) succeeds "$1" bash -c "$line" ;;
    *'keepgres keyvault secret set '*) # asks on the terminal
        succeeds "$1" script -qec "$line" /dev/null < <(sleep 1; connection) ;;
    *'service logs -f'*) run timeout 2 bash -c "$line"; is "$1 (until it is stopped)" $status 124 ;;
    'keepgres serve' | 'keepgres serve '*)
        run timeout 2 env XDG_RUNTIME_DIR="$T/sock" XDG_STATE_HOME="$T/sock" XDG_DATA_HOME="$T/sock" bash -c "$line"
        like "$1 (until it is stopped)" "$status" '^(0|124)$' ;;
    'keepgres portal' | 'keepgres portal '*) fails "$1 (there is no terminal)" 'terminal|not in this build' bash -c "$line" ;;
    *'backup-instance stop-protection '* | *'backup-instance suspend-backup '*)
        succeeds "$1" bash -c "$line"
        bash -c "$(sed 's/stop-protection\|suspend-backup/resume-protection/' <<<"$line")" ;;
    *'backup-instance resume-protection '*)
        bash -c "${line/resume-protection/stop-protection}"
        succeeds "$1" bash -c "$line" ;;
    *'deleted-backup-instance show '* | *'deleted-backup-instance undelete '*)
        fails "$1 (there is none)" 'no deleted backup instance' bash -c "$line" ;;
    *'recovery-point rehydrate'*) fails "$1 (it is not in the archive)" 'is not in the archive' bash -c "$line" ;;
    *'job cancel'*) fails "$1 (too late)" 'ended|completed|Completed' bash -c "$line" ;;
    *'job retry'*) fails "$1 (it has completed)" 'nothing to retry' bash -c "$line" ;;
    *) succeeds "$1" bash -c "$line" ;;
    esac
    [ $status -ne 0 ] || after "$1"
}

# Taking apart goes against the order of building up.
teardown='backup-instance delete|backup-vault identity remove|backup-policy delete|backup-vault delete|keyvault secret delete|keyvault delete|storage container delete|storage account delete|server remove|group delete|service stop|serve'
taken_apart="keepgres ($teardown)( |\$)"
all=$(examples)
check "there are examples" [ "$(wc -l <<<"$all")" -ge 60 ]
while read -r line <&3; do
    try "$line"
done 3< <(grep -vE "$taken_apart" <<<"$all")
IFS='|'
for command in $teardown; do
    unset IFS
    while read -r line <&3; do
        try "$line"
    done 3< <(grep -E "^keepgres $command( |\$)" <<<"$all")
done
cd / || exit 1
finish
