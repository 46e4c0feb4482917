/* Paths, and what stands at them: the lock file, the socket, systemd's notification socket. Called with "lock PATH" the
 * program takes that lock, says so on descriptor 1, and waits for the end of its standard input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"
#include "sys/lock.h"
#include "sys/notify.h"
#include "sys/paths.h"
#include "sys/proc.h"
#include "sys/sock.h"

struct fixture {
    char dir[64];
    struct kg_err err;
};

#define OK(call)                                                                                     \
    do {                                                                                             \
        f->err = (struct kg_err){ 0 };                                                               \
        if ((call) < 0)                                                                              \
            fail_msg("%s: %s", #call, f->err.msg);                                                   \
    } while (0)
#define FAILS(code_, call)                                                                           \
    do {                                                                                             \
        f->err = (struct kg_err){ 0 };                                                               \
        if ((call) != -(code_) || !*f->err.action)                                                   \
            fail_msg("%s: '%s' instead of %s", #call, f->err.msg, kg_code_name(code_));              \
    } while (0)

static int setup(void **state)
{
    static struct fixture fixture;
    struct fixture *f = &fixture;

    *state = f;
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/kg-paths-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = { "rm", "-rf", "--", f->dir, NULL }, *envp[] = { "PATH=/usr/bin:/bin", NULL };
    pid_t pid;
    int status;

    OK(kg_proc_spawn(&(struct kg_proc_spec){ .argv = argv, .envp = envp, .fd_in = -1, .fd_out = -1, .fd_err = -1 },
                     &pid, &f->err));
    OK(kg_proc_wait(pid, -1, &status, &f->err));
    return 0;
}

static struct kg_paths_env env_of(const char *home)
{
    return (struct kg_paths_env){ .home = home, .tmp = "/tmp", .uid = geteuid() };
}

static void make_socket(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    close(fd);
}

static void test_a_client_takes_the_machines_socket_unless_its_user_has_one(void **state)
{
    struct fixture *f = *state;
    struct kg_paths_env env = env_of("/home/u");
    char own[120], system[100];

    (void)snprintf(own, sizeof own, "%s/keepgres/api.sock", f->dir);
    (void)snprintf(system, sizeof system, "%s/system.sock", f->dir);
    env.xdg_runtime = f->dir;
    env.system_socket = system;
    for (int step = 0; step < 4; step++) {
        KG_AUTO_PATHS struct kg_paths p = { 0 };
        static const bool machine[] = { false, true, false, false };

        if (step == 1)
            make_socket(system);
        if (step == 2) { /* a service of the user's own */
            char dir[100];

            (void)snprintf(dir, sizeof dir, "%s/keepgres", f->dir);
            OK(kg_make_dirs(dir, 0700, &f->err));
            make_socket(own);
        }
        env.socket = step == 3 ? "/named/it.sock" : NULL;
        OK(kg_paths_find(&env, &p, &f->err));
        assert_int_equal(p.socket_system, machine[step]);
        assert_string_equal(p.socket, step == 3 ? "/named/it.sock" : machine[step] ? system : own);
    }
}

static void test_paths_follow_xdg_and_fall_back_to_home_and_tmp(void **state)
{
    struct fixture *f = *state;
    struct kg_paths_env env = env_of("/home/u");
    struct kg_paths p = { 0 };

    env.uid = 1234;
    env.xdg_state = "relative: ignored, as the specification says";
    OK(kg_paths_find(&env, &p, &f->err));
    assert_string_equal(p.socket, "/tmp/keepgres-1234/api.sock");
    assert_true(p.socket_fallback);
    assert_string_equal(p.catalog, "/home/u/.local/state/keepgres/catalog.sqlite");
    assert_string_equal(p.service_key, "/home/u/.local/state/keepgres/service.key");
    assert_string_equal(p.vaults_dir, "/home/u/.local/share/keepgres/vaults");
    assert_string_equal(p.config, "/home/u/.config/keepgres/keepgres.conf");
    assert_false(p.config_named);
    kg_paths_done(&p);
    env.xdg_runtime = "/run/user/1234";
    env.xdg_state = "/s";
    env.xdg_data = "/d";
    env.xdg_config = "/c";
    OK(kg_paths_find(&env, &p, &f->err));
    assert_string_equal(p.socket, "/run/user/1234/keepgres/api.sock");
    assert_false(p.socket_fallback);
    assert_string_equal(p.lock, "/s/keepgres/service.lock");
    assert_string_equal(p.data_dir, "/d/keepgres");
    assert_string_equal(p.config, "/c/keepgres/keepgres.conf");
    kg_paths_done(&p);
    env.socket = "/run/keepgres/api.sock";
    env.state_dir = "/var/lib/keepgres";
    env.data_dir = "/srv/keepgres";
    env.config = "/etc/keepgres/keepgres.conf";
    env.home = NULL; /* a service user has none and needs none */
    env.xdg_config = NULL;
    OK(kg_paths_find(&env, &p, &f->err));
    assert_string_equal(p.socket_dir, "/run/keepgres");
    assert_string_equal(p.log, "/var/lib/keepgres/service.log");
    assert_string_equal(p.vaults_dir, "/srv/keepgres/vaults");
    assert_true(p.config_named);
    kg_paths_done(&p);
}

