/* sys/proc.h - the only place in the product that starts a process.
 *
 * A child always becomes another program at once, and never goes on as a copy of ours: the engine may have threads and holds
 * SQLite and libpq connections, none of which survive that. The C library's spawn does it, except for a child that shall end
 * with us, which has to ask the kernel for that itself.
 */
#ifndef KG_SYS_PROC_H
#define KG_SYS_PROC_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/time.h"
#include "keepgres/err.h"

struct kg_proc_spec {
    const char *const *argv;   /* argv[0] is looked up in PATH; no shell, ever */
    const char *const *envp;   /* the child's whole environment */
    int fd_in, fd_out, fd_err; /* become 0, 1, 2 of the child; -1: /dev/null */
    int fd_pass;               /* becomes 3 of the child; 0 or -1: none */
    bool ends_with_us;         /* gets SIGTERM when the thread that starts it ends, however that comes about */
};

/* The child gets default signal dispositions, an empty signal mask, descriptors 0-2 (and 3 when asked) and nothing
 * else, and its own process group. Fails with KG_E_IO, or KG_E_NO_PROGRAM naming the missing program. */
int kg_proc_spawn(const struct kg_proc_spec *spec, pid_t *ret_pid, struct kg_err *err) KG_MUST_CHECK;

/* Waits for a child. *ret_status is as waitpid's. With timeout >= 0 (microseconds) gives up with KG_E_TIMEOUT. */
int kg_proc_wait(pid_t pid, kg_usec timeout, int *ret_status, struct kg_err *err) KG_MUST_CHECK;

/* Ends a child for sure: SIGTERM to its process group, after grace SIGKILL; reaps it. Returns waitpid's status. */
int kg_proc_end(pid_t pid, kg_usec grace);

/* "exited with 1", "was killed by signal 9". out: 48 bytes. */
const char *kg_proc_status_text(int status, char *out);

#endif
