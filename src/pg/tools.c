/* pg/tools.c - PostgreSQL's programs: which one, with what environment, and running it. */
#include "pg/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/time.h"
#include "pg/internal.h"
#include "sys/fd.h"
#include "sys/proc.h"

enum { MAJOR_MIN = 9, MAJOR_MAX = 49, VERSION_MAX = 4096 };
#define ANSWER_TIME (5 * KG_SECOND)      /* for --version */

/* Where distributions put the programs of one major version: Debian and Ubuntu; Red Hat and SUSE. */
static const char *const folders[] = { "/usr/lib/postgresql/%d/bin", "/usr/pgsql-%d/bin", "/usr/lib/postgresql%d/bin" };

/* ---- finding ---- */

/* "pg_dump (PostgreSQL) 15.20 (Debian …)", "… 17beta1", "… 9.6.24" */
static bool parse_version(const char *text, struct kg_tool *t)
{
    const char *p = strstr(text, ") ");
    unsigned major = 0, minor = 0;
    size_t n = 0;

    if (!p)
        return false;
    for (p += 2; p[n] >= '0' && p[n] <= '9' && n < 3; n++)
        major = major * 10 + (unsigned)(p[n] - '0');
    if (n == 0 || n == 3)
        return false;
    if (p[n] == '.')
        for (n++; p[n] >= '0' && p[n] <= '9' && minor < 1000; n++)
            minor = minor * 10 + (unsigned)(p[n] - '0');
    n = strcspn(p, " \n");
    KG_AUTO_FREE char *word = kg_xstrndup(p, n);
    kg_text_copy(t->version, sizeof t->version, word);
    t->version_num = (int)(major * 10000 + minor);
    return true;
}

/* What comes from fd up to its end, or until the deadline; bytes read, or -1. */
static ssize_t read_until(int fd, char *text, size_t size, kg_usec deadline)
{
    size_t n = 0;

    while (n < size) {
        kg_usec left = deadline - kg_now_mono();
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t got;

        if (left <= 0 || poll(&p, 1, (int)(left / 1000) + 1) == 0)
            return -1;
        got = read(fd, text + n, size - n);
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return -1;
        if (got == 0)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)n;
}

/* *ret_silent: it runs and does not answer. */
static bool ask_version(struct kg_tool *t, bool *ret_silent)
{
    const kg_usec deadline = kg_now_mono() + ANSWER_TIME;
    const char *const argv[] = { t->path, "--version", NULL };
    const char *const envp[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL };
    KG_AUTO_CLOSE int in = -1;
    char text[VERSION_MAX];
    struct kg_err err = { 0 };
    int fds[2], status = -1;
    ssize_t n;
    pid_t pid;

    if (access(t->path, X_OK) < 0 || pipe2(fds, O_CLOEXEC) < 0)
        return false;
    in = fds[0];
    if (kg_proc_spawn(&(struct kg_proc_spec){ .argv = argv, .envp = envp, .fd_in = -1, .fd_out = fds[1], .fd_err = -1 }, &pid,
                      &err) < 0) {
        close(fds[1]);
        return false;
    }
    close(fds[1]);
    n = read_until(in, text, sizeof text - 1, deadline);
    if (n < 0 || kg_proc_wait(pid, deadline > kg_now_mono() ? deadline - kg_now_mono() : 0, &status, &err) < 0) {
        *ret_silent = kg_now_mono() >= deadline;
        status = kg_proc_end(pid, 0);
        return false;
    }
    if (status != 0)
        return false;
    text[n] = '\0';
    return parse_version(text, t);
}

/* Debian's /usr/bin/pg_dump is a script that picks a version by its own rules and starts slowly. */
static bool is_wrapper(const char *path)
{
    char real[PATH_MAX];
    const char *name;

    if (!realpath(path, real))
        return false;
    name = strrchr(real, '/');
    return name && strcmp(name, "/pg_wrapper") == 0;
}

struct search {
    const char *program;
    int at_least;
    struct kg_tool *ret;
    struct kg_tool newest;       /* of those that are too old */
    char silent[sizeof((struct kg_tool *)0)->path]; /* the first that did not answer */
};

