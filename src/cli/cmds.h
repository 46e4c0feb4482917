/* cli/cmds.h - the rows of every group, each ended by a row without a name. Listed in src/cli/table.c. */
#ifndef KG_CLI_CMDS_H
#define KG_CLI_CMDS_H

#include "cli/cmd.h"

extern const struct kg_cmd kg_cmds_account[];
extern const struct kg_cmd kg_cmds_group[];
extern const struct kg_cmd kg_cmds_resource[];
extern const struct kg_cmd kg_cmds_backup_center[];
extern const struct kg_cmd kg_cmds_server[];
extern const struct kg_cmd kg_cmds_keyvault[];
extern const struct kg_cmd kg_cmds_storage[];
extern const struct kg_cmd kg_cmds_backup_vault[];
extern const struct kg_cmd kg_cmds_backup_policy[];
extern const struct kg_cmd kg_cmds_policy_edit[];
extern const struct kg_cmd kg_cmds_backup_instance[];
extern const struct kg_cmd kg_cmds_readiness[];
extern const struct kg_cmd kg_cmds_deployment[];
extern const struct kg_cmd kg_cmds_protection[];
extern const struct kg_cmd kg_cmds_restore[];
extern const struct kg_cmd kg_cmds_recovery_point[];
extern const struct kg_cmd kg_cmds_time_range[];
extern const struct kg_cmd kg_cmds_job[];
extern const struct kg_cmd kg_cmds_role[];
extern const struct kg_cmd kg_cmds_audit[];
extern const struct kg_cmd kg_cmds_vault[];
extern const struct kg_cmd kg_cmds_portal[];
extern const struct kg_cmd kg_cmds_service[];
extern const struct kg_cmd kg_cmds_version[];

#endif
