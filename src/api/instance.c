#include "api/instance.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "crypto/crypto.h"

int kg_target_find(struct kg_call *c, enum kg_target_use use, struct kg_target *ret, struct kg_err *err)
{
    KG_AUTO_FREE char *instance = kg_call_instance_id(c);

    return kg_target_load(c->api, instance, use, ret, err);
}

int kg_server_of(struct kg_call *c, const struct kg_datasource *d, const char *location, struct kg_err *err)
{
    KG_AUTO_RESOURCE struct kg_resource s = { 0 };

    if (kg_catalog_get(c->api->catalog, d->server_id, &s, err) < 0) {
        kg_err_wrap(err, "server '%s'", d->server);
        kg_err_advise(err, "Register the server first.");
        return -(int)err->code;
    }
    if (location && s.location && strcasecmp(location, s.location) != 0) {
        kg_err_set(err, KG_E_USAGE, "server '%s' is in '%s' and the vault in '%s'", d->server, s.location, location);
        kg_err_advise(err, "Use a vault and a server of the same region.");
        return -(int)err->code;
    }
    return 0;
}

/* ---- snake_case ---- */

static char *camel(const char *key)
{
    char *out = kg_xstrdup(key), *w = out;

    for (const char *s = key; *s; s++) {
        if (*s == '_' && s > key && s[1])
            *w++ = (char)toupper((unsigned char)*++s);
        else
            *w++ = *s;
    }
    *w = '\0';
    return out;
}

struct kg_json *kg_camel_case(const struct kg_json *j)
{
    struct kg_json *out;

    if (kg_json_type(j) == KG_JSON_ARRAY) {
        out = kg_json_array();
        for (const struct kg_json *e = kg_json_first(j); e; e = kg_json_next(e))
            kg_json_push(out, kg_camel_case(e));
        return out;
    }
    if (kg_json_type(j) != KG_JSON_OBJECT)
        return kg_json_copy(j);
    out = kg_json_object();
    for (const struct kg_json *e = kg_json_first(j); e; e = kg_json_next(e)) {
        KG_AUTO_FREE char *key = camel(kg_json_key(e));

        if (strchr(key, '.')) /* would be taken for a path; no key of ours has one */
            continue;
        kg_json_remove(out, key); /* of two spellings of one key the last counts */
        kg_json_set(out, key, strcasecmp(key, "tags") == 0 ? kg_json_copy(e) : kg_camel_case(e));
    }
    return out;
}

int kg_target_settings(const struct kg_json *body, struct kg_task *t, struct kg_err *err)
{
    uint64_t jobs;

    if (!kg_json_get(body, "settings.jobs"))
        return 0;
    if (kg_json_need_u64(body, "settings.jobs", &jobs, err) < 0)
        return -(int)err->code;
    if (jobs < 1 || jobs > 64)
        return kg_err_set(err, KG_E_USAGE, "'settings.jobs' must be a number from 1 to 64");
    kg_json_set_u64(t->params, "settings.jobs", jobs);
    return 0;
}
