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
#include "sys/fd.h"
#include "sys/proc.h"

enum { SAID_MAX = 4 << 20, BLOCK = 4096, WARNINGS_MAX = 20, BLOBS_A_STATEMENT = 1000 };

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

/* ---- what pg_restore said ---- */

/* Failures that leave the data as it was backed up: the object stays with the restoring user. */
static const char *const harmless[] = {
    "must be member of role",
    "must be able to SET ROLE",
    "must be owner of extension plpgsql",
    "unrecognized configuration parameter \"transaction_timeout\"",
};

static bool is_harmless(const char *line, size_t n)
{
    KG_AUTO_FREE char *s = kg_xstrndup(line, n);
    const char *role = strstr(s, "ERROR:  role \"");

    if (role && strstr(role, "\" does not exist"))
        return true;
    for (size_t i = 0; i < KG_ARRAY_LEN(harmless); i++)
        if (strstr(s, harmless[i]))
            return true;
    return false;
}

/* Walks the lines that report an error: *ret_bad is the first that matters. Returns how many do not. */
static unsigned sort_errors(const struct kg_pg_restore_run *r, const char *said, const char **ret_bad, size_t *ret_bad_n)
{
    static const char mark[] = "pg_restore: error: ";
    unsigned n = 0;

    for (const char *s = said; (s = strstr(s, mark)); s++) {
        size_t len = strcspn(s, "\n");
        struct kg_err w = { 0 };

        if (!is_harmless(s, len)) {
            if (!*ret_bad) {
                *ret_bad = s;
                *ret_bad_n = len;
            }
            continue;
        }
        if (n++ >= WARNINGS_MAX)
            continue;
        kg_err_set(&w, KG_E_RESTORE_FAILED, "%.*s", (int)(len - strlen(mark)), s + strlen(mark));
        kg_err_advise(&w, "Create the role, then set owner and privileges yourself, or restore again.");
        kg_events_warn(r->ev, &w);
    }
    return n;
}

static int judge(const struct kg_pg_restore_run *r, int status, const struct kg_buf *said, struct kg_err *err)
{
    const char *bad = NULL;
    size_t bad_n = 0;
    unsigned ignored = sort_errors(r, said->p, &bad, &bad_n);
    char how[48];

    /* pg_restore exits with 1 when it has ignored errors, and then says how many. */
    if (status == 0 || (!bad && ignored && said->len < SAID_MAX - BLOCK && WIFEXITED(status) && WEXITSTATUS(status) == 1))
        return 0;
    if (r->tail)
        kg_buf_add(r->tail, said->len > 4000 ? said->p + said->len - 4000 : said->p, said->len > 4000 ? 4000 : said->len);
    if (bad)
        return kg_err_set(err, KG_E_RESTORE_FAILED, "%.*s", (int)(bad_n > 500 ? 500 : bad_n), bad);
    return kg_err_set(err, KG_E_RESTORE_FAILED, "pg_restore %s: %.300s", kg_proc_status_text(status, how),
                      said->len > 300 ? said->p + said->len - 300 : said->p);
}

/* ---- running it ---- */

/* The cut archive in memory, as a file: pg_restore -j opens it once a job, which a pipe would not allow. */
static int archive_file(const struct kg_pg_restore_run *r, int *ret_fd, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf toc = KG_BUF_INIT((size_t)2 << 30);
    KG_AUTO_CLOSE int fd = memfd_create("keepgres-archive", MFD_CLOEXEC);
    int eno;

    kg_archive_write(r->archive, r->keep, true, &toc);
    if (kg_buf_ok(&toc, err) < 0)
        return -(int)err->code;
    if (fd < 0)
        return kg_err_sys(err, errno, "make a memory file");
    if ((eno = kg_write_all(fd, toc.p, toc.len)) || (lseek(fd, 0, SEEK_SET) < 0 && (eno = errno)))
        return kg_err_sys(err, eno, "write a memory file");
    *ret_fd = KG_TAKE_FD(fd);
    return 0;
}

/* Collects what the child says until it closes its end; true in *ret_cancelled when the job shall stop. */
static void listen_to(const struct kg_pg_restore_run *r, int fd, struct kg_buf *said, bool *ret_cancelled)
{
    char block[BLOCK];

    for (;;) {
        int n = poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 500);
        ssize_t got;

        if (kg_events_cancelled(r->ev)) {
            *ret_cancelled = true;
            return;
        }
        if (n <= 0)
            continue;
        got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        if (said->len + (size_t)got <= SAID_MAX) /* beyond that nothing is believed, see judge() */
            kg_buf_add(said, block, (size_t)got);
    }
}

static bool anything_to_do(const struct kg_pg_restore_run *r)
{
    for (size_t i = 0; i < r->archive->n_entries; i++)
        if (r->keep[i] && r->archive->entry[i].step != KG_STEP_ALWAYS)
            return true;
    return false;
}

