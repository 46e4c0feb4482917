#include "plugin/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"

enum { MAX_TABLES = 10 * 1000 * 1000, MAX_SLICES = 1000 * 1000, CONTENTS_MAX = 2 << 20 };

struct kg_manifest *kg_manifest_new(size_t n_tables)
{
    struct kg_manifest *m = kg_xalloc(sizeof *m);

    m->table = kg_xalloc_array(n_tables, sizeof *m->table);
    m->n_tables = n_tables;
    return m;
}

void kg_manifest_free(struct kg_manifest *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n_tables; i++) {
        struct kg_mtable *t = &m->table[i];

        free(t->schema);
        free(t->name);
        free(t->target);
        free(t->columns);
        free(t->condition);
        free(t->slice);
    }
    free(m->table);
    kg_json_free(m->facts);
    free(m);
}

void kg_mtable_sum(const struct kg_mtable *t, struct kg_rowsum *ret)
{
    *ret = (struct kg_rowsum){ 0 };
    for (size_t i = 0; i < t->n_slices; i++)
        kg_rowsum_merge(ret, &t->slice[i].sum);
}

void kg_manifest_totals(const struct kg_manifest *m, struct kg_rowsum *ret)
{
    *ret = (struct kg_rowsum){ 0 };
    for (size_t i = 0; i < m->n_tables; i++) {
        struct kg_rowsum one;

        kg_mtable_sum(&m->table[i], &one);
        kg_rowsum_merge(ret, &one);
    }
}

int kg_manifest_server_version(const struct kg_manifest *m)
{
    return (int)kg_json_u64(m->facts, "postgres.versionNum", 0);
}

/* ---- for people ---- */

static int by_name(const void *a, const void *b)
{
    const struct kg_mtable *const *x = a, *const *y = b;
    int c = strcmp((*x)->schema, (*y)->schema);

    return c ? c : strcmp((*x)->name, (*y)->name);
}

struct contents { struct kg_json *schemas, *tables; size_t size, omitted; bool kinds; };

/* A row of one of the lists, while there is room. name NULL: of the schemas. */
static void add_row(struct contents *c, const char *schema, const char *name, uint64_t tables, const struct kg_rowsum *sum)
{
    size_t size = 6 * (strlen(schema) + (name ? strlen(name) : 0)) + 100; /* a character takes up to six */
    struct kg_json *row;

    if (c->size + size > (name ? CONTENTS_MAX / 4 * 3 : CONTENTS_MAX)) {
        c->omitted++;
        return;
    }
    c->size += size;
    row = kg_json_object();
    kg_json_set_str(row, name ? "schema" : "name", schema);
    if (name)
        kg_json_set_str(row, "name", name);
    else
        kg_json_set_u64(row, "tables", tables);
    if (c->kinds)
        kg_json_set_str(row, "kind", "table");
    kg_json_set_u64(row, "rows", sum->rows);
    kg_json_set_u64(row, "bytes", sum->bytes);
    kg_json_push(name ? c->tables : c->schemas, row);
}

static const struct kg_mtable **sort_tables(const struct kg_manifest *m)
{
    const struct kg_mtable **sorted = kg_xalloc_array(m->n_tables, sizeof *sorted);

    for (size_t i = 0; i < m->n_tables; i++)
        sorted[i] = &m->table[i];
    qsort(sorted, m->n_tables, sizeof *sorted, by_name);
    return sorted;
}

static void tell_large_objects(const struct kg_manifest *m, struct kg_json *j)
{
    kg_json_set_u64(j, "largeObjects.count", m->blob_count);
    kg_json_set_u64(j, "largeObjects.bytes", m->blob_sum.bytes - 8 * m->blob_sum.rows); /* without the records' heads */
}

struct kg_json *kg_manifest_list(const struct kg_manifest *m, const char *schema)
{
    KG_AUTO_FREE const struct kg_mtable **sorted = sort_tables(m);
    struct contents c = { NULL, kg_json_array(), 0, 0, true };
    struct kg_json *j = kg_json_object();
    struct kg_rowsum sum;

