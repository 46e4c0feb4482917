/* A worker that speaks the frames of worker/proto.h and touches no PostgreSQL. What it does follows from the operation and,
 * where a server is involved, from the name of the database. A "committed" point is a file in the store's directory. */
#ifndef KG_TESTS_FAKE_WORKER_H
#define KG_TESTS_FAKE_WORKER_H

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/time.h"
#include "readiness/check.h"
#include "sys/fd.h"
#include "worker/proto.h"

#define FAKE_CONNECTION "Server=fake;Database=x;User Id=u;Password=canary-7391;"
#define FAKE_RECOVERY_KEY "KGR1-FAKE-KEY0-0000-0000"

struct fake {
    struct kg_frame_reader *reader;
    struct kg_json *job;
    bool has_service_key, has_connection;
};

static void fake_send(struct kg_json *j)
{
    struct kg_err err = { 0 };

    if (kg_frame_send_json(KG_WORKER_FD, j, &err) < 0)
        _exit(9);
    kg_json_free(j);
}

static struct kg_json *fake_event(const char *name)
{
    struct kg_json *j = kg_json_object();

    kg_json_set_str(j, "event", name);
    return j;
}

/* Waits for frames until there is a job, or (with a job) until a cancel. False at the end of the connection. */
static bool fake_receive(struct fake *f, bool until_cancel)
{
    for (;;) {
        struct kg_frame in = { 0 };
        struct kg_err err = { 0 };
        int r = kg_frame_reader_next(f->reader, &in, &err);

        if (r < 0)
            _exit(8);
        if (r == 0) {
            if (kg_frame_reader_fill(f->reader, KG_WORKER_FD, &err) == 0)
                return false;
            continue;
        }
        if (in.secret && strcmp(in.secret_name, "service-key") == 0)
            f->has_service_key = kg_secret_size(in.secret) == 32;
        if (in.secret && (strcmp(in.secret_name, "connection") == 0 || strcmp(in.secret_name, "c0") == 0)) {
            f->has_connection = kg_secret_size(in.secret) == strlen(FAKE_CONNECTION) &&
                                memcmp(kg_secret_open(in.secret), FAKE_CONNECTION, strlen(FAKE_CONNECTION)) == 0;
            kg_secret_shut(in.secret);
        }
        if (in.json && kg_json_get(in.json, "job"))
            f->job = kg_json_take(in.json, "job");
        r = in.json && kg_json_bool(in.json, "cancel", false);
        kg_frame_done(&in);
        if (f->job && (!until_cancel || r))
            return true;
    }
}

static void fake_fail(enum kg_code code, const char *message, const char *detail)
{
    struct kg_json *j = fake_event("failed");
    struct kg_err e = { 0 };

    kg_err_set(&e, code, "%s", message);
    kg_json_set(j, "error", kg_err_to_json(&e));
    if (detail)
        kg_json_set_str(j, "error.detail", detail);
    fake_send(j);
    _exit(1);
}

static void fake_done(struct kg_json *result)
{
    struct kg_json *j = fake_event("done");

    kg_json_set(j, "result", result ? result : kg_json_object());
    fake_send(j);
    _exit(0);
}

static void fake_progress(uint64_t done)
{
    struct kg_json *j = fake_event("progress");

    kg_json_set_str(j, "phase", "data");
    kg_json_set_u64(j, "bytesDone", done);
    kg_json_set_u64(j, "bytesTotal", 1000);
    kg_json_set_u64(j, "rows", done / 10);
    fake_send(j);
}

static struct kg_json *fake_table(const char *name, uint64_t done)
{
    struct kg_json *t = kg_json_object();

    kg_json_set_str(t, "schema", "public");
    kg_json_set_str(t, "name", name);
    kg_json_set_str(t, "step", "read");
    kg_json_set_u64(t, "bytesDone", done);
    kg_json_set_double(t, "seconds", 1.5);
    return t;
}

/* Two tables in work, one done. */
static void fake_tables(void)
{
    struct kg_json *j = fake_event("progress"), *in_work = kg_json_array(), *biggest = kg_json_array();

    kg_json_push(in_work, fake_table("orders", 300));
    kg_json_push(in_work, fake_table("items", 200));
    kg_json_push(biggest, fake_table("done", 900));
    kg_json_set_str(j, "phase", "data");
    kg_json_set_u64(j, "tablesDone", 1);
    kg_json_set_u64(j, "tablesTotal", 3);
    kg_json_set(j, "tables.inWork", in_work);
    kg_json_set_u64(j, "tables.inWorkCount", 2);
    kg_json_set(j, "tables.biggest", biggest);
    fake_send(j);
}

