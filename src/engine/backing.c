#include "engine/engine_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Rows and items have the same members; strings change hands and are not copied. */
static void to_item(struct kg_secret_row *row, struct kg_keyvault_item *ret)
{
    *ret = (struct kg_keyvault_item){ .vault = row->keyvault, .name = row->name, .version = row->version,
                                      .content_type = row->content_type, .enabled = row->enabled,
                                      .not_before = row->not_before, .expires = row->expires,
                                      .created = row->created, .updated = row->updated,
                                      .sealed = row->sealed, .sealed_len = row->sealed_len };
    *row = (struct kg_secret_row){ 0 };
}

static struct kg_secret_row to_row(const struct kg_keyvault_item *i)
{
    return (struct kg_secret_row){ .keyvault = i->vault, .name = i->name, .version = i->version, .sealed = i->sealed,
                                   .sealed_len = i->sealed_len, .enabled = i->enabled, .not_before = i->not_before,
                                   .expires = i->expires, .content_type = i->content_type, .created = i->created,
                                   .updated = i->updated };
}

static int save(void *arg, const struct kg_keyvault_item *i, struct kg_err *err)
{
    struct kg_engine *e = arg;
    struct kg_secret_row row = to_row(i);

    return kg_catalog_secret_put(e->catalog, &row, err);
}

static int update(void *arg, const struct kg_keyvault_item *i, struct kg_err *err)
{
    struct kg_engine *e = arg;
    struct kg_secret_row row = to_row(i);

    return kg_catalog_secret_update(e->catalog, &row, err);
}

static int load(void *arg, const char *vault, const char *name, const char *version, struct kg_keyvault_item *ret,
                struct kg_err *err)
{
    struct kg_engine *e = arg;
    struct kg_secret_row row = { 0 };

    if (kg_catalog_secret_get(e->catalog, vault, name, version && *version ? version : NULL, &row, err) < 0)
        return -(int)err->code;
    to_item(&row, ret);
    return 0;
}

static int list(void *arg, const char *vault, const char *name, const char *after, unsigned top, struct kg_keyvault_list *ret,
                struct kg_err *err)
{
    struct kg_engine *e = arg;
    struct kg_secret_list l = { 0 };

    if (kg_catalog_secret_list(e->catalog, vault, name, after, top, &l, err) < 0)
        return -(int)err->code;
    ret->items = kg_xalloc_array(l.count ? l.count : 1, sizeof *ret->items);
    ret->count = l.count;
    ret->next = KG_TAKE(l.next);
    for (size_t i = 0; i < l.count; i++)
        to_item(&l.rows[i], &ret->items[i]);
    kg_secret_list_done(&l);
    return 0;
}

static int remove_all(void *arg, const char *vault, const char *name, struct kg_err *err)
{
    struct kg_engine *e = arg;

    return kg_catalog_secret_delete(e->catalog, vault, name, err);
}

struct kg_keyvault *kg_open_keyvault(struct kg_engine *e)
{
    struct kg_keyvault_backing b = { .arg = e, .save = save, .load = load, .update = update, .list = list, .remove = remove_all };

    return kg_keyvault_open_local(e->key, &b);
}
