/* tests/support/catalog_fixture.h - a catalog in a folder of its own, for the catalog's test programs. Included once, after
 * cmocka.h; what a program does not need of it is allowed to stay unused. */
#ifndef TESTS_SUPPORT_CATALOG_FIXTURE_H
#define TESTS_SUPPORT_CATALOG_FIXTURE_H

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/parse.h"
#include "catalog/catalog.h"
#include "sys/fd.h"
#include "sys/proc.h"

#define SUB   "/subscriptions/00000000-0000-0000-0000-000000000001"
#define GROUP SUB "/resourceGroups/Default"
#define VAULT GROUP "/providers/Microsoft.DataProtection/backupVaults/Vault1"
#define INST  VAULT "/backupInstances/i1"
#define KV    GROUP "/providers/Microsoft.KeyVault/vaults/kv1"

struct fixture {
    char dir[64];
    char path[96];
    struct kg_catalog *c;
};

static const char *const drivers[] = { "file", ":memory:" };

#define OK(call)                                                                                     \
    do {                                                                                             \
        struct kg_err err_ = { 0 }, *err = &err_;                                                    \
        if ((call) < 0)                                                                              \
            fail_msg("%s: %s", #call, err->msg);                                                     \
    } while (0)
#define FAILS(want, call)                                                                            \
    do {                                                                                             \
        struct kg_err err_ = { 0 }, *err = &err_;                                                    \
        int r_ = (call);                                                                             \
        if (r_ != -(want) || err->code != (want) || !*err->msg || !*err->action)                     \
            fail_msg("%s: %d, '%s' instead of %s", #call, r_, err->msg, kg_code_name(want));         \
    } while (0)

static int setup_on(void **state, const char *driver)
{
    struct fixture *f = kg_xalloc(sizeof *f);

    *state = f;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/kg-catalog-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof f->path, "%s/catalog.sqlite", f->dir);
    OK(kg_catalog_open_sqlite(*driver == ':' ? driver : f->path, &f->c, err));
    return 0;
}
__attribute__((unused)) static int setup_file(void **state) { return setup_on(state, drivers[0]); }
__attribute__((unused)) static int setup_memory(void **state) { return setup_on(state, drivers[1]); }

__attribute__((unused)) static void remove_files(const struct fixture *f)
{
    static const char *const ends[] = { "", "-wal", "-shm" };

    for (size_t i = 0; i < KG_ARRAY_LEN(ends); i++) {
        KG_AUTO_FREE char *p = kg_xprintf("%s%s", f->path, ends[i]);

        (void)unlink(p);
    }
}

__attribute__((unused)) static int teardown(void **state)
{
    struct fixture *f = *state;

    kg_fault_reset();
    kg_catalog_close(f->c);
    remove_files(f);
    assert_int_equal(rmdir(f->dir), 0); /* nothing else was left beside the file */
    free(f);
    return 0;
}

static struct kg_json *doc(const char *text)
{
    struct kg_json *j = NULL;

    OK(kg_json_parse(text, strlen(text), &j, err));
    return j;
}

__attribute__((unused)) static void put(struct fixture *f, const char *id, const char *json)
{
    KG_AUTO_JSON struct kg_json *j = doc(json);

    OK(kg_catalog_put(f->c, id, "local", j, KG_PUT_ANY, NULL, NULL, err));
}

__attribute__((unused)) static void put_tree(struct fixture *f)
{
    put(f, SUB, "{}");
    put(f, GROUP, "{}");
    put(f, VAULT, "{\"properties\":{\"n\":1}}");
    put(f, KV, "{}");
}

/* A job of this number; those of a pair start at one moment. */
__attribute__((unused)) static void job_of(struct fixture *f, int i, const char *op, const char *status, bool with_instance,
                                           struct kg_json *j)
{
    KG_AUTO_FREE char *id = kg_xprintf("job-%06d", i), *o = kg_xstrdup(op), *s = kg_xstrdup(status);
    char vault[] = VAULT, inst[] = INST, backup[] = "ScheduledBackup", restore[] = "Restore";
    struct kg_job_row row = { .id = id, .vault = vault, .instance = with_instance ? inst : NULL, .operation = o,
                              .status = s, .kind = strcmp(op, "Backup") == 0 ? backup : restore,
                              .start = 1000 + i / 2,
                              .end = strcmp(status, "InProgress") == 0 ? 0 : 2000 + i, .json = j };

    OK(kg_catalog_job_insert(f->c, &row, err));
}

__attribute__((unused)) static void job(struct fixture *f, int i, const char *op, const char *status, bool with_instance)
{
    KG_AUTO_JSON struct kg_json *j = doc("{\"properties\":{}}");

    job_of(f, i, op, status, with_instance, j);
}

#endif
