/* Resource IDs, names, secret and container references, durations and intervals: whatever comes in a path or a body.
 * What parses must also come back: the key of a key is the key, a parent is shorter and parses, what is put together
 * from the parts means the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "model/id.h"
#include "model/names.h"
#include "model/resources.h"
#include "model/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned slashes(const char *s)
{
    unsigned n = 0;

    for (; *s; s++)
        n += *s == '/';
    return n;
}

static void try_id(const char *text)
{
    KG_AUTO_ID struct kg_id id = { 0 };
    KG_AUTO_FREE char *key = NULL, *again = NULL, *parent = NULL, *type = NULL, *child = NULL;
    struct kg_err err = { 0 }, none = { 0 };

    if (kg_id_parse(text, &id, &err) < 0)
        return;
    KG_ASSERT(id.subscription && *id.subscription && *kg_id_name(&id) && id.count <= KG_ID_PARTS);
    type = kg_id_type(&id);
    KG_ASSERT(kg_id_is(&id, type));
    KG_ASSERT(kg_id_key(text, &key, &none) == 0 && kg_id_key(key, &again, &none) == 0 && strcmp(key, again) == 0);
    KG_ASSERT(kg_id_equal(text, key) && kg_id_under(text, key));
    parent = kg_id_parent(text);
    KG_ASSERT(!parent == (!id.provider && !id.group));
    if (parent) {
        KG_AUTO_ID struct kg_id up = { 0 };

        KG_ASSERT(strlen(parent) < strlen(key) && kg_id_under(text, parent));
        KG_ASSERT(kg_id_parse(parent, &up, &none) == 0);
    }
    if (strlen(key) + strlen(kg_id_name(&id)) * 3 + 8 < KG_ID_MAX && id.provider && id.count < KG_ID_PARTS &&
        slashes(key) <= 4 + 2 * (1 + KG_ID_PARTS)) { /* room for one more level, whatever providers are stacked */
        KG_AUTO_ID struct kg_id down = { 0 };

        child = kg_id_child(text, "kind", kg_id_name(&id));
        KG_ASSERT(kg_id_parse(child, &down, &none) == 0 && strcmp(kg_id_name(&down), kg_id_name(&id)) == 0);
    }
}

static void try_others(const char *text)
{
    struct kg_datasource ds = { 0 };
    struct kg_secret_ref secret;
    struct kg_container_ref container;
    struct kg_interval interval;
    struct kg_span span;

    for (int k = 0; k < KG_NAME_KIND_COUNT_; k++) {
        struct kg_err err = { 0 };

        (void)!kg_name_check((enum kg_name_kind)k, text, &err);
    }
    { struct kg_err err = { 0 }; if (kg_datasource_parse(text, &ds, &err) == 0) kg_datasource_done(&ds); }
    { struct kg_err err = { 0 }; (void)!kg_secret_ref_parse(text, &secret, &err); }
    { struct kg_err err = { 0 }; (void)!kg_container_ref_parse(text, &container, &err); }
    { struct kg_err err = { 0 }; if (kg_interval_parse(text, &interval, &err) == 0) KG_ASSERT(interval.weekday < 7); }
    { struct kg_err err = { 0 }; if (kg_span_parse(text, &span, &err) == 0) (void)kg_span_add(0, &span); }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    KG_AUTO_FREE char *text = kg_xalloc(size + 1);

    memcpy(text, data, size);
    try_id(text);
    try_others(text);
    return 0;
}
