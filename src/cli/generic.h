/* cli/generic.h - the generic arguments of az's update commands (--set, --add, --remove), applied to the resource as it
 * was read and before it is written; and the wait commands. */
#ifndef KG_CLI_GENERIC_H
#define KG_CLI_GENERIC_H

#include "cli/cli.h"

struct kg_generic {
    struct kg_words set, add, remove;
    bool force_string;
};
#define KG_OPT_GENERIC_ROWS(T)                                                                              \
    KG_OPT(T, LIST, "set", generic.set, "PATH=VALUE", "set a property: properties.a.b=VALUE, JSON or text"),    \
    KG_OPT(T, LIST, "add", generic.add, "PATH VALUE", "append to a list: JSON, text, or KEY=VALUE words"),      \
    KG_OPT(T, LIST, "remove", generic.remove, "PATH [INDEX]", "remove a property, or an element of a list"),    \
    KG_OPT(T, FLAG, "force-string", generic.force_string, NULL, "with --set and --add: values are always text")

bool kg_generic_used(const struct kg_generic *g);
/* Changes j: all of --set, then --add, then --remove. KG_E_USAGE. */
int kg_generic_apply(const struct kg_generic *g, struct kg_json *j, struct kg_err *err) KG_MUST_CHECK;

struct kg_wait {
    bool created, updated, deleted, exists;
    const char *custom;              /* JMESPath */
    uint64_t interval, timeout;      /* seconds; 0: not said */
};
#define KG_OPT_WAIT_ROWS(T, m_)                                                                              \
    KG_OPT(T, FLAG, "created", m_.created, NULL, "until it is there and its provisioningState is Succeeded"), \
    KG_OPT(T, FLAG, "updated", m_.updated, NULL, "until its provisioningState is Succeeded"),                 \
    KG_OPT(T, FLAG, "deleted", m_.deleted, NULL, "until it is gone"),                                         \
    KG_OPT(T, FLAG, "exists", m_.exists, NULL, "until it is there"),                                          \
    KG_OPT(T, STRING, "custom", m_.custom, "JMESPATH", "until the resource makes this true"),                 \
    KG_OPT(T, UINT, "interval", m_.interval, "SECONDS", "how often to look, default 30", .min = 1, .max = 3600), \
    KG_OPT(T, UINT, "timeout", m_.timeout, "SECONDS", "how long at most, default 3600", .min = 1, .max = 864000)

/* Returns when the condition holds. KG_E_TIMEOUT; KG_E_CONFLICT when the resource failed instead; KG_E_CANCELLED. */
int kg_cli_wait(struct kg_cli *cli, const char *path, const struct kg_wait *w, struct kg_err *err) KG_MUST_CHECK;

#endif
