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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys/fd.h"
#include "unit/async_fixture.h"

/* ---- a service that misbehaves: what it does follows from the path ---- */

enum { CALLERS_MAX = 64 };

struct fake {
    char dir[40], path[80];
    int fd, fds[CALLERS_MAX];
    pthread_t acceptor, threads[CALLERS_MAX];
    size_t n;
    atomic_uint held, most, asked, polls;
    atomic_bool release;
    char body[256];              /* of the last request */
};
struct caller { struct fake *f; int fd; };

#define OK(headers, body) "HTTP/1.1 200 OK\r\nConnection: close\r\n" headers "\r\n" body
#define BEGINS(path) "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n" \
                     "Azure-AsyncOperation: http://x" path "\r\nLocation: /result\r\nRetry-After: 30\r\n\r\n"

static const struct { const char *path, *reply; } replies[] = {
    { "/fine", OK("Server: keepgres/9.8.7\r\n", "{\"fine\":1}") },
    { "/kept", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" },
    { "/secret", OK("", "{\"recoveryKey\":\"K\"}") },
    { "/hang-up", "" },
    { "/cut", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"fine\":" },
    { "/noise", "\x01\x02 nonsense\r\n\r\n" },
    { "/html", OK("", "<html>") },
    { "/odd-version", OK("Server: keepgres/1\x1b[2J\r\n", "{}") },
    { "/missing", "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"
                  "{\"error\":{\"code\":\"UserErrorRecoveryPointNotFound\",\"message\":\"no point 'p'\"}}" },
    { "/begin", BEGINS("/operation") },
    { "/begin-and-fail", BEGINS("/failed") },
    { "/begin-and-go", BEGINS("/hang-up") },
    { "/failed", OK("", "{\"status\":\"Failed\",\"error\":{\"code\":\"UserErrorDBUserAuthFailed\",\"message\":\"wrong\"}}") },
    { "/result", OK("", "{\"jobId\":\"j\"}") },
};

static bool asks_for(const char *request, const char *path)
{
    const char *p = strchr(request, ' ');
    size_t n = strlen(path);

    return p && strncmp(p + 1, path, n) == 0 && (p[n + 1] == '?' || p[n + 1] == ' ');
}

static void say(int fd, const char *text) { (void)kg_write_all(fd, text, strlen(text)); }

static void hold_back(struct fake *f)
{
    unsigned now = ++f->held;

    if (now > f->most)
        f->most = now;
    while (!f->release)
        usleep(1000);
    f->held--;
}

/* True when the connection stays. */
static bool answer_one(struct fake *f, int fd)
{
    char request[4096];
    size_t n = 0;
    ssize_t r;
    char *end = NULL;

    while (!end && n < sizeof request - 1 && (r = read(fd, request + n, sizeof request - 1 - n)) > 0) {
        n += (size_t)r;
        request[n] = '\0';
        end = strstr(request, "\r\n\r\n");
    }
    if (!end)
        return false;
    f->asked++;
    snprintf(f->body, sizeof f->body, "%s", end + 4);
    if (asks_for(request, "/silent"))
        while (read(fd, &(char){ 0 }, 1) > 0)
            ;
    else if (asks_for(request, "/held"))
        hold_back(f), say(fd, OK("", "{}"));
    else if (asks_for(request, "/operation"))
        say(fd, ++f->polls < 3 ? OK("", "{\"status\":\"Inprogress\"}") : OK("", "{\"status\":\"Succeeded\"}"));
    for (size_t i = 0; i < KG_ARRAY_LEN(replies); i++)
        if (asks_for(request, replies[i].path))
            say(fd, replies[i].reply);
    return asks_for(request, "/kept");
}

static void *serve_one(void *arg)
{
    struct caller *c = arg;

    while (answer_one(c->f, c->fd))
        ;
    shutdown(c->fd, SHUT_RDWR); /* closed by end_fake() */
    free(c);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct fake *f = arg;

    while (f->n < CALLERS_MAX) {
        struct caller *c;
        int fd = accept4(f->fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            break;
        c = kg_xalloc(sizeof *c);
        *c = (struct caller){ f, fd };
        f->fds[f->n] = fd;
        if (pthread_create(&f->threads[f->n], NULL, serve_one, c) == 0)
            f->n++;
    }
    return NULL;
}

static int listen_at(const char *path, int backlog)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(sa.sun_path, path, strlen(path));
    if (fd < 0 || bind(fd, (const struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, backlog) < 0)
        return -1;
    return fd;
}

static void begin_fake(struct fake *f)
{
    *f = (struct fake){ .dir = "/tmp/kg-async-XXXXXX" };
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/api.sock", f->dir);
    f->fd = listen_at(f->path, 32);
    assert_true(f->fd >= 0);
    assert_int_equal(pthread_create(&f->acceptor, NULL, accept_all, f), 0);
}

/* No more calls are taken, and those that are there are hung up on. */
static void end_fake(struct fake *f)
{
    f->release = true;
    shutdown(f->fd, SHUT_RDWR);
    pthread_join(f->acceptor, NULL);
    for (size_t i = 0; i < f->n; i++) {
        shutdown(f->fds[i], SHUT_RDWR);
        pthread_join(f->threads[i], NULL);
        close(f->fds[i]);
    }
    close(f->fd);
    unlink(f->path);
    rmdir(f->dir);
}

static struct kg_async *client_of(const struct fake *f)
{
    return open_at(&(struct kg_client_opts){ .socket = f->path, .no_start = true });
}

/* ---- calls ---- */

static void test_answers_come_while_polling_each_once(void **state)
{
    struct got g[20] = { 0 };
    char body[] = "{\"s\":2}";
    struct kg_request rq = { .method = "PUT", .path = "/fine", .body = body, .body_len = 7 };
    struct kg_async *a;
    struct fake f;

    (void)state;
    begin_fake(&f);
    a = client_of(&f);
    assert_int_equal(kg_async_health(a).since, 0);
    for (size_t i = 0; i < 19; i++)
        get(a, "/fine", &g[i]);
    finish(a);
    kg_async_send(a, &rq, false, keep, &g[19]);
    memset(body, 'x', sizeof body - 1); /* it was copied */
    assert_int_equal(g[19].times, 0);
    assert_int_equal(kg_async_pending(a), 1);
    finish(a);
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(g[i].times, 1);
        assert_int_equal(g[i].status, 200);
        assert_int_equal(kg_json_u64(g[i].json, "fine", 0), 1);
        got_done(&g[i]);
    }
    assert_string_equal(f.body, "{\"s\":2}");
    assert_true(kg_async_health(a).reachable);
    assert_true(kg_now_wall() - kg_async_health(a).since < 20 * KG_SECOND);
    assert_string_equal(kg_async_health(a).server_version, "9.8.7");
    got_done(&g[0]);
    ask(a, "GET", "/odd-version", NULL, false, &g[0]);
    assert_string_equal(kg_async_health(a).server_version, "9.8.7");
    got_done(&g[0]);
    kg_async_close(a);
    end_fake(&f);
}

static void test_at_most_eight_are_under_way_and_the_others_wait(void **state)
{
    AUTO_GOT g = { 0 };
    struct kg_async *a;
    struct fake f;

    (void)state;
    begin_fake(&f);
    a = client_of(&f);
    for (size_t i = 0; i < 20; i++)
        get(a, "/held", &g);
    while (f.held < 8)
        poll_once(a, 10);
    for (size_t i = 0; i < 5; i++)
        poll_once(a, 10);
    assert_int_equal(f.asked, 8);
    f.release = true;
    finish(a);
    assert_int_equal(g.times, 20);
    assert_int_equal(f.most, 8);
    kg_async_close(a);
    end_fake(&f);
}

static void test_a_secret_answer_is_handed_out_as_text(void **state)
{
    AUTO_GOT g = { 0 };
    struct kg_request rq = { .method = "GET", .path = "/secret", .keep_text = true };
    struct kg_async *a;
    struct fake f;

    (void)state;
    begin_fake(&f);
    a = client_of(&f);
    kg_async_send(a, &rq, true, keep, &g);
    finish(a);
    assert_string_equal(g.text, "{\"recoveryKey\":\"K\"}");
    assert_null(g.json);
    kg_async_close(a);
    end_fake(&f);
}

static void test_what_goes_wrong_is_answered(void **state)
{
    static const struct { const char *path; enum kg_code code, detail; bool reachable; } cases[] = {
        { "/hang-up", KG_E_NO_REPLY, KG_E_OK, false }, { "/cut", KG_E_NO_REPLY, KG_E_OK, false },
        { "/noise", KG_E_NO_REPLY, KG_E_OK, false },   { "/html", KG_E_NO_REPLY, KG_E_OK, false },
        { "/missing", KG_E_NO_POINT, KG_E_NO_POINT, true }, { "no path", KG_E_USAGE, KG_E_OK, true },
    };
    AUTO_GOT g = { 0 };
    struct kg_async *a;
    struct fake f;

    (void)state;
    begin_fake(&f);
    a = client_of(&f);
    for (size_t i = 0; i < KG_ARRAY_LEN(cases); i++) {
        ask(a, "GET", cases[i].path, NULL, false, &g);
        if (g.code != cases[i].code || g.detail_code != cases[i].detail || kg_async_health(a).reachable != cases[i].reachable)
            fail_msg("%s became %s: %s", cases[i].path, kg_code_name(g.code), g.msg);
    }
    end_fake(&f);
    ask(a, "GET", "/fine", NULL, false, &g);
    assert_int_equal(g.code, KG_E_NO_SERVICE);
    assert_false(kg_async_health(a).reachable);
    kg_async_close(a);
}

/* libcurl would send it again on a new connection when the one it kept is hung up on. */
static void test_a_change_is_sent_once_whatever_becomes_of_the_connection(void **state)
{
    AUTO_GOT g = { 0 };
    struct kg_async *a;
    struct fake f;

    (void)state;
    begin_fake(&f);
    a = client_of(&f);
    ask(a, "GET", "/kept", NULL, false, &g);
    assert_int_equal(g.status, 200);
    ask(a, "POST", "/hang-up", "{}", false, &g);
    assert_int_equal(g.code, KG_E_NO_REPLY);
    assert_int_equal(f.asked, 2);
    kg_async_close(a);
    end_fake(&f);
}

static void test_a_service_that_hangs_is_given_up_and_holds_nobody_up(void **state)
{
    AUTO_GOT g = { 0 }, fine = { 0 };
    struct kg_async *a;
    struct fake f;

    (void)state;
    begin_fake(&f);
    a = client_of(&f);
    kg_async_set_deadline(a, KG_SECOND / 4);
    get(a, "/silent", &g);
    get(a, "/fine", &fine);
    while (!fine.times)
        poll_once(a, 100);
    assert_int_equal(g.times, 0);
    finish(a);
    assert_int_equal(g.code, KG_E_TIMEOUT);
    assert_false(kg_async_health(a).reachable);
    kg_async_close(a);
    end_fake(&f);
}

/* It listens and takes no calls: at first they queue up in the kernel, then not even that. */
static void test_a_service_that_takes_no_calls_is_given_up(void **state)
{
    AUTO_GOT g = { 0 };
    char dir[] = "/tmp/kg-async-XXXXXX";
    struct kg_async *a;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    KG_AUTO_FREE char *path = kg_xprintf("%s/api.sock", dir);
    fd = listen_at(path, 0);
    a = open_at(&(struct kg_client_opts){ .socket = path });
    kg_async_set_deadline(a, KG_SECOND / 4);
    for (int i = 0; i < 8; i++) {
        ask(a, "GET", "/fine", NULL, false, &g);
        if (g.code != KG_E_TIMEOUT)
            fail_msg("call %d became %s: %s", i, kg_code_name(g.code), g.msg);
    }
    for (int i = 0; i < 8; i++)
        get(a, "/fine", &g);
    finish(a);
    assert_int_equal(g.code, KG_E_TIMEOUT);
    kg_async_close(a);
    close(fd);
    unlink(path);
    rmdir(dir);
}

static void test_an_operation_is_followed_to_its_end(void **state)
{
    AUTO_GOT g = { 0 };
    struct kg_request rq = { .method = "POST", .path = "/begin", .keep_text = true };
    struct kg_async *a;
    struct fake f;

    (void)state;
    begin_fake(&f);
    a = client_of(&f);
    ask(a, "POST", "/begin", "{}", true, &g);
    assert_string_equal(kg_json_str(g.json, "jobId"), "j");
    assert_int_equal(f.polls, 3);
    ask(a, "POST", "/begin", NULL, false, &g);
    assert_int_equal(g.status, 202);
    got_done(&g);
    kg_async_send(a, &rq, true, keep, &g);
    finish(a);
    assert_string_equal(g.text, "{\"jobId\":\"j\"}");
    ask(a, "POST", "/begin-and-fail", NULL, true, &g);
    assert_int_equal(g.code, KG_E_DB_AUTH);
    assert_string_equal(g.msg, "wrong");
    assert_int_equal(g.detail_code, KG_E_DB_AUTH);
    ask(a, "POST", "/begin-and-go", NULL, true, &g);
    assert_int_equal(g.code, KG_E_NO_REPLY);
    kg_async_close(a);
    end_fake(&f);
}

/* ---- cancelling and polling ---- */

struct meddler {
    struct kg_async *a;
    struct got *others;
    uint64_t other, sent;
    unsigned times;
};

static void meddle(void *ctx, uint64_t id, const struct kg_answer *answer)
{
    struct meddler *m = ctx;

    (void)answer;
    m->times++;
    kg_async_cancel(m->a, id);
    kg_async_cancel(m->a, m->other);
    kg_async_cancel_all(m->a, m->others);
    if (m->times == 1)
        m->sent = kg_async_send(m->a, &(struct kg_request){ .method = "GET", .path = "/fine" }, false, meddle, m);
}

static void test_a_function_may_send_and_cancel_also_its_own_call(void **state)
{
    AUTO_GOT g = { 0 }, other = { 0 };
    struct meddler m = { .others = &g };
    struct kg_async *a;
    struct fake f;

    (void)state;
    begin_fake(&f);
    m.a = a = client_of(&f);
    kg_async_cancel(a, 12345);
    for (int i = 0; i < 3; i++)
        get(a, "/silent", &g);
    m.other = get(a, "/silent", &other);
    kg_async_send(a, &(struct kg_request){ .method = "GET", .path = "/fine" }, false, meddle, &m);
    for (int i = 0; i < 6; i++)
        get(a, "/silent", &g);
    finish(a);
    assert_int_equal(m.times, 2);
    assert_int_equal(g.times + other.times, 0);
    get(a, "/silent", &g); /* under way, and one that waits for its turn, when the client is closed */
    poll_once(a, 10);
    get(a, "/fine", &g);
    kg_async_close(a);
    assert_int_equal(g.times, 0);
    end_fake(&f);
}

static void ignore_signal(int sig) { (void)sig; }

static void test_polling_ends_for_descriptors_and_signals(void **state)
{
    AUTO_GOT g = { 0 };
    struct itimerval soon = { .it_value.tv_usec = 50000 };
    struct sigaction sa = { .sa_handler = ignore_signal }, was;
    kg_usec began = kg_now_mono();
    struct kg_err err = { 0 };
    struct kg_async *a;
    struct fake f;
    int p[2];

    (void)state;
    begin_fake(&f);
    a = client_of(&f);
    get(a, "/silent", &g);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    struct pollfd fds[] = { { .fd = p[0], .events = POLLIN }, { .fd = p[1], .events = POLLIN } };

    assert_int_equal(kg_async_poll(a, fds, 2, 30, &err), 0);
    assert_int_equal(fds[0].revents | fds[1].revents, 0);
    assert_int_equal(write(p[1], "x", 1), 1);
    assert_int_equal(kg_async_poll(a, fds, 2, -1, &err), 0);
    assert_int_equal(fds[0].revents, POLLIN);
    assert_int_equal(fds[1].revents, 0);
    sigaction(SIGALRM, &sa, &was);
    setitimer(ITIMER_REAL, &soon, NULL);
    assert_int_equal(kg_async_poll(a, fds + 1, 1, 10000, &err), 0);
    sigaction(SIGALRM, &was, NULL);
    assert_true(kg_now_mono() - began < 5 * KG_SECOND);
    assert_int_equal(g.times, 0);
    kg_async_close(a);
    close(p[0]);
    close(p[1]);
    end_fake(&f);
}

/* ---- who answers ---- */

/* Listens as another user: the kernel notes who listen() was called by. */
static int listen_as(uid_t uid, const char *path)
{
    int fd;

    if (syscall(SYS_setresuid, -1, uid, -1) < 0)
        return -1;
    fd = listen_at(path, 8);
    if (syscall(SYS_setresuid, -1, 0, -1) < 0)
        abort();
    return fd;
}

static void test_another_users_service_is_believed_only_where_not_everybody_can_put_one(void **state)
{
    AUTO_GOT g = { 0 };
    struct kg_err err = { 0 };
    struct kg_json *j = NULL;
    char dir[] = "/tmp/kg-async-XXXXXX";
    struct kg_client *c = NULL;
    struct kg_async *a;
    int fd;

    (void)state;
    if (geteuid() != 0)
        skip();
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chmod(dir, 0777), 0);
    KG_AUTO_FREE char *path = kg_xprintf("%s/api.sock", dir);
    struct kg_client_opts o = { .socket = path };

    fd = listen_as(65534, path);
    assert_true(fd >= 0);
    a = open_at(&o);
    kg_async_set_deadline(a, KG_SECOND / 4);
    ask(a, "GET", "/fine", NULL, false, &g);
    assert_int_equal(g.code, KG_E_DENIED);
    assert_non_null(strstr(g.msg, "65534"));
    assert_int_equal(kg_client_open(&o, &c, &err), 0);
    assert_int_equal(kg_client_get(c, "/fine", &j, &err), -KG_E_DENIED);
    kg_client_close(c);
    assert_int_equal(chmod(dir, 0755), 0);
    ask(a, "GET", "/fine", NULL, false, &g);
    assert_int_equal(g.code, KG_E_TIMEOUT); /* it is asked, and nobody is there to answer */
    kg_async_close(a);
    close(fd);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers_come_while_polling_each_once),
        TEST(test_at_most_eight_are_under_way_and_the_others_wait),
        TEST(test_a_secret_answer_is_handed_out_as_text),
        TEST(test_what_goes_wrong_is_answered),
        TEST(test_a_change_is_sent_once_whatever_becomes_of_the_connection),
        TEST(test_a_service_that_hangs_is_given_up_and_holds_nobody_up),
        TEST(test_a_service_that_takes_no_calls_is_given_up),
        TEST(test_an_operation_is_followed_to_its_end),
        TEST(test_a_function_may_send_and_cancel_also_its_own_call),
        TEST(test_polling_ends_for_descriptors_and_signals),
        TEST(test_another_users_service_is_believed_only_where_not_everybody_can_put_one),
    };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct kg_err err = { 0 };
    int r;

    sigaction(SIGPIPE, &ignore, NULL);
    if (kg_client_library_start(&err) < 0)
        return 1;
    r = cmocka_run_group_tests(tests, NULL, NULL);
    kg_client_library_end();
    return r;
}
