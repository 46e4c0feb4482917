#include "plugin/files.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "crypto/sha256.h"
#include "keepgres/version.h"
#include "plugin/point.h"
#include "plugin/rolesql.h"

enum { PIECE = 64 * 1024, CACHED_SEGMENTS = 3, N_FILES = 4 };

/* One file on its way into the container. */
struct out {
    struct kg_put *put;
    struct kg_sha256 *sha;
    uint64_t bytes;
};

struct job {
    const struct kg_export_spec *spec;
    const struct kg_events *ev;
    struct kg_store *container;
    struct kg_point point;
    struct kg_json *files;
    char *done[N_FILES];                 /* finished names: removed again when a later one fails */
    size_t n_done;
    struct kg_progress progress;
    struct kg_tables *tables;            /* of the manifest */
    kg_usec told;
    struct kg_records *records;          /* of large objects; record: where we are, NULL: at the end or not begun */
    const struct kg_record *record;
};

static int out_open(struct job *j, const char *suffix, struct out *o, struct kg_err *err)
{
    KG_AUTO_FREE char *name = kg_xprintf("%s%s", j->spec->prefix, suffix);

    *o = (struct out){ .sha = kg_sha256_new() };
    if (kg_store_put_begin(j->container, name, &o->put, err) == 0)
        return 0;
    if (err->code == KG_E_EXISTS)
        kg_err_advise(err, "Choose another prefix; files that exist are never overwritten.");
    return -(int)err->code;
}

static int out_add(struct out *o, const void *data, size_t n, struct kg_err *err)
{
    int eno;

    if ((eno = KG_FAULT(FILES_WRITE)))
        return kg_err_sys(err, eno, "write a file");
    kg_sha256_add(o->sha, data, n);
    o->bytes += n;
    return kg_store_put_add(o->put, data, n, err);
}

static void out_abort(struct out *o)
{
    kg_store_put_abort(o->put);
    kg_sha256_free(o->sha);
    *o = (struct out){ 0 };
}

/* Makes the file visible and enters it into the list. */
static int out_close(struct job *j, const char *suffix, struct out *o, struct kg_err *err)
{
    KG_AUTO_FREE char *name = kg_xprintf("%s%s", j->spec->prefix, suffix);
    struct kg_json *f;
    char hex[65];

    kg_sha256_end(o->sha, hex);
    if (kg_store_put_end(KG_TAKE(o->put), err) < 0)
        return -(int)err->code;
    f = kg_json_object();
    kg_json_set_str(f, "name", name);
    kg_json_set_u64(f, "bytes", o->bytes);
    kg_json_set_str(f, "sha256", hex);
    kg_json_push(j->files, f);
    j->done[j->n_done++] = KG_TAKE(name);
    return 0;
}

static int tell(struct job *j, size_t bytes, struct kg_err *err)
{
    kg_usec now = kg_now_mono();

    j->progress.bytes_done += bytes;
    if (now - j->told < KG_SECOND / 4)
        return 0;
    j->told = now;
    kg_events_progress(j->ev, &j->progress);
    return kg_events_check(j->ev, err);
}

/* ---- the archive ---- */

static int add_buf(struct out *o, struct kg_buf *b, struct kg_err *err)
{
    int r = kg_buf_ok(b, err) < 0 ? -(int)err->code : out_add(o, b->p, b->len, err);

    kg_buf_reset(b);
    return r;
}

/* A run of a data block: length in front, pieces of at most PIECE because pg_restore allocates a buffer of that size. */
static int add_pieces(struct out *o, const void *data, size_t n, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf head = KG_BUF_INIT(64);

    for (size_t at = 0; at < n; at += PIECE) {
        size_t k = n - at < PIECE ? n - at : PIECE;

        kg_archive_block_piece(&head, k);
        if (add_buf(o, &head, err) < 0 || out_add(o, (const char *)data + at, k, err) < 0)
            return -(int)err->code;
    }
    return 0;
}

