#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/time.h"
#include "client/operation.h"
#include "client/transfer.h"
#include "json/json.h"
#include "keepgres/client.h"
#include "sys/fd.h"

/* ---- a service of a few answers ---- */

struct answer {
    const char *want;            /* "GET /a": what the request must begin with; NULL: anything */
    const char *reply;           /* the whole HTTP answer; NULL: hang up */
};

#define OK(headers, body) "HTTP/1.1 200 OK\r\nConnection: close\r\n" headers "\r\n" body
#define ACCEPTED(headers) "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n" headers "\r\n"

struct server {
    char dir[40], path[80];
    int fd;
    const struct answer *answers;
    size_t n_answers;
    atomic_uint served, wrong;
    char last[4096];             /* the last request */
    pthread_t thread;
};

static int listen_at(const char *path)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(sa.sun_path, path, strlen(path));
    if (fd < 0 || bind(fd, (const struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, 16) < 0)
        return -1;
    return fd;
}

/* Headers, and as much body as Content-Length says. */
static size_t read_request(int fd, char *buf, size_t size)
{
    size_t n = 0, want = SIZE_MAX;

    while (n < size - 1 && n < want) {
        ssize_t r = read(fd, buf + n, size - 1 - n);
        char *end, *length;

        if (r <= 0)
            break;
        n += (size_t)r;
        buf[n] = '\0';
        end = strstr(buf, "\r\n\r\n");
        if (end && want == SIZE_MAX) {
            length = strcasestr(buf, "Content-Length: ");
            want = (size_t)(end + 4 - buf) + (length && length < end ? strtoul(length + 16, NULL, 10) : 0);
        }
    }
    buf[n] = '\0';
    return n;
}

static void *serve(void *arg)
{
    struct server *s = arg;

    for (size_t i = 0; i < s->n_answers; i++) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            break;
        read_request(fd, s->last, sizeof s->last);
        if (s->answers[i].want && strncmp(s->last, s->answers[i].want, strlen(s->answers[i].want)) != 0)
            s->wrong++;
        if (s->answers[i].reply)
            (void)kg_write_all(fd, s->answers[i].reply, strlen(s->answers[i].reply));
        s->served++;
        close(fd);
    }
    return NULL;
}

static void begin(struct server *s, const struct answer *answers, size_t n)
{
    *s = (struct server){ .dir = "/tmp/kg-client-XXXXXX", .answers = answers, .n_answers = n };
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->path, sizeof s->path, "%s/api.sock", s->dir);
    s->fd = listen_at(s->path);
    assert_true(s->fd >= 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    unlink(s->path);
    rmdir(s->dir);
    assert_int_equal(s->wrong, 0);
}

static struct kg_client *client_of(const struct server *s)
{
    struct kg_client_opts o = { .socket = s->path, .no_start = true };
    struct kg_client *c = NULL;
    struct kg_err err = { 0 };

    if (kg_client_open(&o, &c, &err) < 0)
        fail_msg("%s", err.msg);
    return c;
}

static struct kg_json *json(const char *text)
{
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    assert_int_equal(kg_json_parse(text, strlen(text), &j, &err), 0);
    return j;
}

/* ---- one exchange ---- */

