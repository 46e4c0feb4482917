#include "plugin/pg_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "plugin/pg_restore_said.h"
#include "plugin/sqltext.h"
#include "sys/fd.h"
#include "sys/proc.h"

enum { SAID_MAX = 4 << 20, BLOCK = 4096, TAIL_MAX = 4000 };

/* ---- the right program ---- */

/* The first major whose pg_restore reads this archive version. */
static int archive_needs(const struct kg_archive *a)
{
    return a->version[1] >= 16 ? 17 : a->version[1] == 15 ? 16 : 12;
}

int kg_pg_restore_find(const struct kg_archive *a, const char *bin_dir, int server_version, struct kg_tool *ret,
                       struct kg_err *err)
{
    int needs = archive_needs(a), server = server_version / 10000;
    struct kg_err first = { 0 };

    if (kg_tool_find("pg_restore", bin_dir, server > needs ? server : needs, ret, &first) == 0)
        return 0;
    return kg_tool_find("pg_restore", bin_dir, needs, ret, err);
}

/* ---- cutting ---- */

static bool is_desc(const struct kg_toc_entry *e, const char *desc) { return strcmp(e->desc, desc) == 0; }

static struct kg_toc_entry name_only(struct kg_toc_entry e)
{
    e.has_data = false;
    e.defn = e.drop = e.copy = e.tablespace = e.tableam = e.owner = "";
    return e;
}

/* An extension's table has no entry of its own; pg_restore knows it by the entry of its rows. */
static bool is_rows_of_unknown(const struct kg_archive *a, const struct kg_toc_entry *e)
{
    return is_desc(e, "TABLE DATA") && e->n_deps && !kg_archive_dep(a, e, 0);
}

/* The privileges of schemas, which the other privileges wait for: who grants one on by its grant option must have USAGE of
 * the schema by then. pg_dump does not say so, as it writes schemas first; of several jobs one may be faster. */
struct schema_acl { const struct kg_toc_entry *e; char *schema; char id[12]; };
struct schema_acls { struct schema_acl *of; size_t n, cap; };

/* What "SCHEMA name", as pg_dump quotes it, is about; NULL for any other tag. The caller frees it. */
static char *schema_of_tag(const char *tag)
{
    const char *end = tag + strlen(tag);
    struct kg_sql_token t = kg_sql_next(&tag, end);

    if (!kg_sql_is(&t, "SCHEMA"))
        return NULL;
    t = kg_sql_next(&tag, end);
    return tag == end ? kg_sql_name(&t) : NULL;
}

static void find_schema_acls(const struct kg_archive *a, const bool *keep, struct schema_acls *ret)
{
    for (size_t i = 0; i < a->n_entries; i++) {
        char *schema = keep[i] && is_desc(&a->entry[i], "ACL") ? schema_of_tag(a->entry[i].tag) : NULL;

        if (!schema)
            continue;
        KG_GROW(ret->of, ret->n, ret->cap);
        ret->of[ret->n] = (struct schema_acl){ .e = &a->entry[i], .schema = schema };
        snprintf(ret->of[ret->n].id, sizeof ret->of->id, "%d", a->entry[i].dump_id);
        ret->n++;
    }
}

static void schema_acls_done(struct schema_acls *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->of[i].schema);
    free(s->of);
}

/* e with one dependency more, when it is a privilege on something in a schema that has privileges too. deps is where they may
 * be put; returned is where the next may be. */
static const char **wait_for_schema(const struct schema_acls *s, struct kg_toc_entry *e, const char **deps)
{
    for (size_t i = 0; is_desc(e, "ACL") && e->schema && i < s->n; i++) {
        if (e->dump_id == s->of[i].e->dump_id || strcmp(s->of[i].schema, e->schema) != 0)
            continue;
        for (size_t k = 0; k < e->n_deps; k++)
            deps[k] = e->deps[k];
        deps[e->n_deps++] = s->of[i].id;
        e->deps = deps;
        return deps + e->n_deps;
    }
    return deps;
}

static size_t count_deps(const struct kg_archive *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_entries; i++)
        n += a->entry[i].n_deps;
    return n;
}

static void cut_parallel(const struct kg_archive *a, const bool *keep, struct kg_buf *ret)
{
    KG_AUTO_FREE bool *in = kg_xalloc_array(a->n_entries, sizeof *in);
    KG_AUTO_FREE struct kg_toc_entry *entry = kg_xalloc_array(a->n_entries, sizeof *entry);
    KG_AUTO_FREE const char **deps = kg_xalloc_array(count_deps(a) + a->n_entries, sizeof *deps);
    const char **next = deps;
    struct schema_acls schemas = { 0 };
    struct kg_archive cut = *a;

    find_schema_acls(a, keep, &schemas);
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];

        in[i] |= keep[i] || is_rows_of_unknown(a, e);
        for (size_t k = 0; keep[i] && k < e->n_deps; k++) {
            const struct kg_toc_entry *d = kg_archive_dep(a, e, k);

            if (d && is_desc(d, "TABLE"))
                in[d - a->entry] = true;
        }
    }
    for (size_t i = 0; i < a->n_entries; i++) {
        entry[i] = keep[i] ? a->entry[i] : name_only(a->entry[i]);
        next = wait_for_schema(&schemas, &entry[i], next);
    }
    cut.entry = entry;
    kg_archive_write(&cut, in, true, ret);
    schema_acls_done(&schemas);
}

