/* sys/sock.h - unix sockets: listening, connecting, and who is at the other end. Every descriptor is close-on-exec.
 * (Not "socket.h": with -Isrc that would hide the system's <sys/socket.h>.) */
#ifndef KG_SYS_SOCK_H
#define KG_SYS_SOCK_H

#include <stdbool.h>
#include <sys/types.h>
#include "keepgres/err.h"

enum { KG_SOCKET_PATH_MAX = 107 };

struct kg_peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

/* KG_E_USAGE with advice when the path is longer than the kernel takes. */
int kg_socket_check_path(const char *path, struct kg_err *err) KG_MUST_CHECK;

/* Listens on path (non-blocking). What an earlier process left there is removed first, so the caller must hold the
 * service's lock; something there that is not a socket is left alone and fails with KG_E_CONFLICT. The socket is never
 * reachable with more than mode: it is bound under umask 0177 and then gets mode (0600, or 0660 and 0666 for a service
 * that others may ask). The caller owns the descriptor and unlinks the path when it stops. */
int kg_socket_listen(const char *path, mode_t mode, int *ret_fd, struct kg_err *err) KG_MUST_CHECK;

/* Connects without waiting; the descriptor is non-blocking. KG_E_NO_SERVICE when nobody listens there, KG_E_TIMEOUT when whoever
 * listens does not come round to taking calls. */
int kg_socket_connect(const char *path, int *ret_fd, struct kg_err *err) KG_MUST_CHECK;

/* Two connected stream sockets, fds[0] non-blocking for the loop, fds[1] blocking for the other process. */
int kg_socket_pair(int fds[2], struct kg_err *err) KG_MUST_CHECK;

/* Who connected, as the kernel saw them at that moment (SO_PEERCRED). */
int kg_socket_peer(int fd, struct kg_peer *ret, struct kg_err *err) KG_MUST_CHECK;

/* The listening socket that systemd passed (LISTEN_FDS), or -1 when it passed none. It becomes close-on-exec and
 * non-blocking. */
int kg_socket_inherited(void);

#endif
