#!/usr/bin/env bash
# The command lines of Azure's article "Back up Azure Database for PostgreSQL - flexible Server using Azure CLI", as they
# stand there, with az being keepgres and real names for the article's variables; then the lines for the archive tier. Each
# must print what the article shows. It ends with a completed backup under rule Monthly.
# shellcheck disable=SC1001,SC1012,SC2086 # the article's own lines: .\FILE as its Windows readers type it, variables without quotes
# shellcheck source=../support/harness.sh
. "${BASH_SOURCE%/*}/../support/harness.sh"

az() { keepgres "$@"; }

# shows NAME ARTICLE FILE: FILE holds every key of the article's document, with the same type of value; null is any.
shows()
{
    local odd
    odd=$(jq -rn --slurpfile a "$2" --slurpfile o "$3" '
        def odd($a; $o; $at):
            if $a == null then empty
            elif ($a | type) != ($o | type) then $at + ": " + ($o | type) + " instead of " + ($a | type)
            elif ($a | type) == "object" then
                $a | keys[] | . as $k | if $o | has($k) then odd($a[$k]; $o[$k]; $at + "." + $k) else $at + "." + $k + ": missing" end
            elif ($a | type) == "array" then
                if ($a | length) != ($o | length) then $at + ": other length"
                else range($a | length) | odd($a[.]; $o[.]; $at + "[" + tostring + "]") end
            else empty end;
        odd($a[0]; $o[0]; "")')
    if [ -z "$odd" ] && [ -s "$3" ]; then ok "$1"; else not_ok "$1" "$odd" "$(cat "$3")"; fi
}
# equals NAME ARTICLE FILE: the same document, in whatever order its keys stand.
equals()
{
    if cmp -s <(jq -S . "$2") <(jq -S . "$3"); then ok "$1"; else not_ok "$1" "$(diff <(jq -S . "$2") <(jq -S . "$3"))"; fi
}
# A line of the article that failed: what follows would tell nothing.
line() { if [ "$1" -eq 0 ]; then ok "$2"; else not_ok "$2" "exit code $1" "$(cat "$T/tmp/stderr")"; finish; fi; }
errors=$T/tmp/stderr

# ---- what the article takes for granted ----

mkdir "$T/article"
cd "$T/article" || exit 1
pg_start pg
need createdb empdb11
need sql empdb11 -c 'create table emp (id int primary key, name text); insert into emp select i, md5(i::text) from generate_series(1, 1000) i'
PASSWORD=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
sql postgres <<<"create role backup superuser login password '$PASSWORD'"
for group in testBkpVaultRG ossrg ossdemorg; do need keepgres group create -n $group -l westus; done
need keepgres server add archive-postgresql-ccy -g ossrg --flexible --host 127.0.0.1 --port "$PGPORT" --sslmode disable
need keepgres keyvault create -n testkeyvaulteus -g ossrg
connection | need keepgres keyvault secret set -v testkeyvaulteus -g ossrg -n ossdbkey --value-stdin
subscription=$(keepgres account list | jq -r '.[0].subscriptionId // (.[0].id | split("/") | last)')
keyURI="https://testkeyvaulteus.vault.local/secrets/ossdbkey"

# ---- create a Backup vault ----

az dataprotection backup-vault create -g testBkpVaultRG --vault-name TestBkpVault -l westus --type SystemAssigned --storage-settings datastore-type="VaultStore" type="LocallyRedundant" >vault.json 2>"$errors" </dev/null
line $? "the vault is created"
cat >expected.json <<'END'
{
  "eTag": null,
  "id": "/subscriptions/aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e/resourcegroups/testBkpVaultRG/providers/Microsoft.DataProtection/BackupVaults/TestBkpVault",
  "identity": {
    "principalId": "aaaaaaaa-bbbb-cccc-1111-222222222222",
    "tenantId": "aaaabbbb-0000-cccc-1111-dddd2222eeee",
    "type": "SystemAssigned"
  },
  "location": "westus",
  "name": "TestBkpVault",
  "properties": {
    "provisioningState": "Succeeded",
    "storageSettings": [
      {
        "datastoreType": "VaultStore",
        "type": "LocallyRedundant"
      }
    ]
  },
  "resourceGroup": "testBkpVaultRG",
  "systemData": null,
  "tags": null,
  "type": "Microsoft.DataProtection/backupVaults"
}
END
shows "it is printed as in the article" expected.json vault.json
same='[.location, .name, .properties.provisioningState, .properties.storageSettings, .resourceGroup, .tags, .type, .identity.type]'
is "with the article's values" "$(jq -c "$same" vault.json)" "$(jq -c "$same" expected.json)"
is "and its id, however it is spelt" "$(jq -r '.id | ascii_downcase | sub("^/subscriptions/[^/]*"; "")' vault.json)" \
   "$(jq -r '.id | ascii_downcase | sub("^/subscriptions/[^/]*"; "")' expected.json)"

# ---- the policy template ----

az dataprotection backup-policy get-default-policy-template --datasource-type AzureDatabaseForPostgreSQLFlexibleServer >OSSPolicy.json 2>"$errors"
line $? "the template is printed"
cat >expected.json <<'END'
{
  "datasourceTypes": [
    "Microsoft.DBforPostgreSQL/flexibleServers"
  ],
  "name": "OssFlexiblePolicy1",
  "objectType": "BackupPolicy",
  "policyRules": [
    {
      "backupParameters": {
        "backupType": "Full",
        "objectType": "AzureBackupParams"
      },
      "dataStore": {
        "dataStoreType": "VaultStore",
        "objectType": "DataStoreInfoBase"
      },
      "name": "BackupWeekly",
      "objectType": "AzureBackupRule",
      "trigger": {
        "objectType": "ScheduleBasedTriggerContext",
        "schedule": {
          "repeatingTimeIntervals": [
            "R/2021-08-15T06:30:00+00:00/P1W"
          ],
          "timeZone": "UTC"
        },
        "taggingCriteria": [
          {
            "isDefault": true,
            "tagInfo": {
              "id": "Default_",
              "tagName": "Default"
            },
            "taggingPriority": 99
          }
        ]
      }
    },
    {
      "isDefault": true,
      "lifecycles": [
        {
          "deleteAfter": {
            "duration": "P3M",
            "objectType": "AbsoluteDeleteOption"
          },
          "sourceDataStore": {
            "dataStoreType": "VaultStore",
            "objectType": "DataStoreInfoBase"
          },
          "targetDataStoreCopySettings": []
        }
      ],
      "name": "Default",
      "objectType": "AzureRetentionRule"
    }
  ]
}
END
equals "it is the article's" expected.json OSSPolicy.json

# ---- the schedule ----

az dataprotection backup-policy trigger create-schedule --interval-type Weekly --interval-count 1 --schedule-days 2021-08-15T22:00:00 2021-08-18T22:00:00 2021-08-20T22:00:00 >schedule.json 2>"$errors"
line $? "a schedule is printed"
is "it is the article's, to the letter" "$(cat schedule.json)" '[
  "R/2021-08-15T22:00:00+00:00/P1W",
  "R/2021-08-18T22:00:00+00:00/P1W",
  "R/2021-08-20T22:00:00+00:00/P1W"
]'
az dataprotection backup-policy trigger set --policy .\OSSPolicy.json  --schedule R/2021-08-15T22:00:00+00:00/P1W R/2021-08-18T22:00:00+00:00/P1W R/2021-08-20T22:00:00+00:00/P1W > EditedOSSPolicy.json 2>"$errors"
line $? "the policy's file gets it"
jq --slurpfile s schedule.json '.policyRules[0].trigger.schedule.repeatingTimeIntervals = $s[0]' OSSPolicy.json >expected.json
equals "and is the same apart from that" expected.json EditedOSSPolicy.json
az dataprotection backup-policy trigger set --policy '.\OSSPolicy.json' --schedule - <schedule.json >piped.json 2>"$errors"
line $? "the backslash may arrive, and the schedule come from standard input"
equals "with the same result" EditedOSSPolicy.json piped.json

