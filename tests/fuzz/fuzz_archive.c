/* What pg_dump's custom format may do to us: whatever parses can be written again and reads the same; COPY statements and
 * choices of tables hold. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "pg/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy_parts(const struct kg_archive *a)
{
    for (size_t i = 0; i < a->n_entries; i++) {
        struct kg_err err = { 0 };
        char *target = NULL, *columns = NULL;

        if (kg_toc_copy_parts(&a->entry[i], &target, &columns, &err) < 0)
            continue;
        KG_ASSERT(*target && strstr(a->entry[i].copy, target));
        free(target);
        free(columns);
    }
}

static void look_at_left_out(void *ctx, const struct kg_left_out *l)
{
    (void)ctx;
    KG_ASSERT(l->kind && l->name && l->table && l->needs && strlen(l->name) < 100000);
}

static void choose(const struct kg_archive *a)
{
    static const char *const names[] = { "app", "public", "users", "app.users", "\"t\"" };
    KG_AUTO_FREE bool *keep = kg_xalloc_array(a->n_entries, sizeof *keep);

    for (size_t i = 0; i < KG_ARRAY_LEN(names); i++) {
        struct kg_err err = { 0 };

        if (kg_archive_select(a, i < 2 ? &names[i] : NULL, i < 2, i < 2 ? NULL : &names[i], i >= 2, keep, &err) < 0)
            KG_ASSERT(err.code != KG_E_OK);
        else
            kg_archive_left_out(a, keep, look_at_left_out, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kg_archive *a = NULL, *b = NULL;
    KG_AUTO_BUF struct kg_buf once = KG_BUF_INIT(64 << 20);
    KG_AUTO_BUF struct kg_buf twice = KG_BUF_INIT(64 << 20);
    struct kg_err err = { 0 };

    if (kg_archive_parse_memory(data, size, &a, &err) < 0) {
        KG_ASSERT(err.code == KG_E_ARCHIVE && err.msg[0]);
        return 0;
    }
    kg_archive_write(a, NULL, true, &once);
    KG_ASSERT(kg_archive_parse_memory(once.p, once.len, &b, &err) == 0);
    kg_archive_write(b, NULL, true, &twice);
    KG_ASSERT(once.len == twice.len && memcmp(once.p, twice.p, once.len) == 0);
    copy_parts(a);
    choose(a);
    kg_archive_free(a);
    kg_archive_free(b);
    return 0;
}