    for (size_t i = 0; i < m->n_tables; i++) {
        if (schema && strcmp(sorted[i]->schema, schema) != 0)
            continue;
        kg_mtable_sum(sorted[i], &sum);
        add_row(&c, sorted[i]->schema, sorted[i]->name, 0, &sum);
    }
    kg_json_set(j, "value", c.tables);
    kg_json_set_u64(j, "omitted", c.omitted);
    tell_large_objects(m, j);
    kg_json_set_bool(j, "roles", m->has_server || m->has_globals);
    return j;
}

struct kg_json *kg_manifest_contents(const struct kg_manifest *m)
{
    KG_AUTO_FREE const struct kg_mtable **sorted = sort_tables(m);
    struct contents c = { kg_json_array(), kg_json_array(), 0, 0, false };
    struct kg_json *j = kg_json_object();
    struct kg_rowsum sum, one;

    for (size_t i = 0, first = 0; i < m->n_tables; i++) {
        if (i == first)
            sum = (struct kg_rowsum){ 0 };
        kg_mtable_sum(sorted[i], &one);
        kg_rowsum_merge(&sum, &one);
        add_row(&c, sorted[i]->schema, sorted[i]->name, 0, &one);
        if (i + 1 < m->n_tables && strcmp(sorted[i + 1]->schema, sorted[i]->schema) == 0)
            continue;
        add_row(&c, sorted[i]->schema, NULL, i + 1 - first, &sum);
        first = i + 1;
    }
    kg_json_set(j, "schemas", c.schemas);
    kg_json_set(j, "tables", c.tables);
    kg_json_set_u64(j, "omitted", c.omitted);
    tell_large_objects(m, j);
    return j;
}

/* ---- to JSON ---- */

static void set_sum(struct kg_json *j, const struct kg_rowsum *s)
{
    char hex[24];

    kg_json_set_u64(j, "rows", s->rows);
    kg_json_set_u64(j, "bytes", s->bytes);
    snprintf(hex, sizeof hex, "%016" PRIx64, s->sum);
    kg_json_set_str(j, "rowChecksum", hex);
}

static struct kg_json *table_to_json(const struct kg_mtable *t)
{
    struct kg_json *j = kg_json_object(), *slices = kg_json_array();
    struct kg_rowsum sum;

    kg_json_set_u64(j, "dumpId", (uint64_t)t->dump_id);
    kg_json_set_u64(j, "oid", t->oid);
    kg_json_set_str(j, "schema", t->schema);
    kg_json_set_str(j, "name", t->name);
    kg_json_set_str(j, "target", t->target);
    kg_json_set_str(j, "columns", t->columns);
    kg_json_set_str(j, "condition", t->condition);
    kg_json_set_bool(j, "viaRoot", t->via_root);
    kg_mtable_sum(t, &sum);
    set_sum(j, &sum);
    kg_json_set_u64(j, "chunkSize", t->chunk_size);
    for (size_t i = 0; i < t->n_slices; i++) {
        struct kg_json *s = kg_json_object();

        kg_json_set_u64(s, "from", t->slice[i].from);
        kg_json_set_u64(s, "to", t->slice[i].to);
        set_sum(s, &t->slice[i].sum);
        kg_json_set(s, "stream", kg_stream_to_json(&t->slice[i].stream));
        kg_json_push(slices, s);
    }
    kg_json_set(j, "slices", slices);
    return j;
}

struct kg_json *kg_manifest_to_json(const struct kg_manifest *m)
{
    struct kg_json *j = kg_json_copy(m->facts), *tables = kg_json_array();
    struct kg_rowsum total;
    char when[32];