static void test_what_cannot_be_a_path_is_refused_with_advice(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *longest = kg_xprintf("/%0*d", KG_SOCKET_PATH_MAX - 1, 0), *longer = kg_xprintf("%s0", longest);
    struct kg_paths_env env = env_of("/home/u");
    struct kg_paths p = { 0 };

    env.socket = longer;
    FAILS(KG_E_USAGE, kg_paths_find(&env, &p, &f->err));
    assert_non_null(strstr(f->err.action, "--socket"));
    env.socket = longest;
    OK(kg_paths_find(&env, &p, &f->err));
    kg_paths_done(&p);
    env.socket = "api.sock";
    FAILS(KG_E_USAGE, kg_paths_find(&env, &p, &f->err));
    env.socket = NULL;
    env.state_dir = "state";
    FAILS(KG_E_USAGE, kg_paths_find(&env, &p, &f->err));
    env.state_dir = NULL;
    env.home = NULL;
    FAILS(KG_E_USAGE, kg_paths_find(&env, &p, &f->err));
    assert_null(p.socket);
}

static void test_preparing_makes_private_directories_once(void **state)
{
    struct fixture *f = *state;
    struct kg_paths_env env = env_of(f->dir);
    KG_AUTO_PATHS struct kg_paths p = { 0 };
    struct stat st;

    env.tmp = f->dir;
    OK(kg_paths_find(&env, &p, &f->err));
    OK(kg_paths_check_socket(&p, &f->err)); /* nothing there yet: fine */
    OK(kg_paths_prepare(&p, &f->err));
    OK(kg_paths_prepare(&p, &f->err));
    assert_int_equal(stat(p.state_dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(p.vaults_dir, &st), 0);
    OK(kg_paths_check_socket(&p, &f->err));
    assert_int_equal(chmod(p.state_dir, 0755), 0); /* as systemd makes it: to look into, not to write to */
    OK(kg_paths_prepare(&p, &f->err));
    assert_int_equal(chmod(p.state_dir, 0777), 0);
    FAILS(KG_E_DENIED, kg_paths_prepare(&p, &f->err));
}

static void test_a_socket_directory_that_others_could_have_made_is_not_trusted(void **state)
{
    struct fixture *f = *state;
    struct kg_paths_env env = env_of(f->dir);
    KG_AUTO_PATHS struct kg_paths p = { 0 };
    KG_AUTO_FREE char *elsewhere = kg_xprintf("%s/elsewhere", f->dir);

    env.tmp = f->dir;
    OK(kg_paths_find(&env, &p, &f->err));
    assert_int_equal(mkdir(p.socket_dir, 0755), 0);
    assert_int_equal(chmod(p.socket_dir, 0755), 0);
    FAILS(KG_E_DENIED, kg_paths_check_socket(&p, &f->err));
    FAILS(KG_E_DENIED, kg_paths_prepare(&p, &f->err));
    assert_int_equal(rmdir(p.socket_dir), 0);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    assert_int_equal(symlink(elsewhere, p.socket_dir), 0);
    FAILS(KG_E_DENIED, kg_paths_check_socket(&p, &f->err));
    assert_int_equal(unlink(p.socket_dir), 0);
    assert_int_equal(mkdir(p.socket_dir, 0700), 0);
    OK(kg_paths_check_socket(&p, &f->err));
    p.uid++; /* now it is somebody else's */
    FAILS(KG_E_DENIED, kg_paths_check_socket(&p, &f->err));
    FAILS(KG_E_NOT_FOUND, kg_path_check_private("/nonexistent", geteuid(), &f->err));
}

static void test_a_directory_that_somebody_else_made_in_tmp_blocks_nobody(void **state)
{
    struct fixture *f = *state;
    struct kg_paths_env env = env_of(f->dir);
    KG_AUTO_FREE char *dir = kg_xprintf("%s/keepgres-%u", f->dir, (unsigned)env.uid);
    KG_AUTO_FREE char *state_dir = kg_xprintf("%s/.local/state/keepgres", f->dir);
    KG_AUTO_FREE char *other = kg_xprintf("%s/api.sock", state_dir);

    env.tmp = f->dir;
    assert_int_equal(symlink("/", dir), 0); /* what a symbolic link leads to is somebody else's, too */
    for (int step = 0; step < 3; step++) {
        KG_AUTO_PATHS struct kg_paths p = { 0 };

        if (step == 1) { /* a service that listens elsewhere is found when the way is free again */
            OK(kg_make_dirs(state_dir, 0700, &f->err));
            make_socket(other);
            assert_int_equal(unlink(dir), 0);
        }
        if (step == 2)
            assert_int_equal(unlink(other), 0);
        OK(kg_paths_find(&env, &p, &f->err));
        assert_int_equal(p.socket_fallback, step == 2);
        assert_int_equal(strcmp(p.socket, other) == 0, step < 2);
        OK(kg_paths_check_socket(&p, &f->err));
    }
}

/* ---- the lock ---- */

static int lock_main(const char *path)
{
    struct kg_lock *l = NULL;
    struct kg_err err = { 0 };
    char c;

    if (kg_lock_take(path, &l, &err) < 0 || kg_write_all(1, "!", 1) != 0)
        return 1;
    while (read(0, &c, 1) > 0)
        ;
    kg_lock_release(l);
    return 0;
}

static void test_a_lock_is_exclusive_names_its_holder_and_ends_with_it(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *path = kg_xprintf("%s/service.lock", f->dir);
    char self[512], c;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *argv[] = { self, "lock", path, NULL }, *envp[] = { NULL };
    struct kg_lock *l = NULL, *again = NULL;
    int in[2], out[2], status;
    char pid_text[16];
    pid_t pid;

    assert_true(n > 0);
    self[n] = '\0';
    assert_int_equal(kg_lock_holder(path), 0);
    assert_int_equal(pipe2(in, O_CLOEXEC) + pipe2(out, O_CLOEXEC), 0);
    OK(kg_proc_spawn(
        &(struct kg_proc_spec){ .argv = argv, .envp = envp, .fd_in = in[0], .fd_out = out[1], .fd_err = 2 }, &pid,
        &f->err));
    assert_int_equal(read(out[0], &c, 1), 1);
    (void)snprintf(pid_text, sizeof pid_text, "%d", (int)pid);
    FAILS(KG_E_BUSY, kg_lock_take(path, &l, &f->err));
    assert_non_null(strstr(f->err.msg, pid_text));
    assert_int_equal(kg_lock_holder(path), pid);
    kill(pid, SIGKILL);
    OK(kg_proc_wait(pid, -1, &status, &f->err));
    assert_int_equal(kg_lock_holder(path), 0); /* the file is still there, and means nothing */
    OK(kg_lock_take(path, &l, &f->err));
    assert_int_equal(kg_lock_holder(path), getpid());
    FAILS(KG_E_BUSY, kg_lock_take(path, &again, &f->err)); /* not even the same process twice */
    kg_lock_release(l);
    OK(kg_lock_take(path, &l, &f->err));
    kg_lock_release(l);
    close(in[0]); close(in[1]); close(out[0]); close(out[1]);
}

/* ---- sockets ---- */

static void test_a_socket_is_private_replaces_a_stale_one_and_knows_its_peer(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *path = kg_xprintf("%s/api.sock", f->dir);
    struct kg_peer peer;
    struct stat st;
    mode_t was = umask(0);
    int fd = -1, fd2 = -1, client = -1, server;

    FAILS(KG_E_NO_SERVICE, kg_socket_connect(path, &client, &f->err));
    OK(kg_socket_listen(path, 0600, &fd, &f->err));
    assert_int_equal(umask(was), 0); /* the process's umask is as it was */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close(fd); /* as after a crash: the file is there, nobody listens */
    FAILS(KG_E_NO_SERVICE, kg_socket_connect(path, &client, &f->err));
    OK(kg_socket_listen(path, 0666, &fd2, &f->err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);
    OK(kg_socket_connect(path, &client, &f->err));
    server = accept(fd2, NULL, NULL);
    assert_true(server >= 0);
    OK(kg_socket_peer(server, &peer, &f->err));
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.pid, getpid());
    close(server); close(client); close(fd2);
}

static void test_a_file_that_is_no_socket_is_not_removed(void **state)
{
    struct fixture *f = *state;
    KG_AUTO_FREE char *path = kg_xprintf("%s/precious", f->dir);
    int fd = -1;

    OK(kg_write_file(path, "x", 1, 0600, &f->err));
    FAILS(KG_E_CONFLICT, kg_socket_listen(path, 0600, &fd, &f->err));
    assert_int_equal(access(path, F_OK), 0);
}

static void test_notifications_reach_the_socket_they_are_sent_to(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    char got[64] = "";

    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/notify", f->dir);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_true(kg_notify_send(a.sun_path, "READY=1"));
    assert_int_equal(recv(fd, got, sizeof got - 1, MSG_DONTWAIT), 7);
    assert_string_equal(got, "READY=1");
    close(fd);
    assert_false(kg_notify_send(a.sun_path, "READY=1"));
    assert_false(kg_notify_send(NULL, "READY=1"));
    assert_false(kg_notify_send("relative", "READY=1"));
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_paths_follow_xdg_and_fall_back_to_home_and_tmp),
        T(test_a_client_takes_the_machines_socket_unless_its_user_has_one),
        T(test_what_cannot_be_a_path_is_refused_with_advice),
        T(test_preparing_makes_private_directories_once),
        T(test_a_socket_directory_that_others_could_have_made_is_not_trusted),
        T(test_a_directory_that_somebody_else_made_in_tmp_blocks_nobody),
        T(test_a_lock_is_exclusive_names_its_holder_and_ends_with_it),
        T(test_a_socket_is_private_replaces_a_stale_one_and_knows_its_peer),
        T(test_a_file_that_is_no_socket_is_not_removed),
        T(test_notifications_reach_the_socket_they_are_sent_to),
    };

    if (argc == 3 && strcmp(argv[1], "lock") == 0)
        return lock_main(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