int kg_pg_restore_run(const struct kg_pg_restore_run *r, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf said = KG_BUF_INIT(SAID_MAX + 8192);
    KG_AUTO_CLOSE int in = -1;
    KG_AUTO_CLOSE int out_r = -1;
    char jobs[16];
    const char *const argv[] = { "pg_restore", "--no-password", r->jobs > 1 ? jobs : "-Fc", "/dev/stdin", NULL };
    int pipe_fd[2], status = 0;
    bool cancelled = false;
    pid_t pid;

    if (!anything_to_do(r))
        return 0;
    snprintf(jobs, sizeof jobs, "--jobs=%u", r->jobs);
    if (archive_file(r, &in, err) < 0)
        return -(int)err->code;
    if (pipe2(pipe_fd, O_CLOEXEC) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    out_r = pipe_fd[0];
    if (kg_tool_start(r->tool, r->conn, r->database, argv, in, -1, pipe_fd[1], &pid, err) < 0) {
        close(pipe_fd[1]);
        return -(int)err->code;
    }
    close(pipe_fd[1]);
    listen_to(r, out_r, &said, &cancelled);
    if (cancelled) {
        (void)kg_proc_end(pid, 2 * KG_SECOND);
        return kg_err_set(err, KG_E_CANCELLED, "the job was cancelled");
    }
    if (kg_proc_wait(pid, -1, &status, err) < 0)
        return -(int)err->code;
    return judge(r, status, &said, err);
}

/* ---- large objects ---- */

bool kg_pg_restore_is_blob(const struct kg_toc_entry *e)
{
    return e->desc && (strcmp(e->desc, "BLOB") == 0 || strcmp(e->desc, "BLOB METADATA") == 0);
}

struct blob_list { uint32_t *oid; const char **owner; size_t n, cap, owner_cap; };

static void add_blob(struct blob_list *l, const char *oid, const char *owner)
{
    size_t n = l->n;

    KG_GROW(l->oid, l->n, l->cap);
    KG_GROW(l->owner, n, l->owner_cap);
    for (l->oid[l->n] = 0; *oid >= '0' && *oid <= '9'; oid++)
        l->oid[l->n] = l->oid[l->n] * 10 + (uint32_t)(*oid - '0');
    l->owner[l->n++] = owner && *owner ? owner : NULL;
}

/* Up to archive 1.15 an entry an object, named by its oid; since then groups with a list of oids, one a line. */
static void list_blobs(const struct kg_archive *a, const bool *keep, struct blob_list *l)
{
    for (size_t i = 0; i < a->n_entries; i++) {
        const struct kg_toc_entry *e = &a->entry[i];

        if (!keep[i] || !e->desc)
            continue;
        if (strcmp(e->desc, "BLOB") == 0 && e->tag) {
            add_blob(l, e->tag, e->owner);
        } else if (strcmp(e->desc, "BLOB METADATA") == 0 && e->defn) {
            for (const char *s = e->defn; *s; s += strcspn(s, "\n"), s += *s == '\n')
                if (*s >= '0' && *s <= '9')
                    add_blob(l, s, e->owner);
        }
    }
}

static int create_some(struct kg_session *s, const struct blob_list *l, size_t from, size_t to, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf sql = KG_BUF_INIT(1u << 20);

    kg_buf_adds(&sql, "SELECT pg_catalog.count(pg_catalog.lo_create(o)) FROM pg_catalog.unnest('{");
    for (size_t i = from; i < to; i++)
        kg_buf_addf(&sql, "%s%u", i > from ? "," : "", l->oid[i]);
    kg_buf_adds(&sql, "}'::pg_catalog.oid[]) o");
    if (kg_buf_ok(&sql, err) < 0)
        return -(int)err->code;
    return kg_session_run(s, sql.p, err);
}

static int own_some(struct kg_session *s, const struct blob_list *l, size_t from, size_t to, const char *me, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf sql = KG_BUF_INIT(1u << 20);

    for (size_t i = from; i < to; i++) {
        KG_AUTO_FREE char *role = l->owner[i] ? kg_quote_ident(l->owner[i]) : NULL;

        if (role && strcmp(l->owner[i], me) != 0)
            kg_buf_addf(&sql, "ALTER LARGE OBJECT %u OWNER TO %s;", l->oid[i], role);
    }
    if (kg_buf_ok(&sql, err) < 0)
        return -(int)err->code;
    return sql.len ? kg_session_run(s, sql.p, err) : 0;
}

/* Owners in bulk; where a role is missing the objects stay with the restoring user, and that is said once. */
static int own_blobs(struct kg_session *s, const struct blob_list *l, size_t from, size_t to, const char *me,
                     const struct kg_events *ev, struct kg_err *err)
{
    struct kg_err soft = { 0 };

    if (kg_session_run(s, "SAVEPOINT keepgres_owner", err) < 0)
        return -(int)err->code;
    if (own_some(s, l, from, to, me, &soft) == 0)
        return kg_session_run(s, "RELEASE SAVEPOINT keepgres_owner", err);
    if (soft.code == KG_E_DB_CLOSED || soft.code == KG_E_CANCELLED) {
        *err = soft;
        return -(int)err->code;
    }
    kg_err_wrap(&soft, "large objects %u to %u stay with user '%s'", l->oid[from], l->oid[to - 1], me);
    kg_events_warn(ev, &soft);
    return kg_session_run(s, "ROLLBACK TO SAVEPOINT keepgres_owner", err);
}

int kg_pg_restore_make_blobs(struct kg_session *s, const struct kg_archive *a, const bool *keep, const struct kg_events *ev,
                             struct kg_err *err)
{
    struct blob_list l = { 0 };
    KG_CLEANUP(kg_rows_freep) struct kg_rows *me = NULL;
    int r = kg_session_query(s, "SELECT current_user", 0, NULL, &me, err);

    list_blobs(a, keep, &l);
    for (size_t from = 0; r == 0 && from < l.n; from += BLOBS_A_STATEMENT) {
        size_t to = from + BLOBS_A_STATEMENT < l.n ? from + BLOBS_A_STATEMENT : l.n;

        if ((r = create_some(s, &l, from, to, err)) == 0)
            r = own_blobs(s, &l, from, to, kg_rows_get(me, 0, 0), ev, err);
    }
    free(l.oid);
    free(l.owner);
    return r;
}
