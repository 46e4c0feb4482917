#include "client/client.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "base/alloc.h"
#include "client/operation.h"
#include "client/start.h"
#include "client/transfer.h"

enum { PAGES_MAX = 10000 };

int kg_client_library_start(struct kg_err *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return kg_err_set(err, KG_E_MEMORY, "libcurl cannot start");
    return 0;
}

void kg_client_library_end(void) { curl_global_cleanup(); }

int kg_client_open(const struct kg_client_opts *o, struct kg_client **ret, struct kg_err *err)
{
    struct kg_client *c = kg_xalloc(sizeof *c);

    c->opts = *o;
    if (kg_start_paths(&c->opts, &c->paths, err) < 0) {
        kg_client_close(c);
        return -(int)err->code;
    }
    c->easy = curl_easy_init();
    if (!c->easy) {
        kg_client_close(c);
        return kg_err_set(err, KG_E_MEMORY, "libcurl cannot start");
    }
    *ret = c;
    return 0;
}

void kg_client_close(struct kg_client *c)
{
    if (!c)
        return;
    if (c->easy)
        curl_easy_cleanup(c->easy);
    kg_json_free(c->error);
    kg_paths_done(&c->paths);
    free(c);
}

const char *kg_client_socket(const struct kg_client *c) { return c->paths.socket; }
const struct kg_json *kg_client_error_detail(const struct kg_client *c) { return c->error; }

static void forget_error(struct kg_client *c)
{
    kg_json_free(c->error);
    c->error = NULL;
}

static int call_once(struct kg_client *c, const struct kg_request *rq, struct kg_reply *ret, struct kg_err *err)
{
    struct kg_transfer t;
    int r;

    forget_error(c);
    r = kg_transfer_begin(&t, c->easy, &c->paths, &c->opts, rq, err);
    if (r == 0)
        r = kg_transfer_finish(&t, curl_easy_perform(c->easy), ret, &c->error, err);
    kg_transfer_done(&t);
    return r;
}

/* Sleeps, but not through an interruption. */
static int pause_for(struct kg_client *c, kg_usec wait, struct kg_err *err)
{
    kg_usec until = kg_now_mono() + wait;

    for (;;) {
        kg_usec left = until - kg_now_mono();

        if (c->opts.interrupted && c->opts.interrupted(c->opts.ctx))
            return kg_err_set(err, KG_E_CANCELLED, "interrupted");
        if (left <= 0)
            return 0;
        (void)poll(NULL, 0, left > KG_SECOND / 10 ? 100 : (int)(left / 1000) + 1);
    }
}

int kg_client_start_service(struct kg_client *c, bool *ret_started, struct kg_err *err)
{
    KG_CLEANUP(kg_start_done) struct kg_start s;
    int r;

    kg_start_begin(&s, &c->paths, c->opts.program);
    while ((r = kg_start_step(&s, err)) == 0)
        if (pause_for(c, s.wait, err) < 0)
            return -(int)err->code;
    if (r < 0)
        return r;
    *ret_started = s.spawned;
    return 0;
}

int kg_client_call(struct kg_client *c, const struct kg_request *rq, struct kg_reply *ret, struct kg_err *err)
{
    struct kg_err first = { 0 };
    bool started;

    if (call_once(c, rq, ret, &first) == 0)
        return 0;
    if (!kg_start_helps(&c->opts, rq, &first, c->error)) {
        *err = first;
        return -(int)err->code;
    }
    if (kg_client_start_service(c, &started, err) < 0)
        return -(int)err->code;
    return call_once(c, rq, ret, err);
}

int kg_client_get(struct kg_client *c, const char *path, struct kg_json **ret, struct kg_err *err)
{
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_request rq = { .method = "GET", .path = path };

    if (kg_client_call(c, &rq, &reply, err) < 0)
        return -(int)err->code;
    if (!reply.json)
        return kg_err_set(err, KG_E_NO_REPLY, "the service's answer for '%s' is empty", path);
    *ret = KG_TAKE(reply.json);
    return 0;
}

/* Moves the items of one page over; returns how many the array has then. */
static size_t take_page(struct kg_json *page, size_t max, struct kg_json *array)
{
    const struct kg_json *value = kg_json_get(page, "value");
    size_t n = kg_json_count(array);

    for (const struct kg_json *i = kg_json_first(value); i && (!max || n < max); i = kg_json_next(i), n++)
        kg_json_push(array, kg_json_copy(i));
    return n;
}

int kg_client_list(struct kg_client *c, const char *path, size_t max, struct kg_json **ret_array, char **ret_next,
                   struct kg_err *err)
{
    KG_AUTO_JSON struct kg_json *array = kg_json_array();
    KG_AUTO_FREE char *next = max ? kg_xprintf("%s%c$top=%zu", path, strchr(path, '?') ? '&' : '?', max)
                                  : kg_xstrdup(path);
    size_t n = 0;

    for (int pages = 0; next; pages++) {
        KG_AUTO_JSON struct kg_json *page = NULL;
        const char *link;

        if (pages == PAGES_MAX)
            return kg_err_set(err, KG_E_LIMIT, "the list '%s' does not end", path);
        if (kg_client_get(c, next, &page, err) < 0)
            return -(int)err->code;
        if (kg_json_type(kg_json_get(page, "value")) != KG_JSON_ARRAY)
            return kg_err_set(err, KG_E_NO_REPLY, "the service's answer for '%s' is not a list", path);
        n = take_page(page, max, array);
        link = kg_json_str(page, "nextLink");
        free(next);
        next = link && link[0] ? kg_url_path(link) : NULL;
        if (max && n >= max)
            break;
    }
    *ret_array = KG_TAKE(array);
    if (ret_next)
        *ret_next = KG_TAKE(next);
    return 0;
}

int kg_client_follow(struct kg_client *c, bool keep_text, struct kg_reply *reply, struct kg_err *err)
{
    KG_CLEANUP(kg_operation_done) struct kg_operation op;
    KG_AUTO_REPLY struct kg_reply last = { 0 };
    bool polled = false;

    kg_operation_begin(&op, reply);
    while (op.state != KG_OP_DONE) {
        struct kg_request rq = kg_operation_request(&op, keep_text);

        if (pause_for(c, op.wait, err) < 0)
            return -(int)err->code;
        kg_reply_done(&last);
        if (kg_client_call(c, &rq, &last, err) < 0 || kg_operation_feed(&op, &last, &c->error, err) < 0)
            return -(int)err->code;
        polled = true;
    }
    if (!polled)
        return 0;
    kg_reply_done(reply);
    *reply = last;
    last = (struct kg_reply){ 0 };
    return 0;
}