static void fake_tables_took(void)
{
    struct kg_json *j = fake_event("tables"), *all = kg_json_array();

    kg_json_push(all, fake_table("done", 900));
    kg_json_push(all, fake_table("orders", 800));
    kg_json_push(all, fake_table("items", 700));
    kg_json_set(j, "tables", all);
    fake_send(j);
}

static void fake_subtask(int id, const char *name, const char *status)
{
    struct kg_json *j = fake_event("subtask");

    kg_json_set_u64(j, "id", (uint64_t)id);
    kg_json_set_str(j, "name", name);
    kg_json_set_str(j, "status", status);
    fake_send(j);
}

static void fake_log(const char *text)
{
    struct kg_json *j = fake_event("log");

    kg_json_set_str(j, "text", text);
    fake_send(j);
}

/* The commit: what the point is, in a file of its name. */
static struct kg_json *fake_commit(const struct fake *f)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/%s.point", kg_json_str_or(f->job, "storePath", "/"),
                                         kg_json_str_or(f->job, "point", "?"));
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);
    struct kg_json *r = kg_json_object(), *m = kg_json_object();
    struct kg_err err = { 0 };
    char when[32];

    kg_json_set_str(r, "point", kg_json_str(f->job, "point"));
    kg_json_set_str(r, "time", kg_time_iso(kg_now_wall(), when));
    kg_json_set_u64(r, "rows", 100);
    kg_json_set_u64(r, "bytes", 1000);
    kg_json_set_u64(r, "tables", 3);
    kg_json_set_u64(r, "storedBytes", 500);
    kg_json_set_u64(r, "newBytes", 400);
    kg_json_set_str(m, "instance", kg_json_str(f->job, "instance"));
    kg_json_set_str(m, "point", kg_json_str(f->job, "point"));
    kg_json_set_str(m, "time", kg_json_str(r, "time"));
    kg_json_set_u64(m, "totals.rows", 100);
    kg_json_set_u64(m, "totals.bytes", 1000);
    kg_json_set_u64(m, "totals.newBytes", 400);
    kg_json_set_u64(m, "storedBytes", 500);
    kg_json_set_u64(m, "largeObjectBytes", 24);
    kg_json_set(m, "policy", kg_json_copy(kg_json_get(f->job, "policy")));
    kg_json_print(m, false, &b);
    if (kg_write_file(path, b.p, b.len, 0600, &err) < 0)
        fake_fail(KG_E_IO, err.msg, NULL);
    kg_json_free(m);
    return r;
}

static void fake_wait_cancel(struct fake *f)
{
    fake_receive(f, true);
    fake_fail(KG_E_CANCELLED, "cancelled", NULL);
}

