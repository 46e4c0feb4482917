/* pg/archive.c - reading and writing header and table of contents of pg_dump's custom format.
 *
 * 1. What was read and is written again without a choice (keep NULL, use_times) is the same bytes: the backup compares
 *    them. So the reader refuses what the writer could not say: a negative zero, a NUL in a string, an odd size of int.
 * 2. No length from the input is allocated before that many bytes have really come. */
#include "pg/archive.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "pg/arena.h"

enum {
    STRING_MAX = 256 << 20, PIECE = 1 << 20, ENTRIES_MAX = 50 * 1000 * 1000, FORMAT_CUSTOM = 1,
    BLK_DATA = 1, BLK_BLOBS = 3, POS_NOT_SET = 1, POS_SET = 2, POS_NO_DATA = 3,
};
#define TOTAL_MAX ((size_t)4 << 30)

struct id_slot { int id; size_t at; };

/* The archive as made in here: the public part first, then what finds entries by their id. */
struct whole {
    struct kg_archive a;
    size_t cap;
    struct id_slot *ids;
    const char *encoding;
};

struct reader {
    kg_archive_read_fn read;
    void *ctx;
    struct whole *w;
    size_t entry;                /* being read, from 1; 0: the header */
    size_t bytes;
    struct kg_err *err;
};

/* ---- reading: primitives ---- */

static int broken(struct reader *r, const char *what)
{
    if (r->entry)
        return kg_err_set(r->err, KG_E_ARCHIVE, "archive, entry %zu of %zu: %s", r->entry, r->w->a.n_entries, what);
    return kg_err_set(r->err, KG_E_ARCHIVE, "archive, header: %s", what);
}

static int get(struct reader *r, void *out, size_t n)
{
    if (__builtin_add_overflow(r->bytes, n, &r->bytes) || r->bytes > TOTAL_MAX)
        return broken(r, "the table of contents is larger than 4 GiB");
    if (r->read(r->ctx, out, n, r->err) == 0)
        return 0;
    return r->entry ? kg_err_wrap(r->err, "archive, entry %zu of %zu", r->entry, r->w->a.n_entries)
                    : kg_err_wrap(r->err, "archive, header");
}

static int get_byte(struct reader *r, uint8_t *ret) { return get(r, ret, 1); }

/* Sign and magnitude; only the range of int, and no negative zero: keeps (1). */
static int get_int(struct reader *r, int *ret)
{
    uint8_t b[5];
    uint32_t v;

    if (get(r, b, sizeof b) < 0)
        return -1;
    v = (uint32_t)b[1] | (uint32_t)b[2] << 8 | (uint32_t)b[3] << 16 | (uint32_t)b[4] << 24;
    if (b[0] > 1 || v > INT_MAX || (b[0] && !v))
        return broken(r, "a number is out of range");
    *ret = b[0] ? -(int)v : (int)v;
    return 0;
}

/* A long string comes piece by piece into memory that grows with it: keeps (2). */
static int get_long(struct reader *r, size_t n, char **ret)
{
    KG_AUTO_FREE char *p = NULL;
    size_t have = 0;

    while (have < n) {
        size_t k = n - have < PIECE ? n - have : PIECE;

        if (k > have && have)
            k = have;
        p = kg_xrealloc_array(p, have + k + 1, 1);
        if (get(r, p + have, k) < 0)
            return -1;
        have += k;
    }
    p[n] = '\0';
    *ret = kg_arena_own(r->w->a.arena, KG_TAKE(p));
    return 0;
}

static int get_string(struct reader *r, const char **ret)
{
    char *p;
    int n;

    if (get_int(r, &n) < 0)
        return -1;
    if (n == -1) {
        *ret = NULL;
        return 0;
    }
    if (n < 0 || n > STRING_MAX)
        return broken(r, "a string has an impossible length");
    if (n > 4096) {
        if (get_long(r, (size_t)n, &p) < 0)
            return -1;
    } else {
        p = kg_arena_take(r->w->a.arena, (size_t)n + 1);
        if (n && get(r, p, (size_t)n) < 0)
            return -1;
    }
    if (memchr(p, '\0', (size_t)n))
        return broken(r, "a string has a NUL byte in it");
    *ret = p;
    return 0;
}

