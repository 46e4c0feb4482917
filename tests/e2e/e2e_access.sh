#!/usr/bin/env bash
# One service, several users of the machine: who was assigned nothing gets nothing, an operator can back up and restore but
# not remove, and the audit log tells it all, or that somebody touched it.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

if [ "$(id -u)" -ne 0 ]; then
    skip "two users of the machine" "only root can act as other users"
    finish
fi

# as USER COMMAND…: daemon is the operator, games the stranger.
mkdir -m 755 "$T/everybody" "$T/run/keepgres"
mkdir -m 1777 "$T/everybody/drop"
chmod 755 "$T/run"
cp -L "$KEEPGRES" "$T/everybody/keepgres"
chmod 755 "$T/everybody/keepgres"
as()
{
    local user=$1
    shift
    runuser -u "$user" -- env -i PATH="$T/everybody:$PATH" HOME=/nonexistent LC_ALL=C.UTF-8 \
            KEEPGRES_SOCKET="$T/run/keepgres/api.sock" "$@"
}
mkdir -p "$T/config/keepgres"
echo 'socket_mode = 0666' >"$T/config/keepgres/keepgres.conf"

pg_start
need createdb shop
sql shop <<<'create table orders as select g as id, md5(g::text) as what from generate_series(1, 5000) g'
kg_setup
need kg_protect shop
need keepgres backup-vault create -v other --recovery-key-file "$T/other.key"
need kg_backup shop
POINT=$(kg_newest shop)
SUB=$(keepgres account list | jq -r '.[0].id')
[[ $SUB == /* ]] || SUB=/subscriptions/$SUB
GROUP=$SUB/resourceGroups/default
VAULT_ID=$(keepgres backup-vault show -v $VAULT | jq -r .id)
KV_ID=$(keepgres keyvault show -n $KV | jq -r .id)
OPERATOR=$(keepgres role assignment create --assignee daemon --role Reader --scope "$VAULT_ID" | jq -r .principalId)
need keepgres role assignment delete --assignee daemon --role Reader --scope "$VAULT_ID" --yes

# ---- a stranger gets nothing ----

nothing() { fails "a stranger cannot: $*" "'games' \(uid [0-9]+\) may not do 'Microsoft" as games keepgres "$@"; }
nothing account list
nothing group list
nothing backup-vault list
nothing backup-vault show -v $VAULT
nothing backup-vault show -v "no-such-vault"
nothing backup-vault create -v mine --recovery-key-file /nonexistent/key
nothing backup-vault delete -v $VAULT --yes
nothing backup-vault delete -v no-such-vault --yes
nothing backup-instance list -v $VAULT
nothing backup-instance delete -n shop -v $VAULT --yes
nothing backup-instance adhoc-backup -n shop -v $VAULT --rule-name $RULE
nothing recovery-point list --backup-instance-name shop -v $VAULT
nothing job list -v $VAULT
nothing job list-from-resourcegraph --datasource-type $KIND
nothing server list
nothing resource list
nothing backup-center show
nothing backup-policy list-from-resourcegraph
nothing keyvault secret list -v $KV
nothing storage account create -n mine --path /nonexistent/mine
nothing vault check -v $VAULT
nothing role assignment create --assignee games --role Owner --scope /
nothing role assignment list
nothing role definition list
nothing audit list
nothing service stop
nothing service status

# ---- an operator can back up and restore, and not remove ----

succeeds "a role is assigned to another user" keepgres role assignment create --assignee daemon --role "Backup Operator" --scope "$VAULT_ID"
is "as az prints it" "$(jq -c '[.principalName, .principalType, .roleDefinitionName, .scope == $id]' --arg id "$VAULT_ID" <<<"$out")" \
   '["daemon","User","Backup Operator",true]'
assignment=$(jq -r .id <<<"$out")
succeeds "assigning it again changes nothing" keepgres role assignment create --assignee "$OPERATOR" --role "Backup Operator" --scope "$VAULT_ID"
is "it is the same" "$(jq -r .id <<<"$out")" "$assignment"
is "there is one" "$(keepgres role assignment list --assignee daemon --all | jq length)" 1
is "the operator sees that vault and no other" "$(as daemon keepgres backup-vault list | jq -r '.[].name')" $VAULT
is "and the group that it lies in" "$(as daemon keepgres group list | jq -r '.[].name')" default
is "of all resources that one" "$(as daemon keepgres resource list | jq -c '[.[].name]')" "[\"$VAULT\"]"
is "and of all policies those in it" "$(as daemon keepgres backup-policy list-from-resourcegraph | jq -r '.[] | [.vaultName, .name, .properties.backupInstancesCount] | @tsv')" \
   "$(printf '%s\tweekly\t1' $VAULT)"
is "the overview counts what the operator sees" "$(as daemon keepgres backup-center show | jq -c '[.vaults, .instances.total, .servers, .policies]')" '[1,1,0,1]'
is "and for the owner everything" "$(keepgres backup-center show | jq -c '[.vaults, .instances.total, .servers > 0, .policies]')" '[2,1,true,1]'
succeeds "the operator backs up" as daemon keepgres backup-instance adhoc-backup -n shop -v $VAULT --rule-name $RULE --wait
is "there is a second recovery point" "$(kg_points shop | wc -l)" 2
is "which the operator sees" "$(as daemon keepgres recovery-point list --backup-instance-name shop -v $VAULT | jq length)" 2
is "and the job" "$(as daemon keepgres job list -v $VAULT | jq -r '.[0].properties.status')" Completed
is "also in the list over all vaults" "$(as daemon keepgres job list-from-resourcegraph --datasource-type $KIND | jq -r '.[0].status')" Completed
keepgres backup-instance restore initialize-for-data-recovery --datasource-type $KIND --restore-location local \
         --source-datastore VaultStore --recovery-point-id "$POINT" --target-resource-id "$SERVER_ID/databases/back" \
         --secret-store-type AzureKeyVault --secret-store-uri "$LOGIN" >"$T/everybody/restore.json"
chmod 644 "$T/everybody/restore.json"
succeeds "the operator restores" as daemon keepgres backup-instance restore trigger -n shop -v $VAULT \
         --restore-request-object "$T/everybody/restore.json" --wait
same_file "and what came back is what was there" <(sums shop) <(sums back)

refused() { fails "an operator cannot: $*" "'daemon' \(uid [0-9]+\) may not do 'Microsoft" as daemon keepgres "$@"; }
refused backup-instance delete -n shop -v $VAULT --yes
refused backup-instance stop-protection -n shop -v $VAULT
refused backup-vault delete -v $VAULT --yes
refused backup-vault show -v other
refused backup-policy delete -n weekly -v $VAULT --yes
refused vault collect -v $VAULT
refused vault recovery-key -v $VAULT --recovery-key-file "$T/everybody/drop/key" --yes
refused keyvault secret list -v $KV
refused keyvault secret delete -v $KV -n login --yes
refused role assignment create --assignee daemon --role Owner --scope "$VAULT_ID"
refused role assignment delete --ids "$assignment" --yes
refused server show -n pg1
refused service stop
is "the instance is still there" "$(keepgres backup-instance show -n shop -v $VAULT | jq -r .name)" shop
like "a refusal says which role would do" "$err" "'keepgres role assignment create --assignee daemon"

# ---- why may they? ----

backup=Microsoft.DataProtection/backupVaults/backupInstances/backup/action
succeeds "it can be asked why somebody may" keepgres role check --assignee daemon --action $backup --scope "$VAULT_ID/backupInstances/shop"
is "it is for this assignment" "$(jq -c '[.allowed, .roleDefinitionName, .roleAssignmentId == $id]' --arg id "$assignment" <<<"$out")" \
   '[true,"Backup Operator",true]'
is "and that they may not elsewhere" "$(keepgres role check --assignee daemon --action $backup --scope "$GROUP" | jq -r .allowed)" false
is "the vault's own identity may read the secret" "$(keepgres role check --assignee $VAULT --data-action \
   --action Microsoft.KeyVault/vaults/secrets/getSecret/action --scope "$KV_ID" | jq -c '[.allowed, .roleDefinitionName]')" \
   '[true,"Key Vault Secrets User"]'
fails "an unknown user is told" "'nobody-here' is no user" keepgres role check --assignee nobody-here --action $backup --scope /
fails "an unknown role, too" "no role 'Emperor'" keepgres role assignment create --assignee daemon --role Emperor --scope /
fails "a scope that is not there, too" "there is no '/subscriptions/.*/resourceGroups/nowhere'" keepgres role assignment create \
      --assignee daemon --role Reader --scope "$SUB/resourceGroups/nowhere"
is "all roles are listed" "$(keepgres role definition list | jq length)" 13
is "with what they allow" "$(keepgres role definition list --name "Backup Operator" | jq -r '.[0].permissions[0].actions | index("Microsoft.DataProtection/*/read") != null')" true

# ---- what is given can be narrow, and is taken back at once ----

need keepgres role assignment create --assignee games --role "Key Vault Secrets User" --scope "$KV_ID"
is "who may read secrets lists them" "$(as games keepgres keyvault secret list -v $KV | jq -r '.[].name')" login
fails "and cannot write them" "may not do 'Microsoft.KeyVault/vaults/secrets/setSecret/action'" \
      as games sh -c "echo x | keepgres keyvault secret set -v $KV -n login --value-stdin"
need keepgres role assignment create --assignee games --role Contributor --scope "$GROUP"
fails "a role for a group chooses no directory of the machine" "directory '/etc/cron.d'.*may not do" \
      as games keepgres storage account create -n mine --path /etc/cron.d
fails "nor a socket, where PostgreSQL would take the service for somebody" "directory '/var/run/postgresql'.*may not do" \
      as games keepgres server add lent --host /var/run/postgresql
fails "nor the machine's identity in Azure" "may not do 'Microsoft.KeepGres/service/managedIdentity/action'" \
      as games keepgres keyvault create -n lent --provider azure --vault-uri https://lent.vault.azure.net/
fails "nor for a vault" "directory '/etc/vault'.*may not do" as games keepgres backup-vault create -v mine --store-path /etc/vault \
      --recovery-key-file "$T/everybody/drop/mine"
fails "and gives no access to others" "may not do 'Microsoft.Authorization/roleAssignments/write'" as games keepgres role assignment create \
      --assignee games --role Owner --scope "$GROUP"
succeeds "roles are taken back" keepgres role assignment delete --assignee games --yes
nothing keyvault secret list -v $KV
succeeds "by id, too" keepgres role assignment delete --ids "$assignment" --yes
refused backup-instance adhoc-backup -n shop -v $VAULT --rule-name $RULE
fails "which is told when there are none" "no such role assignment" keepgres role assignment delete --assignee daemon --yes
need keepgres role assignment create --assignee daemon --role Reader --scope "$SUB/resourceGroups/default/providers/Microsoft.DataProtection/backupVaults/other"
need keepgres backup-vault delete -v other --yes
is "with a resource go the roles for it" "$(keepgres role assignment list --assignee daemon --all | jq length)" 0

# ---- the audit log ----

keepgres audit list >"$T/audit.json"
audited() { jq -r --arg n "$1" --arg a "$2" '[.[] | select(.principalName == $n and (.action | endswith($a))) | .status] | unique | join(" ")' "$T/audit.json"; }
is "the backup of the operator is recorded, and what came of it" "$(audited daemon backupInstances/backup/action)" "102 202 403"
is "so are refusals" "$(audited games backupInstances/read)" 403
is "and what the owner did" "$(audited root backupVaults/delete)" "102 200"
like "which role was given to whom is, too" "$(jq -r '.[].details // empty' "$T/audit.json")" "role 'Backup Operator' for 'daemon' \(.*\) at '$VAULT_ID'"
is "reading is not" "$(audited root backupVaults/read)" ""
for _ in 1 2 3 4 5; do as games keepgres service status >/dev/null 2>&1; done
is "refusals that repeat are counted, not listed" "$(keepgres audit list | jq '[.[] | select(.principalName == "games" and .action == "Microsoft.KeepGres/service/read") | .count // 1] | add > 5 and length < 5')" true
keepgres audit list >"$T/audit.json"
succeeds "the log is whole" keepgres audit verify
head=$(jq -r .head <<<"$out")
is "each record is in it" "$(jq -r .records <<<"$out")" "$(jq length "$T/audit.json")"
succeeds "a head that was noted is found later" keepgres audit verify --head "$head"
change() # SQL on the stopped service's catalog
{
    kg_stop
    python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()' "$T/state/keepgres/catalog.sqlite" "$1"
}
cp_state() { kg_stop; cp "$T/state/keepgres/catalog.sqlite" "$T/tmp/catalog"; }
cp_state
change 'update audit set status = 200 where status = 403 and seq = (select min(seq) from audit where status = 403)'
fails "a record that was changed is found" 'record [0-9]+ of the audit log is not what was written' keepgres audit verify
kg_stop; cp "$T/tmp/catalog" "$T/state/keepgres/catalog.sqlite"
change 'delete from audit where seq = 3'
fails "one that was taken out is found" 'record 3 of the audit log is missing' keepgres audit verify
kg_stop; cp "$T/tmp/catalog" "$T/state/keepgres/catalog.sqlite"
change "delete from audit where seq >= (select seq from audit where hash = '$head')"
fails "an end that was cut off is found by who noted the head" 'does not hold' keepgres audit verify --head "$head"

finish