/* True when the program in that folder will do. */
static bool try_folder(struct search *s, const char *folder, size_t n)
{
    struct kg_tool t = { 0 };
    KG_AUTO_FREE char *path = kg_xprintf("%.*s/%s", (int)n, folder, s->program);
    bool silent = false;

    if (!n || strlen(path) >= sizeof t.path || is_wrapper(path))
        return false;
    kg_text_copy(t.path, sizeof t.path, path);
    if (!ask_version(&t, &silent)) {
        if (silent && !*s->silent)
            kg_text_copy(s->silent, sizeof s->silent, path);
        return false;
    }
    if (t.version_num / 10000 >= s->at_least) {
        *s->ret = t;
        return true;
    }
    if (t.version_num > s->newest.version_num)
        s->newest = t;
    return false;
}

static bool try_major(struct search *s, int major)
{
    char folder[64];

    for (size_t i = 0; i < KG_ARRAY_LEN(folders); i++) {
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(sizeof folder);
        const char *at = strstr(folders[i], "%d");

        kg_buf_add(&b, folders[i], (size_t)(at - folders[i]));
        kg_buf_addf(&b, "%d%s", major, at + 2);
        if (try_folder(s, b.p, b.len))
            return true;
    }
    return false;
}

static bool try_path(struct search *s)
{
    const char *p = getenv("PATH");

    while (p && *p) {
        size_t n = strcspn(p, ":");

        if (*p == '/' && try_folder(s, p, n))
            return true;
        p += n + (p[n] == ':');
    }
    return false;
}

int kg_tool_find(const char *program, const char *bin_dir, int at_least, struct kg_tool *ret, struct kg_err *err)
{
    struct search s = { .program = program, .at_least = at_least, .ret = ret };

    if (bin_dir && *bin_dir && try_folder(&s, bin_dir, strlen(bin_dir)))
        return 0;
    for (int major = at_least > MAJOR_MIN ? at_least : MAJOR_MIN; major <= MAJOR_MAX; major++)
        if (try_major(&s, major))
            return 0;
    if (try_path(&s))
        return 0;
    if (*s.silent) {
        kg_err_set(err, KG_E_TIMEOUT, "'%s --version' did not answer within %d seconds", s.silent, (int)(ANSWER_TIME / KG_SECOND));
        kg_err_advise(err, "Run it by hand to see what it waits for, or set pg_bin_dir in the settings to another folder.");
        return -(int)err->code;
    }
    for (int major = MAJOR_MIN; major < at_least; major++) /* only for the message */
        (void)try_major(&s, major);
    if (s.newest.version_num)
        kg_err_set(err, KG_E_DB_VERSION, "the newest %s here is %s, and version %d is needed", program, s.newest.version,
                   at_least);
    else
        kg_err_set(err, KG_E_NO_PROGRAM, "program '%s' of PostgreSQL %d or newer is not installed", program, at_least);
    kg_err_advise(err, "Install the package postgresql-client-%d (or a newer one), or set pg_bin_dir in the settings to the "
                  "folder that has it.", at_least);
    return -(int)err->code;
}

/* ---- the password file ---- */

/* One line of libpq's password file; ':' and '\' are escaped. Wildcards will do: the file is for one child. */
static int passfile_text(const struct kg_conninfo *c, struct kg_secret **ret, struct kg_err *err)
{
    const char *user = c->user && *c->user ? c->user : "*";
    size_t n = kg_secret_size(c->password), at = 0;
    const char *pw = (const char *)kg_secret_open(c->password);
    struct kg_secret *text = NULL;
    int r = 0;

    if (memchr(pw, '\n', n) || memchr(pw, '\0', n) || (n && pw[n - 1] == '\r') || strchr(user, '\n')) {
        r = kg_err_set(err, KG_E_SECRET_FORMAT, "the user or password has a line break, which %s cannot take", "pg_dump");
        kg_err_advise(err, "Choose a password without line breaks.");
    } else {
        text = kg_secret_new(2 * (n + strlen(user)) + 16);
        char *out = (char *)kg_secret_open_write(text);
        const bool any = strcmp(user, "*") == 0;

        memcpy(out, "*:*:*:", 6);
        at = 6;
        for (const char *p = user; *p; p++) {
            if (!any && (*p == ':' || *p == '\\' || *p == '*'))
                out[at++] = '\\';
            out[at++] = *p;
        }
        out[at++] = ':';
        for (size_t i = 0; i < n; i++) {
            if (pw[i] == ':' || pw[i] == '\\')
                out[at++] = '\\';
            out[at++] = pw[i];
        }
        out[at] = '\n';
        kg_secret_shut(text);
    }
    kg_secret_shut(c->password);
    if (r == 0)
        *ret = text;
    return r;
}