    kg_json_set_str(j, "time", kg_time_iso(m->time, when));
    kg_json_set_str(j, "endTime", kg_time_iso(m->end_time, when));
    kg_json_set(j, "archive.stream", kg_stream_to_json(&m->archive));
    if (m->has_globals)
        kg_json_set(j, "globals.stream", kg_stream_to_json(&m->globals));
    if (m->has_server)
        kg_json_set(j, "server.stream", kg_stream_to_json(&m->server));
    if (m->has_passwords)
        kg_json_set(j, "server.passwords.stream", kg_stream_to_json(&m->passwords));
    for (size_t i = 0; i < m->n_tables; i++)
        kg_json_push(tables, table_to_json(&m->table[i]));
    kg_json_set(j, "tables", tables);
    if (m->has_blobs) {
        struct kg_json *b = kg_json_object();

        kg_json_set_u64(b, "count", m->blob_count);
        set_sum(b, &m->blob_sum);
        kg_json_set(b, "stream", kg_stream_to_json(&m->blobs));
        kg_json_set(j, "largeObjects", b);
    }
    kg_manifest_totals(m, &total);
    kg_json_set_u64(j, "totals.tables", m->n_tables);
    kg_json_set_u64(j, "totals.rows", total.rows);
    kg_json_set_u64(j, "totals.bytes", total.bytes);
    kg_json_set_u64(j, "totals.largeObjects", m->blob_count);
    return j;
}

/* ---- from JSON ---- */

static int get_sum(const struct kg_json *j, struct kg_rowsum *ret, struct kg_err *err)
{
    const char *hex;
    unsigned char raw[8];
    uint64_t v = 0;

    if (kg_json_need_u64(j, "rows", &ret->rows, err) < 0 || kg_json_need_u64(j, "bytes", &ret->bytes, err) < 0 ||
        kg_json_need_str(j, "rowChecksum", &hex, err) < 0)
        return -(int)err->code;
    if (strlen(hex) != 16 || !kg_unhex(hex, raw, 8))
        return kg_err_set(err, KG_E_USAGE, "'rowChecksum' is not 16 hexadecimal digits");
    for (int i = 0; i < 8; i++)
        v = v << 8 | raw[i];
    ret->sum = v;
    return 0;
}

static int get_stream(const struct kg_json *j, const char *path, struct kg_stream *ret, struct kg_err *err)
{
    const struct kg_json *s;

    if (kg_json_need(j, path, KG_JSON_OBJECT, &s, err) < 0)
        return -(int)err->code;
    return kg_stream_from_json(s, ret, err);
}

static int get_optional(const struct kg_json *j, const char *object, const char *path, bool *ret_has, struct kg_stream *ret,
                        struct kg_err *err)
{
    *ret_has = kg_json_type(kg_json_get(j, object)) == KG_JSON_OBJECT;
    return *ret_has ? get_stream(j, path, ret, err) : 0;
}

static int get_slice(const struct kg_json *j, struct kg_slice *ret, struct kg_err *err)
{
    uint64_t from, to;

    if (kg_json_need_u64(j, "from", &from, err) < 0 || kg_json_need_u64(j, "to", &to, err) < 0 ||
        get_sum(j, &ret->sum, err) < 0 || get_stream(j, "stream", &ret->stream, err) < 0)
        return -(int)err->code;
    if (from > UINT32_MAX || to > UINT32_MAX)
        return kg_err_set(err, KG_E_USAGE, "a slice's blocks are out of range");
    if (ret->stream.bytes != ret->sum.bytes)
        return kg_err_set(err, KG_E_USAGE, "a slice's stream is not as long as its rows");
    ret->from = (uint32_t)from;
    ret->to = (uint32_t)to;
    return 0;
}

