#include "pg/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { ENTRIES_MAX = 50 * 1000 * 1000, DEPS_MAX = 10 * 1000 * 1000, BLOCK = 1 << 20 };
static const size_t strings_max = (size_t)2 << 30;

/* ---- memory: strings and lists live as long as the archive ---- */

struct block { struct block *next; size_t used, size; char data[]; };
struct kg_arena { struct block *first; size_t total; };

static void *arena_get(struct kg_arena *a, size_t n)
{
    struct block *b = a->first;
    void *p;

    n = (n + 7) & ~(size_t)7;
    if (!b || b->size - b->used < n) {
        size_t size = n > BLOCK ? n : BLOCK;

        b = kg_xalloc(sizeof *b + size);
        b->size = size;
        b->next = a->first;
        a->first = b;
    }
    p = b->data + b->used;
    b->used += n;
    a->total += n;
    return p;
}

static void arena_free(struct kg_arena *a)
{
    for (struct block *b = a ? a->first : NULL, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

/* ---- reading ---- */

struct in {
    kg_archive_read_fn read;
    void *ctx;
    struct kg_archive *a;
    size_t entry;                /* which one is being read, for messages */
};

static int bad(const struct in *in, struct kg_err *err, const char *what)
{
    return kg_err_set(err, KG_E_ARCHIVE, "the archive's table of contents is broken at entry %zu: %s", in->entry, what);
}

static int get_byte(struct in *in, int *ret, struct kg_err *err)
{
    unsigned char c;

    if (in->read(in->ctx, &c, 1, err) < 0)
        return -(int)err->code;
    *ret = c;
    return 0;
}

static int get_int(struct in *in, int64_t *ret, struct kg_err *err)
{
    unsigned char c[9];
    uint64_t v = 0;

    if (in->read(in->ctx, c, 1u + in->a->int_size, err) < 0)
        return -(int)err->code;
    if (c[0] > 1)
        return bad(in, err, "a number has no sign");
    for (unsigned i = in->a->int_size; i > 0; i--)
        v = v << 8 | c[i];
    if (v > UINT32_MAX)
        return bad(in, err, "a number is too large");
    *ret = c[0] ? -(int64_t)v : (int64_t)v;
    return 0;
}

static int get_str(struct in *in, const char **ret, struct kg_err *err)
{
    int64_t n;
    char *s;

    if (get_int(in, &n, err) < 0)
        return -(int)err->code;
    if (n == -1) {
        *ret = NULL;
        return 0;
    }
    if (n < 0 || (size_t)n > strings_max - in->a->arena->total)
        return bad(in, err, "a text's length is out of range");
    /* The length is only believed as far as bytes come: a lie must not cost memory. */
    if (n <= BLOCK) {
        s = arena_get(in->a->arena, (size_t)n + 1);
        if (n && in->read(in->ctx, s, (size_t)n, err) < 0)
            return -(int)err->code;
    } else {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(strings_max);
        char piece[65536];

        for (size_t left = (size_t)n; left > 0;) {
            size_t k = left < sizeof piece ? left : sizeof piece;

            if (in->read(in->ctx, piece, k, err) < 0)
                return -(int)err->code;
            kg_buf_add(&b, piece, k);
            left -= k;
        }
        s = arena_get(in->a->arena, (size_t)n + 1);
        memcpy(s, b.p, (size_t)n);
    }
    s[n] = '\0';
    if (strlen(s) != (size_t)n)
        return bad(in, err, "a text has a NUL in it");
    *ret = s;
    return 0;
}

static int get_header(struct in *in, int64_t *ret_count, struct kg_err *err)
{
    struct kg_archive *a = in->a;
    unsigned char h[11];
    int64_t v;
    int c = 0;

    if (in->read(in->ctx, h, sizeof h, err) < 0)
        return -(int)err->code;
    if (memcmp(h, "PGDMP", 5) != 0)
        return kg_err_set(err, KG_E_ARCHIVE, "this is not an archive of pg_dump");
    memcpy(a->version, h + 5, 3);
    a->int_size = h[8];
    a->offset_size = h[9];
    a->format = h[10];
    if (a->version[0] != 1 || a->version[1] < 12 || a->version[1] > 16)
        return kg_err_set(err, KG_E_ARCHIVE, "archive version %d.%d is not known", a->version[0], a->version[1]);
    if (a->int_size != 4 || a->offset_size != 8 || a->format != 1)
        return kg_err_set(err, KG_E_ARCHIVE, "the archive is not in custom format with 32-bit numbers");
    if (a->version[1] >= 15) {
        if (get_byte(in, &c, err) < 0)
            return -(int)err->code;
        a->compression = c;
    } else {
        if (get_int(in, &v, err) < 0)
            return -(int)err->code;
        a->compression = (int)v;
    }
    for (int i = 0; i < 7; i++) {
        if (get_int(in, &v, err) < 0)
            return -(int)err->code;
        a->created[i] = (int)v;
    }
    if (get_str(in, &a->dbname, err) < 0 || get_str(in, &a->server_version, err) < 0 ||
        get_str(in, &a->dump_version, err) < 0 || get_int(in, ret_count, err) < 0)
        return -(int)err->code;
    if (*ret_count < 0 || *ret_count > ENTRIES_MAX)
        return bad(in, err, "the number of entries is out of range");
    return 0;
}

static int get_deps(struct in *in, struct kg_toc_entry *e, struct kg_err *err)
{
    KG_AUTO_FREE const char **list = NULL;
    size_t n = 0, cap = 0;
    const char *s;

    for (;;) {
        if (get_str(in, &s, err) < 0)
            return -(int)err->code;
        if (!s)
            break;
        if (n == DEPS_MAX)
            return bad(in, err, "too many dependencies");
        KG_GROW(list, n, cap);
        list[n++] = s;
    }
    if (n) {
        e->deps = arena_get(in->a->arena, n * sizeof *list);
        memcpy(e->deps, list, n * sizeof *list);
    }
    e->n_deps = n;
    return 0;
}

static int get_offset(struct in *in, struct kg_toc_entry *e, struct kg_err *err)
{
    unsigned char c[9];

    if (in->read(in->ctx, c, sizeof c, err) < 0)
        return -(int)err->code;
    if (c[0] < 1 || c[0] > 3)
        return bad(in, err, "an offset has no flag");
    e->offset_flag = c[0];
    for (int i = 8; i > 0; i--)
        e->offset = e->offset << 8 | c[i];
    return 0;
}

static int get_entry(struct in *in, struct kg_toc_entry *e, struct kg_err *err)
{
    const struct kg_archive *a = in->a;
    int64_t id, dumper, section, relkind = 0;

    if (get_int(in, &id, err) < 0 || get_int(in, &dumper, err) < 0 || get_str(in, &e->table_oid, err) < 0 ||
        get_str(in, &e->oid, err) < 0 || get_str(in, &e->tag, err) < 0 || get_str(in, &e->desc, err) < 0 ||
        get_int(in, &section, err) < 0 || get_str(in, &e->defn, err) < 0 || get_str(in, &e->drop, err) < 0 ||
        get_str(in, &e->copy, err) < 0 || get_str(in, &e->schema, err) < 0 || get_str(in, &e->tablespace, err) < 0 ||
        (a->version[1] >= 14 && get_str(in, &e->tableam, err) < 0) ||
        (a->version[1] >= 16 && get_int(in, &relkind, err) < 0) || get_str(in, &e->owner, err) < 0 ||
        get_str(in, &e->with_oids, err) < 0 || get_deps(in, e, err) < 0 || get_offset(in, e, err) < 0)
        return -(int)err->code;
    if (id <= 0 || id > INT32_MAX || section < 1 || section > 4 || !e->desc || (dumper != 0 && dumper != 1))
        return bad(in, err, "a field is out of range");
    e->dump_id = (int)id;
    e->has_data = dumper;
    e->section = (int)section;
    e->relkind = (int)relkind;
    return 0;
}

/* ---- what an entry is ---- */

static bool is_any(const char *s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, list[i]) == 0)
            return true;
    return false;
}
#define IS_ANY(s, ...) \
    is_any((s), (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static bool starts(const char *s, const char *with) { return s && strncmp(s, with, strlen(with)) == 0; }

static enum kg_step step_of(const struct kg_toc_entry *e)
{
    bool about = IS_ANY(e->desc, "ACL", "COMMENT", "SECURITY LABEL");

    if (IS_ANY(e->desc, "ENCODING", "STDSTRINGS", "SEARCHPATH"))
        return KG_STEP_ALWAYS;
    if (IS_ANY(e->desc, "DATABASE", "DATABASE PROPERTIES") || (about && starts(e->tag, "DATABASE ")))
        return KG_STEP_DATABASE;
    if (strcmp(e->desc, "TABLE DATA") == 0)
        return KG_STEP_TABLE;
    if (IS_ANY(e->desc, "SEQUENCE SET", "BLOB", "BLOBS", "BLOB METADATA", "BLOB COMMENTS") ||
        (about && starts(e->tag, "LARGE OBJECT")))
        return KG_STEP_MID;
    if (IS_ANY(e->desc, "ACL", "DEFAULT ACL", "ACL LANGUAGE", "EVENT TRIGGER", "MATERIALIZED VIEW DATA") ||
        (about && starts(e->tag, "EVENT TRIGGER")))
        return KG_STEP_POST;
    return e->effective == KG_SECTION_POST ? KG_STEP_POST : KG_STEP_PRE;
}

static void classify(struct kg_archive *a)
{
    enum kg_section last = KG_SECTION_PRE;

    for (size_t i = 0; i < a->n_entries; i++) {
        struct kg_toc_entry *e = &a->entry[i];

        if (e->section != KG_SECTION_NONE)
            last = (enum kg_section)e->section;
        e->effective = last;
        e->step = step_of(e);
    }
}

int kg_archive_parse(kg_archive_read_fn read, void *ctx, struct kg_archive **ret, struct kg_err *err)
{
    KG_CLEANUP(kg_archive_freep) struct kg_archive *a = kg_xalloc(sizeof *a);
    struct in in = { .read = read, .ctx = ctx, .a = a };
    size_t cap = 0;
    int64_t count;

    a->arena = kg_xalloc(sizeof *a->arena);
    if (get_header(&in, &count, err) < 0)
        return -(int)err->code;
    for (; in.entry < (size_t)count; in.entry++) {
        KG_GROW(a->entry, a->n_entries, cap);
        a->entry[a->n_entries] = (struct kg_toc_entry){ 0 };
        if (get_entry(&in, &a->entry[a->n_entries], err) < 0)
            return -(int)err->code;
        a->n_entries++;
    }
    classify(a);
    *ret = KG_TAKE(a);
    return 0;
}

struct memory { const char *p; size_t n; };

static int read_memory(void *ctx, void *out, size_t n, struct kg_err *err)
{
    struct memory *m = ctx;

    if (n > m->n)
        return kg_err_set(err, KG_E_ARCHIVE, "the archive's table of contents ends too early");
    memcpy(out, m->p, n);
    m->p += n;
    m->n -= n;
    return 0;
}

int kg_archive_parse_memory(const void *data, size_t n, struct kg_archive **ret, struct kg_err *err)
{
    struct memory m = { data, n };

    return kg_archive_parse(read_memory, &m, ret, err);
}

void kg_archive_free(struct kg_archive *a)
{
    if (!a)
        return;
    arena_free(a->arena);
    free(a->entry);
    free(a);
}

/* ---- writing ---- */

static void put_byte(struct kg_buf *b, int c)
{
    char one = (char)c;

    kg_buf_add(b, &one, 1);
}

static void put_int(struct kg_buf *b, int64_t v)
{
    uint64_t u = v < 0 ? (uint64_t)-v : (uint64_t)v;
    unsigned char c[5] = { v < 0, (unsigned char)u, (unsigned char)(u >> 8), (unsigned char)(u >> 16), (unsigned char)(u >> 24) };

    kg_buf_add(b, c, sizeof c);
}

static void put_str(struct kg_buf *b, const char *s)
{
    if (!s) {
        put_int(b, -1);
        return;
    }
    put_int(b, (int64_t)strlen(s));
    kg_buf_adds(b, s);
}

static void put_entry(const struct kg_archive *a, const struct kg_toc_entry *e, struct kg_buf *b)
{
    static const char zeros[8];

    put_int(b, e->dump_id);
    put_int(b, e->has_data);
    put_str(b, e->table_oid);
    put_str(b, e->oid);
    put_str(b, e->tag);
    put_str(b, e->desc);
    put_int(b, e->section);
    put_str(b, e->defn);
    put_str(b, e->drop);
    put_str(b, e->copy);
    put_str(b, e->schema);
    put_str(b, e->tablespace);
    if (a->version[1] >= 14)
        put_str(b, e->tableam);
    if (a->version[1] >= 16)
        put_int(b, e->relkind);
    put_str(b, e->owner);
    put_str(b, e->with_oids);
    for (size_t i = 0; i < e->n_deps; i++)
        put_str(b, e->deps[i]);
    put_str(b, NULL);
    put_byte(b, e->has_data ? 1 : 3);
    kg_buf_add(b, zeros, sizeof zeros);
}

void kg_archive_write(const struct kg_archive *a, const bool *keep, bool use_times, struct kg_buf *b)
{
    size_t count = 0;

    for (size_t i = 0; i < a->n_entries; i++)
        count += !keep || keep[i];
    kg_buf_adds(b, "PGDMP");
    kg_buf_add(b, a->version, 3);
    put_byte(b, a->int_size);
    put_byte(b, a->offset_size);
    put_byte(b, a->format);
    if (a->version[1] >= 15)
        put_byte(b, a->compression);
    else
        put_int(b, a->compression);
    for (int i = 0; i < 7; i++)
        put_int(b, use_times ? a->created[i] : 0);
    put_str(b, a->dbname);
    put_str(b, a->server_version);
    put_str(b, a->dump_version);
    put_int(b, (int64_t)count);
    for (size_t i = 0; i < a->n_entries; i++)
        if (!keep || keep[i])
            put_entry(a, &a->entry[i], b);
}

void kg_archive_block_begin(struct kg_buf *b, bool blobs, int dump_id)
{
    put_byte(b, blobs ? 3 : 1);
    put_int(b, dump_id);
}

void kg_archive_block_piece(struct kg_buf *b, size_t n) { put_int(b, (int64_t)n); }

/* pg_dump passes object ids through int: from 2^31 on they are written as negative numbers. */
void kg_archive_blob_begin(struct kg_buf *b, uint32_t oid) { put_int(b, (int32_t)oid); }

/* ---- looking ---- */

const char *kg_archive_encoding(const struct kg_archive *a)
{
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];
        const char *q = strcmp(e->desc, "ENCODING") == 0 && e->defn ? strchr(e->defn, '\'') : NULL;
        size_t n = q ? strcspn(q + 1, "'") : 0;

        if (q && n > 0 && n < 32) {
            char *s = arena_get(a->arena, n + 1);

            memcpy(s, q + 1, n);
            s[n] = '\0';
            return s;
        }
    }
    return "UTF8";
}