static int passfile(const struct kg_conninfo *c, int *ret_fd, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *text = NULL;
    KG_AUTO_CLOSE int fd = -1;
    const char *p;
    int eno = 0;

    if (passfile_text(c, &text, err) < 0)
        return -(int)err->code;
    fd = memfd_create("keepgres", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || fchmod(fd, 0600) < 0)
        return kg_err_sys(err, errno, "make a memory file");
    p = (const char *)kg_secret_open(text);
    eno = kg_write_all(fd, p, strlen(p));
    kg_secret_shut(text);
    if (eno || (lseek(fd, 0, SEEK_SET) < 0 && (eno = errno)))
        return kg_err_sys(err, eno, "write a memory file");
    (void)fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    *ret_fd = KG_TAKE_FD(fd);
    return 0;
}

/* ---- starting ---- */

static void add_option(struct kg_buf *b, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    kg_buf_addf(b, "%s%s='", b->len ? " " : "", key);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            kg_buf_adds(b, "\\");
        kg_buf_add(b, value, 1);
    }
    kg_buf_adds(b, "'");
}

static char *conninfo_text(const struct kg_tool *t, const struct kg_conninfo *c, const char *database)
{
    struct kg_buf b = KG_BUF_INIT(256 << 10);
    const char *name = strrchr(t->path, '/');
    KG_AUTO_FREE char *app = kg_xprintf("keepgres %s%s%s", name ? name + 1 : t->path, *t->session ? " " : "", t->session);

    add_option(&b, "host", c->host);
    add_option(&b, "port", c->port);
    add_option(&b, "user", c->user);
    add_option(&b, "dbname", database ? database : c->database);
    add_option(&b, "sslmode", c->sslmode);
    add_option(&b, "sslrootcert", c->sslrootcert);
    add_option(&b, "application_name", app);
    add_option(&b, "connect_timeout", "20");
    add_option(&b, "keepalives_idle", "30");
    return kg_buf_take(&b);
}

/* The child sees these of ours, so that it resolves what the connection string leaves open as libpq does in here. */
static const char *const inherited[] = { "PATH", "HOME", "TZ", "PGHOST", "PGPORT", "PGUSER", "PGSSLMODE", "PGSSLROOTCERT",
                                         "PGSSLCERT", "PGSSLKEY", "PGSSLCRL", "PGKRBSRVNAME", "PGGSSENCMODE",
                                         "PGREQUIREPEER", "PGSYSCONFDIR" };

struct environment {
    char *text[KG_ARRAY_LEN(inherited) + 4];
    size_t n;
};

static void environment_done(struct environment *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->text[i]);
}

static void make_environment(struct environment *e, bool with_passfile)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(inherited); i++) {
        const char *v = getenv(inherited[i]);

        if (v)
            e->text[e->n++] = kg_xprintf("%s=%s", inherited[i], v);
    }
    e->text[e->n++] = kg_xstrdup("LC_MESSAGES=C");
    if (with_passfile)
        e->text[e->n++] = kg_xstrdup("PGPASSFILE=/proc/self/fd/3");
}

int kg_tool_start(const struct kg_tool *t, const struct kg_conninfo *c, const char *database, const char *const *argv,
                  int fd_in, int fd_out, int fd_err, pid_t *ret_pid, struct kg_err *err)
{
    KG_AUTO_FREE char *conninfo = conninfo_text(t, c, database);
    KG_CLEANUP(environment_done) struct environment env = { 0 };
    KG_AUTO_FREE const char **args = NULL;
    KG_AUTO_CLOSE int pass = -1;
    size_t n = 0;

    while (argv[n])
        n++;
    args = kg_xalloc_array(n + 3, sizeof *args);
    memcpy(args, argv, n * sizeof *args);
    args[0] = t->path;
    args[n] = "-d";
    args[n + 1] = conninfo;
    if (c->password && passfile(c, &pass, err) < 0)
        return -(int)err->code;
    make_environment(&env, pass >= 0);
    return kg_proc_spawn(&(struct kg_proc_spec){ .argv = args, .envp = (const char *const *)env.text, .fd_in = fd_in,
                                                 .fd_out = fd_out, .fd_err = fd_err, .fd_pass = pass, .ends_with_us = true }, ret_pid, err);
}

