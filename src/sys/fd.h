/* sys/fd.h - reading and writing whole buffers on descriptors; EINTR and short transfers are handled here. */
#ifndef KG_SYS_FD_H
#define KG_SYS_FD_H

#include <stddef.h>
#include <sys/types.h>
#include "base/buf.h"
#include "base/cleanup.h"
#include "keepgres/err.h"

/* 0, or an errno. */
int kg_write_all(int fd, const void *data, size_t n);
int kg_pwrite_all(int fd, const void *data, size_t n, off_t at);
/* Bytes read (less than n only at the end of the file), or -errno. */
ssize_t kg_read_full(int fd, void *data, size_t n);
ssize_t kg_pread_full(int fd, void *data, size_t n, off_t at);
/* Appends everything up to the end of the file; fails with KG_E_LIMIT beyond ret's ceiling. */
int kg_read_file(int dirfd, const char *path, struct kg_buf *ret, struct kg_err *err) KG_MUST_CHECK;
/* Whole new file or the old one: temporary name, fsync, rename, fsync of the directory. */
int kg_write_file(const char *path, const void *data, size_t n, mode_t mode, struct kg_err *err) KG_MUST_CHECK;
/* mkdir -p; directories it makes get mode. An existing one is left as it is. */
int kg_make_dirs(const char *path, mode_t mode, struct kg_err *err) KG_MUST_CHECK;

#endif