static void fake_backup(struct fake *f)
{
    const char *db = kg_json_str_or(f->job, "database", "");
    struct kg_json *result;

    fake_subtask(1, "Plan", "Completed");
    fake_subtask(2, "Transfer data", "InProgress");
    fake_progress(500);
    fake_log("table public.t: 100 rows");
    if (strcmp(db, "refused") == 0)
        fake_fail(KG_E_DUMP_FAILED, "pg_dump failed", "pg_dump: error: permission denied for table t");
    if (strcmp(db, "dies") == 0) {
        (void)!write(2, "worker: something terrible\n", 27);
        raise(SIGKILL);
    }
    if (strcmp(db, "silent") == 0) {
        signal(SIGTERM, SIG_IGN);
        for (;;)
            pause();
    }
    if (strcmp(db, "slow") == 0) {
        fake_tables();
        fake_wait_cancel(f);
    }
    fake_tables_took();
    if (strcmp(db, "nonsense") == 0) {
        (void)!write(KG_WORKER_FD, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
        sleep(30);
    }
    result = fake_commit(f);
    if (strcmp(db, "orphan") == 0)
        raise(SIGKILL);
    if (strcmp(db, "liar") == 0)
        kg_json_set_str(result, "point", "00000000000000000000000000000000");
    if (strcmp(db, "lingers") == 0) {
        struct kg_json *j = fake_event("done");

        kg_json_set(j, "result", result);
        fake_send(j);
        raise(SIGSEGV);
    }
    fake_subtask(2, "Transfer data", "Completed");
    fake_done(result);
}

/* A file in the store that the test put there. */
static bool fake_told(const struct fake *f, const char *what)
{
    KG_AUTO_FREE char *file = kg_xprintf("%s/%s", kg_json_str_or(f->job, "storePath", "/"), what);

    return access(file, F_OK) == 0;
}

static void fake_tell(const struct fake *f, const char *what)
{
    KG_AUTO_FREE char *file = kg_xprintf("%s/%s", kg_json_str_or(f->job, "storePath", "/"), what);
    struct kg_err ignored = { 0 };

    (void)!kg_write_file(file, "", 0, 0600, &ignored);
}

static void fake_wait_while(const struct fake *f, const char *what)
{
    struct pollfd p = { .fd = KG_WORKER_FD, .events = POLLIN };

    while (fake_told(f, what))
        if (poll(&p, 1, 10) > 0)
            _exit(6); /* cancelled, or alone */
}

static bool fake_remove(const struct fake *f, const char *point)
{
    KG_AUTO_FREE char *file = kg_xprintf("%s/%s.point", kg_json_str_or(f->job, "storePath", "/"), point);

    return unlink(file) == 0;
}

static void fake_point_list(const struct fake *f)
{
    const char *path = kg_json_str_or(f->job, "storePath", "/");
    struct kg_json *r = kg_json_object(), *points = kg_json_array(), *unreadable = kg_json_array();
    DIR *d = opendir(path);

    for (struct dirent *e; d && (e = readdir(d));) {
        KG_AUTO_FREE char *file = kg_xprintf("%s/%s", path, e->d_name);
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4096);
        struct kg_json *m = NULL;
        struct kg_err err = { 0 };

        if (!strstr(e->d_name, ".point") || kg_read_file(AT_FDCWD, file, &b, &err) < 0)
            continue;
        if (kg_json_parse(b.p, b.len, &m, &err) == 0) {
            kg_json_push(points, m);
            continue;
        }
        m = kg_json_object();
        kg_json_set_str(m, "point", e->d_name);
        kg_json_set_str(m, "problem", err.msg);
        kg_json_push(unreadable, m);
    }
    if (d)
        closedir(d);
    fake_tell(f, "list.taken");
    fake_wait_while(f, "list.wait");
    kg_json_set(r, "points", points);
    kg_json_set(r, "unreadable", unreadable);
    fake_done(r);
}

/* "delete.dies": after the first point, once; "delete.wait": before, "delete.late": after the deletion, until the file goes;
 * "delete.keeps": nothing. */
static void fake_point_delete(const struct fake *f)
{
    const struct kg_json *points = kg_json_get(f->job, "points");
    struct kg_json *r = kg_json_object(), *kept = kg_json_array(), *there = kg_json_array();
    KG_AUTO_FREE char *dies = kg_xprintf("%s/delete.dies", kg_json_str_or(f->job, "storePath", "/"));
    DIR *d = opendir(kg_json_str_or(f->job, "storePath", "/"));

    if (!fake_told(f, "delete.dies"))
        fake_wait_while(f, "delete.wait");
    for (const struct kg_json *p = kg_json_first(points); p; p = kg_json_next(p)) {
        struct kg_json *k = kg_json_object();

        if (!fake_told(f, "delete.keeps")) {
            kg_json_free(k);
            (void)fake_remove(f, kg_json_value_str(p));
            if (unlink(dies) == 0)
                raise(SIGKILL);
            continue;
        }
        kg_json_set_str(k, "point", kg_json_value_str(p));
        kg_json_set_str(k, "problem", "its copy in the ArchiveStore is not whole");
        kg_json_push(kept, k);
    }
    for (struct dirent *e; d && kg_json_type(points) != KG_JSON_ARRAY && (e = readdir(d));)
        if (strstr(e->d_name, ".point")) {
            *strrchr(e->d_name, '.') = '\0';
            (void)fake_remove(f, e->d_name);
            if (unlink(dies) == 0)
                raise(SIGKILL);
        }
    if (d)
        closedir(d);
    for (const struct kg_json *p = kg_json_first(kg_json_get(f->job, "settle")); p; p = kg_json_next(p)) {
        KG_AUTO_FREE char *file = kg_xprintf("%s.point", kg_json_value_str(p));

        if (fake_told(f, file))
            kg_json_push_str(there, kg_json_value_str(p));
    }
    fake_tell(f, "delete.done");
    fake_wait_while(f, "delete.late");
    kg_json_set(r, "kept", kept);
    kg_json_set(r, "there", there);
    fake_done(r);
}