static int get_offset(struct reader *r, struct kg_toc_entry *e)
{
    uint8_t b[8];
    size_t n = r->w->a.offset_size;

    if (get_byte(r, &e->offset_flag) < 0 || get(r, b, n) < 0)
        return -1;
    if (e->offset_flag < POS_NOT_SET || e->offset_flag > POS_NO_DATA)
        return broken(r, "an offset has an unknown flag");
    for (size_t i = 0; i < n; i++)
        e->offset |= (uint64_t)b[i] << 8 * i;
    return 0;
}

/* ---- reading: header ---- */

static int read_header(struct reader *r, int *ret_count)
{
    struct kg_archive *a = &r->w->a;
    uint8_t magic[5], b;

    if (get(r, magic, sizeof magic) < 0)
        return -1;
    if (memcmp(magic, "PGDMP", 5) != 0)
        return broken(r, "this is no archive of pg_dump's custom format");
    if (get(r, a->version, 3) < 0)
        return -1;
    if (a->version[0] != 1 || a->version[1] < 12 || a->version[1] > 16)
        return kg_err_set(r->err, KG_E_ARCHIVE, "archive version %u.%u is not one of those known (1.12 to 1.16)",
                          a->version[0], a->version[1]);
    if (get_byte(r, &a->int_size) < 0 || get_byte(r, &a->offset_size) < 0 || get_byte(r, &a->format) < 0)
        return -1;
    if (a->int_size != 4 || (a->offset_size != 4 && a->offset_size != 8))
        return broken(r, "sizes of numbers that no supported machine writes");
    if (a->format != FORMAT_CUSTOM)
        return broken(r, "the format is not pg_dump's custom format");
    if (a->version[1] >= 15) {
        if (get_byte(r, &b) < 0)
            return -1;
        a->compression = b;
    } else if (get_int(r, &a->compression) < 0) {
        return -1;
    }
    for (size_t i = 0; i < 7; i++)
        if (get_int(r, &a->created[i]) < 0)
            return -1;
    if (get_string(r, &a->dbname) < 0 || get_string(r, &a->server_version) < 0 || get_string(r, &a->dump_version) < 0 ||
        get_int(r, ret_count) < 0)
        return -1;
    return *ret_count < 0 || *ret_count > ENTRIES_MAX ? broken(r, "an impossible number of entries") : 0;
}

/* ---- reading: entries ---- */

static int read_deps(struct reader *r, struct kg_toc_entry *e)
{
    KG_AUTO_FREE const char **deps = NULL;
    size_t cap = 0, n = 0;
    const char *s;

    for (;;) {
        if (get_string(r, &s) < 0)
            return -1;
        if (!s)
            break;
        if (!*s || s[strspn(s, "0123456789")])
            return broken(r, "a dependency is not a number");
        KG_GROW(deps, n, cap);
        deps[n++] = s;
    }
    e->n_deps = n;
    if (n) {
        e->deps = kg_arena_take(r->w->a.arena, n * sizeof *deps);
        memcpy(e->deps, deps, n * sizeof *deps);
    }
    return 0;
}

static int read_entry(struct reader *r, struct kg_toc_entry *e)
{
    const uint8_t minor = r->w->a.version[1];
    int had;

    if (get_int(r, &e->dump_id) < 0 || get_int(r, &had) < 0)
        return -1;
    if (e->dump_id <= 0)
        return broken(r, "its id is not positive");
    if (had != 0 && had != 1)
        return broken(r, "it neither has data nor lacks it");
    e->has_data = had;
    if (get_string(r, &e->table_oid) < 0 || get_string(r, &e->oid) < 0 || get_string(r, &e->tag) < 0 ||
        get_string(r, &e->desc) < 0 || get_int(r, &e->section) < 0 || get_string(r, &e->defn) < 0 ||
        get_string(r, &e->drop) < 0 || get_string(r, &e->copy) < 0 || get_string(r, &e->schema) < 0 ||
        get_string(r, &e->tablespace) < 0)
        return -1;
    if (!e->desc)
        return broken(r, "it does not say what it is");
    if (e->section < KG_SECTION_NONE || e->section > KG_SECTION_POST)
        return broken(r, "its section is unknown");
    if ((minor >= 14 && get_string(r, &e->tableam) < 0) || (minor >= 16 && get_int(r, &e->relkind) < 0) ||
        get_string(r, &e->owner) < 0 || get_string(r, &e->with_oids) < 0 || read_deps(r, e) < 0)
        return -1;
    return get_offset(r, e);
}