static int get_table(const struct kg_json *j, struct kg_mtable *ret, struct kg_err *err)
{
    const char *schema, *name, *target, *columns;
    const struct kg_json *slices;
    struct kg_rowsum sum, total;
    uint64_t dump_id, oid;

    if (kg_json_need_u64(j, "dumpId", &dump_id, err) < 0 || kg_json_need_u64(j, "oid", &oid, err) < 0 ||
        kg_json_need_str(j, "schema", &schema, err) < 0 || kg_json_need_str(j, "name", &name, err) < 0 ||
        kg_json_need_str(j, "target", &target, err) < 0 || kg_json_need_str(j, "columns", &columns, err) < 0 ||
        kg_json_need(j, "slices", KG_JSON_ARRAY, &slices, err) < 0)
        return -(int)err->code;
    if (dump_id > INT32_MAX || oid > UINT32_MAX || kg_json_count(slices) > MAX_SLICES)
        return kg_err_set(err, KG_E_USAGE, "table '%s.%s' has a number out of range", schema, name);
    ret->dump_id = (int)dump_id;
    ret->oid = (uint32_t)oid;
    ret->schema = kg_xstrdup(schema);
    ret->name = kg_xstrdup(name);
    ret->target = kg_xstrdup(target);
    ret->columns = kg_xstrdup(columns);
    ret->condition = kg_xstrdup(kg_json_str(j, "condition"));
    ret->via_root = kg_json_bool(j, "viaRoot", false);
    ret->chunk_size = (uint32_t)kg_json_u64(j, "chunkSize", KG_CHUNK_SMALL);
    ret->n_slices = 0;
    ret->slice = kg_xalloc_array(kg_json_count(slices), sizeof *ret->slice);
    for (const struct kg_json *s = kg_json_first(slices); s; s = kg_json_next(s)) {
        if (get_slice(s, &ret->slice[ret->n_slices], err) < 0)
            return kg_err_wrap(err, "table '%s.%s'", schema, name);
        ret->n_slices++;
    }
    kg_mtable_sum(ret, &sum);
    if (get_sum(j, &total, err) < 0)
        return kg_err_wrap(err, "table '%s.%s'", schema, name);
    if (!kg_rowsum_equal(&sum, &total))
        return kg_err_set(err, KG_E_USAGE, "table '%s.%s': its slices do not add up to it", schema, name);
    return 0;
}

static int get_all(const struct kg_json *j, const struct kg_json *tables, struct kg_manifest *m, struct kg_err *err)
{
    const struct kg_json *blobs = kg_json_get(j, "largeObjects");
    size_t i = 0;

    if (!kg_time_parse_iso(kg_json_str_or(j, "time", ""), &m->time) ||
        !kg_time_parse_iso(kg_json_str_or(j, "endTime", ""), &m->end_time))
        return kg_err_set(err, KG_E_USAGE, "'time' or 'endTime' is not a time");
    if (get_stream(j, "archive.stream", &m->archive, err) < 0)
        return -(int)err->code;
    if (get_optional(j, "globals", "globals.stream", &m->has_globals, &m->globals, err) < 0 ||
        get_optional(j, "server", "server.stream", &m->has_server, &m->server, err) < 0 ||
        get_optional(j, "server.passwords", "server.passwords.stream", &m->has_passwords, &m->passwords, err) < 0)
        return -(int)err->code;
    for (const struct kg_json *t = kg_json_first(tables); t; t = kg_json_next(t))
        if (get_table(t, &m->table[i++], err) < 0)
            return -(int)err->code;
    m->has_blobs = kg_json_type(blobs) == KG_JSON_OBJECT;
    if (m->has_blobs) {
        m->blob_count = kg_json_u64(blobs, "count", 0);
        if (get_sum(blobs, &m->blob_sum, err) < 0 || get_stream(blobs, "stream", &m->blobs, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

int kg_manifest_from_json(const struct kg_json *j, struct kg_manifest **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_manifest_freep) struct kg_manifest *m = NULL;
    const struct kg_json *tables;

    if (kg_json_need(j, "tables", KG_JSON_ARRAY, &tables, err) < 0)
        return -(int)err->code;
    if (kg_json_count(tables) > MAX_TABLES)
        return kg_err_set(err, KG_E_LIMIT, "the manifest names more than %d tables", MAX_TABLES);
    m = kg_manifest_new(kg_json_count(tables));
    m->facts = kg_json_copy(j);
    if (get_all(j, tables, m, err) < 0) {
        /* It was authentic, so this is a newer format or a bug, and for the operator a point that cannot be read. */
        kg_err_wrap(err, "read the manifest");
        err->code = KG_E_CORRUPT;
        return -(int)err->code;
    }
    kg_json_remove(m->facts, "tables");
    kg_json_remove(m->facts, "largeObjects");
    *ret = KG_TAKE(m);
    return 0;
}
