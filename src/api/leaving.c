/* What is refused while a recovery point, or one of its copies, is on its way out. */
#include "api/start.h"

#include <stdlib.h>

#include "api/resolve.h"
#include "base/alloc.h"
#include "policy/leaving.h"

int kg_leaving_refuse(const struct kg_point_row *point, unsigned stores, struct kg_err *err)
{
    unsigned leaving = kg_leaving_stores(point->json);

    if (!(leaving & stores))
        return 0;
    if (kg_leaving_all(point->json))
        return kg_err_set(err, KG_E_LEAVING, "recovery point '%s' is being deleted", point->id);
    return kg_err_set(err, KG_E_LEAVING, "the copy of recovery point '%s' in the %s is being deleted", point->id,
                      kg_datastore_to_text(leaving & 1u << KG_DATASTORE_VAULT ? KG_DATASTORE_VAULT : KG_DATASTORE_ARCHIVE));
}

static int count(void *arg, struct kg_point_row *row, struct kg_err *err)
{
    (void)err;
    *(size_t *)arg += kg_leaving_stores(row->json) != 0;
    return 0;
}

int kg_leaving_refuse_any(struct kg_catalog *catalog, const struct kg_resource *instance, struct kg_err *err)
{
    size_t n = 0;

    if (kg_each_point(catalog, instance->id, count, &n, err) < 0)
        return -(int)err->code;
    if (!n)
        return 0;
    kg_err_set(err, KG_E_LEAVING, "%zu recovery point%s of backup instance '%s' %s being deleted", n, n > 1 ? "s" : "", instance->name,
               n > 1 ? "are" : "is");
    kg_err_advise(err, "Wait until their job has ended: what it deletes cannot be kept any more, and what is left stays then.");
    return -(int)err->code;
}