# ---- a retention rule ----

az dataprotection backup-policy retention-rule create-lifecycle --retention-duration-count 6 --retention-duration-type Months --source-datastore VaultStore > VaultLifeCycle.JSON 2>"$errors"
line $? "a lifecycle is printed"
az dataprotection backup-policy retention-rule set --lifecycles .\VaultLifeCycle.JSON --name Monthly --policy .\EditedOSSPolicy.json > AddedRetentionRulePolicy.JSON 2>"$errors"
line $? "a retention rule is added"
is "it keeps what it is for six months" "$(jq -c '.policyRules[2] | [.name, .isDefault, .objectType, .lifecycles[0].deleteAfter.duration,
    .lifecycles[0].sourceDataStore.dataStoreType, (.lifecycles | length)]' AddedRetentionRulePolicy.JSON)" \
   '["Monthly",false,"AzureRetentionRule","P6M","VaultStore",1]'

# ---- a tag ----

az dataprotection backup-policy tag create-absolute-criteria --absolute-criteria FirstOfMonth > tagCriteria.JSON 2>"$errors"
line $? "a criterion is printed"
az dataprotection backup-policy tag set --criteria .\tagCriteria.JSON --name Monthly --policy .\AddedRetentionRulePolicy.JSON > AddedRetentionRuleAndTag.JSON 2>"$errors"
line $? "a tag is added"
is "for the first backup of a month" "$(jq -c '.policyRules[0].trigger.taggingCriteria[1] | [.tagInfo.tagName, .taggingPriority, .isDefault,
    .criteria[0].absoluteCriteria]' AddedRetentionRuleAndTag.JSON)" '["Monthly",15,false,["FirstOfMonth"]]'
