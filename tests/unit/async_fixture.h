/* Calls of the client for a loop whose answers are kept, and a count of descriptors around each test. Include after cmocka.h. */
#ifndef KG_TESTS_ASYNC_FIXTURE_H
#define KG_TESTS_ASYNC_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "client/async.h"
#include "json/json.h"

struct got {
    unsigned times;
    int status;
    enum kg_code code, detail_code;
    char msg[600], *text;
    struct kg_json *json;
};

static inline void keep(void *ctx, uint64_t id, const struct kg_answer *answer)
{
    struct got *g = ctx;

    (void)id;
    assert_true(!answer->reply != !answer->err);
    g->times++;
    if (answer->err) {
        g->code = answer->err->code;
        snprintf(g->msg, sizeof g->msg, "%s", answer->err->msg);
        g->detail_code = answer->detail ? kg_code_from_arm(kg_json_str_or(answer->detail, "code", "")) : KG_E_OK;
        return;
    }
    g->status = answer->reply->status;
    free(g->text);
    g->text = kg_xstrdup(answer->reply->text);
    kg_json_free(g->json);
    g->json = kg_json_copy(answer->reply->json);
}

static inline void got_done(struct got *g)
{
    free(g->text);
    kg_json_free(g->json);
    *g = (struct got){ 0 };
}
#define AUTO_GOT KG_CLEANUP(got_done) struct got

static inline struct kg_async *open_at(const struct kg_client_opts *o)
{
    struct kg_async *a = NULL;
    struct kg_err err = { 0 };

    if (kg_async_open(o, &a, &err) < 0)
        fail_msg("%s", err.msg);
    return a;
}

/* A poll returns in its time, whatever the service does. */
static inline void poll_once(struct kg_async *a, int ms)
{
    kg_usec began = kg_now_mono();
    struct kg_err err = { 0 };

    if (kg_async_poll(a, NULL, 0, ms, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(kg_now_mono() - began < ms * (kg_usec)1000 + KG_SECOND / 2);
}

static inline void finish(struct kg_async *a)
{
    kg_usec until = kg_now_mono() + 20 * KG_SECOND;

    while (kg_async_pending(a)) {
        poll_once(a, 100);
        if (kg_now_mono() > until)
            fail_msg("%zu calls are not answered", kg_async_pending(a));
    }
}

static inline uint64_t get(struct kg_async *a, const char *path, struct got *g)
{
    return kg_async_send(a, &(struct kg_request){ .method = "GET", .path = path }, false, keep, g);
}

/* Sends one request and waits for its answer. */
static inline void ask(struct kg_async *a, const char *method, const char *path, const char *body, bool follow, struct got *g)
{
    struct kg_request rq = { .method = method, .path = path, .body = body, .body_len = body ? strlen(body) : 0 };

    got_done(g);
    kg_async_send(a, &rq, follow, keep, g);
    finish(a);
    assert_int_equal(g->times, 1);
}

static inline unsigned count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static inline int count_before(void **state)
{
    *state = (void *)(uintptr_t)count_fds();
    return 0;
}

static inline int compare_after(void **state)
{
    unsigned now = count_fds();

    if (now == (unsigned)(uintptr_t)*state)
        return 0;
    print_error("%u descriptors instead of %u\n", now, (unsigned)(uintptr_t)*state);
    return 1;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, count_before, compare_after)

#endif
