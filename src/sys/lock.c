#include "sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "sys/fd.h"

struct kg_lock {
    int fd;
};

/* Open-file-description locks, because they can be asked about (F_OFD_GETLK) without being taken: a client that looks
 * for the holder must not make a starting service believe that another one runs. */
static struct flock whole(void) { return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET }; }

static pid_t read_pid(int fd)
{
    char text[24];
    struct kg_err err = { 0 };
    uint64_t pid;
    ssize_t n = kg_pread_full(fd, text, sizeof text - 1, 0);

    if (n <= 0)
        return 0;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return kg_parse_range(text, 1, INT32_MAX, &pid, &err) < 0 ? 0 : (pid_t)pid;
}

int kg_lock_take(const char *path, struct kg_lock **ret, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct flock fl = whole();
    char text[24];
    int n, eno = 0;

    if (fd < 0)
        return kg_err_sys(err, errno, "open lock file '%s'", path);
    if (fcntl(fd, F_OFD_SETLK, &fl) < 0) {
        if (errno != EAGAIN && errno != EACCES)
            return kg_err_sys(err, errno, "lock '%s'", path);
        kg_err_set(err, KG_E_BUSY, "'%s' is locked by process %d", path, (int)read_pid(fd));
        kg_err_advise(err, "Use the service that runs already, or stop it first.");
        return -KG_E_BUSY;
    }
    n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if ((ftruncate(fd, 0) < 0 && (eno = errno)) || (eno = kg_pwrite_all(fd, text, (size_t)n, 0)))
        return kg_err_sys(err, eno, "write lock file '%s'", path);
    *ret = kg_xalloc(sizeof **ret);
    (*ret)->fd = KG_TAKE_FD(fd);
    return 0;
}

void kg_lock_release(struct kg_lock *l)
{
    if (!l)
        return;
    close(l->fd);
    free(l);
}

pid_t kg_lock_holder(const char *path)
{
    KG_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct flock fl = whole();

    if (fd < 0 || fcntl(fd, F_OFD_GETLK, &fl) < 0 || fl.l_type == F_UNLCK)
        return 0;
    return read_pid(fd);
}