static void fake_point_contents(const struct fake *f)
{
    struct kg_json *r = kg_json_object(), *tables = kg_json_array(), *t = kg_json_object();

    kg_json_set_str(t, "name", "orders");
    kg_json_set_str(t, "schema", kg_json_str(f->job, "schema"));
    kg_json_push(tables, t);
    kg_json_set(r, kg_json_bool(f->job, "asList", false) ? "value" : "tables", tables);
    fake_done(r);
}

static void fake_vault_create(const struct fake *f)
{
    const char *path = kg_json_str_or(f->job, "storePath", "/");
    struct kg_secret *key = kg_secret_new_copy(FAKE_RECOVERY_KEY, strlen(FAKE_RECOVERY_KEY));
    struct kg_json *r = kg_json_object();
    struct kg_err err = { 0 };

    if (strstr(path, "unwritable"))
        fake_fail(KG_E_IO, "create the store: read-only file system", NULL);
    if (kg_make_dirs(path, 0700, &err) < 0 || kg_frame_send_secret(KG_WORKER_FD, "recovery-key", key, &err) < 0)
        fake_fail(KG_E_IO, err.msg, NULL);
    kg_json_set_str(r, "vaultId", "11111111-2222-4333-8444-555555555555");
    fake_done(r);
}

static void fake_server(const struct fake *f)
{
    struct kg_json *r = kg_json_object();

    if (!f->has_connection || strcmp(kg_json_str_or(f->job, "database", ""), "locked-out") == 0)
        fake_fail(KG_E_DB_AUTH, "password authentication failed for user \"u\"", NULL);
    if (f->has_service_key)
        fake_fail(KG_E_BUG, "the service's key was sent to a worker that opens no vault", NULL);
    kg_json_set_str(r, "version", "15.2");
    fake_done(r);
}

/* One row of "validate-backup": what databases of these names are like. */
static struct kg_json *fake_row(const struct fake *f, const struct kg_json *row)
{
    static const struct { const char *database; enum kg_check_id check; enum kg_code code; } bad[] = {
        { "locked-out", KG_CHECK_LOGIN, KG_E_DB_AUTH }, { "forbidden", KG_CHECK_PRIVILEGES, KG_E_DB_PRIVILEGE },
        { "crowded", KG_CHECK_SPACE, KG_E_DISK_FULL },
    };
    const char *database = kg_json_str_or(row, "database", "");
    bool half = strcmp(database, "half-told") == 0;
    KG_AUTO_CHECKS struct kg_checks checks = { 0 };
    struct kg_json *j = kg_json_object();
    struct kg_err no_secret = { 0 }, why = { 0 };

    for (int i = KG_CHECK_SECRET; i <= (half ? KG_CHECK_LOGIN : KG_CHECK_SPACE); i++)
        if (i <= KG_CHECK_SECRET_FORMAT || i >= KG_CHECK_CONNECT)
            kg_check_pass(&checks, (enum kg_check_id)i);
    if (!f->has_connection) {
        kg_err_set(&no_secret, KG_E_BUG, "no connection string came");
        kg_check_fail(&checks, KG_CHECK_LOGIN, &no_secret);
    }
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++)
        if (strcmp(bad[i].database, database) == 0) {
            kg_err_set(&why, bad[i].code, "the fake database says no");
            kg_check_fail(&checks, bad[i].check, &why);
        }
    if (kg_json_bool(row, "rolePasswords", false)) {
        kg_err_set(&why, KG_E_DB_PRIVILEGE, "the fake database keeps its passwords");
        kg_check_warn(&checks, KG_CHECK_ROLE_PASSWORDS, &why);
    }
    kg_json_set(j, "checks", kg_checks_to_json(&checks));
    kg_json_set_str(j, "key", kg_json_str(row, "key"));
    kg_json_set_str(j, "facts.version", "15.2");
    kg_json_set_str(j, "facts.user", "u");
    return j;
}

static void fake_validate(const struct fake *f)
{
    struct kg_json *r = kg_json_object(), *rows = kg_json_array();

    if (f->has_service_key)
        fake_fail(KG_E_BUG, "the service's key was sent to a worker that opens no vault", NULL);
    for (const struct kg_json *row = kg_json_first(kg_json_get(f->job, "rows")); row; row = kg_json_next(row)) {
        if (strcmp(kg_json_str_or(row, "database", ""), "crash") == 0)
            _exit(9);
        if (strcmp(kg_json_str_or(row, "database", ""), "untold") != 0)
            kg_json_push(rows, fake_row(f, row));
    }
    kg_json_set(r, "rows", rows);
    fake_done(r);
}