void kg_pg_restore_cut(const struct kg_archive *a, const bool *keep, bool parallel, struct kg_buf *ret)
{
    if (parallel)
        cut_parallel(a, keep, ret);
    else
        kg_archive_write(a, keep, true, ret);
}

/* ---- running it ---- */

/* The cut archive in memory, as a file: pg_restore -j opens it once a job, which a pipe would not allow. */
static int archive_file(const struct kg_archive *a, const bool *keep, bool parallel, int *ret_fd, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf toc = KG_BUF_INIT((size_t)2 << 30);
    KG_AUTO_CLOSE int fd = memfd_create("keepgres-archive", MFD_CLOEXEC);
    int eno;

    kg_pg_restore_cut(a, keep, parallel, &toc);
    if (kg_buf_ok(&toc, err) < 0)
        return -(int)err->code;
    if (fd < 0)
        return kg_err_sys(err, errno, "make a memory file");
    if ((eno = kg_write_all(fd, toc.p, toc.len)) || (lseek(fd, 0, SEEK_SET) < 0 && (eno = errno)))
        return kg_err_sys(err, eno, "write a memory file");
    *ret_fd = KG_TAKE_FD(fd);
    return 0;
}

/* Collects what the child says until it closes its end. True: the job shall stop. */
static bool listen_to(const struct kg_pg_restore_run *r, int fd, struct kg_pg_restore_said *said)
{
    char block[BLOCK];

    for (;;) {
        int n = poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 500);
        ssize_t got;

        if (kg_events_cancelled(r->ev))
            return true;
        if (n <= 0)
            continue;
        got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        if (said->text.len + (size_t)got <= SAID_MAX)
            kg_buf_add(&said->text, block, (size_t)got);
        else
            said->complete = false;      /* nothing that it passed over is believed then */
    }
}

/* True: the job shall stop. */
static bool wait_for(const struct kg_pg_restore_run *r, pid_t pid, int *ret_status)
{
    struct kg_err late = { 0 };

    while (kg_proc_wait(pid, KG_SECOND / 2, ret_status, &late) < 0) {
        late = (struct kg_err){ 0 };
        if (kg_events_cancelled(r->ev))
            return true;
    }
    return false;
}

static bool anything_to_do(const struct kg_pg_restore_run *r)
{
    for (size_t i = 0; i < r->archive->n_entries; i++)
        if (r->keep[i] && r->archive->entry[i].step != KG_STEP_ALWAYS)
            return true;
    return false;
}

static int run_once(const struct kg_pg_restore_run *r, const bool *keep, unsigned jobs, struct kg_pg_restore_said *ret,
                    struct kg_err *err)
{
    KG_AUTO_CLOSE int in = -1;
    KG_AUTO_CLOSE int out_r = -1;
    char option[24];
    const char *const argv[] = { "pg_restore", "--no-password", jobs > 1 ? option : "-Fc", "/dev/stdin", NULL };
    int pipe_fd[2];
    pid_t pid;

    kg_buf_reset(&ret->text);
    ret->status = 0;
    ret->complete = true;
    ret->parallel = jobs > 1;
    snprintf(option, sizeof option, "--jobs=%u", jobs);
    if (archive_file(r->archive, keep, jobs > 1, &in, err) < 0)
        return -(int)err->code;
    if (pipe2(pipe_fd, O_CLOEXEC) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    out_r = pipe_fd[0];
    if (kg_tool_start(r->tool, r->conn, r->database, argv, in, -1, pipe_fd[1], &pid, err) < 0) {
        close(pipe_fd[1]);
        return -(int)err->code;
    }
    close(pipe_fd[1]);
    if (listen_to(r, out_r, ret) || wait_for(r, pid, &ret->status)) {
        (void)kg_proc_end(pid, 2 * KG_SECOND);
        return kg_err_set(err, KG_E_CANCELLED, "the job was cancelled");
    }
    return 0;
}

static int run_and_judge(const struct kg_pg_restore_run *r, struct kg_pg_restore_said *said, struct kg_err *err)
{
    KG_AUTO_FREE bool *again = kg_xalloc_array(r->archive->n_entries, sizeof *again);
    int ret = run_once(r, r->keep, r->jobs, said, err);

    if (ret == 0 && r->jobs > 1 && kg_pg_restore_again(said, r->archive, r->keep, r->ev, again)) {
        kg_events_log(r->ev, "pg_restore's sessions met in a deadlock: what failed is run once more, one after the other");
        ret = run_once(r, again, 1, said, err);
    }
    return ret < 0 ? ret : kg_pg_restore_judge(said, r->ev, err);
}

int kg_pg_restore_run(const struct kg_pg_restore_run *r, struct kg_err *err)
{
    struct kg_pg_restore_said said = { .text = KG_BUF_INIT(SAID_MAX + 8192) };
    const size_t *n = &said.text.len;
    int ret;

    if (!anything_to_do(r))
        return 0;
    ret = run_and_judge(r, &said, err);
    if (ret < 0 && r->tail && *n)
        kg_buf_add(r->tail, *n > TAIL_MAX ? said.text.p + *n - TAIL_MAX : said.text.p, *n > TAIL_MAX ? TAIL_MAX : *n);
    kg_buf_done(&said.text);
    return ret;
}

bool kg_pg_restore_is_blob(const struct kg_toc_entry *e)
{
    return e->desc && (strcmp(e->desc, "BLOB") == 0 || strcmp(e->desc, "BLOB METADATA") == 0);
}
