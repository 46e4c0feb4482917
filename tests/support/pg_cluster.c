#include "support/pg_cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"
#include "sys/proc.h"

enum { CLUSTERS_MAX = 8 };
static struct pg_cluster *running[CLUSTERS_MAX];
static char corpus_tree[64], corpus_bin[96];

/* Runs argv to its end with the caller's environment; its output goes to ret_out. The exit code, -1 on any trouble. */
static int run(const char *const *argv, const char *const *envp, struct kg_buf *ret_out)
{
    struct kg_err err = { 0 };
    int fds[2] = { -1, -1 }, status = -1;
    char block[65536];
    ssize_t n;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    if (kg_proc_spawn(&(struct kg_proc_spec){ .argv = argv, .envp = envp, .fd_in = -1, .fd_out = fds[1], .fd_err = 2 }, &pid,
                      &err) < 0) {
        fprintf(stderr, "# %s\n", err.msg);
        close(fds[0]);
        close(fds[1]);
        return -1;
    }
    close(fds[1]);
    while ((n = read(fds[0], block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && ret_out)
            kg_buf_add(ret_out, block, (size_t)n);
    close(fds[0]);
    if (kg_proc_wait(pid, -1, &status, &err) < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int script(const struct pg_cluster *c, const char *verb, const char *bin, const char *const *settings,
                  struct kg_buf *ret_out)
{
    const char *argv[32] = { "tests/support/pg_cluster.sh", verb, c->dir };
    size_t n = 3;

    if (bin)
        argv[n++] = bin;
    for (; settings && *settings && n + 1 < KG_ARRAY_LEN(argv); settings++)
        argv[n++] = *settings;
    return run(argv, (const char *const *)environ, ret_out);
}

static void stop_all(void)
{
    for (size_t i = 0; i < CLUSTERS_MAX; i++)
        pg_cluster_stop(running[i]);
    if (*corpus_tree) {
        const char *const argv[] = { "rm", "-rf", corpus_tree, NULL };

        (void)run(argv, (const char *const *)environ, NULL);
    }
}

static void clean_at_exit(void)
{
    static bool once;

    if (!once)
        atexit(stop_all);
    once = true;
}

/* "KEY=value\n" */
static void take(const char *text, const char *key, char *out, size_t size)
{
    const char *p = strstr(text, key);

    out[0] = '\0';
    if (p)
        snprintf(out, size, "%.*s", (int)strcspn(p + strlen(key), "\n"), p + strlen(key));
}

static const char *tmp(void) { return getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp"; }

struct pg_cluster *pg_cluster_start(const char *bin_dir, const char *const *settings)
{
    struct pg_cluster *c = kg_xalloc(sizeof *c);
    KG_AUTO_BUF struct kg_buf out = KG_BUF_INIT(65536);
    KG_AUTO_BUF struct kg_buf bin = KG_BUF_INIT(4096);
    KG_AUTO_FREE char *bin_file = NULL;
    struct kg_err err = { 0 };
    size_t slot = 0;

    clean_at_exit();
    while (slot < CLUSTERS_MAX && running[slot])
        slot++;
    snprintf(c->dir, sizeof c->dir, "%s/kg-pg-XXXXXX", tmp());
    if (slot == CLUSTERS_MAX || !mkdtemp(c->dir) || chmod(c->dir, 0711) < 0 ||
        script(c, "start", bin_dir, settings, &out) != 0) {
        fprintf(stderr, "# no PostgreSQL in %s\n", c->dir);
        (void)script(c, "stop", NULL, NULL, NULL);
        free(c);
        return NULL;
    }
    running[slot] = c;
    take(out.p, "PGHOST=", c->host, sizeof c->host);
    take(out.p, "PGPORT=", c->port, sizeof c->port);
    bin_file = kg_xprintf("%s/bin", c->dir);
    if (kg_read_file(AT_FDCWD, bin_file, &bin, &err) == 0)
        snprintf(c->bin, sizeof c->bin, "%.*s", (int)strcspn(bin.p, "\n"), bin.p);
    c->conn = (struct kg_conninfo){ .host = kg_xstrdup(c->host), .port = kg_xstrdup(c->port),
                                    .database = kg_xstrdup("postgres"), .user = kg_xstrdup("postgres") };
    return c;
}

void pg_cluster_stop(struct pg_cluster *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < CLUSTERS_MAX; i++)
        if (running[i] == c)
            running[i] = NULL;
    (void)script(c, "stop", NULL, NULL, NULL);
    kg_conninfo_done(&c->conn);
    free(c);
}

void pg_cluster_restart(struct pg_cluster *c)
{
    KG_AUTO_FREE char *data = kg_xprintf("%s/data", c->dir);
    KG_AUTO_FREE char *ctl = kg_xprintf("%s/pg_ctl", c->bin);
    const char *const as_user[] = { "runuser", "-u", "postgres", "--", ctl, "-D", data, "-s", "-w", "-m", "immediate", "stop", NULL };

    (void)run(geteuid() == 0 ? as_user : as_user + 4, (const char *const *)environ, NULL);
    (void)script(c, "restart", NULL, NULL, NULL);
}

int pg_cluster_run(struct pg_cluster *c, const char *const *args, struct kg_buf *ret_out)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s", c->bin, args[0]);
    KG_AUTO_FREE char *host = kg_xprintf("PGHOST=%s", c->host);
    KG_AUTO_FREE char *port = kg_xprintf("PGPORT=%s", c->port);
    const char *const envp[] = { host, port, "PGUSER=postgres", "PGCLIENTENCODING=UTF8", "PATH=/usr/bin:/bin", "HOME=/", "LC_ALL=C", NULL };
    const char *argv[32] = { path };

    /* A server without client programs (a package of another major): those of the machine will do. */
    if (access(path, X_OK) < 0)
        argv[0] = args[0];
    for (size_t i = 1; args[i] && i + 1 < KG_ARRAY_LEN(argv); i++)
        argv[i] = args[i];
    return run(argv, envp, ret_out);
}

int pg_cluster_file(struct pg_cluster *c, const char *database, const char *file)
{
    const char *const args[] = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", database, "-f", file, NULL };

    return pg_cluster_run(c, args, NULL);
}

int pg_cluster_sql(struct pg_cluster *c, const char *database, const char *sql)
{
    const char *const args[] = { "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d", database, "-c", sql, NULL };

    return pg_cluster_run(c, args, NULL);
}

struct kg_conninfo pg_cluster_login(const struct pg_cluster *c, const char *database, const char *user, const char *password)
{
    return (struct kg_conninfo){ .host = kg_xstrdup("127.0.0.1"), .port = kg_xstrdup(c->port), .user = kg_xstrdup(user),
                                 .database = kg_xstrdup(database),
                                 .password = password ? kg_secret_new_copy(password, strlen(password)) : NULL };
}

const char *pg_cluster_corpus_bin(void)
{
    static const char newest[] = "b=''; for d in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin; do [ ! -x $d/initdb ] || b=$d; done;"
                                 " [ -n \"$b\" ] || b=$(dirname \"$(command -v initdb)\");"
                                 " exec tests/support/pg_tree.sh \"$b\" \"$0\"";
    const char *const argv[] = { "sh", "-c", newest, corpus_tree, NULL };
    KG_AUTO_BUF struct kg_buf out = KG_BUF_INIT(4096);

    if (*corpus_bin)
        return corpus_bin;
    clean_at_exit();
    snprintf(corpus_tree, sizeof corpus_tree, "%s/kg-pgtree-XXXXXX", tmp());
    if (!mkdtemp(corpus_tree) || chmod(corpus_tree, 0755) < 0 || run(argv, (const char *const *)environ, &out) != 0)
        return NULL;
    snprintf(corpus_bin, sizeof corpus_bin, "%.*s", (int)strcspn(out.p, "\n"), out.p);
    return *corpus_bin ? corpus_bin : NULL;
}