static int add_slice(struct job *j, struct out *o, struct kg_source *src, size_t table, const struct kg_slice *sl, struct kg_err *err)
{
    struct kg_rowsum_text text = { 0 };
    const void *data;
    size_t n;
    int r = kg_source_begin(src, &sl->stream, err);

    while (r == 0 && (r = kg_source_next(src, &data, &n, err)) == 0 && n > 0) {
        kg_rowsum_text_add(&text, data, n);
        kg_tables_count(j->tables, table, n, 0);
        if ((r = add_pieces(o, data, n, err)) == 0)
            r = tell(j, n, err);
    }
    kg_tables_count(j->tables, table, 0, sl->sum.rows);
    if (r == 0 && !kg_rowsum_equal(&text.sum, &sl->sum))
        r = kg_err_set(err, KG_E_CORRUPT, "the rows are not what the manifest says");
    kg_rowsum_text_done(&text);
    return r;
}

static int add_table(struct job *j, struct out *o, struct kg_source *src, const struct kg_mtable *t, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);
    size_t table = (size_t)(t - j->point.manifest->table);

    kg_tables_enter(j->tables, table, "write");
    kg_archive_block_begin(&b, false, t->dump_id);
    if (add_buf(o, &b, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < t->n_slices; i++)
        if (add_slice(j, o, src, table, &t->slice[i], err) < 0)
            return kg_err_wrap(err, "table '%s.%s'", t->schema, t->name);
    /* What pg_dump writes behind the rows; pg_restore wants it when it makes a script of the archive. */
    if (add_pieces(o, "\\.\n\n\n", 5, err) < 0)
        return -(int)err->code;
    kg_archive_block_piece(&b, 0);
    j->progress.tables_done++;
    kg_tables_leave(j->tables, table, true);
    return add_buf(o, &b, err);
}

/* ---- large objects: since archive 1.16 in groups, each with its own list of object ids ----
 *
 * pg_dump makes a group of objects that have one owner and the same privileges, in the order of their ids, as the stream is.
 * So the stream is read on from group to group, and from its beginning again only for a group that lies behind: once for
 * each owner and set of privileges, however many groups there are. */

static int by_oid(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Also of what is skipped: that may take long, too. */
static int next_record(struct job *j, struct kg_err *err)
{
    return kg_records_next(j->records, &j->record, err) < 0 || tell(j, 0, err) < 0 ? -(int)err->code : 0;
}

static int first_record(struct job *j, struct kg_err *err)
{
    kg_records_close(KG_TAKE(j->records));
    j->record = NULL;
    if (kg_records_open(j->point.reader, j->point.manifest, &j->records, err) < 0)
        return -(int)err->code;
    return next_record(j, err);
}

/* To the first record of that object. */
static int find_object(struct job *j, uint32_t oid, struct kg_err *err)
{
    if ((!j->record || j->record->oid > oid) && j->point.manifest->has_blobs && first_record(j, err) < 0)
        return -(int)err->code;
    while (j->record && j->record->oid < oid)
        if (next_record(j, err) < 0)
            return -(int)err->code;
    if (!j->record || j->record->oid != oid)
        return kg_err_set(err, KG_E_CORRUPT, "large object %u is in the table of contents and not among the data", oid);
    return 0;
}

/* All records of the object that the stream is at. */
static int add_object(struct job *j, struct out *o, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64);
    uint32_t oid = j->record->oid;

    kg_archive_blob_begin(&b, oid);
    if (add_buf(o, &b, err) < 0)
        return -(int)err->code;
    while (j->record && j->record->oid == oid)
        if (add_pieces(o, j->record->page, j->record->n, err) < 0 || tell(j, j->record->n, err) < 0 || next_record(j, err) < 0)
            return -(int)err->code;
    kg_archive_block_piece(&b, 0);
    return add_buf(o, &b, err);
}

