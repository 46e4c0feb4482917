/* What store.h promises, demanded of every driver; and what only the directory driver can get wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "store/store.h"

struct fixture {
    char dir[64]; /* empty: the memory driver */
    struct kg_store *st;
};

static int setup_dir(void **state)
{
    struct fixture *f = kg_xalloc(sizeof *f);
    struct kg_err err = { 0 };
    const char *tmp = getenv("TMPDIR");

    snprintf(f->dir, sizeof f->dir, "%s/kg-store-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(kg_store_open_dir(f->dir, true, &f->st, &err), 0);
    *state = f;
    return 0;
}

static int setup_mem(void **state)
{
    struct fixture *f = kg_xalloc(sizeof *f);

    f->st = kg_store_open_mem();
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *sb, int type, struct FTW *where)
{
    (void)sb, (void)type, (void)where;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    kg_fault_reset();
    kg_store_close(f->st);
    if (f->dir[0])
        nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static void put(struct fixture *f, const char *name, const char *text)
{
    struct kg_err err = { 0 };

    if (kg_store_put(f->st, name, text, strlen(text), &err) < 0)
        fail_msg("put %s: %s", name, err.msg);
}

static void expect(struct fixture *f, const char *name, const char *text)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };
    uint64_t size;

    if (kg_store_get_all(f->st, name, &b, &err) < 0)
        fail_msg("get %s: %s", name, err.msg);
    assert_string_equal(b.p, text);
    assert_int_equal(kg_store_size(f->st, name, &size, &err), 0);
    assert_int_equal(size, strlen(text));
}

static int add_name(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    (void)err;
    kg_buf_addf(ctx, "%s=%llu ", e->name, (unsigned long long)e->size);
    return 0;
}

static void expect_list(struct fixture *f, const char *prefix, const char *want)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };

    assert_int_equal(kg_store_list(f->st, prefix, add_name, &b, &err), 0);
    assert_string_equal(b.p, want);
}

static void expect_absent(struct fixture *f, const char *name)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_err err = { 0 };
    uint64_t size;
    char byte;
    size_t n;

    assert_int_equal(kg_store_get(f->st, name, 0, 1, &byte, &n, &err), -KG_E_NOT_FOUND);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_store_get_all(f->st, name, &b, &err), -KG_E_NOT_FOUND);
    assert_int_equal(b.len, 0);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_store_size(f->st, name, &size, &err), -KG_E_NOT_FOUND);
    expect_list(f, name, "");
}

static void test_what_was_put_is_there(void **state)
{
    struct fixture *f = *state;

    put(f, "one", "1");
    put(f, "packs/ab/abcdef", "some bytes");
    put(f, "a/b/c/d", "");
    expect(f, "one", "1");
    expect(f, "packs/ab/abcdef", "some bytes");
    expect(f, "a/b/c/d", "");
    expect_absent(f, "two");
    expect_absent(f, "packs/ab/abcdee");
    expect_absent(f, "one/more");
}

static void test_bad_names_are_refused(void **state)
{
    struct fixture *f = *state;
    char part[102];
    const char *const bad[] = { "", "/", "/a", "a/", "a//b", "..", "a/../b", ".hidden", "a/.b", "a b", "a\nb", "ä",
                                "a/b/c/d/e", "a\\b", part };

    memset(part, 'x', 101);
    part[101] = '\0';
    for (size_t i = 0; i < KG_ARRAY_LEN(bad); i++) {
        struct kg_err err = { 0 };
        struct kg_put *p;
        uint64_t size;
        size_t n;
        char c;

        if (kg_store_put(f->st, bad[i], "", 0, &err) != -KG_E_USAGE)
            fail_msg("case %zu: '%s' was accepted", i, bad[i]);
        err = (struct kg_err){ 0 };
        assert_int_equal(kg_store_put_begin(f->st, bad[i], &p, &err), -KG_E_USAGE);
        err = (struct kg_err){ 0 };
        assert_int_equal(kg_store_get(f->st, bad[i], 0, 1, &c, &n, &err), -KG_E_USAGE);
        err = (struct kg_err){ 0 };
        assert_int_equal(kg_store_size(f->st, bad[i], &size, &err), -KG_E_USAGE);
        err = (struct kg_err){ 0 };
        assert_int_equal(kg_store_remove(f->st, bad[i], &err), -KG_E_USAGE);
    }
    part[100] = '\0';
    put(f, part, "the longest");
}

