#!/usr/bin/env bash
# Commands that no other test types: changing vaults and policies, waiting, paging, and what is refused before anything is
# sent. A service without any server behind it.
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

cd "$T" || exit 1

# ---- vaults ----

need keepgres backup-vault create -v v1 --recovery-key-file "$T/v1.key" --tags team=dba
need keepgres backup-vault create -v v2 --recovery-key-file "$T/v2.key"
vault() { keepgres backup-vault show -v v1 | jq -c "$1"; }
was=$(vault '[.identity.principalId, .properties.storeSettings.path, .properties.storageSettings]')
succeeds "settings of a vault are changed" keepgres backup-vault update -v v1 --soft-delete-retention 30 --csr-state disabled
is "they are printed" "$(jq -c '[.properties.securitySettings.softDeleteSettings.retentionDurationInDays,
    .properties.featureSettings.crossSubscriptionRestoreSettings.state, .tags.team]' <<<"$out")" '[30,"Disabled","dba"]'
succeeds "tags are" keepgres backup-vault update --vault-name v1 --tags team=ops zone=a
succeeds "and any property" keepgres backup-vault update -v v1 --set properties.featureSettings.crossSubscriptionRestoreSettings.state=Enabled \
         tags.owner=me --remove tags.zone
is "with that and nothing else" "$(vault '[.tags, .properties.featureSettings.crossSubscriptionRestoreSettings.state,
    .properties.securitySettings.softDeleteSettings.retentionDurationInDays]')" '[{"team":"ops","owner":"me"},"Enabled",30]'
is "identity and data stay" "$(vault '[.identity.principalId, .properties.storeSettings.path, .properties.storageSettings]')" "$was"
fails "a setting that is wrong is told" 'no choice .Sometimes' keepgres backup-vault update -v v1 --soft-delete-state Sometimes
fails "customer-managed keys are not there" 'customer-managed' keepgres backup-vault update -v v1 --cmk-encryption-state Enabled \
      --cmk-encryption-key-uri https://kv1.vault.local/keys/k --cmk-identity-type SystemAssigned
id=$(vault .id | jq -r .)
succeeds "an id is as good as names" keepgres backup-vault update --ids "$id" --tags team=dba
is "its identity is shown" "$(keepgres backup-vault identity show -v v1 | jq -c '[keys, .type]')" \
   '[["principalId","tenantId","type"],"SystemAssigned"]'
succeeds "it is taken away" keepgres backup-vault identity remove -v v1 --system-assigned
is "and is gone" "$(keepgres backup-vault identity show -v v1 | jq -r .type)" None
succeeds "and given again" keepgres backup-vault identity assign -v v1 --mi-system-assigned
like "another one" "$(jq -r .principalId <<<"$out")" '^[0-9a-f-]{36}$'
fails "one of its own is not there" 'no user-assigned identities' keepgres backup-vault identity assign -v v1 --user-assigned /x
succeeds "waiting for what is there ends" keepgres backup-vault wait -v v1 --created --interval 1
succeeds "and for what is gone" keepgres backup-vault wait -v nothing --deleted --interval 1
succeeds "and for a condition" keepgres backup-vault wait -v v1 --custom "tags.team == 'dba'" --interval 1
fails "waiting ends in time" 'has not come about' keepgres backup-vault wait -v v1 --custom 'tags.nothing' --interval 1 --timeout 1
fails "a condition is needed" 'is needed' keepgres backup-vault wait -v v1
succeeds "a list may be read in parts" keepgres backup-vault list --max-items 1
is "the first" "$(jq -r '.[].name' <<<"$out")" v1
token=$(sed -n 's/.*--next-token //p' <<<"$err")
is "and from there the next" "$(keepgres backup-vault list --max-items 1 --next-token "$token" 2>/dev/null | jq -r '.[].name')" v2
is "found in all groups" "$(keepgres backup-vault list-from-resourcegraph --subscriptions default --vaults V2 | jq -r '.[].name')" v2
fails "an unknown subscription is told" "no subscription 'other'" keepgres backup-vault list-from-resourcegraph --subscriptions other

# ---- policies ----