/* only NULL: all objects. */
static int add_objects(struct job *j, struct out *o, const uint32_t *only, size_t n, struct kg_err *err)
{
    if (!only && j->point.manifest->has_blobs && first_record(j, err) < 0)
        return -(int)err->code;
    while (!only && j->record)
        if (add_object(j, o, err) < 0)
            return -(int)err->code;
    for (size_t i = 0; only && i < n; i++)
        if ((i == 0 || only[i] != only[i - 1]) && (find_object(j, only[i], err) < 0 || add_object(j, o, err) < 0))
            return -(int)err->code;
    return 0;
}

/* To the stream's end, where its sums are compared. */
static int finish_records(struct job *j, struct kg_err *err)
{
    while (j->record)
        if (next_record(j, err) < 0)
            return kg_err_wrap(err, "large objects");
    return 0;
}

/* The object ids that a BLOBS entry of archive 1.16 and later stands for: the definition of the BLOB METADATA entry it
 * depends on, one a line. */
static uint32_t *blob_group(const struct kg_archive *a, const struct kg_toc_entry *e, size_t *ret_n)
{
    for (size_t i = 0; i < e->n_deps; i++) {
        const struct kg_toc_entry *d = kg_archive_dep(a, e, i);
        uint32_t *oid;
        size_t n = 0, cap = 0;

        if (!d || !d->desc || strcmp(d->desc, "BLOB METADATA") != 0 || !d->defn)
            continue;
        oid = NULL;
        for (const char *s = d->defn; *s >= '0' && *s <= '9';) {
            KG_GROW(oid, n, cap);
            for (oid[n] = 0; *s >= '0' && *s <= '9'; s++)
                oid[n] = oid[n] * 10 + (uint32_t)(*s - '0');
            n++;
            s += strspn(s, "\n\r ");
        }
        if (n)
            qsort(oid, n, sizeof *oid, by_oid);
        *ret_n = n;
        return oid;
    }
    *ret_n = 0;
    return NULL;
}

static int add_blobs(struct job *j, struct out *o, const struct kg_toc_entry *e, struct kg_err *err)
{
    size_t n;
    KG_AUTO_FREE uint32_t *only = blob_group(j->point.archive, e, &n);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64);

    kg_archive_block_begin(&b, true, e->dump_id);
    if (add_buf(o, &b, err) < 0 || add_objects(j, o, only, n, err) < 0)
        return kg_err_wrap(err, "large objects");
    kg_archive_block_piece(&b, 0);
    return add_buf(o, &b, err);
}

static int add_blocks(struct job *j, struct out *o, struct kg_err *err)
{
    const struct kg_archive *a = j->point.archive;
    KG_CLEANUP(kg_source_closep) struct kg_source *src = NULL;

    if (kg_source_open(j->point.reader, CACHED_SEGMENTS, &src, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];
        const struct kg_mtable *t;

        if (!e->has_data)
            continue;
        if (strcmp(e->desc, "BLOBS") == 0) {
            if (add_blobs(j, o, e, err) < 0)
                return -(int)err->code;
            continue;
        }
        if (!(t = kg_point_table(&j->point, e->dump_id)))
            return kg_err_set(err, KG_E_CORRUPT, "the manifest has no rows for entry %d, '%s'", e->dump_id, e->tag);
        if (add_table(j, o, src, t, err) < 0)
            return -(int)err->code;
    }
    return finish_records(j, err);
}

static void give_back_times(struct job *j)
{
    /* The stored table of contents has zeros there so that it deduplicates; the manifest knows when it was. */
    struct kg_archive *a = j->point.archive;
    int64_t sec = j->point.manifest->time / KG_SECOND, year;
    unsigned month, day;

    kg_civil_from_days(sec / 86400, &year, &month, &day);
    a->created[0] = (int)(sec % 60);
    a->created[1] = (int)(sec / 60 % 60);
    a->created[2] = (int)(sec / 3600 % 24);
    a->created[3] = (int)day;
    a->created[4] = (int)month - 1;
    a->created[5] = (int)(year - 1900);
    a->created[6] = 0;
}

