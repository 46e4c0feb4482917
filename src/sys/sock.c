#include "sys/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"

enum { INHERITED_FD = 3, BACKLOG = 128 };

int kg_socket_check_path(const char *path, struct kg_err *err)
{
    size_t n = strlen(path);

    if (n > 0 && n <= KG_SOCKET_PATH_MAX)
        return 0;
    kg_err_set(err, KG_E_USAGE, "the socket path '%s' has %zu bytes, and the system takes at most %d", path, n,
               KG_SOCKET_PATH_MAX);
    kg_err_advise(err, "Name a shorter one with --socket or KEEPGRES_SOCKET.");
    return -KG_E_USAGE;
}

static struct sockaddr_un address(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    memcpy(a.sun_path, path, strlen(path) + 1);
    return a;
}

static int remove_stale(const char *path, struct kg_err *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : kg_err_sys(err, errno, "look at '%s'", path);
    if (!S_ISSOCK(st.st_mode)) {
        kg_err_set(err, KG_E_CONFLICT, "'%s' exists and is not a socket", path);
        kg_err_advise(err, "Name another path for the socket, or remove what stands there.");
        return -KG_E_CONFLICT;
    }
    if (unlink(path) < 0 && errno != ENOENT)
        return kg_err_sys(err, errno, "remove the old socket '%s'", path);
    return 0;
}

int kg_socket_listen(const char *path, mode_t mode, int *ret_fd, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = -1;
    struct sockaddr_un a;
    mode_t old;
    int r, eno;

    if (kg_socket_check_path(path, err) < 0 || remove_stale(path, err) < 0)
        return -(int)err->code;
    a = address(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return kg_err_sys(err, errno, "make a socket");
    old = umask(0177);
    r = bind(fd, (const struct sockaddr *)&a, sizeof a);
    eno = errno;
    umask(old);
    if (r < 0)
        return kg_err_sys(err, eno, "bind '%s'", path);
    if ((mode != 0600 && chmod(path, mode) < 0) || listen(fd, BACKLOG) < 0) {
        eno = errno;
        (void)unlink(path);
        return kg_err_sys(err, eno, "listen on '%s'", path);
    }
    *ret_fd = KG_TAKE_FD(fd);
    return 0;
}

static int refuse_connect(const char *path, struct kg_err *err)
{
    kg_err_set(err, KG_E_DENIED, "this user may not connect to '%s'", path);
    kg_err_advise(err, "The service is another user's: it lets others in with 'socket_mode = 0666' in its keepgres.conf, and a directory "
                  "that they may enter; then roles decide.");
    return -(int)err->code;
}

int kg_socket_connect(const char *path, int *ret_fd, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = -1;
    struct sockaddr_un a;
    int r;

    if (kg_socket_check_path(path, err) < 0)
        return -(int)err->code;
    a = address(path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return kg_err_sys(err, errno, "make a socket");
    do
        r = connect(fd, (const struct sockaddr *)&a, sizeof a);
    while (r < 0 && errno == EINTR);
    if (r < 0 && (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR))
        return kg_err_set(err, KG_E_NO_SERVICE, "no service answers on '%s'", path);
    if (r < 0 && errno == EAGAIN) /* its queue is full: it hangs, or is asked too much */
        return kg_err_set(err, KG_E_TIMEOUT, "the service at '%s' does not take any more calls", path);
    if (r < 0 && (errno == EACCES || errno == EPERM))
        return refuse_connect(path, err);
    if (r < 0)
        return kg_err_sys(err, errno, "connect to '%s'", path);
    *ret_fd = KG_TAKE_FD(fd);
    return 0;
}

int kg_socket_pair(int fds[2], struct kg_err *err)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return kg_err_sys(err, errno, "make a socket pair");
    if (fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0) {
        int eno = errno;

        close(fds[0]);
        close(fds[1]);
        return kg_err_sys(err, eno, "make a socket pair");
    }
    return 0;
}

int kg_socket_peer(int fd, struct kg_peer *ret, struct kg_err *err)
{
    struct ucred c;
    socklen_t n = sizeof c;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
        return kg_err_sys(err, errno, "ask who is at the other end of a socket");
    *ret = (struct kg_peer){ .uid = c.uid, .gid = c.gid, .pid = c.pid };
    return 0;
}

int kg_socket_inherited(void)
{
    const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    struct kg_err err = { 0 };
    uint64_t n, p;
    int on = 0;
    socklen_t len = sizeof on;

    if (!fds || !pid || kg_parse_range(fds, 1, 64, &n, &err) < 0 || kg_parse_u64(pid, &p, &err) < 0 ||
        p != (uint64_t)getpid())
        return -1;
    if (getsockopt(INHERITED_FD, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) < 0 || !on)
        return -1;
    if (fcntl(INHERITED_FD, F_SETFD, FD_CLOEXEC) < 0 || fcntl(INHERITED_FD, F_SETFL, O_NONBLOCK) < 0)
        return -1;
    return INHERITED_FD;
}
