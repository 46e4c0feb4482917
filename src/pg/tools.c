#include "pg/tools.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"
#include "sys/proc.h"

enum { TAIL = 64 << 10, VERSION_TIMEOUT = 10 };

/* ---- finding ---- */

/* "pg_dump (PostgreSQL) 15.20 (Debian …)" */
static bool parse_version(const char *said, struct kg_tool *t)
{
    const char *s = strstr(said, "(PostgreSQL) ");
    unsigned major = 0, minor = 0;
    size_t n;

    if (!s)
        return false;
    s += strlen("(PostgreSQL) ");
    if (sscanf(s, "%3u.%4u", &major, &minor) < 1 || major < 9)
        return false;
    n = strspn(s, "0123456789.abcdefghijklmnopqrstuvwxyz");
    snprintf(t->version, sizeof t->version, "%.*s", (int)(n < 39 ? n : 39), s);
    t->version_num = (int)(major * 10000 + minor);
    return true;
}

static bool ask_version(const char *path, struct kg_tool *t)
{
    const char *const argv[] = { path, "--version", NULL };
    const char *const envp[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL };
    struct kg_err err = { 0 };
    char said[256];
    int p[2], status = 0;
    pid_t pid;
    ssize_t n;

    if (pipe2(p, O_CLOEXEC) < 0)
        return false;
    if (kg_proc_spawn(&(struct kg_proc_spec){ argv, envp, -1, p[1], -1, -1 }, &pid, &err) < 0) {
        close(p[0]);
        close(p[1]);
        return false;
    }
    close(p[1]);
    n = kg_read_full(p[0], said, sizeof said - 1);
    close(p[0]);
    if (kg_proc_wait(pid, VERSION_TIMEOUT * KG_SECOND, &status, &err) < 0)
        status = kg_proc_end(pid, 0);
    said[n > 0 ? n : 0] = '\0';
    snprintf(t->path, sizeof t->path, "%s", path);
    return n > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && parse_version(said, t);
}

/* Keeps in best the lowest major that is enough; in newest whatever is the newest, for the message. */
static void consider(const char *dir, const char *program, int at_least, struct kg_tool *best, struct kg_tool *newest)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s", dir, program);
    struct kg_tool t = { 0 };

    if (strlen(path) >= sizeof t.path || access(path, X_OK) < 0 || !ask_version(path, &t))
        return;
    if (t.version_num > newest->version_num)
        *newest = t;
    if (t.version_num / 10000 >= at_least && (!best->version_num || t.version_num < best->version_num))
        *best = t;
}

static void consider_debian(const char *program, int at_least, struct kg_tool *best, struct kg_tool *newest)
{
    static const char root[] = "/usr/lib/postgresql";
    DIR *d = opendir(root);

    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));)
        if (isdigit((unsigned char)e->d_name[0])) {
            KG_AUTO_FREE char *dir = kg_xprintf("%s/%s/bin", root, e->d_name);

            consider(dir, program, at_least, best, newest);
        }
    closedir(d);
}

static void consider_path(const char *program, int at_least, struct kg_tool *best, struct kg_tool *newest)
{
    const char *path = getenv("PATH");

    for (; path && *path; path += strcspn(path, ":"), path += *path == ':') {
        KG_AUTO_FREE char *dir = kg_xstrndup(path, strcspn(path, ":"));

        if (*dir == '/')
            consider(dir, program, at_least, best, newest);
    }
}

int kg_tool_find(const char *program, const char *bin_dir, int at_least, struct kg_tool *ret, struct kg_err *err)
{
    struct kg_tool best = { 0 }, newest = { 0 };

    if (bin_dir && *bin_dir)
        consider(bin_dir, program, at_least, &best, &newest);
    if (!best.version_num)
        consider_debian(program, at_least, &best, &newest);
    if (!best.version_num)
        consider_path(program, at_least, &best, &newest);
    if (best.version_num) {
        *ret = best;
        return 0;
    }
    if (!newest.version_num) {
        kg_err_set(err, KG_E_NO_PROGRAM, "program '%s' is not installed", program);
        kg_err_advise(err, "Install postgresql-client-%d, or set pg_bin_dir in the settings.", at_least);
        return -(int)err->code;
    }
    kg_err_set(err, KG_E_DB_VERSION, "the newest %s here is %s, and PostgreSQL %d needs its own or a newer one", program,
               newest.version, at_least);
    kg_err_advise(err, "Install postgresql-client-%d on this machine, or set pg_bin_dir in the settings.", at_least);
    return -(int)err->code;
}

/* ---- starting ---- */

static void add_escaped(struct kg_buf *b, const char *s, const char *special, bool quote)
{
    if (quote)
        kg_buf_adds(b, "'");
    for (; *s; s++) {
        if (strchr(special, *s))
            kg_buf_adds(b, "\\");
        kg_buf_add(b, s, 1);
    }
    if (quote)
        kg_buf_adds(b, "'");
}

static void add_setting(struct kg_buf *b, const char *key, const char *value)
{
    if (!value)
        return;
    kg_buf_addf(b, "%s%s=", b->len ? " " : "", key);
    add_escaped(b, value, "'\\", true);
}

