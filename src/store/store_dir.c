/* The directory driver: an object is a file, its name a path below the directory.
 *
 * Invariants:
 * (1) An object's file appears under its name by one rename of a complete, synced file, and never changes after that.
 * (2) The rename never replaces anything.
 * (3) put_end() succeeds only when the directory entry is on disk too, and those of directories made for it. When
 *     the last sync fails the name is taken away again, so that "failed" never means "perhaps there".
 * (4) Unfinished files live in .tmp/ and are locked (flock) as long as their writer lives; only files that are old
 *     *and* unlocked are swept, so that a clock that jumps takes nothing from a living writer.
 * (5) Names that begin with a dot are not objects. */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/parse.h"
#include "sys/fd.h"

static const char TMP_DIR[] = ".tmp";
enum { TMP_NAME = 40, NAME_ROOM = 512 };
#define TMP_AGE (24 * 3600 * KG_SECOND)

struct store_dir {
    struct kg_store base;
    int dirfd;
    char *path; /* for messages */
};

struct dir_put {
    struct kg_put base;
    int fd;
    char tmp[TMP_NAME];
    char name[NAME_ROOM];
};

static struct store_dir *of(struct kg_store *st) { return (struct store_dir *)st; }

static kg_usec usec_of(const struct timespec *t) { return (kg_usec)t->tv_sec * KG_SECOND + t->tv_nsec / 1000; }

/* ---- writing ---- */

/* Syncs the directory of an object name, so that the entry itself is on disk. 0 or an errno. */
static int sync_dir_of(struct store_dir *d, const char *name)
{
    const char *slash = strrchr(name, '/');
    KG_AUTO_FREE char *dir = slash ? kg_xstrndup(name, (size_t)(slash - name)) : kg_xstrdup(".");
    KG_AUTO_CLOSE int fd = openat(d->dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int eno = KG_FAULT(STORE_SYNCDIR);

    if (eno)
        return eno;
    return fd < 0 || fsync(fd) < 0 ? errno : 0;
}

/* Makes the directories of an object name; a new one is synced into its parent. 0 or an errno. */
static int make_dirs_of(struct store_dir *d, const char *name)
{
    KG_AUTO_FREE char *path = kg_xstrdup(name);

    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        int eno = 0;

        *slash = '\0';
        if (mkdirat(d->dirfd, path, 0700) == 0)
            eno = sync_dir_of(d, path);
        else if (errno != EEXIST)
            eno = errno;
        *slash = '/';
        if (eno)
            return eno;
    }
    return 0;
}