static void test_an_object_is_never_replaced(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };

    put(f, "x/y", "old");
    assert_int_equal(kg_store_put(f->st, "x/y", "new", 3, &err), -KG_E_EXISTS);
    expect(f, "x/y", "old");
}

static void test_of_two_writers_of_a_name_the_first_to_finish_wins(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };
    struct kg_put *a = NULL, *b = NULL;

    assert_int_equal(kg_store_put_begin(f->st, "x/y", &a, &err), 0);
    assert_int_equal(kg_store_put_begin(f->st, "x/y", &b, &err), 0);
    assert_int_equal(kg_store_put_add(a, "aaa", 3, &err), 0);
    assert_int_equal(kg_store_put_add(b, "bbb", 3, &err), 0);
    assert_int_equal(kg_store_put_end(b, &err), 0);
    assert_int_equal(kg_store_put_end(a, &err), -KG_E_EXISTS);
    expect(f, "x/y", "bbb");
}

static void test_nothing_is_seen_of_an_object_before_it_is_complete(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };
    struct kg_put *p = NULL;

    assert_int_equal(kg_store_put_begin(f->st, "part/x", &p, &err), 0);
    assert_int_equal(kg_store_put_add(p, "half", 4, &err), 0);
    expect_absent(f, "part/x");
    expect_list(f, "", "");
    assert_int_equal(kg_store_put_add(p, " whole", 6, &err), 0);
    assert_int_equal(kg_store_put_end(p, &err), 0);
    expect(f, "part/x", "half whole");
}

static void test_an_aborted_object_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };
    struct kg_put *p = NULL;

    assert_int_equal(kg_store_put_begin(f->st, "x", &p, &err), 0);
    assert_int_equal(kg_store_put_add(p, "half", 4, &err), 0);
    kg_store_put_abort(p);
    kg_store_put_abort(NULL);
    expect_absent(f, "x");
    put(f, "x", "again");
    expect(f, "x", "again");
}

static void test_reading_starts_anywhere_and_ends_at_the_end(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint64_t at;
        size_t n;
        const char *want;
    } cases[] = {
        { 0, 10, "0123456789" }, { 0, 3, "012" },     { 4, 3, "456" },          { 8, 10, "89" },
        { 10, 1, "" },           { 11, 5, "" },       { UINT64_MAX, 5, "" },    { 0, 0, "" },
        { 9, 1, "9" },           { 0, 64, "0123456789" }, { INT64_MAX, 1, "" },
    };
    char out[64];

    put(f, "x", "0123456789");
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        struct kg_err err = { 0 };
        size_t n = 99;

        if (kg_store_get(f->st, "x", cases[i].at, cases[i].n, out, &n, &err) < 0)
            fail_msg("case %zu: %s", i, err.msg);
        if (n != strlen(cases[i].want) || memcmp(out, cases[i].want, n) != 0)
            fail_msg("case %zu: %zu bytes", i, n);
    }
}

static void test_a_whole_object_that_does_not_fit_is_a_limit_error(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(5);
    struct kg_err err = { 0 };

    put(f, "x", "0123456789");
    kg_buf_adds(&b, "ab");
    assert_int_equal(kg_store_get_all(f->st, "x", &b, &err), -KG_E_LIMIT);
    assert_string_equal(b.p, "ab");
}