static int write_archive(struct job *j, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf toc = KG_BUF_INIT((size_t)2 << 30);
    struct out o;

    give_back_times(j);
    kg_archive_write(j->point.archive, NULL, true, &toc);
    if (out_open(j, ".dump", &o, err) < 0 || add_buf(&o, &toc, err) < 0 || add_blocks(j, &o, err) < 0 ||
        out_close(j, ".dump", &o, err) < 0) {
        out_abort(&o);
        return -(int)err->code;
    }
    out_abort(&o);
    return 0;
}

/* ---- what stands beside it ---- */

static int write_small(struct job *j, const char *suffix, struct kg_buf *text, struct kg_err *err)
{
    struct out o;
    int r = -1;

    if (out_open(j, suffix, &o, err) == 0 && add_buf(&o, text, err) == 0)
        r = out_close(j, suffix, &o, err);
    out_abort(&o);
    return r < 0 ? -(int)err->code : 0;
}

static int write_roles(struct job *j, struct kg_err *err)
{
    const struct kg_manifest *m = j->point.manifest;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64u << 20);
    KG_AUTO_JSON struct kg_json *server = NULL;

    if (m->has_server) {
        if (kg_point_server(&j->point, &server, err) < 0)
            return -(int)err->code;
        kg_role_script_print(server, &b);
    } else if (m->has_globals) {
        if (kg_point_read(j->point.reader, &m->globals, &b, err) < 0)
            return kg_err_wrap(err, "roles");
    } else {
        kg_buf_adds(&b, "-- The backup could not read the server's roles.\n");
    }
    return write_small(j, "_roles.sql", &b, err);
}

static int write_readme(struct job *j, struct kg_err *err)
{
    const struct kg_json *f = j->point.manifest->facts;
    const char *p = j->spec->prefix;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64u << 10);
    struct kg_rowsum total;
    char when[32];

    kg_manifest_totals(j->point.manifest, &total);
    kg_buf_addf(&b, "PostgreSQL database '%s', as it was at %s.\nWritten by keepgres %s from recovery point %s.\n\n",
                kg_json_str_or(f, "datasource.database", "?"), kg_time_iso_seconds(j->point.manifest->time, when),
                KG_VERSION, j->spec->point);
    kg_buf_addf(&b, "  server    PostgreSQL %s, encoding %s\n  tables    %zu, with %llu rows\n  archive   pg_dump %s, custom format\n\n",
                kg_json_str_or(f, "postgres.version", "?"), kg_json_str_or(f, "postgres.encoding", "?"),
                j->point.manifest->n_tables, (unsigned long long)total.rows, kg_json_str_or(f, "tools.pgDump", "?"));
    kg_buf_addf(&b, "  sha256sum -c %s_SHA256SUMS             check the files\n", p);
    kg_buf_addf(&b, "  pg_restore --list %s.dump              see what is in it\n", p);
    kg_buf_addf(&b, "  psql -f %s_roles.sql postgres          make the roles (no passwords are in there)\n", p);
    kg_buf_addf(&b, "  createdb -T template0 NAME && pg_restore -j 4 -d NAME %s.dump\n", p);
    kg_buf_adds(&b, "\nUse the pg_restore of the target server's version, or a newer one than the pg_dump named above.\n");
    return write_small(j, "_README.txt", &b, err);
}

static int write_sums(struct job *j, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(64u << 10);

    for (const struct kg_json *f = kg_json_first(j->files); f; f = kg_json_next(f))
        kg_buf_addf(&b, "%s  %s\n", kg_json_str(f, "sha256"), kg_json_str(f, "name"));
    return write_small(j, "_SHA256SUMS", &b, err);
}