static void test_a_body_goes_there_and_an_answer_comes_back(void **state)
{
    static const struct answer answers[] = {
        { "PUT /a/b%20c%C3%A9?x=1&api-version=2024-04-01 HTTP/1.1\r\n",
          OK("Azure-AsyncOperation: https://host/op/1?api-version=2\r\nlocation: /res/1\r\nRetry-After: 7\r\n",
             "{\"x\":1}") },
    };
    struct kg_request rq = { .method = "PUT", .path = "/a/b c\xC3\xA9?x=1", .body = "{\"s\":2}", .body_len = 7 };
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_err err = { 0 };
    struct kg_client *c;
    struct server s;

    (void)state;
    begin(&s, answers, 1);
    c = client_of(&s);
    assert_int_equal(kg_client_call(c, &rq, &reply, &err), 0);
    kg_client_close(c);
    end(&s);
    assert_int_equal(reply.status, 200);
    assert_int_equal(kg_json_u64(reply.json, "x", 0), 1);
    assert_string_equal(reply.operation, "/op/1?api-version=2");
    assert_string_equal(reply.result, "/res/1");
    assert_int_equal(reply.retry_after, 7);
    assert_null(reply.text);
    assert_non_null(strstr(s.last, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(s.last, "\r\n\r\n{\"s\":2}"));
}

static void test_a_post_without_a_body_says_so(void **state)
{
    static const struct answer answers[] = { { "POST /a?", ACCEPTED("") } };
    struct kg_request rq = { .method = "POST", .path = "/a" };
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_err err = { 0 };
    struct kg_client *c;
    struct server s;

    (void)state;
    begin(&s, answers, 1);
    c = client_of(&s);
    assert_int_equal(kg_client_call(c, &rq, &reply, &err), 0);
    kg_client_close(c);
    end(&s);
    assert_int_equal(reply.status, 202);
    assert_null(reply.json);
    assert_non_null(strstr(s.last, "Content-Length: 0\r\n"));
}

static void test_a_secret_answer_is_handed_out_as_text(void **state)
{
    static const struct answer answers[] = { { NULL, OK("", "{\"recoveryKey\":\"K\"}") } };
    struct kg_request rq = { .method = "GET", .path = "/a", .keep_text = true };
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_err err = { 0 };
    struct kg_client *c;
    struct server s;

    (void)state;
    begin(&s, answers, 1);
    c = client_of(&s);
    assert_int_equal(kg_client_call(c, &rq, &reply, &err), 0);
    kg_client_close(c);
    end(&s);
    assert_string_equal(reply.text, "{\"recoveryKey\":\"K\"}");
    assert_null(reply.json);
}

static void test_an_arm_error_keeps_its_code_its_advice_and_its_detail(void **state)
{
    static const struct answer answers[] = {
        { NULL,
          "HTTP/1.1 409 Conflict\r\nConnection: close\r\n\r\n{\"error\":{\"code\":\"userErrorX\",\"message\":\"m\"}}" },
        { NULL, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"
                "{\"error\":{\"code\":\"UserErrorRecoveryPointNotFound\",\"message\":\"no point "
                "'p'\",\"additionalInfo\":[{\"info\":"
                "{\"recommendedAction\":[\"Look again.\"],\"innerError\":{\"code\":\"x\"}}}]}}" },
        { NULL, "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n<html>" },
        { NULL, "HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" },
    };
    struct kg_err err = { 0 };
    struct kg_json *j = NULL;
    struct kg_client *c;
    struct server s;

    (void)state;
    begin(&s, answers, 4);
    c = client_of(&s);
    assert_int_equal(kg_client_get(c, "/a", &j, &err), -KG_E_CONFLICT);
    assert_string_equal(err.msg, "m");
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_client_get(c, "/a", &j, &err), -KG_E_NO_POINT);
    assert_string_equal(err.msg, "no point 'p'");
    assert_string_equal(err.action, "Look again.");
    assert_string_equal(kg_json_str(kg_client_error_detail(c), "additionalInfo.0.info.innerError.code"), "x");
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_client_get(c, "/a", &j, &err), -KG_E_NO_REPLY);
    assert_null(kg_client_error_detail(c));
    err = (struct kg_err){ 0 };
    assert_true(kg_client_get(c, "/a", &j, &err) < 0);
    assert_non_null(strstr(err.msg, "500"));
    kg_client_close(c);
    end(&s);
}

static void test_a_service_that_hangs_up_or_is_not_there_is_told_apart(void **state)
{
    static const struct answer answers[] = { { NULL, NULL } };
    struct kg_err err = { 0 };
    struct kg_json *j = NULL;
    struct kg_client *c;
    struct server s;

    (void)state;
    begin(&s, answers, 1);
    c = client_of(&s);
    assert_int_equal(kg_client_get(c, "/a", &j, &err), -KG_E_NO_REPLY);
    end(&s);
    err = (struct kg_err){ 0 };
    assert_int_equal(kg_client_get(c, "/a", &j, &err), -KG_E_NO_SERVICE);
    kg_client_close(c);
}

static void test_nothing_is_sent_to_a_service_of_somebody_else(void **state)
{
    static const struct answer answers[] = { { NULL, NULL } };
    struct kg_err err = { 0 };
    struct kg_json *j = NULL;
    struct kg_client *c;
    struct server s;

    (void)state;
    if (geteuid() != 0)
        skip();
    begin(&s, answers, 1);
    assert_int_equal(seteuid(65534), 0); /* who listens is who listened last */
    assert_int_equal(listen(s.fd, 16), 0);
    assert_int_equal(seteuid(0), 0);
    c = client_of(&s);
    assert_int_equal(kg_client_get(c, "/a", &j, &err), -KG_E_DENIED);
    assert_non_null(strstr(err.msg, "user 65534"));
    kg_client_close(c);
    end(&s);
    assert_string_equal(s.last, "");
}