/* "restore.wait": until the file goes. */
static void fake_restore(const struct fake *f)
{
    struct kg_json *r = kg_json_object();

    fake_wait_while(f, "restore.wait");
    if (strcmp(kg_json_str_or(f->job, "targetDatabase", ""), "taken") == 0)
        fake_fail(KG_E_DB_NAME_TAKEN, "database 'taken' exists", NULL);
    kg_json_set_u64(r, "rows", 100);
    kg_json_set_bool(r, "verified", true);
    fake_done(r);
}

/* Points that are expected and have no file are lost, as in worker/ops.c; what else is damaged does not change. */
static void fake_find_lost(const struct fake *f, struct kg_json *damage)
{
    for (const struct kg_json *e = kg_json_first(kg_json_get(f->job, "expected")); e; e = kg_json_next(e)) {
        KG_AUTO_FREE char *file = kg_xprintf("%s/%s.point", kg_json_str_or(f->job, "storePath", "/"), kg_json_str_or(e, "point", ""));
        KG_AUTO_FREE char *object = kg_xprintf("points/%s/%s", kg_json_str_or(e, "instance", ""), kg_json_str_or(e, "point", ""));
        struct kg_json *d;

        if (access(file, F_OK) == 0)
            continue;
        d = kg_json_object();
        kg_json_set_str(d, "object", object);
        kg_json_set_bool(d, "lost", true);
        kg_json_push(damage, d);
    }
}

/* What is wrong with a point that has a file POINT.broken beside its own: only who reads all data sees it. */
static void fake_find_broken(const struct fake *f, struct kg_json *d)
{
    struct kg_json *affects = kg_json_array(), *points = kg_json_array(), *a;

    for (const struct kg_json *e = kg_json_first(kg_json_get(f->job, "expected")); e; e = kg_json_next(e)) {
        const char *instance = kg_json_str_or(e, "instance", ""), *point = kg_json_str_or(e, "point", "");
        KG_AUTO_FREE char *file = kg_xprintf("%s/%s.broken", kg_json_str_or(f->job, "storePath", "/"), point);
        KG_AUTO_FREE char *name = kg_xprintf("%s/%s", instance, point);

        if (!kg_json_bool(f->job, "readData", false) || access(file, F_OK) != 0)
            continue;
        kg_json_push_str(points, name);
        kg_json_push(affects, a = kg_json_object());
        kg_json_set_str(a, "instance", instance);
        kg_json_set_str(a, "point", point);
        kg_json_set_str(a, "what", "table public.orders");
    }
    kg_json_set(d, "affects", affects);
    kg_json_set(d, "points", points);
}

/* "check.wait": before, until the file goes. */
static void fake_check(const struct fake *f)
{
    struct kg_json *r = kg_json_object(), *damage = kg_json_array(), *d = kg_json_object();

    fake_wait_while(f, "check.wait");
    fake_find_lost(f, damage);
    kg_json_set_str(d, "object", "packs/aa/bb");
    fake_find_broken(f, d);
    kg_json_push(damage, d);
    kg_json_set_bool(r, "healthy", false);
    kg_json_set_bool(r, "readData", kg_json_bool(f->job, "readData", false));
    kg_json_set(r, "damage", damage);
    fake_done(r);
}

static int fake_worker_main(void)
{
    struct fake f = { .reader = kg_frame_reader_new() };
    const char *op;

    if (!fake_receive(&f, false))
        return 7;
    op = kg_json_str_or(f.job, "operation", "");
    if (kg_json_get(f.job, "storePath") && strcmp(op, "validate-backup") != 0 && !f.has_service_key)
        fake_fail(KG_E_WRONG_KEY, "no service key came", NULL);
    if (strcmp(op, "vault-create") == 0 || strcmp(op, "vault-recovery-key") == 0)
        fake_vault_create(&f);
    if (strcmp(op, "validate-backup") == 0)
        fake_validate(&f);
    if (strcmp(op, "server-test") == 0 || strcmp(op, "server-databases") == 0)
        fake_server(&f);
    if (strcmp(op, "backup") == 0)
        fake_backup(&f);
    if (strcmp(op, "point-list") == 0)
        fake_point_list(&f);
    if (strcmp(op, "point-delete") == 0)
        fake_point_delete(&f);
    if (strcmp(op, "point-contents") == 0)
        fake_point_contents(&f);
    if (strcmp(op, "vault-check") == 0)
        fake_check(&f);
    if (strncmp(op, "restore", 7) == 0 || strcmp(op, "validate-restore") == 0)
        fake_restore(&f);
    fake_done(NULL);
    return 0;
}

#endif