/* ---- what an entry is ---- */

static bool starts(const char *s, const char *head) { return s && strncmp(s, head, strlen(head)) == 0; }

/* desc: whole, or its beginning when it ends in '*'; tag: beginning, NULL for any. First match wins. */
static const struct { const char *desc, *tag; enum kg_step step; } steps[] = {
    { "ENCODING", NULL, KG_STEP_ALWAYS }, { "STDSTRINGS", NULL, KG_STEP_ALWAYS }, { "SEARCHPATH", NULL, KG_STEP_ALWAYS },
    { "DATABASE*", NULL, KG_STEP_DATABASE },
    { "ACL", "DATABASE ", KG_STEP_DATABASE }, { "COMMENT", "DATABASE ", KG_STEP_DATABASE },
    { "SECURITY LABEL", "DATABASE ", KG_STEP_DATABASE },
    { "TABLE DATA", NULL, KG_STEP_TABLE },
    { "SEQUENCE SET", NULL, KG_STEP_MID }, { "BLOB*", NULL, KG_STEP_MID },
    { "ACL", "LARGE OBJECT", KG_STEP_MID }, { "COMMENT", "LARGE OBJECT", KG_STEP_MID },
    { "SECURITY LABEL", "LARGE OBJECT", KG_STEP_MID },
    { "ACL*", NULL, KG_STEP_POST }, { "DEFAULT ACL", NULL, KG_STEP_POST },
    { "MATERIALIZED VIEW DATA", NULL, KG_STEP_POST }, { "EVENT TRIGGER", NULL, KG_STEP_POST },
    { "STATISTICS DATA", NULL, KG_STEP_POST },
};

static bool desc_is(const char *desc, const char *pattern)
{
    size_t n = strlen(pattern);

    return pattern[n - 1] == '*' ? strncmp(desc, pattern, n - 1) == 0 : strcmp(desc, pattern) == 0;
}

static enum kg_step step_of(const struct kg_toc_entry *e)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(steps); i++)
        if (desc_is(e->desc, steps[i].desc) && (!steps[i].tag || starts(e->tag, steps[i].tag)))
            return steps[i].step;
    return e->effective == KG_SECTION_POST ? KG_STEP_POST : e->effective == KG_SECTION_DATA ? KG_STEP_MID : KG_STEP_PRE;
}

