/* What the catalog's file must survive: foreign and newer files are refused, and a process may be killed at any moment. Called
 * with "crash PATH" the program is that process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

#include "support/catalog_fixture.h"

/* ---- the file ---- */

static void reopen(struct fixture *f)
{
    kg_catalog_close(f->c);
    f->c = NULL;
    OK(kg_catalog_open_sqlite(f->path, &f->c, err));
}

static void test_what_was_committed_is_there_after_reopening_in_a_private_file(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    bool there = false;

    put_tree(f);
    reopen(f);
    OK(kg_catalog_exists(f->c, VAULT, &there, err));
    assert_true(there);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    OK(kg_catalog_check(f->c, err));
}

static void test_foreign_newer_and_broken_files_are_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    char junk[8192];
    struct kg_catalog *c = NULL;
    int r;

    kg_catalog_close(KG_TAKE(f->c));
    memset(junk, 'x', sizeof junk);
    OK(kg_write_file(f->path, junk, sizeof junk, 0600, err));
    FAILS(KG_E_CORRUPT, kg_catalog_open_sqlite(f->path, &c, err));
    /* A valid database file whose header says another application, then a later step. */
    remove_files(f);
    OK(kg_catalog_open_sqlite(f->path, &f->c, err));
    kg_catalog_close(KG_TAKE(f->c));
    for (int at = 60; at <= 68; at += 8) { /* user_version, application_id */
        KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(4 << 20);
        unsigned char was;

        OK(kg_read_file(-1, f->path, &b, err));
        was = (unsigned char)b.p[at + 2];
        b.p[at + 2] = 0x55;
        OK(kg_write_file(f->path, b.p, b.len, 0600, err));
        FAILS(KG_E_UNSUPPORTED, kg_catalog_open_sqlite(f->path, &c, err));
        b.p[at + 2] = (char)was;
        OK(kg_write_file(f->path, b.p, b.len, 0600, err));
        { struct kg_err e = { 0 }; r = kg_catalog_open_sqlite(f->path, &f->c, &e); }
        assert_int_equal(r, 0);
        kg_catalog_close(KG_TAKE(f->c));
    }
}

/* ---- a killed process ---- */

/* Writes for ever: each transaction counts up and inserts that many… until it is killed. Two tables change in each;
 * they agree after any crash exactly when transactions are whole. Descriptor 1 tells which count is on the disk. */
static int crash_main(const char *path)
{
    struct kg_catalog *c = NULL;
    struct kg_err err = { 0 };
    KG_AUTO_FREE char *text = NULL;
    uint64_t n = 0;
    char inst[] = INST, tag[] = "Default";

    if (kg_catalog_open_sqlite(path, &c, &err) < 0 || kg_catalog_value_get(c, "count", &text, &err) < 0 ||
        (text && kg_parse_u64(text, &n, &err) < 0))
        return 1;
    for (;;) {
        KG_AUTO_FREE char *id = kg_xprintf("%032" PRIx64, ++n), *count = kg_xprintf("%" PRIu64, n);
        struct kg_point_row row = { .instance = inst, .id = id, .tag = tag, .time = (kg_usec)n };

        if (kg_catalog_begin(c, &err) < 0 || kg_catalog_point_insert(c, &row, &err) < 0 ||
            kg_catalog_value_set(c, "count", count, &err) < 0 || kg_catalog_commit(c, &err) < 0 ||
            kg_write_all(1, &n, sizeof n) != 0)
            return 1;
    }
}

static void test_a_process_killed_at_any_moment_loses_nothing_it_was_promised(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = { "/proc/self/exe", "crash", f->path, NULL }, *envp[] = { NULL };
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    uint64_t total = 0;

    assert_true(n > 0);
    self[n] = '\0';
    argv[0] = self;
    kg_catalog_close(KG_TAKE(f->c));
    for (unsigned round = 0; round < 12; round++) {
        int fds[2], status;
        uint64_t told = 0, got, points = 0, remembered = 0;
        KG_AUTO_FREE char *text = NULL;
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        OK(kg_proc_spawn(
            &(struct kg_proc_spec){ .argv = argv, .envp = envp, .fd_in = -1, .fd_out = fds[1], .fd_err = 2 }, &pid,
            err));
        close(fds[1]);
        assert_int_equal(kg_read_full(fds[0], &told, sizeof told), sizeof told); /* it works */
        usleep(3000 + round * 3700);
        kill(pid, SIGKILL);
        while (kg_read_full(fds[0], &got, sizeof got) == (ssize_t)sizeof got)
            told = got;
        close(fds[0]);
        OK(kg_proc_wait(pid, -1, &status, err));
        OK(kg_catalog_open_sqlite(f->path, &f->c, err)); /* no manual step */
        OK(kg_catalog_check(f->c, err));
        OK(kg_catalog_point_count(f->c, &(struct kg_point_query){ 0 }, &points, err));
        OK(kg_catalog_value_get(f->c, "count", &text, err));
        OK(kg_parse_u64(text, &remembered, err));
        kg_catalog_close(KG_TAKE(f->c));
        if (points != remembered || points < told || points > told + 1)
            fail_msg("round %u: %" PRIu64 " points, %" PRIu64 " counted, %" PRIu64 " promised", round, points,
                     remembered, told);
        total = points;
    }
    assert_true(total >= 12);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_committed_is_there_after_reopening_in_a_private_file, setup_file, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_newer_and_broken_files_are_refused_and_left_alone, setup_file, teardown),
        cmocka_unit_test_setup_teardown(test_a_process_killed_at_any_moment_loses_nothing_it_was_promised, setup_file, teardown),
    };

    if (argc == 3 && strcmp(argv[1], "crash") == 0)
        return crash_main(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