static void test_a_list_follows_its_links_and_stops_at_the_limit(void **state)
{
    static const struct answer answers[] = {
        { "GET /l?api-", OK("", "{\"value\":[1,2],\"nextLink\":\"https://h/l?$skipToken=2\"}") },
        { "GET /l?$skipToken=2&api-", OK("", "{\"value\":[3]}") },
        { "GET /l?$top=1&api-", OK("", "{\"value\":[1,2],\"nextLink\":\"/l?t\"}") },
        { "GET /l?", OK("", "{\"value\":{}}") },
    };
    struct kg_err err = { 0 };
    struct kg_json *all = NULL;
    KG_AUTO_FREE char *next = NULL;
    struct kg_client *c;
    struct server s;

    (void)state;
    begin(&s, answers, 4);
    c = client_of(&s);
    assert_int_equal(kg_client_list(c, "/l", 0, &all, NULL, &err), 0);
    assert_int_equal(kg_json_count(all), 3);
    kg_json_free(all);
    assert_int_equal(kg_client_list(c, "/l", 1, &all, &next, &err), 0);
    assert_int_equal(kg_json_count(all), 1);
    assert_string_equal(next, "/l?t");
    kg_json_free(all);
    assert_int_equal(kg_client_list(c, "/l", 0, &all, NULL, &err), -KG_E_NO_REPLY);
    kg_client_close(c);
    end(&s);
}

/* ---- operations ---- */

static int follow(const struct answer *answers, size_t n, bool keep_text, struct kg_reply *reply, struct kg_err *err)
{
    struct kg_request rq = { .method = "POST", .path = "/a" };
    struct kg_client *c;
    struct server s;
    int r;

    begin(&s, answers, n);
    c = client_of(&s);
    r = kg_client_call(c, &rq, reply, err);
    if (r == 0)
        r = kg_client_follow(c, keep_text, reply, err);
    kg_client_close(c);
    end(&s);
    assert_int_equal(s.served, n);
    return r;
}

#define BEGINS ACCEPTED("Azure-AsyncOperation: http://x/op\r\nLocation: http://x/res\r\nRetry-After: 30\r\n")

static void test_an_operation_is_followed_to_its_result(void **state)
{
    static const struct answer answers[] = {
        { "POST /a", BEGINS },
        { "GET /op", OK("Retry-After: 30\r\n", "{\"status\":\"Inprogress\"}") },
        { "GET /op", OK("", "{\"status\":\"Succeeded\",\"properties\":{\"jobId\":\"no\"}}") },
        { "GET /res", OK("", "{\"jobId\":\"j\"}") },
    };
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_err err = { 0 };
    kg_usec began = kg_now_mono();

    (void)state;
    assert_int_equal(follow(answers, 4, false, &reply, &err), 0);
    assert_string_equal(kg_json_str(reply.json, "jobId"), "j");
    assert_true(kg_now_mono() - began < 2 * KG_SECOND); /* whatever Retry-After says, the service is near */
}

static void test_an_operation_without_a_location_tells_its_properties(void **state)
{
    static const struct answer answers[] = {
        { NULL, ACCEPTED("Azure-AsyncOperation: /op\r\n") },
        { "GET /op", OK("", "{\"status\":\"succeeded\",\"properties\":{\"jobId\":\"j\"}}") },
    };
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(follow(answers, 2, false, &reply, &err), 0);
    assert_string_equal(kg_json_str(reply.json, "jobId"), "j");
}

static void test_only_the_result_of_a_secret_operation_is_text(void **state)
{
    static const struct answer answers[] = {
        { NULL, BEGINS },
        { "GET /op", OK("", "{\"status\":\"Succeeded\"}") },
        { "GET /res", OK("", "{\"recoveryKey\":\"K\"}") },
    };
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(follow(answers, 3, true, &reply, &err), 0);
    assert_string_equal(reply.text, "{\"recoveryKey\":\"K\"}");
}

