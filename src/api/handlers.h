/* api/handlers.h - the handlers that the route table names, by the file they live in. For api/ only. */
#ifndef KG_API_HANDLERS_H
#define KG_API_HANDLERS_H

#include "api/router.h"

/* An action that no route has: see kg_call_may_choose_path(). */
#define KG_ACTION_PATHS "Microsoft.KeepGres/service/paths/write"

/* Another: using the identity that this machine has in Azure. */
#define KG_ACTION_MACHINE "Microsoft.KeepGres/service/managedIdentity/action"

#define KG_HANDLER(name) kg_handler kg_res_##name

/* res_groups.c */
KG_HANDLER(subscriptions_list);
KG_HANDLER(subscription_get);
KG_HANDLER(groups_list);
KG_HANDLER(group_get);
KG_HANDLER(group_put);
KG_HANDLER(group_delete);
/* res_resources.c */
KG_HANDLER(resources_list);
/* res_servers.c */
KG_HANDLER(servers_list);
KG_HANDLER(server_get);
KG_HANDLER(server_put);
KG_HANDLER(server_delete);
KG_HANDLER(server_test);
KG_HANDLER(server_databases);
/* res_keyvaults.c */
KG_HANDLER(keyvaults_list);
KG_HANDLER(keyvault_get);
KG_HANDLER(keyvault_put);
KG_HANDLER(keyvault_patch);
KG_HANDLER(keyvault_policies);
KG_HANDLER(keyvault_delete);
/* res_secrets.c */
KG_HANDLER(secrets_list);
KG_HANDLER(secret_versions);
KG_HANDLER(secret_get);
KG_HANDLER(secret_put);
KG_HANDLER(secret_patch);
KG_HANDLER(secret_delete);
/* res_storage.c */
KG_HANDLER(accounts_list);
KG_HANDLER(account_get);
KG_HANDLER(account_put);
KG_HANDLER(account_delete);
KG_HANDLER(containers_list);
KG_HANDLER(container_get);
KG_HANDLER(container_put);
KG_HANDLER(container_delete);
/* res_vaults.c */
KG_HANDLER(vaults_list);
KG_HANDLER(vault_get);
KG_HANDLER(vault_put);
KG_HANDLER(vault_patch);
KG_HANDLER(vault_delete);
KG_HANDLER(vault_recovery_key);
KG_HANDLER(vault_check);
KG_HANDLER(vault_collect);
/* res_usage.c */
KG_HANDLER(vault_usage);
KG_HANDLER(vaults_usage);
/* res_center.c */
KG_HANDLER(backup_center);
/* res_policies.c */
KG_HANDLER(policies_list);
KG_HANDLER(policy_get);
KG_HANDLER(policy_put);
KG_HANDLER(policy_delete);
/* res_preview.c */
KG_HANDLER(policy_preview);
/* res_instances.c */
KG_HANDLER(instances_list);
KG_HANDLER(instance_get);
KG_HANDLER(instance_put);
KG_HANDLER(instance_delete);
/* res_readiness.c */
KG_HANDLER(validate_for_backup);
KG_HANDLER(validate_many);
KG_HANDLER(assign_missing);
KG_HANDLER(role_template);
KG_HANDLER(grant_script);
/* res_backup.c */
KG_HANDLER(backup);
/* res_restore.c */
KG_HANDLER(restore);
KG_HANDLER(validate_restore);
KG_HANDLER(rehydrate);
/* res_points.c */
KG_HANDLER(points_list);
KG_HANDLER(point_get);
KG_HANDLER(point_contents);

/* res_change.c */
KG_HANDLER(policy_change);

/* res_sync.c */
KG_HANDLER(instance_sync);

/* res_holds.c */
KG_HANDLER(point_hold);
KG_HANDLER(point_release);
KG_HANDLER(restorable_ranges);
/* res_protection.c */
KG_HANDLER(protection_action);
KG_HANDLER(deleted_list);
KG_HANDLER(deleted_get);
KG_HANDLER(undelete);
/* res_search.c */
KG_HANDLER(search_vaults);
KG_HANDLER(search_instances);
KG_HANDLER(search_policies);
KG_HANDLER(search_jobs);
/* res_jobs.c */
KG_HANDLER(jobs_list);
KG_HANDLER(job_get);
KG_HANDLER(job_cancel);
KG_HANDLER(job_retry);
KG_HANDLER(job_log);
KG_HANDLER(job_tables);
/* res_operations.c */
KG_HANDLER(operation_status);
KG_HANDLER(operation_result);
KG_HANDLER(provider_operations);
/* res_access.c */
KG_HANDLER(assignments_list);
KG_HANDLER(assignment_get);
KG_HANDLER(assignment_put);
KG_HANDLER(assignment_delete);
KG_HANDLER(definitions_list);
KG_HANDLER(definition_get);
KG_HANDLER(check_access);
KG_HANDLER(audit_list);
/* res_service.c */
KG_HANDLER(service_get);
KG_HANDLER(service_stop);
KG_HANDLER(service_confirm_clock);

#endif