/* One password-file line for any host, port, database and user; the buffer is wiped by the caller. */
static int password_file(const struct kg_conninfo *c, int *ret_fd, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = memfd_create("keepgres-password", MFD_CLOEXEC);
    size_t n = kg_secret_size(c->password);
    KG_AUTO_SECRET struct kg_secret *line = kg_secret_new(2 * n + 16);
    const uint8_t *pw;
    uint8_t *out;
    size_t k = 8;
    int eno = 0;

    if (fd < 0 || fchmod(fd, 0600) < 0)
        return kg_err_sys(err, errno, "make a memory file");
    pw = kg_secret_open(c->password);
    out = kg_secret_open_write(line);
    memcpy(out, "*:*:*:*:", 8);
    for (size_t i = 0; i < n; i++) {
        if (pw[i] == ':' || pw[i] == '\\')
            out[k++] = '\\';
        out[k++] = pw[i];
    }
    out[k++] = '\n';
    eno = kg_write_all(fd, out, k);
    kg_secret_shut(line);
    kg_secret_shut(c->password);
    if (eno)
        return kg_err_sys(err, eno, "write a memory file");
    *ret_fd = KG_TAKE_FD(fd);
    return 0;
}

int kg_tool_start(const struct kg_tool *t, const struct kg_conninfo *c, const char *database, const char *const *argv,
                  int fd_in, int fd_out, int fd_err, pid_t *ret_pid, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf conn = KG_BUF_INIT(16384);
    KG_AUTO_FREE char *home = kg_xprintf("HOME=%s", getenv("HOME") ? getenv("HOME") : "/");
    const char *const envp[] = { "PATH=/usr/bin:/bin", "LC_MESSAGES=C", "LANG=C.UTF-8", home, "PGCONNECT_TIMEOUT=15",
                                 c->password ? "PGPASSFILE=/proc/self/fd/3" : "PGPASSFILE=/dev/null", NULL };
    KG_AUTO_CLOSE int pass = -1;
    const char *args[32];
    size_t n = 1;

    args[0] = t->path;
    for (const char *const *a = argv + 1; *a && n + 3 < KG_ARRAY_LEN(args); a++)
        args[n++] = *a;
    add_setting(&conn, "host", c->host);
    add_setting(&conn, "port", c->port);
    add_setting(&conn, "dbname", database ? database : c->database);
    add_setting(&conn, "user", c->user);
    add_setting(&conn, "sslmode", c->sslmode);
    add_setting(&conn, "sslrootcert", c->sslrootcert);
    add_setting(&conn, "application_name", "keepgres tool");
    if (kg_buf_ok(&conn, err) < 0 || (c->password && password_file(c, &pass, err) < 0))
        return -(int)err->code;
    args[n++] = "-d";
    args[n++] = conn.p;
    args[n] = NULL;
    return kg_proc_spawn(&(struct kg_proc_spec){ args, envp, fd_in, fd_out, fd_err, pass }, ret_pid, err);
}

/* ---- running to the end ---- */

static void keep_tail(struct kg_buf *b, const char *data, size_t n)
{
    if (b->len + n > TAIL) {
        size_t keep = b->len < TAIL / 2 ? b->len : TAIL / 2;

        memmove(b->p, b->p + b->len - keep, keep);
        kg_buf_cut(b, keep);
    }
    kg_buf_add(b, data, n);
}

/* Takes what both descriptors give until both are at their end; false when the job shall stop. */
static bool collect(const struct kg_tool_run *r, int out, int errfd, struct kg_buf *tail)
{
    struct pollfd p[2] = { { .fd = out, .events = POLLIN }, { .fd = errfd, .events = POLLIN } };
    char block[16384];

    while (p[0].fd >= 0 || p[1].fd >= 0) {
        int n = poll(p, 2, 500);

        if (r->cancelled && r->cancelled(r->cancel_ctx))
            return false;
        for (int i = 0; n > 0 && i < 2; i++) {
            ssize_t got;

            if (p[i].fd < 0 || !p[i].revents)
                continue;
            got = read(p[i].fd, block, sizeof block);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                p[i].fd = -1;
            else if (i == 1)
                keep_tail(tail, block, (size_t)got < TAIL / 2 ? (size_t)got : TAIL / 2);
            else if (r->out)
                kg_buf_add(r->out, block, (size_t)got);
        }
    }
    return true;
}

static const char *last_line(struct kg_buf *tail)
{
    char *s;

    while (tail->len && (tail->p[tail->len - 1] == '\n' || tail->p[tail->len - 1] == ' '))
        kg_buf_cut(tail, tail->len - 1);
    s = tail->len ? strrchr(tail->p, '\n') : NULL;
    return s ? s + 1 : tail->p;
}

int kg_tool_run(const struct kg_tool_run *r, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf own = KG_BUF_INIT(2 * TAIL);
    struct kg_buf *tail = r->err_tail ? r->err_tail : &own;
    KG_AUTO_CLOSE int out = -1;
    KG_AUTO_CLOSE int errfd = -1;
    int po[2], pe[2], status = 0, started;
    char how[48];
    pid_t pid;

    if (pipe2(po, O_CLOEXEC) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    out = po[0];
    if (pipe2(pe, O_CLOEXEC) < 0) {
        close(po[1]);
        return kg_err_sys(err, errno, "make a pipe");
    }
    errfd = pe[0];
    started = kg_tool_start(r->tool, r->conn, r->database, r->argv, -1, po[1], pe[1], &pid, err);
    close(po[1]);
    close(pe[1]);
    if (started < 0)
        return started;
    if (!collect(r, out, errfd, tail)) {
        (void)kg_proc_end(pid, 2 * KG_SECOND);
        return kg_err_set(err, KG_E_CANCELLED, "the job was cancelled");
    }
    if (kg_proc_wait(pid, -1, &status, err) < 0)
        return -(int)err->code;
    if (status != 0)
        return kg_err_set(err, r->fail_code, "%s %s: %.300s", r->argv[0], kg_proc_status_text(status, how), last_line(tail));
    return r->out ? kg_buf_ok(r->out, err) : 0;
}
