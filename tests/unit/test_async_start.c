#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "crypto/secret.h"
#include "engine/engine.h"
#include "keepgres/version.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "unit/async_fixture.h"
#include "worker/worker.h"

#define SUB "/subscriptions/00000000-0000-0000-0000-000000000001"
#define VAULT SUB "/resourceGroups/default/providers/Microsoft.DataProtection/backupVaults/v1"

/* This very program is the service, or its worker, when its first argument says so */

static char self[4096], home[] = "/tmp/kg-async-home-XXXXXX";

static const char *argument(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return "";
}

/* Leaves its process id in the file "starts" beside the socket. With a file "fail" there it ends at once, else it is the service. */
static int play_service(int argc, char **argv)
{
    const char *path = argument(argc, argv, "--socket");
    struct kg_engine_opts o = { .socket = path, .log = argument(argc, argv, "--log"), .idle_exit = true };
    KG_AUTO_FREE char *starts = kg_xprintf("%s.starts", path), *fail = kg_xprintf("%s.fail", path);
    int fd = open(starts, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct kg_err err = { 0 };

    (void)!write(fd, &(pid_t){ getpid() }, sizeof(pid_t));
    close(fd);
    if (access(fail, F_OK) == 0) {
        fputs("level=error msg=\"cannot open the catalog\"\n", stderr);
        return 3;
    }
    kg_crypto_start();
    return kg_engine_main(&o, &err) < 0 ? kg_code_exit(err.code) : 0;
}

struct place { char *dir, *socket, *starts, *fail; };

static void make_place(struct place *p)
{
    p->dir = kg_xprintf("%s/run", home);
    p->socket = kg_xprintf("%s/api.sock", p->dir);
    p->starts = kg_xprintf("%s.starts", p->socket);
    p->fail = kg_xprintf("%s.fail", p->socket);
    unlink(p->starts);
    unlink(p->fail);
}

static void place_done(struct place *p)
{
    free(p->dir);
    free(p->socket);
    free(p->starts);
    free(p->fail);
}

static off_t starts_of(const struct place *p)
{
    struct stat st;

    return stat(p->starts, &st) == 0 ? st.st_size / (off_t)sizeof(pid_t) : 0;
}

/* Those that still run are children of ours that nobody has waited for. */
static void end_services(const struct place *p)
{
    KG_AUTO_CLOSE int fd = open(p->starts, O_RDONLY | O_CLOEXEC);
    pid_t pid;

    while (fd >= 0 && read(fd, &pid, sizeof pid) == (ssize_t)sizeof pid)
        if (waitpid(pid, NULL, WNOHANG) == 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
}

static void kill_service(const struct place *p)
{
    KG_AUTO_CLOSE int fd = -1;
    struct kg_peer peer;
    struct kg_err err = { 0 }, gone = { 0 };

    assert_int_equal(kg_socket_connect(p->socket, &fd, &err), 0);
    assert_int_equal(kg_socket_peer(fd, &peer, &err), 0);
    assert_int_not_equal(peer.pid, getpid());
    kill(peer.pid, SIGKILL);
    while (gone.code != KG_E_NO_SERVICE) { /* until the kernel has closed its socket */
        KG_AUTO_CLOSE int again = -1;

        gone.code = KG_E_OK;
        if (kg_socket_connect(p->socket, &again, &gone) == 0)
            usleep(1000);
    }
}

static void test_the_service_is_started_without_waiting_and_started_again_when_it_dies(void **state)
{
    KG_CLEANUP(place_done) struct place p;
    AUTO_GOT g = { 0 }, made = { 0 };
    static const char body[] = "{\"location\":\"local\",\"properties\":{\"storageSettings\":[{\"datastoreType\":\"VaultStore\","
                               "\"type\":\"LocallyRedundant\"}]}}";
    struct kg_async *a;
    bool seen = false;

    (void)state;
    make_place(&p);
    a = open_at(&(struct kg_client_opts){ .socket = p.socket, .program = self });
    for (int i = 0; i < 12; i++)
        get(a, "/subscriptions", &g);
    while (kg_async_pending(a)) {
        poll_once(a, 100);
        seen = seen || kg_async_health(a).starting;
    }
    if (g.code)
        fail_msg("%s", g.msg);
    assert_true(seen);
    assert_false(kg_async_health(a).starting);
    assert_int_equal(g.times, 12);
    assert_int_equal(starts_of(&p), 1);
    assert_int_equal(kg_json_count(kg_json_get(g.json, "value")), 1);
    assert_string_equal(kg_async_health(a).server_version, KG_VERSION);
    ask(a, "PUT", VAULT, body, true, &made);
    if (made.code)
        fail_msg("%s", made.msg);
    kill_service(&p);
    ask(a, "GET", VAULT, NULL, false, &g);
    if (g.code)
        fail_msg("%s", g.msg);
    assert_string_equal(kg_json_str_or(g.json, "name", ""), "v1");
    assert_int_equal(starts_of(&p), 2);
    kill_service(&p); /* a second time so soon: not at once */
    ask(a, "GET", VAULT, NULL, false, &g);
    assert_int_equal(g.code, KG_E_NO_SERVICE);
    assert_int_equal(starts_of(&p), 2);
    kg_async_close(a);
}

static void test_a_service_that_cannot_start_is_told_with_its_log_and_not_tried_all_the_time(void **state)
{
    KG_CLEANUP(place_done) struct place p;
    AUTO_GOT g = { 0 };
    struct kg_err err = { 0 };
    kg_usec began = kg_now_mono();
    struct kg_async *a;

    (void)state;
    make_place(&p);
    assert_int_equal(kg_write_file(p.fail, "", 0, 0600, &err), 0);
    a = open_at(&(struct kg_client_opts){ .socket = p.socket, .program = self });
    do {
        ask(a, "GET", "/subscriptions", NULL, false, &g);
        assert_int_equal(g.code, KG_E_NO_SERVICE);
        assert_non_null(strstr(g.msg, "exited with 3"));
        assert_non_null(strstr(g.msg, "cannot open the catalog"));
        assert_int_equal(starts_of(&p), 1);
        usleep(20000);
    } while (kg_now_mono() - began < KG_SECOND);
    unlink(p.fail);
    while (g.code && kg_now_mono() - began < 10 * KG_SECOND) { /* and once it can, it runs */
        ask(a, "GET", "/subscriptions", NULL, false, &g);
        usleep(20000);
    }
    assert_int_equal(g.status, 200);
    assert_int_equal(starts_of(&p), 2);
    kg_async_close(a);
    end_services(&p);
}

static void test_what_is_held_for_a_start_can_be_cancelled_and_closed(void **state)
{
    KG_CLEANUP(place_done) struct place p;
    AUTO_GOT g = { 0 }, other = { 0 };
    struct kg_async *a;

    (void)state;
    make_place(&p);
    a = open_at(&(struct kg_client_opts){ .socket = p.socket, .program = self });
    get(a, "/subscriptions", &g);
    get(a, "/subscriptions", &other);
    while (!kg_async_health(a).starting)
        poll_once(a, 10);
    kg_async_cancel_all(a, &g);
    finish(a);
    assert_int_equal(other.status, 200);
    assert_int_equal(g.times, 0);
    end_services(&p);
    get(a, "/subscriptions", &g);
    while (!kg_async_health(a).starting)
        poll_once(a, 10);
    kg_async_close(a); /* what was started ends by itself; here it is ended */
    a = open_at(&(struct kg_client_opts){ .socket = p.socket, .program = self });
    ask(a, "GET", "/subscriptions", NULL, false, &other); /* whichever of the two it is that answers */
    if (other.code)
        fail_msg("%s", other.msg);
    kg_async_close(a);
    assert_int_equal(g.times, 0);
    kill_service(&p);
}

static void test_a_service_that_cannot_even_be_spawned_is_told(void **state)
{
    KG_CLEANUP(place_done) struct place p;
    AUTO_GOT g = { 0 };
    struct kg_async *a;

    (void)state;
    make_place(&p);
    a = open_at(&(struct kg_client_opts){ .socket = p.socket, .program = self });
    kg_fault_arm(KG_FP_PROC_SPAWN, 1, ENOMEM);
    get(a, "/subscriptions", &g);
    get(a, "/subscriptions", &g);
    finish(a);
    assert_true(kg_fault_fired());
    kg_fault_reset();
    assert_int_equal(g.times, 2);
    assert_non_null(strstr(g.msg, self));
    assert_false(kg_async_health(a).starting);
    assert_int_equal(starts_of(&p), 0);
    kg_async_close(a);
    a = open_at(&(struct kg_client_opts){ .socket = p.socket, .program = "keepgres-which-is-nowhere" });
    ask(a, "GET", "/subscriptions", NULL, false, &g);
    assert_int_equal(g.code, KG_E_NO_PROGRAM);
    kg_async_close(a);
}

static int remove_home(void)
{
    const char *argv[] = { "rm", "-rf", home, NULL }, *env[] = { "PATH=/usr/bin:/bin", NULL };
    struct kg_proc_spec spec = { .argv = argv, .envp = env, .fd_in = -1, .fd_out = -1, .fd_err = 2 };
    struct kg_err err = { 0 };
    int status;
    pid_t pid;

    return kg_proc_spawn(&spec, &pid, &err) < 0 || kg_proc_wait(pid, -1, &status, &err) < 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_service_is_started_without_waiting_and_started_again_when_it_dies),
        TEST(test_a_service_that_cannot_start_is_told_with_its_log_and_not_tried_all_the_time),
        TEST(test_a_service_that_cannot_even_be_spawned_is_told),
        TEST(test_what_is_held_for_a_start_can_be_cancelled_and_closed),
    };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct kg_err err = { 0 };
    int r;

    sigaction(SIGPIPE, &ignore, NULL);
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return play_service(argc, argv);
    if (argc > 1 && strcmp(argv[1], "worker") == 0) {
        kg_crypto_start();
        return kg_worker_main();
    }
    if (argc > 1)
        return 2;
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 || !mkdtemp(home) || kg_client_library_start(&err) < 0)
        return 1;
    KG_AUTO_FREE char *state_var = kg_xprintf("KEEPGRES_STATE_DIR=%s/state", home);
    KG_AUTO_FREE char *data_var = kg_xprintf("KEEPGRES_DATA_DIR=%s/data", home);
    KG_AUTO_FREE char *home_var = kg_xprintf("HOME=%s", home);
    char *private_env[] = { state_var, data_var, home_var, NULL }, **was = environ;

    environ = private_env;
    r = cmocka_run_group_tests(tests, NULL, NULL);
    kg_client_library_end();
    environ = was;
    return remove_home() || r;
}