static void test_large_objects_come_back_whole(void **state)
{
    struct fixture *f = *state;
    enum { N = 3 * 1000 * 1000 + 17 };
    KG_AUTO_FREE char *data = kg_xalloc(N);
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(N);
    struct kg_err err = { 0 };
    struct kg_put *p = NULL;

    for (size_t i = 0; i < N; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    assert_int_equal(kg_store_put_begin(f->st, "big", &p, &err), 0);
    for (size_t at = 0, n; at < N; at += n) {
        n = at % 7 * 1000 + 1 < N - at ? at % 7 * 1000 + 1 : N - at;
        assert_int_equal(kg_store_put_add(p, data + at, n, &err), 0);
    }
    assert_int_equal(kg_store_put_end(p, &err), 0);
    assert_int_equal(kg_store_get_all(f->st, "big", &b, &err), 0);
    assert_int_equal(b.len, N);
    assert_memory_equal(b.p, data, N);
}

static void test_lists_are_in_name_order_and_by_prefix(void **state)
{
    struct fixture *f = *state;

    put(f, "b", "1");
    put(f, "a/z", "22");
    put(f, "a/b/c", "333");
    put(f, "a.b", "4");
    put(f, "a-b", "5");
    put(f, "a0", "6");
    put(f, "index/02", "7");
    put(f, "index/01", "8");
    expect_list(f, "", "a-b=1 a.b=1 a/b/c=3 a/z=2 a0=1 b=1 index/01=1 index/02=1 ");
    expect_list(f, "a/", "a/b/c=3 a/z=2 ");
    expect_list(f, "a", "a-b=1 a.b=1 a/b/c=3 a/z=2 a0=1 ");
    expect_list(f, "a/b", "a/b/c=3 ");
    expect_list(f, "a/b/c", "a/b/c=3 ");
    expect_list(f, "a/b/cc", "");
    expect_list(f, "index/0", "index/01=1 index/02=1 ");
    expect_list(f, "nothing/", "");
}

static int stop_at_b(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    ++*(int *)ctx;
    return strcmp(e->name, "b") == 0 ? kg_err_set(err, KG_E_CANCELLED, "enough") : 0;
}

static void test_a_visitor_can_stop_a_list(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };
    int visited = 0;

    put(f, "a", "");
    put(f, "b", "");
    put(f, "c", "");
    assert_int_equal(kg_store_list(f->st, "", stop_at_b, &visited, &err), -KG_E_CANCELLED);
    assert_int_equal(visited, 2);
}

struct remover {
    struct kg_store *st;
    int seen;
};

static int remove_visited(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    struct remover *r = ctx;

    assert_true(e->modified_wall > 1500000000 * KG_SECOND);
    r->seen++;
    return kg_store_remove(r->st, e->name, err);
}

static void test_a_visitor_may_remove_what_it_visits(void **state)
{
    struct fixture *f = *state;
    struct remover r = { f->st, 0 };
    struct kg_err err = { 0 };

    put(f, "k/a", "");
    put(f, "k/b", "");
    put(f, "k/c", "");
    assert_int_equal(kg_store_list(f->st, "k/", remove_visited, &r, &err), 0);
    assert_int_equal(r.seen, 3);
    expect_list(f, "", "");
}

static void test_removed_objects_are_gone_and_their_names_free(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };

    put(f, "x/y", "1");
    assert_int_equal(kg_store_remove(f->st, "x/y", &err), 0);
    expect_absent(f, "x/y");
    assert_int_equal(kg_store_remove(f->st, "x/y", &err), -KG_E_NOT_FOUND);
    put(f, "x/y", "2");
    expect(f, "x/y", "2");
}

static void test_space_is_known_or_said_to_be_unknown(void **state)
{
    struct fixture *f = *state;
    struct kg_err err = { 0 };
    uint64_t n = 0;

    assert_int_equal(kg_store_space(f->st, &n, &err), 0);
    assert_true(n > 0);
}

