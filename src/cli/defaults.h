/* cli/defaults.h - the environment variables that the program looks at, as data: help, manual page and docs/cli.md list
 * them from here. */
#ifndef KG_CLI_DEFAULTS_H
#define KG_CLI_DEFAULTS_H

#include <stddef.h>
#include "cli/cmd.h"

#define KG_ENV_GROUP "KEEPGRES_DEFAULTS_GROUP"
#define KG_ENV_SUBSCRIPTION "KEEPGRES_DEFAULTS_SUBSCRIPTION"
#define KG_ENV_OUTPUT "KEEPGRES_DEFAULTS_OUTPUT"

struct kg_env_row { const char *name, *help; };
const struct kg_env_row *kg_env_at(size_t i);                /* NULL past the end */

/* The variable's value; NULL when it is not set or empty. */
const char *kg_env_default(const char *name);
/* The same for one that must be one of the option's choices, spelt as there. */
int kg_env_choice(const char *name, const struct kg_opt *o, const char **ret, struct kg_err *err) KG_MUST_CHECK;

#endif
