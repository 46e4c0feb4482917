/* The wait commands: look at a resource until it is as it shall be. */
#include "cli/generic.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "json/jmespath.h"

enum { DEFAULT_INTERVAL = 30, DEFAULT_TIMEOUT = 3600 };

/* What JMESPath calls true: neither false nor null, nor empty. */
static bool is_true(const struct kg_json *j)
{
    switch (kg_json_type(j)) {
    case KG_JSON_NULL:
        return false;
    case KG_JSON_BOOL:
        return kg_json_bool(j, "", false);
    case KG_JSON_STRING:
        return *kg_json_value_str(j) != '\0';
    case KG_JSON_ARRAY:
    case KG_JSON_OBJECT:
        return kg_json_first(j) != NULL;
    default:
        return true;
    }
}

/* Does the resource (NULL: it is not there) fulfil what is waited for? */
static int holds(const struct kg_wait *w, const struct kg_jmespath *custom, const struct kg_json *j, bool *ret,
                 struct kg_err *err)
{
    const char *state = j ? kg_json_str_or(j, "properties.provisioningState", "Succeeded") : "";
    KG_AUTO_JSON struct kg_json *found = NULL;

    *ret = (w->deleted && !j) || (w->exists && j) || ((w->created || w->updated) && strcasecmp(state, "Succeeded") == 0);
    if (*ret || !custom || !j)
        return 0;
    if (kg_jmespath_search(custom, j, &found, err) < 0)
        return kg_err_wrap(err, "--custom");
    *ret = is_true(found);
    return 0;
}

static int look(struct kg_cli *cli, const char *path, struct kg_json **ret, struct kg_err *err)
{
    struct kg_err why = { 0 };

    if (kg_cli_get(cli, path, ret, &why) == 0 || why.code == KG_E_NOT_FOUND)
        return 0;
    *err = why;
    return -(int)err->code;
}

static int pause_for(kg_usec until, struct kg_err *err)
{
    while (kg_now_mono() < until) {
        if (kg_cli_interrupted(NULL))
            return kg_err_set(err, KG_E_CANCELLED, "interrupted");
        usleep(50000);
    }
    return 0;
}

int kg_cli_wait(struct kg_cli *cli, const char *path, const struct kg_wait *w, struct kg_err *err)
{
    kg_usec interval = (kg_usec)(w->interval ? w->interval : DEFAULT_INTERVAL) * KG_SECOND;
    kg_usec end = kg_now_mono() + (kg_usec)(w->timeout ? w->timeout : DEFAULT_TIMEOUT) * KG_SECOND;
    KG_AUTO_JMESPATH struct kg_jmespath *custom = NULL;

    if (!w->created && !w->updated && !w->deleted && !w->exists && !w->custom)
        return kg_err_set(err, KG_E_USAGE, "one of --created, --updated, --deleted, --exists and --custom is needed");
    if (w->custom && kg_jmespath_compile(w->custom, &custom, err) < 0)
        return kg_err_wrap(err, "--custom");
    for (;;) {
        KG_AUTO_JSON struct kg_json *j = NULL;
        kg_usec next = kg_now_mono() + interval;
        bool done;

        if (look(cli, path, &j, err) < 0 || holds(w, custom, j, &done, err) < 0)
            return -(int)err->code;
        if (done)
            return 0;
        if (j && (w->created || w->updated) &&
            strcasecmp(kg_json_str_or(j, "properties.provisioningState", ""), "Failed") == 0)
            return kg_err_set(err, KG_E_CONFLICT, "the resource's provisioningState is Failed");
        if (kg_now_mono() >= end)
            return kg_err_set(err, KG_E_TIMEOUT, "what was waited for has not come about");
        if (pause_for(next < end ? next : end, err) < 0)
            return -(int)err->code;
    }
}