cp AddedRetentionRuleAndTag.JSON FirstOfMonth.JSON
az dataprotection backup-policy tag create-generic-criteria --days-of-week Sunday Friday > tagCriteria.JSON 2>"$errors"
line $? "another criterion is printed"
az dataprotection backup-policy tag set --criteria .\tagCriteria.JSON --name Monthly --policy .\AddedRetentionRulePolicy.JSON > AddedRetentionRuleAndTag.JSON 2>"$errors"
line $? "and a tag for it added"
is "for Sundays and Fridays" "$(jq -c '.policyRules[0].trigger.taggingCriteria[1].criteria[0].daysOfTheWeek' AddedRetentionRuleAndTag.JSON)" \
   '["Sunday","Friday"]'

# ---- the policy ----

az dataprotection backup-policy create --backup-policy-name FinalOSSPolicy --policy AddedRetentionRuleAndTag.JSON --resource-group testBkpVaultRG --vault-name TestBkpVault >policy.json 2>"$errors"
line $? "the policy is created"
is "with its rules in their order" "$(jq -c '[.name, .type, [.properties.policyRules[].name], [.properties.policyRules[0].trigger.taggingCriteria[].tagInfo.id]]' policy.json)" \
   '["FinalOSSPolicy","Microsoft.DataProtection/backupVaults/backupPolicies",["BackupWeekly","Default","Monthly"],["Monthly_","Default_"]]'

# ---- the archive tier: the lines of the PowerShell article in their az form ----

az dataprotection backup-policy retention-rule create-lifecycle --retention-duration-count 6 --retention-duration-type Months --source-datastore VaultStore --target-datastore ArchiveStore --copy-option CopyOnExpiryOption > VaultToArchiveLifeCycle.JSON 2>"$errors"
line $? "a lifecycle that ends in the archive is printed"
az dataprotection backup-policy retention-rule create-lifecycle --retention-duration-count 24 --retention-duration-type Months -source-datastore ArchiveStore > OnArchiveLifeCycle.JSON 2>"$errors"
line $? "one in the archive is printed, with one dash as in Azure's page"
az dataprotection backup-policy retention-rule set --lifecycles .\VaultToArchiveLifeCycle.JSON .\OnArchiveLifeCycle.JSON --name Monthly --policy .\EditedOSSPolicy.json > AddedArchiveRule.JSON 2>"$errors"
line $? "both become a retention rule"
az dataprotection backup-policy tag create-absolute-criteria --absolute-criteria FirstOfMonth > tagCriteria.JSON 2>"$errors"
az dataprotection backup-policy tag set --criteria .\tagCriteria.JSON --name Monthly --policy .\AddedArchiveRule.JSON > ArchivePolicy.JSON 2>"$errors"
line $? "its tag is added"
az dataprotection backup-policy create --backup-policy-name TestOSSPolicy --policy ArchivePolicy.JSON --resource-group testBkpVaultRG --vault-name TestBkpVault >archive.json 2>"$errors"
line $? "the policy with an archive is created"
is "six months in the vault, then 24 in the archive" "$(jq -c '[.properties.policyRules[] | select(.name == "Monthly").lifecycles[] |
    [.sourceDataStore.dataStoreType, .deleteAfter.duration, (.targetDataStoreCopySettings[] | .dataStore.dataStoreType, .copyAfter.objectType)]]' archive.json)" \
   '[["VaultStore","P6M","ArchiveStore","CopyOnExpiryOption"],["ArchiveStore","P24M"]]'