const struct kg_toc_entry *kg_archive_find(const struct kg_archive *a, int dump_id)
{
    for (size_t i = 0; i < a->n_entries; i++)
        if (a->entry[i].dump_id == dump_id)
            return &a->entry[i];
    return NULL;
}

/* Skips one possibly quoted name; NULL when there is none. */
static const char *skip_name(const char *s)
{
    if (*s != '"')
        return s + strcspn(s, ". (");
    for (s++; *s; s++) {
        if (*s == '"' && s[1] != '"')
            return s + 1;
        s += *s == '"';
    }
    return NULL;
}

int kg_toc_copy_parts(const struct kg_toc_entry *e, char **ret_target, char **ret_columns, struct kg_err *err)
{
    const char *s = e->copy, *target, *end, *list;

    if (!starts(s, "COPY "))
        return kg_err_set(err, KG_E_ARCHIVE, "table '%s' has no COPY statement in the table of contents", e->tag ? e->tag : "?");
    target = s + 5;
    end = skip_name(target);
    if (end && *end == '.')
        end = skip_name(end + 1);
    list = end && *end == ' ' ? end + 1 : NULL;
    s = list ? strstr(list, " FROM stdin;") : NULL;
    for (const char *next; s && (next = strstr(s + 1, " FROM stdin;")); s = next)
        ;                                /* a column may be called that: the last one counts */
    if (!s || (s > list && (*list != '(' || s[-1] != ')')))
        return kg_err_set(err, KG_E_ARCHIVE, "table '%s' has a COPY statement that cannot be read", e->tag ? e->tag : "?");
    *ret_target = kg_xstrndup(target, (size_t)(end - target));
    *ret_columns = kg_xstrndup(list, (size_t)(s - list));
    return 0;
}
