#include "cli/cmd.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "cli/cmds.h"

/* What a word in front of commands means; the order of the help. */
static const struct kg_group groups[] = {
    { "account", "Subscriptions" },
    { "group", "Resource groups" },
    { "resource", "Resources of all types" },
    { "server", "PostgreSQL servers whose databases can be protected" },
    { "keyvault", "Key vaults: where credentials for servers are kept" },
    { "keyvault secret", "Secrets of a key vault" },
    { "storage", "Storage for restores as files" },
    { "storage account", "Storage accounts" },
    { "storage container", "Containers of a storage account" },
    { "backup-center", "All backups at a glance" },
    { "backup-vault", "Backup vaults: where recovery points are kept" },
    { "backup-vault identity", "The identity that a vault reads secrets with" },
    { "backup-policy", "Backup policies: when to back up and how long to keep" },
    { "backup-policy trigger", "The schedule in a policy's file" },
    { "backup-policy retention-rule", "The retention rules in a policy's file" },
    { "backup-policy tag", "The tags in a policy's file: which backups a retention rule is for" },
    { "backup-instance", "Backup instances: databases under protection" },
    { "backup-instance restore", "Restoring a recovery point" },
    { "backup-instance deleted-backup-instance", "Backup instances that were deleted and can come back" },
    { "deployment", "Templates of what keepgres prints for administrators" },
    { "deployment sub", "Templates that are deployed to a subscription" },
    { "recovery-point", "Recovery points of a backup instance" },
    { "restorable-time-range", "Times that can be restored to" },
    { "job", "Backup and restore jobs" },
    { "role", "Who may do what" },
    { "role assignment", "Roles that users and vaults were given" },
    { "role definition", "Roles there are" },
    { "audit", "Who changed what, and who was refused" },
    { "vault", "A vault's bytes: recovery key, check, export without a service" },
    { "service", "The service behind all this" },
};

static const struct kg_cmd *const tables[] = {
    kg_cmds_account, kg_cmds_group, kg_cmds_resource, kg_cmds_backup_center,
    kg_cmds_server, kg_cmds_keyvault, kg_cmds_storage, kg_cmds_backup_vault,
    kg_cmds_backup_policy, kg_cmds_policy_edit, kg_cmds_backup_instance, kg_cmds_readiness, kg_cmds_deployment,
    kg_cmds_protection, kg_cmds_restore, kg_cmds_recovery_point, kg_cmds_time_range, kg_cmds_job,
    kg_cmds_role, kg_cmds_audit,
    kg_cmds_vault, kg_cmds_portal, kg_cmds_service, kg_cmds_version,
};

const struct kg_cmd *kg_cmd_at(size_t i)
{
    for (size_t t = 0; t < KG_ARRAY_LEN(tables); t++)
        for (const struct kg_cmd *c = tables[t]; c->name; c++)
            if (i-- == 0)
                return c;
    return NULL;
}

const struct kg_group *kg_group_at(size_t i) { return i < KG_ARRAY_LEN(groups) ? &groups[i] : NULL; }

/* How many words of argv name is made of; 0 when argv does not begin with it. */
static int match(const char *name, int argc, const char *const *argv)
{
    int words = 0;

    while (*name) {
        size_t n = strcspn(name, " ");

        if (words == argc || strncmp(argv[words], name, n) != 0 || argv[words][n])
            return 0;
        words++;
        name += n + (name[n] == ' ');
    }
    return words;
}

const struct kg_cmd *kg_cmd_find(int argc, const char *const *argv, int *ret_words)
{
    const struct kg_cmd *best = NULL, *c;

    *ret_words = 0;
    for (size_t i = 0; (c = kg_cmd_at(i)); i++) {
        int words = match(c->name, argc, argv);

        if (words > *ret_words) {
            best = c;
            *ret_words = words;
        }
    }
    return best;
}

bool kg_cmd_has_option(const struct kg_cmd *cmd, const char *arg)
{
    size_t n = strcspn(arg, "=");

    if (strncmp(arg, "--", 2) != 0)
        return false;
    for (const struct kg_opt *o = cmd->opts; o->name; o++)
        if (strlen(o->name) + 2 == n && strncmp(o->name, arg + 2, n - 2) == 0)
            return true;
    return false;
}

static int leading_words(int argc, const char *const *argv)
{
    int n = 0;

    while (n < argc && argv[n][0] != '-')
        n++;
    return n;
}

const struct kg_group *kg_group_find(int argc, const char *const *argv, int *ret_words)
{
    int n = leading_words(argc, argv);

    *ret_words = 0;
    for (size_t i = 0; n && i < KG_ARRAY_LEN(groups); i++)
        if (match(groups[i].name, argc, argv) == n) {
            *ret_words = n;
            return &groups[i];
        }
    return NULL;
}

static void join(struct kg_buf *b, int n, const char *const *argv)
{
    for (int i = 0; i < n; i++)
        kg_buf_addf(b, "%s%s", i ? " " : "", argv[i]);
}

/* The group that the first words name: whoever got that far wants its help. */
static const char *group_in_front(int argc, const char *const *argv)
{
    const char *best = NULL;
    int most = 0;

    for (size_t i = 0; i < KG_ARRAY_LEN(groups); i++) {
        int words = match(groups[i].name, argc, argv);

        if (words > most) {
            most = words;
            best = groups[i].name;
        }
    }
    return best;
}

/* The visible command or group whose name is nearest to what was typed; two letters of five may be wrong, but at most 4. */
static const char *nearest(const char *typed)
{
    unsigned least = (unsigned)(strlen(typed) * 2 / 5 < 4 ? strlen(typed) * 2 / 5 : 4) + 1;
    const struct kg_cmd *c;
    const char *best = NULL;

    for (size_t i = 0; (c = kg_cmd_at(i)); i++)
        if (!(c->flags & KG_CMD_HIDDEN) && kg_text_distance(typed, c->name) < least) {
            least = kg_text_distance(typed, c->name);
            best = c->name;
        }
    for (size_t i = 0; i < KG_ARRAY_LEN(groups); i++)
        if (kg_text_distance(typed, groups[i].name) < least) {
            least = kg_text_distance(typed, groups[i].name);
            best = groups[i].name;
        }
    return best;
}

int kg_cmd_unknown(int argc, const char *const *argv, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf typed = KG_BUF_INIT(400);
    const char *best, *group = group_in_front(argc, argv);

    if (argc && argv[0][0] == '-') {
        kg_err_set(err, KG_E_USAGE, "the option '%s' stands in front of the command", argv[0]);
        kg_err_advise(err, "Write the command first: keepgres GROUP COMMAND [options].");
        return -(int)err->code;
    }
    join(&typed, leading_words(argc, argv), argv);
    best = nearest(typed.p);
    kg_err_set(err, KG_E_USAGE, "there is no command '%s'", typed.p);
    if (best)
        kg_err_advise(err, "Did you mean 'keepgres %s'?", best);
    else if (group)
        kg_err_advise(err, "Run 'keepgres %s --help' to see the commands of that group.", group);
    else
        kg_err_advise(err, "Run 'keepgres --help' to see the commands.");
    return -(int)err->code;
}
