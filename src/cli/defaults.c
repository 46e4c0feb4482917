#include "cli/defaults.h"

#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"

static const struct kg_env_row rows[] = {
    { KG_ENV_GROUP, "resource group of commands that are given none; otherwise 'default'" },
    { KG_ENV_SUBSCRIPTION, "subscription, by name or id, of commands without --subscription" },
    { KG_ENV_OUTPUT, "form of results of commands without --output" },
    { "KEEPGRES_SOCKET", "where the service listens; otherwise below $XDG_RUNTIME_DIR" },
    { "KEEPGRES_STATE_DIR", "catalog, service key and log; otherwise below $XDG_STATE_HOME" },
    { "KEEPGRES_DATA_DIR", "Backup vaults that are given no place; otherwise below $XDG_DATA_HOME" },
    { "NO_COLOR", "when set, to whatever, 'jsonc', 'yamlc' and the portal are without colours" },
};

const struct kg_env_row *kg_env_at(size_t i) { return i < KG_ARRAY_LEN(rows) ? &rows[i] : NULL; }

const char *kg_env_default(const char *name)
{
    const char *v = getenv(name);

    return v && *v ? v : NULL;
}

int kg_env_choice(const char *name, const struct kg_opt *o, const char **ret, struct kg_err *err)
{
    const char *v = kg_env_default(name);

    *ret = NULL;
    if (!v)
        return 0;
    for (const char *const *c = o->choices; *c; c++)
        if (strcasecmp(*c, v) == 0)
            *ret = *c;
    if (*ret)
        return 0;
    kg_err_set(err, KG_E_USAGE, "$%s has no choice '%s'", name, v);
    kg_err_advise(err, "Set it to a form that --%s takes, or unset it.", o->name);
    return -(int)err->code;
}