static void test_a_failed_operation_is_its_error(void **state)
{
    static const struct answer answers[] = {
        { NULL, BEGINS },
        { "GET /op",
          OK("", "{\"status\":\"Failed\",\"error\":{\"code\":\"UserErrorDBUserAuthFailed\",\"message\":\"wrong\"}}") },
    };
    static const struct answer silent[] = { { NULL, BEGINS }, { "GET /op", OK("", "{\"status\":\"Canceled\"}") } };
    static const struct answer odd[] = { { NULL, BEGINS }, { "GET /op", OK("", "{}") } };
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_err err = { 0 };

    (void)state;
    assert_int_equal(follow(answers, 2, false, &reply, &err), -KG_E_DB_AUTH);
    assert_string_equal(err.msg, "wrong");
    err = (struct kg_err){ 0 };
    kg_reply_done(&reply);
    assert_int_equal(follow(silent, 2, false, &reply, &err), -KG_E_NO_REPLY);
    err = (struct kg_err){ 0 };
    kg_reply_done(&reply);
    assert_int_equal(follow(odd, 2, false, &reply, &err), -KG_E_NO_REPLY);
}

static bool at_once(void *ctx) { return (*(int *)ctx)++ > 3; }

static void test_waiting_ends_when_the_caller_is_interrupted(void **state)
{
    static const struct answer answers[] = { { NULL, BEGINS }, { NULL, OK("", "{\"status\":\"Inprogress\"}") },
                                             { NULL, OK("", "{\"status\":\"Inprogress\"}") } };
    struct kg_request rq = { .method = "POST", .path = "/a" };
    KG_AUTO_REPLY struct kg_reply reply = { 0 };
    struct kg_err err = { 0 };
    struct server s;
    int asked = 0;
    struct kg_client_opts o = { .no_start = true, .interrupted = at_once, .ctx = &asked };
    struct kg_client *c = NULL;
    int r;

    (void)state;
    begin(&s, answers, 3);
    o.socket = s.path;
    assert_int_equal(kg_client_open(&o, &c, &err), 0);
    r = kg_client_call(c, &rq, &reply, &err);
    if (r == 0)
        r = kg_client_follow(c, false, &reply, &err);
    assert_int_equal(r, -KG_E_CANCELLED);
    kg_client_close(c);
    end(&s);
}

static void test_the_wait_between_polls_grows_from_50_ms_to_a_second(void **state)
{
    KG_AUTO_JSON struct kg_json *running = json("{\"status\":\"Inprogress\"}");
    char op_path[] = "/op";
    struct kg_reply first = { .status = 202, .operation = op_path }, poll_reply = { .status = 200, .json = running };
    struct kg_operation op;
    struct kg_json *e = NULL;
    struct kg_err err = { 0 };
    kg_usec before;

    (void)state;
    kg_operation_begin(&op, &first);
    assert_int_equal(op.wait, KG_SECOND / 20);
    for (int i = 0; i < 20; i++) {
        before = op.wait;
        assert_int_equal(kg_operation_feed(&op, &poll_reply, &e, &err), 0);
        assert_true(op.wait > before || op.wait == KG_SECOND);
    }
    assert_int_equal(op.wait, KG_SECOND);
    kg_operation_done(&op);
}

/* ---- errors and paths ---- */

static void test_unknown_names_are_judged_by_their_status(void **state)
{
    static const struct { const char *text; int status; enum kg_code code; } cases[] = {
        { "{\"code\":\"Whatever\",\"message\":\"m\"}", 404, KG_E_NOT_FOUND },
        { "{\"code\":\"Whatever\",\"message\":\"m\"}", 429, KG_E_BUSY },
        { "{\"code\":\"Whatever\"}", 418, KG_E_NO_REPLY },
        { "{\"message\":\"m\"}", 403, KG_E_DENIED },
        { "{}", 0, KG_E_NO_REPLY },
        { "{\"code\":\"OK\",\"message\":\"m\"}", 500, KG_E_BUG },
        { "{\"code\":\"InternalServerError\",\"message\":\"m\"}", 400, KG_E_BUG },
        { "{\"code\":\"UserErrorVaultDamaged\",\"message\":\"m\",\"recommendedAction\":[\"Do it.\"]}", 0,
          KG_E_CORRUPT },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_JSON struct kg_json *j = json(cases[i].text);
        struct kg_err err = { 0 };

        if (kg_err_from_arm(j, cases[i].status, &err) != -(int)cases[i].code)
            fail_msg("case %zu became %s", i, kg_code_name(err.code));
        assert_true(err.msg[0] && (err.action[0] || err.code == KG_E_OK));
    }
}