static void test_put_is_all_or_nothing_at_every_step(void **state)
{
    struct fixture *f = *state;
    unsigned n;

    put(f, "stays", "here");
    for (n = 1;; n++) {
        struct kg_err err = { 0 };
        char name[32];
        int r;

        snprintf(name, sizeof name, "new%u/object", n); /* its directory has to be made, too */
        kg_fault_arm(KG_FP_ANY, n, n % 2 ? ENOSPC : EIO);
        r = kg_store_put(f->st, name, "data", 4, &err);
        if (!kg_fault_fired()) {
            assert_int_equal(r, 0);
            kg_fault_reset();
            expect(f, name, "data");
            break;
        }
        kg_fault_reset();
        assert_int_equal(r, n % 2 ? -KG_E_DISK_FULL : -KG_E_IO);
        expect_absent(f, name);
        expect(f, "stays", "here");
    }
    assert_true(n > (f->dir[0] ? 5 : 3));
}

static void test_errors_of_lists_and_reads_are_errors(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(100);
    struct kg_err err = { 0 };

    put(f, "x", "1");
    kg_fault_arm(KG_FP_STORE_LIST, 1, EIO);
    assert_int_equal(kg_store_list(f->st, "", add_name, &b, &err), -KG_E_IO);
    assert_int_equal(b.len, 0);
    err = (struct kg_err){ 0 };
    kg_fault_arm(KG_FP_STORE_GET, 1, EIO);
    assert_int_equal(kg_store_get_all(f->st, "x", &b, &err), -KG_E_IO);
    err = (struct kg_err){ 0 };
    kg_fault_arm(KG_FP_STORE_DELETE, 1, EACCES);
    assert_int_equal(kg_store_remove(f->st, "x", &err), -KG_E_IO);
    kg_fault_reset();
    expect(f, "x", "1");
}

static void *put_many(void *arg)
{
    struct fixture *f = arg;
    static _Atomic int thread;
    int me = ++thread;

    for (int i = 0; i < 50; i++) {
        struct kg_err err = { 0 };
        char name[40];

        snprintf(name, sizeof name, "t/%02d/%d-%d", i, me, i);
        if (kg_store_put(f->st, name, "x", 1, &err) < 0)
            return f;
    }
    return NULL;
}

static int count(void *ctx, const struct kg_store_entry *e, struct kg_err *err)
{
    (void)e, (void)err;
    ++*(int *)ctx;
    return 0;
}