keepgres backup-policy get-default-policy-template --datasource-type $KIND >p.json
need keepgres backup-policy create -n p1 -v v1 --policy p.json
succeeds "a policy is changed" keepgres backup-policy update -n p1 -v v1 --set 'properties.policyRules[0].name=BackupSundays'
is "in the middle" "$(jq -r '.properties.policyRules[0].name' <<<"$out")" BackupSundays
fails "what makes no sense is refused" 'no AzureRetentionRule named .Default' keepgres backup-policy update -n p1 -v v1 --remove properties.policyRules 1
succeeds "or from a pipe" keepgres backup-policy update -n p1 -v v1 --policy - < <(jq '.policyRules[1].lifecycles[0].deleteAfter.duration = "P6M"' p.json)
is "and is the new one" "$(keepgres backup-policy show -n p1 -v v1 | jq -r '.properties.policyRules[1].lifecycles[0].deleteAfter.duration')" P6M
fails "nothing to change is told" 'nothing to change' keepgres backup-policy update -n p1 -v v1
is "what show prints can be edited" "$(keepgres backup-policy show -n p1 -v v1 | keepgres backup-policy retention-rule remove --name Yearly --policy - 2>&1 |
    head -n 1)" "error: the policy has no retention rule 'Yearly'"

# ---- instances ----

db=/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/default/providers/Microsoft.DBforPostgreSQL/servers/s/databases/d
initialize() { keepgres backup-instance initialize --datasource-type $KIND --datasource-id $db -l local --policy-id /p "$@"; }
fails "a secret's type needs its place" 'together' initialize --secret-store-type AzureKeyVault
fails "a database needs its whole id" 'fix:' keepgres backup-instance initialize --datasource-type $KIND --datasource-id d -l local --policy-id /p
fails "no backup configuration for PostgreSQL" 'takes no backup configuration' keepgres backup-instance initialize-backupconfig --datasource-type $KIND
is "an instance can be given a name" "$(initialize -n mine | jq -r .backup_instance_name)" mine
like "or gets one" "$(initialize | jq -r .backup_instance_name)" '^s-d-[0-9a-f-]{36}$'
fails "a name that none can have is refused" "backup instance" initialize -n 'a/b'
succeeds "what is for others is ignored" initialize --friendly-name x --snapshot-rg g
like "and said so" "$err" 'friendly-name has no effect.*snapshot'
fails "two identities are one too many" 'exclude each other' initialize --use-system-identity --uami /x
restore() { keepgres backup-instance restore initialize-for-data-recovery --datasource-type $KIND --source-datastore VaultStore --restore-location local "$@"; }
fails "a restore needs a point" 'recovery-point-id is required' restore --target-resource-id $db
fails "not two of them" 'exclude each other' restore --target-resource-id $db --recovery-point-id p --point-in-time 2026-01-01T00:00:00
fails "and no time" 'not to a point in time' restore --target-resource-id $db --point-in-time 2026-01-01T00:00:00
fails "it needs a target" 'target-resource-id is required' restore --recovery-point-id p
fails "and one of them" 'exclude each other' restore --recovery-point-id p --target-resource-id $db --backup-instance-id $db
fails "from a store that there is" 'VaultStore, ArchiveStore' restore --recovery-point-id p --target-resource-id $db -source-datastore OperationalStore
fails "rehydrated for 10 to 30 days" '10 to 30' restore --recovery-point-id p --target-resource-id $db --rehydration-priority Standard --rehydration-duration 31
is "15 unless said" "$(restore --recovery-point-id p --target-resource-id $db --rehydration-priority Standard | jq -r .rehydration_retention_duration)" P15D
fails "items are not restored so" 'item level recovery is not enabled' keepgres backup-instance restore initialize-for-item-recovery --datasource-type $KIND
fails "an instance that is not there" "no.*'x'|x" keepgres backup-instance update-policy --backup-instance-name x -v v1 --policy-id p1
is "no instance is found" "$(keepgres backup-instance list-from-resourcegraph)" '[]'
is "none lies deleted" "$(keepgres backup-instance deleted-backup-instance list -v v1)" '[]'
fails "and none can come back" "no deleted backup instance 'x'" keepgres backup-instance deleted-backup-instance undelete -n x -v v1
fails "a wrong time is told with an example" '2026-01-31T22:00:00' keepgres recovery-point list -n x -v v1 --start-time tomorrow
fails "there is no second region" 'no secondary region' keepgres job list -v v1 --use-secondary-region true
finish