# ---- configure backup ----

ossId="/subscriptions/$subscription/resourcegroups/ossrg/providers/Microsoft.DBforPostgreSQL/flexibleServers/archive-postgresql-ccy/databases/empdb11"
location=westus
policy=$(az dataprotection backup-policy show --name FinalOSSPolicy --resource-group testBkpVaultRG --vault-name TestBkpVault | jq -r .id)
az dataprotection backup-instance initialize --datasource-id $ossId --datasource-type AzureDatabaseForPostgreSQLFlexibleServer -l $location --policy-id $policy  --secret-store-type AzureKeyVault --secret-store-uri $keyURI > OSSBkpInstance.JSON 2>"$errors"
line $? "the request is printed"
is "in snake_case" "$(jq -c '[keys, (.properties | keys)]' OSSBkpInstance.JSON)" \
   '[["backup_instance_name","properties","tags"],["data_source_info","data_source_set_info","datasource_auth_credentials","friendly_name","object_type","policy_info"]]'
like "under a name of server, database and a UUID" "$(jq -r .backup_instance_name OSSBkpInstance.JSON)" \
     '^archive-postgresql-ccy-empdb11-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
# The article calls it ossrg-empdb11 from here on.
jq '.backup_instance_name = "ossrg-empdb11"' OSSBkpInstance.JSON >renamed.json && mv renamed.json OSSBkpInstance.JSON
keyvault=$(keepgres keyvault show -n testkeyvaulteus -g ossrg | jq -r .id)
az dataprotection backup-instance update-msi-permissions --datasource-type AzureDatabaseForPostgreSQLFlexibleServer --operation Backup --permissions-scope Resource --resource-group testBkpVaultRG --vault-name TestBkpVault --backup-instance .\OSSBkpInstance.JSON --keyvault-id $keyvault --yes >grants.json 2>"$errors"
line $? "access is granted to the vault"
az dataprotection backup-instance create --resource-group testBkpVaultRG --vault-name TestBkpVault TestBkpvault --backup-instance .\OSSBkpInstance.JSON >instance.json 2>"$errors"
line $? "backup is configured, with the vault named twice as in the article"
is "and the database is protected" "$(jq -c '[.name, .properties.currentProtectionState, .properties.objectType]' instance.json)" \
   '["ossrg-empdb11","ProtectionConfigured","BackupInstance"]'

# ---- show a policy: another vault of the article ----

need keepgres backup-vault create -g ossdemorg --vault-name ossdemovault-1 -l westus --recovery-key-file "$T/demo.key"
keepgres backup-policy trigger set --policy FirstOfMonth.JSON --schedule R/2020-04-04T20:00:00+00:00/P1W R/2020-04-01T20:00:00+00:00/P1W |
    jq '.policyRules[2].lifecycles[0].deleteAfter.duration = "P10Y" | .policyRules[1].lifecycles[0].deleteAfter.duration = "P1Y"
        | .datasourceTypes[0] = "Microsoft.DBforPostgreSQL/flexibleServers/databases"
        | .policyRules = [.policyRules[0], .policyRules[2], .policyRules[1]]' >osspol5.json
