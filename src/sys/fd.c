#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

int kg_write_all(int fd, const void *data, size_t n)
{
    const char *p = data;

    while (n > 0) {
        ssize_t w = write(fd, p, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return errno;
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

int kg_pwrite_all(int fd, const void *data, size_t n, off_t at)
{
    const char *p = data;

    while (n > 0) {
        ssize_t w = pwrite(fd, p, n, at);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return errno;
        p += w;
        at += w;
        n -= (size_t)w;
    }
    return 0;
}

ssize_t kg_read_full(int fd, void *data, size_t n)
{
    size_t got = 0;

    while (got < n) {
        ssize_t r = read(fd, (char *)data + got, n - got);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

ssize_t kg_pread_full(int fd, void *data, size_t n, off_t at)
{
    size_t got = 0;

    while (got < n) {
        ssize_t r = pread(fd, (char *)data + got, n - got, at + (off_t)got);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -errno;
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

int kg_read_file(int dirfd, const char *path, struct kg_buf *ret, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
    char block[16384];
    ssize_t r;

    if (fd < 0 && errno == ENOENT)
        return kg_err_set(err, KG_E_NOT_FOUND, "no file '%s'", path);
    if (fd < 0)
        return kg_err_sys(err, errno, "open '%s'", path);
    while ((r = kg_read_full(fd, block, sizeof block)) > 0)
        kg_buf_add(ret, block, (size_t)r);
    if (r < 0)
        return kg_err_sys(err, (int)-r, "read '%s'", path);
    if (kg_buf_ok(ret, err) < 0)
        return kg_err_wrap(err, "read '%s'", path);
    return 0;
}

/* Syncs the directory that path stands in, so that the name itself survives a crash. */
static int sync_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    KG_AUTO_FREE char *dir = slash ? kg_xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : kg_xstrdup(".");
    KG_AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0 ? errno : 0;
}

int kg_write_file(const char *path, const void *data, size_t n, mode_t mode, struct kg_err *err)
{
    KG_AUTO_FREE char *tmp = kg_xprintf("%s.tmp-%d", path, (int)getpid());
    KG_AUTO_CLOSE int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int eno;

    if (fd < 0 && errno == EEXIST) {
        (void)unlink(tmp); /* left by a dead process that had our number */
        fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    }
    if (fd < 0)
        return kg_err_sys(err, errno, "create '%s'", tmp);
    if ((eno = kg_write_all(fd, data, n)) || (fsync(fd) < 0 && (eno = errno)) ||
        (rename(tmp, path) < 0 && (eno = errno)) || (eno = sync_parent(path))) {
        (void)unlink(tmp);
        return kg_err_sys(err, eno, "write '%s'", path);
    }
    return 0;
}

int kg_make_dirs(const char *path, mode_t mode, struct kg_err *err)
{
    KG_AUTO_FREE char *p = kg_xstrdup(path);
    struct stat st;

    for (char *s = p + (*p == '/');; s++) {
        char was = *s;

        if (was && was != '/')
            continue;
        *s = '\0';
        if (*p && mkdir(p, mode) < 0 && errno != EEXIST)
            return kg_err_sys(err, errno, "create directory '%s'", p);
        *s = was;
        if (!was)
            break;
    }
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return kg_err_sys(err, ENOTDIR, "use directory '%s'", path);
    return 0;
}
