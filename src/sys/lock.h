/* sys/lock.h - "only one of us": a lock file (F_OFD_SETLK), with the holder's pid in it for people to read.
 *
 * The kernel drops the lock when the holder dies, however it dies; the file itself stays and means nothing. It is never
 * unlinked: unlinking a lock file lets two processes hold "the" lock on two different files.
 *
 * Ownership: kg_lock_take() gives the caller a lock; kg_lock_release() takes it back. */
#ifndef KG_SYS_LOCK_H
#define KG_SYS_LOCK_H

#include <sys/types.h>
#include "base/cleanup.h"
#include "keepgres/err.h"

struct kg_lock;

/* Takes the lock or fails at once: KG_E_BUSY naming the holder's pid when somebody has it, KG_E_IO otherwise.
 * The file is created with mode 0600 when it is missing. The descriptor is close-on-exec. */
int kg_lock_take(const char *path, struct kg_lock **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_lock_release(struct kg_lock *l); /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_lock, kg_lock_release)

/* The pid of who holds the lock now; 0 when nobody does, or the file is missing or unreadable. */
pid_t kg_lock_holder(const char *path);

#endif