keepgres backup-policy create -g ossdemorg --vault-name ossdemovault-1 --name osspol5 --policy - <osspol5.json >/dev/null 2>"$errors"
line $? "a policy comes from standard input"
az dataprotection backup-policy show  -g ossdemorg --vault-name ossdemovault-1 --subscription $subscription --name osspol5 >shown.json 2>"$errors"
line $? "a policy is shown"
cat >expected.json <<'END'
{
  "id": "/subscriptions/aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e-69b7e719485e/resourceGroups/ossdemorg/providers/Microsoft.DataProtection/backupVaults/ossdemovault-1/backupPolicies/osspol5",
  "name": "osspol5",
  "properties": {
    "datasourceTypes": [
      "Microsoft.DBforPostgreSQL/flexibleServers/databases"
    ],
    "objectType": "BackupPolicy",
    "policyRules": [
      {
        "backupParameters": {
          "backupType": "Full",
          "objectType": "AzureBackupParams"
        },
        "dataStore": {
          "dataStoreType": "VaultStore",
          "objectType": "DataStoreInfoBase"
        },
        "name": "BackupWeekly",
        "objectType": "AzureBackupRule",
        "trigger": {
          "objectType": "ScheduleBasedTriggerContext",
          "schedule": {
            "repeatingTimeIntervals": [
              "R/2020-04-04T20:00:00+00:00/P1W",
              "R/2020-04-01T20:00:00+00:00/P1W"
            ],
            "timeZone": "UTC"
          },
          "taggingCriteria": [
            {
              "criteria": [
                {
                  "absoluteCriteria": [
                    "FirstOfMonth"
                  ],
                  "daysOfMonth": null,
                  "daysOfTheWeek": null,
                  "monthsOfYear": null,
                  "objectType": "ScheduleBasedBackupCriteria",
                  "scheduleTimes": null,
                  "weeksOfTheMonth": null
                }
              ],
              "isDefault": false,
              "tagInfo": {
                "eTag": null,
                "id": "Monthly_",
                "tagName": "Monthly"
              },
              "taggingPriority": 15
            },
            {
              "criteria": null,
              "isDefault": true,
              "tagInfo": {
                "eTag": null,
                "id": "Default_",
                "tagName": "Default"
              },
              "taggingPriority": 99
            }
          ]
        }
      },
      {
        "isDefault": false,
        "lifecycles": [
          {
            "deleteAfter": {
              "duration": "P10Y",
              "objectType": "AbsoluteDeleteOption"
            },
            "sourceDataStore": {
              "dataStoreType": "VaultStore",
              "objectType": "DataStoreInfoBase"
            },
            "targetDataStoreCopySettings": []
          }
        ],
        "name": "Monthly",
        "objectType": "AzureRetentionRule"
      },
      {
        "isDefault": true,
        "lifecycles": [
          {
            "deleteAfter": {
              "duration": "P1Y",
              "objectType": "AbsoluteDeleteOption"
            },
            "sourceDataStore": {
              "dataStoreType": "VaultStore",
              "objectType": "DataStoreInfoBase"
            },
            "targetDataStoreCopySettings": []
          }
        ],
        "name": "Default",
        "objectType": "AzureRetentionRule"
      }
    ]
  },
  "resourceGroup": "ossdemorg",
  "systemData": null,
  "type": "Microsoft.DataProtection/backupVaults/backupPolicies"
}
END
shows "it is printed as in the article" expected.json shown.json
equals "and its properties are the article's" <(jq .properties expected.json) <(jq .properties shown.json)

# ---- an on-demand backup ----

az dataprotection backup-instance adhoc-backup --name "ossrg-empdb11" --rule-name "Monthly" --resource-group testBkpVaultRG --vault-name TestBkpVault >job.json 2>"$errors"
line $? "a backup is started"
is "its job's id is printed" "$(jq -c '[keys, .objectType]' job.json)" '[["jobId","objectType"],"OperationJobExtendedInfo"]'
job=$(jq -r .jobId job.json)
succeeds "it completes" keepgres job wait --ids "$job"
is "under rule Monthly" "$(jq -r '[.properties.status, .properties.extendedInfo.additionalDetails.RetentionTag] | join(" ")' <<<"$out")" \
   'Completed Monthly'

# ---- track jobs ----

az dataprotection job list --resource-group testBkpVaultRG --vault-name TestBkpVault >jobs.json 2>"$errors"
line $? "jobs are listed"
is "the backup is one of them" "$(jq -r --arg job "$job" '.[] | select(.id == $job).properties.operation' jobs.json)" Backup
az dataprotection job show --resource-group testBkpVaultRG --vault-name TestBkpVault --job-id "${job##*/}" >shown.json 2>"$errors"
line $? "a job is shown"
az dataprotection job list-from-resourcegraph --datasource-type AzureDatabaseForPostgreSQLFlexibleServer --operation OnDemandBackup --status Completed >rows.json 2>"$errors"
line $? "jobs of all vaults are listed"
is "as rows of the resource graph" "$(jq -c '.[0] | keys' rows.json)" \
   '["datasourceId","extendedLocation","id","identity","kind","location","managedBy","name","operation","plan","properties","resourceGroup","sku","status","subscriptionId","tags","tenantId","type","vaultName","zones"]'
is "the backup's row is the one" "$(jq -c '[.[] | [.id, .operation, .status, .resourceGroup, .vaultName, .type, .datasourceId]]' rows.json)" \
   "$(jq -nc --arg j "$job" --arg d "$ossId" '[[$j, "OnDemandBackup", "Completed", "testbkpvaultrg", "TestBkpVault", "microsoft.dataprotection/backupvaults/backupjobs", $d]]')"