static int open_container(const struct kg_export_spec *spec, struct kg_store **ret, struct kg_err *err)
{
    if (kg_store_open_dir(spec->directory, false, ret, err) == 0)
        return 0;
    kg_err_wrap(err, "open the container");
    err->code = KG_E_NO_CONTAINER;
    kg_err_advise(err, "%s", kg_code_action(KG_E_NO_CONTAINER));
    return -(int)err->code;
}

int kg_plugin_validate_export(const struct kg_export_spec *spec, struct kg_err *err)
{
    static const char *const suffixes[N_FILES] = { ".dump", "_roles.sql", "_README.txt", "_SHA256SUMS" };
    KG_CLEANUP(kg_store_closep) struct kg_store *container = NULL;
    KG_AUTO_JSON struct kg_json *manifest = NULL;

    if (open_container(spec, &container, err) < 0 ||
        kg_point_get(spec->vault, spec->instance, spec->point, &manifest, err) < 0)
        return -(int)err->code;
    for (size_t i = 0; i < N_FILES; i++) {
        KG_AUTO_FREE char *name = kg_xprintf("%s%s", spec->prefix, suffixes[i]);
        struct kg_err e = { 0 };
        uint64_t size;

        if (kg_store_size(container, name, &size, &e) == 0)
            return kg_err_set(err, KG_E_EXISTS, "the container has a file '%s' already", name);
        if (e.code != KG_E_NOT_FOUND) {
            *err = e;
            return -(int)err->code;
        }
    }
    return 0;
}

static const struct kg_tables *name_tables(struct job *j)
{
    const struct kg_manifest *m = j->point.manifest;
    struct kg_rowsum sum;

    j->tables = kg_tables_new(m->n_tables);
    for (size_t i = 0; i < m->n_tables; i++) {
        kg_mtable_sum(&m->table[i], &sum);
        kg_tables_name(j->tables, i, m->table[i].schema, m->table[i].name, sum.bytes, 1, true);
    }
    return j->tables;
}

static int run(struct job *j, struct kg_err *err)
{
    struct kg_rowsum total;

    if (open_container(j->spec, &j->container, err) < 0 ||
        kg_point_open(j->spec->vault, j->spec->instance, j->spec->point, &j->point, err) < 0)
        return -(int)err->code;
    kg_manifest_totals(j->point.manifest, &total);
    j->progress = (struct kg_progress){ .phase = "data", .bytes_total = total.bytes + j->point.manifest->blob_sum.bytes,
                                        .rows = total.rows, .tables_total = j->point.manifest->n_tables, .tables = name_tables(j) };
    kg_events_subtask(j->ev, 1, "Write files", "InProgress");
    if (write_archive(j, err) < 0 || write_roles(j, err) < 0 || write_readme(j, err) < 0 || write_sums(j, err) < 0)
        return -(int)err->code;
    kg_events_subtask(j->ev, 1, "Write files", "Completed");
    return 0;
}

int kg_plugin_export_files(const struct kg_export_spec *spec, const struct kg_events *ev, struct kg_json **ret_result,
                           struct kg_err *err)
{
    struct job j = { .spec = spec, .ev = ev, .files = kg_json_array() };
    int r = run(&j, err);

    kg_events_tables(ev, j.tables);
    kg_tables_free(j.tables);
    if (r == 0) {
        struct kg_json *res = kg_json_object();

        kg_json_set(res, "files", KG_TAKE(j.files));
        kg_json_set_u64(res, "rows", j.progress.rows);
        kg_json_set_u64(res, "bytes", j.progress.bytes_total);
        kg_json_set_u64(res, "tables", j.progress.tables_total);
        *ret_result = res;
    }
    for (size_t i = 0; i < j.n_done; i++) {
        struct kg_err ignored = { 0 };

        if (r < 0)
            (void)!kg_store_remove(j.container, j.done[i], &ignored);
        free(j.done[i]);
    }
    kg_json_free(j.files);
    kg_records_close(j.records);
    kg_point_close(&j.point);
    kg_store_close(j.container);
    return r;
}