/* "SET client_encoding = 'UTF8';" */
static int take_encoding(struct reader *r, const struct kg_toc_entry *e)
{
    static const char head[] = "SET client_encoding = '";
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    const char *name = starts(e->defn, head) ? e->defn + sizeof head - 1 : "";
    size_t n = strspn(name, plain);
    char *p;

    if (!n || n > 63 || strncmp(name + n, "';", 2) != 0)
        return broken(r, "it does not name an encoding");
    p = kg_arena_take(r->w->a.arena, n + 1);
    memcpy(p, name, n);
    r->w->encoding = p;
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const struct id_slot *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* Everything that can only be told when all entries are there. */
static int digest(struct reader *r)
{
    struct kg_archive *a = &r->w->a;
    enum kg_section now = KG_SECTION_PRE;

    r->w->encoding = "UTF8";
    r->w->ids = kg_xalloc_array(a->n_entries, sizeof *r->w->ids);
    for (size_t i = 0; i < a->n_entries; i++) {
        struct kg_toc_entry *e = &a->entry[i];

        if (e->section != KG_SECTION_NONE)
            now = (enum kg_section)e->section;
        e->effective = now;
        e->step = step_of(e);
        r->w->ids[i] = (struct id_slot){ e->dump_id, i };
        r->entry = i + 1;
        if (strcmp(e->desc, "ENCODING") == 0 && take_encoding(r, e) < 0)
            return -1;
    }
    qsort(r->w->ids, a->n_entries, sizeof *r->w->ids, by_id);
    for (size_t i = 1; i < a->n_entries; i++)
        if (r->w->ids[i].id == r->w->ids[i - 1].id)
            return kg_err_set(r->err, KG_E_ARCHIVE, "archive: two entries have the id %d", r->w->ids[i].id);
    return 0;
}

int kg_archive_parse(kg_archive_read_fn read, void *ctx, struct kg_archive **ret, struct kg_err *err)
{
    struct whole *w = kg_xalloc(sizeof *w);
    KG_CLEANUP(kg_archive_freep) struct kg_archive *a = &w->a;
    struct reader r = { .read = read, .ctx = ctx, .w = w, .err = err };
    int count = 0;

    a->arena = kg_arena_new();
    if (read_header(&r, &count) < 0)
        return -(int)err->code;
    for (int i = 0; i < count; i++) {
        KG_GROW(a->entry, a->n_entries, w->cap); /* keeps (2): not count at once */
        a->entry[a->n_entries] = (struct kg_toc_entry){ 0 };
        r.entry = ++a->n_entries;
        if (read_entry(&r, &a->entry[a->n_entries - 1]) < 0)
            return -(int)err->code;
    }
    if (digest(&r) < 0)
        return -(int)err->code;
    *ret = KG_TAKE(a);
    return 0;
}

struct memory { const uint8_t *p; size_t left; };

static int read_memory(void *ctx, void *out, size_t n, struct kg_err *err)
{
    struct memory *m = ctx;

    if (n > m->left)
        return kg_err_set(err, KG_E_ARCHIVE, "it ends too early");
    memcpy(out, m->p, n);
    m->p += n;
    m->left -= n;
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
    struct whole *w = (struct whole *)a;

    kg_arena_free(a->arena);
    free(a->entry);
    free(w->ids);
    free(w);
}

/* ---- writing ---- */

static void put_byte(struct kg_buf *b, unsigned v) { kg_buf_add(b, &(char){ (char)v }, 1); }

static void put_sign_u32(struct kg_buf *b, bool minus, uint32_t v)
{
    const char c[5] = { minus, (char)v, (char)(v >> 8), (char)(v >> 16), (char)(v >> 24) };

    kg_buf_add(b, c, sizeof c);
}

static void put_int(struct kg_buf *b, int v) { put_sign_u32(b, v < 0, v < 0 ? -(uint32_t)v : (uint32_t)v); }

static void put_string(struct kg_buf *b, const char *s)
{
    if (!s) {
        put_int(b, -1);
        return;
    }
    put_int(b, (int)strlen(s));
    kg_buf_adds(b, s);
}

static void put_entry(const struct kg_archive *a, const struct kg_toc_entry *e, struct kg_buf *b)
{
    put_int(b, e->dump_id);
    put_int(b, e->has_data);
    put_string(b, e->table_oid);
    put_string(b, e->oid);
    put_string(b, e->tag);
    put_string(b, e->desc);
    put_int(b, e->section);
    put_string(b, e->defn);
    put_string(b, e->drop);
    put_string(b, e->copy);
    put_string(b, e->schema);
    put_string(b, e->tablespace);
    if (a->version[1] >= 14)
        put_string(b, e->tableam);
    if (a->version[1] >= 16)
        put_int(b, e->relkind);
    put_string(b, e->owner);
    put_string(b, e->with_oids);
    for (size_t i = 0; i < e->n_deps; i++)
        put_string(b, e->deps[i]);
    put_string(b, NULL);
    put_byte(b, e->has_data ? POS_NOT_SET : POS_NO_DATA);
    kg_buf_add(b, "\0\0\0\0\0\0\0\0", a->offset_size);
}

void kg_archive_write(const struct kg_archive *a, const bool *keep, bool use_times, struct kg_buf *ret)
{
    int n = 0;

    for (size_t i = 0; i < a->n_entries; i++)
        n += !keep || keep[i];
    kg_buf_adds(ret, "PGDMP");
    kg_buf_add(ret, a->version, 3);
    put_byte(ret, a->int_size);
    put_byte(ret, a->offset_size);
    put_byte(ret, a->format);
    if (a->version[1] >= 15)
        put_byte(ret, (unsigned)a->compression);
    else
        put_int(ret, a->compression);
    for (size_t i = 0; i < 7; i++)
        put_int(ret, use_times ? a->created[i] : 0);
    put_string(ret, a->dbname);
    put_string(ret, a->server_version);
    put_string(ret, a->dump_version);
    put_int(ret, n);
    for (size_t i = 0; i < a->n_entries; i++)
        if (!keep || keep[i])
            put_entry(a, &a->entry[i], ret);
}

void kg_archive_block_begin(struct kg_buf *b, bool blobs, int dump_id)
{
    put_byte(b, blobs ? BLK_BLOBS : BLK_DATA);
    put_int(b, dump_id);
}

void kg_archive_block_piece(struct kg_buf *b, size_t n) { put_int(b, n > INT_MAX ? INT_MAX : (int)n); }

/* An oid goes through int on its way: from 2^31 on it is a negative number. */
void kg_archive_blob_begin(struct kg_buf *b, uint32_t oid)
{
    put_sign_u32(b, oid > INT_MAX, oid > INT_MAX ? -oid : oid);
}

/* ---- looking things up ---- */

const char *kg_archive_encoding(const struct kg_archive *a) { return ((const struct whole *)a)->encoding; }

const struct kg_toc_entry *kg_archive_find(const struct kg_archive *a, int dump_id)
{
    const struct whole *w = (const struct whole *)a;
    struct id_slot want = { dump_id, 0 };
    const struct id_slot *s = a->n_entries ? bsearch(&want, w->ids, a->n_entries, sizeof want, by_id) : NULL;

    return s ? &a->entry[s->at] : NULL;
}

const struct kg_toc_entry *kg_archive_dep(const struct kg_archive *a, const struct kg_toc_entry *e, size_t i)
{
    struct kg_err ignored = { 0 };
    uint64_t id;

    return kg_parse_range(e->deps[i], 1, INT32_MAX, &id, &ignored) < 0 ? NULL : kg_archive_find(a, (int)id);
}

/* Length of an identifier, quoted or not, at s; 0 when there is none. */
static size_t ident_len(const char *s)
{
    size_t n = 0;

    if (*s != '"') {
        while (s[n] && !strchr(" .,()\"';\n", s[n]))
            n++;
        return n;
    }
    for (n = 1; s[n]; n++) {
        if (s[n] != '"')
            continue;
        if (s[n + 1] != '"')
            return n > 1 ? n + 1 : 0;
        n++;
    }
    return 0;
}

/* "(a, \"b c\")"; 0 when that is not what stands there. */
static size_t columns_len(const char *s)
{
    size_t n = 1, k;

    if (*s != '(')
        return 0;
    for (;;) {
        if (!(k = ident_len(s + n)))
            return 0;
        n += k;
        if (s[n] == ')')
            return n + 1;
        if (s[n] != ',' || s[n + 1] != ' ')
            return 0;
        n += 2;
    }
}

int kg_toc_copy_parts(const struct kg_toc_entry *e, char **ret_target, char **ret_columns, struct kg_err *err)
{
    const char *s = e->copy ? e->copy : "", *target, *columns;
    size_t n, k, n_columns;

    if (!*s)
        return kg_err_set(err, KG_E_ARCHIVE, "archive: the data of table '%s' has no COPY statement", e->tag ? e->tag : "?");
    if (!starts(s, "COPY "))
        return kg_err_set(err, KG_E_ARCHIVE, "archive: the COPY statement of table '%s' is not understood", e->tag ? e->tag : "?");
    target = s + 5;
    n = ident_len(target);
    if (n && target[n] == '.')
        n = (k = ident_len(target + n + 1)) ? n + 1 + k : 0;
    columns = target + n + (target[n] == ' ');
    n_columns = *columns == '(' ? columns_len(columns) : 0;
    if (!n || target[n] != ' ' || (*columns == '(' && !n_columns) || strcmp(columns + n_columns, " FROM stdin;\n") != 0)
        return kg_err_set(err, KG_E_ARCHIVE, "archive: the COPY statement of table '%s' is not understood", e->tag ? e->tag : "?");
    *ret_target = kg_xstrndup(target, n);
    *ret_columns = kg_xstrndup(columns, n_columns);
    return 0;
}