no_jobs() { is "no job is found by $*" "$(keepgres job list-from-resourcegraph "$@")" '[]'; }
no_jobs --operation Restore
no_jobs --status Failed InProgress
no_jobs --vaults ossdemovault-1
no_jobs --datasource-type AzureDatabaseForPostgreSQL
no_jobs --start-time 2099-01-01T00:00:00
no_jobs --end-time 2020-01-01T00:00:00
is "one is found by all of its filters" "$(keepgres job list-from-resourcegraph -subscriptions $subscription --resource-groups TESTBKPVAULTRG \
    --vaults testbkpvault other --datasource-id $ossId --status completed --operation ondemandbackup --start-time 2020-01-01T00:00:00 \
    --end-time 2099-01-01T00:00:00 | jq -r '.[].id')" "$job"
fails "a state that there is not is told" 'status has no choice' keepgres job list-from-resourcegraph --status Done

az dataprotection backup-instance list-from-resourcegraph --datasource-type AzureDatabaseForPostgreSQLFlexibleServer --protection-status ProtectionConfigured >rows.json 2>"$errors"
line $? "backup instances of all vaults are listed"
is "as rows of the resource graph" "$(jq -c '[length, .[0].name, .[0].protectionState, .[0].vaultName, .[0].properties.policyInfo.policyVersion, (.[0] | keys | length)]' rows.json)" \
   '[1,"ossrg-empdb11","ProtectionConfigured","TestBkpVault","",19]'
is "none is in error" "$(keepgres backup-instance list-from-resourcegraph --protection-status ProtectionError)" '[]'
is "vaults are found, too" "$(keepgres backup-vault list-from-resourcegraph --resource-groups ossdemorg | jq -r '.[].name')" ossdemovault-1

# ---- the rest of a backup instance's life in az's words ----

succeeds "a recovery point is there" az dataprotection recovery-point list --backup-instance-name ossrg-empdb11 -g testBkpVaultRG -v TestBkpVault
is "tagged Monthly" "$(jq -r '[.[].properties.retentionTagName] | join(" ")' <<<"$out")" Monthly
point=$(jq -r '.[0].name' <<<"$out")
az dataprotection backup-instance restore initialize-for-data-recovery --datasource-type AzureDatabaseForPostgreSQLFlexibleServer --restore-location $location --source-datastore VaultStore --target-resource-id "${ossId}_restored" --recovery-point-id $point --secret-store-uri $keyURI --secret-store-type AzureKeyVault >restore.json 2>"$errors"
line $? "a restore is prepared"
succeeds "it is found possible" az dataprotection backup-instance validate-for-restore -g testBkpVaultRG --vault-name TestBkpVault --backup-instance-name ossrg-empdb11 --restore-request-object restore.json
succeeds "it is done" az dataprotection backup-instance restore trigger -g testBkpVaultRG --vault-name TestBkpVault --backup-instance-name ossrg-empdb11 --restore-request-object restore.json --wait
is "with every row" "$(sql empdb11_restored -c 'select count(*), max(name) from emp')" "$(sql empdb11 -c 'select count(*), max(name) from emp')"
is "and its job is found" "$(keepgres job list-from-resourcegraph --operation Restore --query '[].status' -o tsv)" Completed
succeeds "the policy is changed" az dataprotection backup-instance update-policy --backup-instance-name ossrg-empdb11 --policy-id TestOSSPolicy -g testBkpVaultRG -v TestBkpVault
is "to the other one" "$(jq -r '.properties.policyInfo.policyId | split("/") | last' <<<"$out")" TestOSSPolicy
succeeds "and holds" az dataprotection backup-instance show -n ossrg-empdb11 -g testBkpVaultRG -v TestBkpVault
is "in a protected instance" "$(jq -r '[.properties.currentProtectionState, (.properties.policyInfo.policyId | split("/") | last)] | join(" ")' <<<"$out")" \
   'ProtectionConfigured TestOSSPolicy'
succeeds "a backup under the new policy" az dataprotection backup-instance adhoc-backup -n ossrg-empdb11 -g testBkpVaultRG -v TestBkpVault --rule-name BackupWeekly --retention-tag-override Monthly --wait
is "names that policy in its point" "$(keepgres recovery-point list --backup-instance-name ossrg-empdb11 -g testBkpVaultRG -v TestBkpVault | jq -r '.[0].properties.policyName')" TestOSSPolicy
finish