static void test_threads_may_put_at_once(void **state)
{
    struct fixture *f = *state;
    pthread_t t[3];
    struct kg_err err = { 0 };
    int n = 0;

    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&t[i], NULL, put_many, f), 0);
    for (int i = 0; i < 3; i++) {
        void *failed;

        pthread_join(t[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(kg_store_list(f->st, "t/", count, &n, &err), 0);
    assert_int_equal(n, 150);
}

/* ---- the directory driver alone ---- */

static void test_dir_is_made_only_when_asked(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *sub = kg_xprintf("%s/not/there", f->dir);
    struct kg_err err = { 0 };
    struct kg_store *st = NULL;
    struct stat sb;

    assert_int_equal(kg_store_open_dir(sub, false, &st, &err), -KG_E_NOT_FOUND);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_store_open_dir(sub, true, &st, &err), 0);
    kg_store_close(st);
    assert_int_equal(stat(sub, &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0700);
}

static void test_dir_files_are_private_and_temporaries_vanish(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *file = kg_xprintf("%s/a/b", f->dir), *tmp = kg_xprintf("%s/.tmp", f->dir);
    struct stat sb;

    put(f, "a/b", "x");
    assert_int_equal(stat(file, &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0600);
    assert_int_equal(rmdir(tmp), 0); /* empty */
    assert_int_equal(mkdir(tmp, 0700), 0);
}

static int leftover(const char *dir, const char *name, int days)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/.tmp/%s", dir, name);
    time_t when = time(NULL) - days * 24 * 3600 - 60;
    struct timeval times[2] = { { .tv_sec = when }, { .tv_sec = when } };
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(utimes(path, times), 0);
    return fd;
}

static bool has_leftover(const char *dir, const char *name)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s/.tmp/%s", dir, name);

    return access(path, F_OK) == 0;
}

static void test_dir_sweeps_only_temporaries_that_are_old_and_of_the_dead(void **state)
{
    struct fixture *f = *state;
    int old = leftover(f->dir, "old", 2), young = leftover(f->dir, "young", 0), alive = leftover(f->dir, "alive", 30);
    struct kg_err err = { 0 };

    assert_int_equal(flock(alive, LOCK_EX), 0);
    close(old);
    close(young);
    kg_store_close(f->st);
    assert_int_equal(kg_store_open_dir(f->dir, false, &f->st, &err), 0);
    assert_false(has_leftover(f->dir, "old"));
    assert_true(has_leftover(f->dir, "young"));
    assert_true(has_leftover(f->dir, "alive"));
    close(alive);
    expect_list(f, "", "");
}

static void test_dir_takes_no_foreign_file_for_an_object(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *odd = kg_xprintf("%s/lost and found", f->dir), *link = kg_xprintf("%s/link", f->dir);
    KG_AUTO_FREE char *fifo = kg_xprintf("%s/fifo", f->dir);
    struct kg_err err = { 0 };
    size_t n;
    char c;

    put(f, "x", "1");
    assert_int_equal(mkdir(odd, 0700), 0);
    assert_int_equal(symlink("x", link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(chmod(odd, 0), 0);
    expect_list(f, "", "x=1 ");
    assert_int_equal(kg_store_get(f->st, "fifo", 0, 1, &c, &n, &err), -KG_E_NOT_FOUND); /* and does not wait for a writer */
    err = (struct kg_err){ 0 };
    assert_true(kg_store_get(f->st, "link", 0, 1, &c, &n, &err) < 0);
}

#define BOTH(test)                                                                                   \
    { "dir: " #test, test, setup_dir, teardown, NULL }, { "mem: " #test, test, setup_mem, teardown, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_what_was_put_is_there),
        BOTH(test_bad_names_are_refused),
        BOTH(test_an_object_is_never_replaced),
        BOTH(test_of_two_writers_of_a_name_the_first_to_finish_wins),
        BOTH(test_nothing_is_seen_of_an_object_before_it_is_complete),
        BOTH(test_an_aborted_object_leaves_nothing),
        BOTH(test_reading_starts_anywhere_and_ends_at_the_end),
        BOTH(test_a_whole_object_that_does_not_fit_is_a_limit_error),
        BOTH(test_large_objects_come_back_whole),
        BOTH(test_lists_are_in_name_order_and_by_prefix),
        BOTH(test_a_visitor_can_stop_a_list),
        BOTH(test_a_visitor_may_remove_what_it_visits),
        BOTH(test_removed_objects_are_gone_and_their_names_free),
        BOTH(test_space_is_known_or_said_to_be_unknown),
        BOTH(test_put_is_all_or_nothing_at_every_step),
        BOTH(test_errors_of_lists_and_reads_are_errors),
        BOTH(test_threads_may_put_at_once),
        cmocka_unit_test_setup_teardown(test_dir_is_made_only_when_asked, setup_dir, teardown),
        cmocka_unit_test_setup_teardown(test_dir_files_are_private_and_temporaries_vanish, setup_dir, teardown),
        cmocka_unit_test_setup_teardown(test_dir_sweeps_only_temporaries_that_are_old_and_of_the_dead, setup_dir, teardown),
        cmocka_unit_test_setup_teardown(test_dir_takes_no_foreign_file_for_an_object, setup_dir, teardown),
    };

    return cmocka_run_group_tests_name("store contract", tests, NULL, NULL);
}
