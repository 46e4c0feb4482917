/* sys/paths.h - where the service keeps its things and where its clients find it. Service and client compute the same
 * paths from the same rules:
 *
 *   socket    KEEPGRES_SOCKET, else $XDG_RUNTIME_DIR/keepgres/api.sock, else /tmp/keepgres-UID/api.sock, or,
 *             where somebody else made that directory, api.sock in the state directory; a client whose user has no
 *             service there takes the machine's, /run/keepgres/api.sock, when there is one
 *   state     KEEPGRES_STATE_DIR, else $XDG_STATE_HOME/keepgres, else ~/.local/state/keepgres
 *   data      KEEPGRES_DATA_DIR, else $XDG_DATA_HOME/keepgres, else ~/.local/share/keepgres
 *   settings  $XDG_CONFIG_HOME/keepgres/keepgres.conf, else ~/.config/keepgres/keepgres.conf
 *
 * Options of the command line (struct kg_paths_env's first fields) beat the environment. An XDG variable that is not an
 * absolute path is ignored, as its specification asks; a KEEPGRES_ one that is not is an error.
 *
 * Ownership: kg_paths_done() releases the strings. Threads: any, on different objects. */
#ifndef KG_SYS_PATHS_H
#define KG_SYS_PATHS_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/cleanup.h"
#include "keepgres/err.h"

#define KG_SYSTEM_SOCKET "/run/keepgres/api.sock"        /* only root can make that directory */

/* What the rules look at; NULL or "" means not given. Tests fill it by hand. */
struct kg_paths_env {
    const char *socket, *state_dir, *data_dir, *config;  /* options, or KEEPGRES_SOCKET, _STATE_DIR, _DATA_DIR */
    const char *xdg_runtime, *xdg_state, *xdg_data, *xdg_config;
    const char *home;
    const char *tmp;                                     /* "/tmp": where the fallback of the socket goes */
    const char *system_socket;                           /* clients: KG_SYSTEM_SOCKET; NULL for a service */
    uid_t uid;
};

struct kg_paths {
    char *socket;         /* …/api.sock */
    char *socket_dir;
    char *state_dir;
    char *catalog;        /* state_dir/catalog.sqlite */
    char *service_key;    /* state_dir/service.key */
    char *log;            /* state_dir/service.log */
    char *lock;           /* state_dir/service.lock */
    char *data_dir;
    char *vaults_dir;     /* data_dir/vaults */
    char *config;         /* keepgres.conf; need not exist */
    bool config_named;    /* the caller named it: then it must exist */
    bool socket_system;   /* it is the machine's: no client starts a service for it */
    bool socket_fallback; /* the socket stands in a directory that everybody can write to */
    uid_t uid;
};

/* Reads the environment of this process (home falls back to the user database). The strings are borrowed from the
 * environment; set the option fields afterwards. */
void kg_paths_env_read(struct kg_paths_env *ret);

/* Applies the rules; of files it looks only for the sockets, and only with system_socket. Fails with KG_E_USAGE: a path that
 * is not absolute, no home directory, or a socket path longer than the kernel takes (107 bytes), with advice. */
int kg_paths_find(const struct kg_paths_env *env, struct kg_paths *ret, struct kg_err *err) KG_MUST_CHECK;
void kg_paths_done(struct kg_paths *p);
#define KG_AUTO_PATHS KG_CLEANUP(kg_paths_done)

/* Service: makes the directories (0700) and checks those that are there, see kg_path_check_private(). */
int kg_paths_prepare(const struct kg_paths *p, struct kg_err *err) KG_MUST_CHECK;
/* Client, before it connects: when the socket's directory is the fallback in /tmp, it must be private, or another user
 * could have put a socket of his own there. Passes when the directory does not exist. */
int kg_paths_check_socket(const struct kg_paths *p, struct kg_err *err) KG_MUST_CHECK;
/* A directory, no symbolic link, owned by uid, with no permission for anybody else. KG_E_DENIED with advice otherwise,
 * KG_E_NOT_FOUND when it is missing. */
int kg_path_check_private(const char *dir, uid_t uid, struct kg_err *err) KG_MUST_CHECK;

#endif