static void test_only_the_path_of_a_url_counts(void **state)
{
    static const struct { const char *url, *path; } cases[] = {
        { "https://management.azure.com/a?b", "/a?b" }, { "/a", "/a" }, { "http://host", NULL }, { "a/b", NULL },
        { "", NULL },
    };

    (void)state;
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        KG_AUTO_FREE char *path = kg_url_path(cases[i].url);

        if (cases[i].path)
            assert_string_equal(path, cases[i].path);
        else
            assert_null(path);
    }
}

/* ---- starting: this very program plays the service when its first argument is "serve" ---- */

static char self[4096];

static const char *argument(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return NULL;
}

/* Leaves a line in the file "starts" beside the socket and answers until "stop" is asked, or for five seconds. */
static int play_service(int argc, char **argv)
{
    const char *path = argument(argc, argv, "--socket");
    KG_AUTO_FREE char *starts = kg_xprintf("%s.starts", path), *fail = kg_xprintf("%s.fail", path);
    int fd = open(starts, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), listener;
    char request[4096];

    (void)!write(fd, "x", 1);
    close(fd);
    if (access(fail, F_OK) == 0) {
        fputs("level=error msg=\"cannot open the catalog\"\n", stderr);
        return 3;
    }
    usleep(100000); /* so that a second client comes while nobody listens yet */
    unlink(path);
    listener = listen_at(path);
    alarm(5);
    while (listener >= 0) {
        int c = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (c < 0)
            break;
        if (read_request(c, request, sizeof request))
            (void)kg_write_all(c, OK("", "{\"ok\":true}"), strlen(OK("", "{\"ok\":true}")));
        close(c);
        if (strstr(request, "/stop"))
            break;
    }
    unlink(path);
    return 0;
}

struct home { char dir[40], socket[80]; };

static void make_home(struct home *h)
{
    KG_AUTO_FREE char *sub = NULL;

    *h = (struct home){ .dir = "/tmp/kg-client-XXXXXX" };
    assert_non_null(mkdtemp(h->dir));
    sub = kg_xprintf("%s/run", h->dir);
    assert_int_equal(mkdir(sub, 0700), 0);
    snprintf(h->socket, sizeof h->socket, "%s/run/api.sock", h->dir);
}

static void remove_home(const struct home *h)
{
    static const char *const files[] = { "run/api.sock", "run/api.sock.starts", "run/api.sock.fail", "run/start.lock",
                                         "run" };

    for (size_t i = 0; i < KG_ARRAY_LEN(files); i++) {
        KG_AUTO_FREE char *path = kg_xprintf("%s/%s", h->dir, files[i]);

        (void)remove(path);
    }
    (void)remove(h->dir);
}

static off_t starts_of(const struct home *h)
{
    KG_AUTO_FREE char *path = kg_xprintf("%s.starts", h->socket);
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : 0;
}

static struct kg_client *starting_client(const struct home *h)
{
    struct kg_client_opts o = { .socket = h->socket, .program = self };
    struct kg_client *c = NULL;
    struct kg_err err = { 0 };

    if (kg_client_open(&o, &c, &err) < 0)
        fail_msg("%s", err.msg);
    return c;
}

static void *get_in_thread(void *arg)
{
    struct kg_client *c = arg;
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };
    int r = kg_client_get(c, "/x", &j, &err);

    kg_json_free(j);
    return (void *)(intptr_t)r;
}