/* ---- running to the end ---- */

struct running {
    const struct kg_tool_run *r;
    pid_t pid;
    int out, err_fd;             /* our ends; -1 when not open */
    struct kg_buf said;
};

static bool shall_stop(const struct running *x)
{
    return x->r->cancelled && x->r->cancelled(x->r->cancel_ctx);
}

/* Takes one block from fd; false at its end. */
static bool take_block(struct running *x, int fd, struct kg_err *err)
{
    char block[65536];
    ssize_t n = read(fd, block, sizeof block);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0)
        return false;
    if (fd == x->err_fd)
        kg_said_add(&x->said, block, (size_t)n);
    else
        kg_buf_add(x->r->out, block, (size_t)n);
    return fd == x->err_fd || kg_buf_ok(x->r->out, err) == 0;
}

/* Reads both pipes until they end. True: the child has to be stopped. */
static bool listen_both(struct running *x, struct kg_err *err)
{
    while (x->out >= 0 || x->err_fd >= 0) {
        struct pollfd p[2] = { { .fd = x->out, .events = POLLIN }, { .fd = x->err_fd, .events = POLLIN } };
        int n = poll(p, 2, 500);

        if (shall_stop(x))
            return true;
        for (int i = 0; n > 0 && i < 2; i++) {
            if (!p[i].revents || take_block(x, p[i].fd, err))
                continue;
            if (err->code != KG_E_OK)
                return true;
            kg_closep(&p[i].fd);
            *(i ? &x->err_fd : &x->out) = -1;
        }
    }
    return false;
}

static int wait_child(struct running *x)
{
    struct kg_err e = { 0 };
    int status = 0;

    while (kg_proc_wait(x->pid, KG_SECOND / 2, &status, &e) < 0) {
        e = (struct kg_err){ 0 };
        if (shall_stop(x))
            return kg_proc_end(x->pid, 2 * KG_SECOND);
    }
    return status;
}

static int judge(const struct running *x, int status, struct kg_err *err)
{
    const struct kg_tool_run *r = x->r;
    const char *name = strrchr(r->tool->path, '/'), *advice;
    char how[48], line[400];
    enum kg_code code;

    name = name ? name + 1 : r->tool->path;
    if (err->code != KG_E_OK)
        return kg_err_wrap(err, "read what %s writes", name);
    if (shall_stop(x))
        return kg_err_set(err, KG_E_CANCELLED, "%s was stopped because the job was cancelled", name);
    if (status == 0)
        return 0;
    kg_said_last_line(&x->said, line, sizeof line);
    code = kg_pg_code_of_text(x->said.p, r->fail_code, &advice);
    kg_err_set(err, code, "%s %s: %s", name, kg_proc_status_text(status, how), *line ? line : "it said nothing");
    if (advice)
        kg_err_advise(err, "%s", advice);
    return -(int)code;
}

/* ours: both ends that we read; ret: the child's, -1 for /dev/null. */
static int make_pipes(struct running *x, int ret[2], struct kg_err *err)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    x->err_fd = fds[0];
    ret[1] = fds[1];
    if (!x->r->out)
        return 0;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return kg_err_sys(err, errno, "make a pipe");
    x->out = fds[0];
    ret[0] = fds[1];
    return 0;
}

int kg_tool_run(const struct kg_tool_run *r, struct kg_err *err)
{
    struct running x = { .r = r, .out = -1, .err_fd = -1, .said = KG_BUF_INIT(2 * KG_SAID_MAX) };
    int child[2] = { -1, -1 }, status;
    int ret = make_pipes(&x, child, err);

    if (ret == 0)
        ret = kg_tool_start(r->tool, r->conn, r->database, r->argv, -1, child[0], child[1], &x.pid, err);
    kg_closep(&child[0]);
    kg_closep(&child[1]);
    if (ret == 0) {
        status = listen_both(&x, err) ? kg_proc_end(x.pid, 2 * KG_SECOND) : wait_child(&x);
        ret = judge(&x, status, err);
    }
    kg_said_copy(&x.said, r->err_tail);
    kg_closep(&x.out);
    kg_closep(&x.err_fd);
    kg_buf_done(&x.said);
    return ret;
}
