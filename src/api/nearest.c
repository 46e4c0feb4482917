#include "api/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "base/text.h"

struct search {
    const struct kg_call *c;
    const char *name, *type;
    char best[KG_NAME_MAX + 1];
    unsigned least;
};

static int look_at(void *arg, const struct kg_resource *r, struct kg_err *err)
{
    struct search *s = arg;
    unsigned distance = kg_text_distance(s->name, r->name);

    (void)err;
    if (distance < s->least && !kg_instance_is_deleted(r->json) && kg_call_may_name(s->c, s->type, r->id)) {
        s->least = distance;
        kg_text_copy(s->best, sizeof s->best, r->name);
    }
    return 0;
}

/* The outermost resource of the path that is not there: its id, and that of where it would be. False: all are. */
static bool find_missing(struct kg_catalog *catalog, const char *id, char **ret_missing, char **ret_parent)
{
    KG_AUTO_FREE char *at = kg_xstrdup(id);
    struct kg_err ignored = { 0 };
    bool there = true;

    if (kg_catalog_exists(catalog, at, &there, &ignored) < 0 || there)
        return false;
    for (;;) {
        KG_AUTO_FREE char *parent = kg_id_parent(at);

        if (!parent || kg_catalog_exists(catalog, parent, &there, &ignored) < 0)
            return false;
        if (there) {
            *ret_missing = KG_TAKE(at);
            *ret_parent = KG_TAKE(parent);
            return true;
        }
        free(at);
        at = KG_TAKE(parent);
    }
}

void kg_call_advise_nearest(const struct kg_call *c, struct kg_err *err)
{
    KG_AUTO_FREE char *missing = NULL, *parent = NULL, *type = NULL;
    KG_AUTO_ID struct kg_id id = { 0 };
    struct kg_resource_query q = { 0 };
    struct search s = { .c = c };
    struct kg_err ignored = { 0 };
    size_t n;

    if (strcmp(kg_call_id(c), "/") == 0 || kg_id_parse(kg_call_id(c), &id, &ignored) < 0 ||
        !find_missing(c->api->catalog, kg_call_id(c), &missing, &parent))
        return;
    kg_id_done(&id);
    if (kg_id_parse(missing, &id, &ignored) < 0)
        return;
    type = kg_id_type(&id);
    s.type = q.type = type;
    s.name = kg_id_name(&id);
    q.parent = parent;
    n = strlen(s.name);
    s.least = (unsigned)(n * 2 / 5 < 3 ? n * 2 / 5 : 3) + 1;
    if (kg_each_resource(c->api->catalog, &q, look_at, &s, &ignored) == 0 && *s.best)
        kg_err_advise(err, "Did you mean '%.200s'? If not, list what there is and try again.", s.best);
}