static int dir_put_begin(struct kg_store *st, const char *name, struct kg_put **ret, struct kg_err *err)
{
    struct store_dir *d = of(st);
    struct dir_put *p;
    uint8_t random[16];
    char hex[2 * sizeof random + 1];
    struct stat sb;
    int eno;

    if (fstatat(d->dirfd, name, &sb, AT_SYMLINK_NOFOLLOW) == 0)
        return kg_err_set(err, KG_E_EXISTS, "object '%s' exists already in '%s'", name, d->path);
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return kg_err_sys(err, errno, "get random bytes");
    kg_hex(random, sizeof random, hex);
    p = kg_xalloc(sizeof *p);
    p->base.store = st;
    snprintf(p->tmp, sizeof p->tmp, "%s/%s", TMP_DIR, hex);
    snprintf(p->name, sizeof p->name, "%s", name);
    eno = KG_FAULT(STORE_OPEN);
    p->fd = eno ? -1 : openat(d->dirfd, p->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (p->fd < 0) {
        kg_err_sys(err, eno ? eno : errno, "create a file in '%s/%s'", d->path, TMP_DIR);
        free(p);
        return -(int)err->code;
    }
    (void)flock(p->fd, LOCK_EX | LOCK_NB); /* keeps (4); without locks on this file system age alone decides */
    *ret = &p->base;
    return 0;
}

static int dir_put_add(struct kg_put *base, const void *data, size_t n, struct kg_err *err)
{
    struct dir_put *p = (struct dir_put *)base;
    int eno = KG_FAULT(STORE_PUT);

    if (!eno)
        eno = kg_write_all(p->fd, data, n);
    if (eno)
        return kg_err_sys(err, eno, "write object '%s' in '%s'", p->name, of(base->store)->path);
    return 0;
}

static void dir_put_abort(struct kg_put *base)
{
    struct dir_put *p = (struct dir_put *)base;

    (void)unlinkat(of(base->store)->dirfd, p->tmp, 0); /* what stays is swept later */
    close(p->fd);
    free(p);
}

/* Keeps (2), on file systems without RENAME_NOREPLACE too. 0 or an errno. */
static int rename_no_replace(int dirfd, const char *from, const char *to)
{
    if (renameat2(dirfd, from, dirfd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP)
        return errno;
    if (linkat(dirfd, from, dirfd, to, 0) < 0)
        return errno;
    (void)unlinkat(dirfd, from, 0); /* a second name of the same file; swept later */
    return 0;
}

static int dir_put_end(struct kg_put *base, struct kg_err *err)
{
    struct dir_put *p = (struct dir_put *)base;
    struct store_dir *d = of(base->store);
    int eno;

    if ((eno = KG_FAULT(STORE_SYNC)) || (fsync(p->fd) < 0 && (eno = errno))) {
        kg_err_sys(err, eno, "sync object '%s' in '%s'", p->name, d->path);
        goto fail;
    }
    if ((eno = make_dirs_of(d, p->name))) {
        kg_err_sys(err, eno, "make the directory of object '%s' in '%s'", p->name, d->path);
        goto fail;
    }
    if ((eno = KG_FAULT(STORE_RENAME)) || (eno = rename_no_replace(d->dirfd, p->tmp, p->name))) {
        if (eno == EEXIST)
            kg_err_set(err, KG_E_EXISTS, "object '%s' exists already in '%s'", p->name, d->path);
        else
            kg_err_sys(err, eno, "rename to object '%s' in '%s'", p->name, d->path);
        goto fail;
    }
    if ((eno = sync_dir_of(d, p->name))) {
        kg_err_sys(err, eno, "sync the directory of object '%s' in '%s'", p->name, d->path);
        (void)unlinkat(d->dirfd, p->name, 0); /* keeps (3) */
        goto fail;
    }
    close(p->fd); /* synced: nothing is left that close could report */
    free(p);
    return 0;

fail:
    dir_put_abort(base);
    return -(int)err->code;
}

/* ---- reading ---- */

static int open_object(struct store_dir *d, const char *name, struct kg_err *err)
{
    int fd = openat(d->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat sb;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return kg_err_set(err, KG_E_NOT_FOUND, "no object '%s' in '%s'", name, d->path);
    if (fd < 0)
        return kg_err_sys(err, errno, "open object '%s' in '%s'", name, d->path);
    if (fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode)) {
        close(fd);
        return kg_err_set(err, KG_E_NOT_FOUND, "'%s' in '%s' is no object but something else", name, d->path);
    }
    return fd;
}

static int dir_get(struct kg_store *st, const char *name, uint64_t at, size_t n, void *out, size_t *ret_n,
                   struct kg_err *err)
{
    struct store_dir *d = of(st);
    KG_AUTO_CLOSE int fd = open_object(d, name, err);
    int eno = KG_FAULT(STORE_GET);
    ssize_t r;

    if (fd < 0)
        return fd;
    if (at > (uint64_t)INT64_MAX - n) { /* no file is that long */
        *ret_n = 0;
        return 0;
    }
    r = eno ? -eno : kg_pread_full(fd, out, n, (off_t)at);
    if (r < 0)
        return kg_err_sys(err, (int)-r, "read object '%s' in '%s'", name, d->path);
    *ret_n = (size_t)r;
    return 0;
}

static int dir_size(struct kg_store *st, const char *name, uint64_t *ret, struct kg_err *err)
{
    struct store_dir *d = of(st);
    KG_AUTO_CLOSE int fd = open_object(d, name, err);
    struct stat sb;

    if (fd < 0)
        return fd;
    if (fstat(fd, &sb) < 0)
        return kg_err_sys(err, errno, "look at object '%s' in '%s'", name, d->path);
    *ret = (uint64_t)sb.st_size;
    return 0;
}

/* ---- listing ---- */

struct listing {
    struct store_dir *d;
    const char *prefix;
    kg_store_visit visit;
    void *ctx;
};

struct names {
    char **p; /* directories end in '/' so that they sort where their objects do */
    size_t n, cap;
};

static void names_done(struct names *v)
{
    for (size_t i = 0; i < v->n; i++)
        free(v->p[i]);
    free(v->p);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int read_names(struct listing *l, const char *dir, struct names *ret, struct kg_err *err)
{
    int fd = openat(l->d->dirfd, *dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dirent *e;
    DIR *dp = fd < 0 ? NULL : fdopendir(fd);
    int eno;

    if (!dp) {
        eno = errno;
        if (fd >= 0)
            close(fd);
        if (eno == ENOENT)
            return 0; /* nothing was ever stored there */
        return kg_err_sys(err, eno, "list '%s/%s'", l->d->path, dir);
    }
    while ((errno = 0, e = readdir(dp))) {
        struct stat sb;

        if (!kg_store_name_ok(e->d_name)) /* keeps (5); "lost+found" is none either */
            continue;
        if (fstatat(dirfd(dp), e->d_name, &sb, 0) < 0) {
            if (errno == ENOENT)
                continue; /* deleted meanwhile */
            break;
        }
        if (!S_ISREG(sb.st_mode) && !S_ISDIR(sb.st_mode))
            continue;
        KG_GROW(ret->p, ret->n, ret->cap);
        ret->p[ret->n++] = kg_xprintf("%s%s", e->d_name, S_ISDIR(sb.st_mode) ? "/" : "");
    }
    eno = errno;
    closedir(dp);
    if (eno)
        return kg_err_sys(err, eno, "list '%s/%s'", l->d->path, dir);
    if (ret->n)
        qsort(ret->p, ret->n, sizeof *ret->p, by_name);
    return 0;
}

static int visit_file(struct listing *l, const char *name, struct kg_err *err)
{
    struct kg_store_entry e = { .name = name };
    struct stat sb;

    if (!kg_store_name_ok(name))
        return 0; /* somebody else's file */
    if (fstatat(l->d->dirfd, name, &sb, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : kg_err_sys(err, errno, "look at object '%s' in '%s'", name, l->d->path);
    if (!S_ISREG(sb.st_mode))
        return 0;
    e.size = (uint64_t)sb.st_size;
    e.modified_wall = usec_of(&sb.st_mtim);
    return l->visit(l->ctx, &e, err);
}

/* dir is "" or ends in '/'. Only what can begin with the prefix is looked at. */
static int walk(struct listing *l, const char *dir, int depth, struct kg_err *err)
{
    KG_CLEANUP(names_done) struct names names = { 0 };
    size_t want = strlen(l->prefix);
    int r = depth > 4 ? 0 : read_names(l, dir, &names, err);

    for (size_t i = 0; i < names.n && r >= 0; i++) {
        KG_AUTO_FREE char *name = kg_xprintf("%s%s", dir, names.p[i]);
        size_t n = strlen(name);
        bool is_dir = name[n - 1] == '/';

        if (strncmp(name, l->prefix, n < want ? n : want) != 0 || (!is_dir && n < want))
            continue;
        r = is_dir ? walk(l, name, depth + 1, err) : visit_file(l, name, err);
    }
    return r;
}

static int dir_list(struct kg_store *st, const char *prefix, kg_store_visit visit, void *ctx, struct kg_err *err)
{
    struct listing l = { of(st), prefix, visit, ctx };
    int eno = KG_FAULT(STORE_LIST);

    if (eno)
        return kg_err_sys(err, eno, "list '%s'", l.d->path);
    return walk(&l, "", 1, err);
}

/* ---- the rest ---- */

static int dir_remove(struct kg_store *st, const char *name, struct kg_err *err)
{
    struct store_dir *d = of(st);
    int eno = KG_FAULT(STORE_DELETE);

    if (!eno && unlinkat(d->dirfd, name, 0) < 0)
        eno = errno;
    if (eno == ENOENT || eno == ENOTDIR)
        return kg_err_set(err, KG_E_NOT_FOUND, "no object '%s' in '%s'", name, d->path);
    if (eno)
        return kg_err_sys(err, eno, "delete object '%s' in '%s'", name, d->path);
    if ((eno = sync_dir_of(d, name)))
        return kg_err_sys(err, eno, "sync the directory of deleted object '%s' in '%s'", name, d->path);
    return 0;
}

static int dir_space(struct kg_store *st, uint64_t *ret_free, struct kg_err *err)
{
    struct statvfs v;

    if (fstatvfs(of(st)->dirfd, &v) < 0)
        return kg_err_sys(err, errno, "ask for the free space of '%s'", of(st)->path);
    *ret_free = (uint64_t)v.f_bavail * v.f_frsize;
    return 0;
}

static void dir_close(struct kg_store *st)
{
    struct store_dir *d = of(st);

    if (d->dirfd >= 0)
        close(d->dirfd);
    free(d->path);
    free(d);
}

static const struct kg_store_ops dir_ops = {
    .name = "dir",
    .put_begin = dir_put_begin,
    .put_add = dir_put_add,
    .put_end = dir_put_end,
    .put_abort = dir_put_abort,
    .get = dir_get,
    .size = dir_size,
    .list = dir_list,
    .remove = dir_remove,
    .space = dir_space,
    .close = dir_close,
};

/* Best effort: what cannot be swept now is garbage that the next opening finds. */
static void sweep(struct store_dir *d)
{
    int fd = openat(d->dirfd, TMP_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    kg_usec old = kg_now_file() - TMP_AGE;
    struct dirent *e;
    DIR *dp = fd < 0 ? NULL : fdopendir(fd);

    if (!dp) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((e = readdir(dp))) {
        KG_AUTO_CLOSE int file = e->d_name[0] == '.' ? -1 : openat(dirfd(dp), e->d_name,
                                                                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat sb;

        if (file >= 0 && fstat(file, &sb) == 0 && S_ISREG(sb.st_mode) && usec_of(&sb.st_mtim) < old &&
            flock(file, LOCK_EX | LOCK_NB) == 0) /* keeps (4) */
            (void)unlinkat(dirfd(dp), e->d_name, 0);
    }
    closedir(dp);
}

int kg_store_open_dir(const char *dir, bool create, struct kg_store **ret_store, struct kg_err *err)
{
    KG_CLEANUP(kg_store_closep) struct kg_store *st = NULL;
    struct store_dir *d = kg_xalloc(sizeof *d);

    d->base.ops = &dir_ops;
    d->dirfd = -1;
    d->path = kg_xstrdup(dir);
    st = &d->base; /* from here every return closes what was opened */
    if (create && kg_make_dirs(dir, 0700, err) < 0)
        return -(int)err->code;
    d->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d->dirfd < 0 && errno == ENOENT)
        return kg_err_set(err, KG_E_NOT_FOUND, "no directory '%s'", dir);
    if (d->dirfd < 0)
        return kg_err_sys(err, errno, "open directory '%s'", dir);
    sweep(d);
    /* A vault on read-only media can still be read: only writing needs the directory for temporaries. */
    if (mkdirat(d->dirfd, TMP_DIR, 0700) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
        return kg_err_sys(err, errno, "create directory '%s/%s'", dir, TMP_DIR);
    *ret_store = KG_TAKE(st);
    return 0;
}