static void test_the_first_call_starts_the_service_and_two_clients_start_one(void **state)
{
    struct home h;
    struct kg_client *c[4];
    pthread_t thread[4];
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    (void)state;
    make_home(&h);
    for (size_t i = 0; i < 4; i++) {
        c[i] = starting_client(&h);
        assert_int_equal(pthread_create(&thread[i], NULL, get_in_thread, c[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *r;

        pthread_join(thread[i], &r);
        assert_int_equal((intptr_t)r, 0);
    }
    assert_int_equal(starts_of(&h), 1);
    assert_int_equal(kg_client_get(c[0], "/stop", &j, &err), 0);
    kg_json_free(j);
    j = NULL;
    usleep(50000);
    /* it left meanwhile: the next call starts it again */
    assert_int_equal(kg_client_get(c[1], "/stop", &j, &err), 0);
    kg_json_free(j);
    assert_int_equal(starts_of(&h), 2);
    for (size_t i = 0; i < 4; i++)
        kg_client_close(c[i]);
    remove_home(&h);
}

static void test_a_service_that_fails_to_start_is_told_with_the_end_of_its_log(void **state)
{
    struct home h;
    struct kg_client *c;
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };

    (void)state;
    make_home(&h);
    KG_AUTO_FREE char *fail = kg_xprintf("%s.fail", h.socket);

    assert_int_equal(kg_write_file(fail, "", 0, 0600, &err), 0);
    c = starting_client(&h);
    assert_int_equal(kg_client_get(c, "/x", &j, &err), -KG_E_NO_SERVICE);
    assert_non_null(strstr(err.msg, "exited with 3"));
    assert_non_null(strstr(err.msg, "cannot open the catalog"));
    kg_client_close(c);
    remove_home(&h);
}

static void test_a_client_that_may_not_start_one_says_so(void **state)
{
    struct home h;
    struct kg_json *j = NULL;
    struct kg_err err = { 0 };
    struct kg_client *c = NULL;

    (void)state;
    make_home(&h);
    struct kg_client_opts o = { .socket = h.socket, .program = self, .no_start = true };

    assert_int_equal(kg_client_open(&o, &c, &err), 0);
    assert_int_equal(kg_client_get(c, "/x", &j, &err), -KG_E_NO_SERVICE);
    assert_int_equal(starts_of(&h), 0);
    kg_client_close(c);
    remove_home(&h);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_body_goes_there_and_an_answer_comes_back),
        cmocka_unit_test(test_a_post_without_a_body_says_so),
        cmocka_unit_test(test_a_secret_answer_is_handed_out_as_text),
        cmocka_unit_test(test_an_arm_error_keeps_its_code_its_advice_and_its_detail),
        cmocka_unit_test(test_a_service_that_hangs_up_or_is_not_there_is_told_apart),
        cmocka_unit_test(test_nothing_is_sent_to_a_service_of_somebody_else),
        cmocka_unit_test(test_a_list_follows_its_links_and_stops_at_the_limit),
        cmocka_unit_test(test_an_operation_is_followed_to_its_result),
        cmocka_unit_test(test_an_operation_without_a_location_tells_its_properties),
        cmocka_unit_test(test_only_the_result_of_a_secret_operation_is_text),
        cmocka_unit_test(test_a_failed_operation_is_its_error),
        cmocka_unit_test(test_waiting_ends_when_the_caller_is_interrupted),
        cmocka_unit_test(test_the_wait_between_polls_grows_from_50_ms_to_a_second),
        cmocka_unit_test(test_unknown_names_are_judged_by_their_status),
        cmocka_unit_test(test_only_the_path_of_a_url_counts),
        cmocka_unit_test(test_the_first_call_starts_the_service_and_two_clients_start_one),
        cmocka_unit_test(test_a_service_that_fails_to_start_is_told_with_the_end_of_its_log),
        cmocka_unit_test(test_a_client_that_may_not_start_one_says_so),
    };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    char state_dir[] = "/tmp/kg-client-state-XXXXXX";
    struct kg_err err = { 0 };
    int r;

    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return play_service(argc, argv);
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 || !mkdtemp(state_dir))
        return 1;
    sigaction(SIGPIPE, &ignore, NULL);
    if (kg_client_library_start(&err) < 0)
        return 1;
    KG_AUTO_FREE char *state_var = kg_xprintf("KEEPGRES_STATE_DIR=%s", state_dir);
    KG_AUTO_FREE char *data_var = kg_xprintf("KEEPGRES_DATA_DIR=%s", state_dir);
    KG_AUTO_FREE char *home_var = kg_xprintf("HOME=%s", state_dir);
    char *private_env[] = { state_var, data_var, home_var, NULL }, **was = environ;

    environ = private_env;
    r = cmocka_run_group_tests(tests, NULL, NULL);
    KG_AUTO_FREE char *log = kg_xprintf("%s/service.log", state_dir), *vaults = kg_xprintf("%s/vaults", state_dir);

    (void)remove(log);
    (void)remove(vaults);
    (void)remove(state_dir);
    kg_client_library_end();
    environ = was;
    return r;
}
