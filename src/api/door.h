/* api/door.h - who is let in: connections on a listening unix socket, counted for each user of the machine, so that nobody
 * can take all of them and shut the others out.
 *
 * A user has at most per_user connections at a time and all users together leave the last reserved ones of total to the
 * owner of the service, who has no limit of his own. Who is refused gets an HTTP answer that says so, and is gone. Beyond
 * total nobody is accepted until somebody leaves.
 *
 * Ownership: kg_door_open() gives the caller a door and takes the listening descriptor; kg_door_close() ends both.
 * Threads:   the loop's. */
#ifndef KG_API_DOOR_H
#define KG_API_DOOR_H

#include <sys/types.h>
#include "base/cleanup.h"
#include "keepgres/err.h"
#include "sys/loop.h"

struct kg_door;

struct kg_door_rules {
    unsigned total, per_user, reserved;
    uid_t owner;
};

/* A connection that was let in; fd is the callee's, which calls kg_door_came() and, when it is closed, kg_door_left(). */
typedef void kg_door_fn(void *arg, int fd);

int kg_door_open(struct kg_loop *loop, int listen_fd, const struct kg_door_rules *rules, kg_door_fn *fn, void *arg,
                 struct kg_door **ret, struct kg_err *err) KG_MUST_CHECK;
void kg_door_close(struct kg_door *d); /* NULL is allowed */
KG_DEFINE_CLEANUP(struct kg_door, kg_door_close)

void kg_door_came(struct kg_door *d, uid_t uid);
void kg_door_left(struct kg_door *d, uid_t uid);

#endif
