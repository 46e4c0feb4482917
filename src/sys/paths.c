#include "sys/paths.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fd.h"
#include "sys/sock.h"

static bool given(const char *s) { return s && *s; }

void kg_paths_env_read(struct kg_paths_env *ret)
{
    static char home[1024]; /* where a home from the user database lives: the other strings live in the environment */

    *ret = (struct kg_paths_env){
        .socket = getenv("KEEPGRES_SOCKET"),
        .state_dir = getenv("KEEPGRES_STATE_DIR"),
        .data_dir = getenv("KEEPGRES_DATA_DIR"),
        .xdg_runtime = getenv("XDG_RUNTIME_DIR"),
        .xdg_state = getenv("XDG_STATE_HOME"),
        .xdg_data = getenv("XDG_DATA_HOME"),
        .xdg_config = getenv("XDG_CONFIG_HOME"),
        .home = getenv("HOME"),
        .tmp = "/tmp",
        .uid = geteuid(),
    };
    if (!given(ret->home)) {
        char block[4096];
        struct passwd pw, *found = NULL;

        if (getpwuid_r(ret->uid, &pw, block, sizeof block, &found) == 0 && found && strlen(pw.pw_dir) < sizeof home) {
            memcpy(home, pw.pw_dir, strlen(pw.pw_dir) + 1);
            ret->home = home;
        }
    }
}

/* A directory by the rules: the named one, or the XDG variable's, or the fallback under the home directory. */
static int find_dir(const char *named, const char *what, const char *xdg, const char *home, const char *under_home,
                    char **ret, struct kg_err *err)
{
    if (given(named) && *named != '/')
        return kg_err_set(err, KG_E_USAGE, "the %s directory '%s' is not an absolute path", what, named);
    if (given(named)) {
        *ret = kg_xstrdup(named);
    } else if (xdg && *xdg == '/') {
        *ret = kg_xprintf("%s/keepgres", xdg);
    } else if (home && *home == '/') {
        *ret = kg_xprintf("%s/%s/keepgres", home, under_home);
    } else {
        kg_err_set(err, KG_E_USAGE, "there is no home directory to keep the %s in", what);
        kg_err_advise(err, "Set HOME, or name the directories with --state-dir and KEEPGRES_DATA_DIR.");
        return -KG_E_USAGE;
    }
    return 0;
}

static bool is_socket(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Anybody can make a directory in /tmp, of any name: one that is not this user's keeps nobody from having a socket. Nor does
 * it matter when it has gone again, once there is a socket elsewhere. */
static bool is_usable(const char *dir, uid_t uid, const char *elsewhere)
{
    struct stat st;

    if (lstat(dir, &st) == 0)
        return S_ISDIR(st.st_mode) && st.st_uid == uid;
    return !is_socket(elsewhere);
}

static void choose_fallback(const struct kg_paths_env *env, struct kg_paths *p)
{
    KG_AUTO_FREE char *dir = kg_xprintf("%s/keepgres-%u", given(env->tmp) ? env->tmp : "/tmp", (unsigned)env->uid);
    KG_AUTO_FREE char *elsewhere = kg_xprintf("%s/api.sock", p->state_dir);

    p->socket_fallback = is_usable(dir, env->uid, elsewhere);
    p->socket = p->socket_fallback ? kg_xprintf("%s/api.sock", dir) : KG_TAKE(elsewhere);
}

static int find_socket(const struct kg_paths_env *env, struct kg_paths *p, struct kg_err *err)
{
    const char *slash;

    if (given(env->socket) && *env->socket != '/')
        return kg_err_set(err, KG_E_USAGE, "the socket '%s' is not an absolute path", env->socket);
    if (given(env->socket)) {
        p->socket = kg_xstrdup(env->socket);
    } else if (env->xdg_runtime && *env->xdg_runtime == '/') {
        p->socket = kg_xprintf("%s/keepgres/api.sock", env->xdg_runtime);
    } else {
        choose_fallback(env, p);
    }
    if (!given(env->socket) && given(env->system_socket) && !is_socket(p->socket) && is_socket(env->system_socket)) {
        free(p->socket);
        p->socket = kg_xstrdup(env->system_socket);
        p->socket_system = true;
        p->socket_fallback = false;
    }
    slash = strrchr(p->socket, '/');
    p->socket_dir = slash == p->socket ? kg_xstrdup("/") : kg_xstrndup(p->socket, (size_t)(slash - p->socket));
    return kg_socket_check_path(p->socket, err);
}

int kg_paths_find(const struct kg_paths_env *env, struct kg_paths *ret, struct kg_err *err)
{
    KG_AUTO_PATHS struct kg_paths p = { .uid = env->uid };
    KG_AUTO_FREE char *config_dir = NULL;

    if (find_dir(env->state_dir, "state", env->xdg_state, env->home, ".local/state", &p.state_dir, err) < 0 ||
        find_socket(env, &p, err) < 0 ||
        find_dir(env->data_dir, "data", env->xdg_data, env->home, ".local/share", &p.data_dir, err) < 0)
        return -(int)err->code;
    if (given(env->config)) {
        if (*env->config != '/')
            return kg_err_set(err, KG_E_USAGE, "the settings file '%s' is not an absolute path", env->config);
        p.config = kg_xstrdup(env->config);
        p.config_named = true;
    } else if ((env->xdg_config && *env->xdg_config == '/') || (env->home && *env->home == '/')) {
        if (find_dir(NULL, "settings", env->xdg_config, env->home, ".config", &config_dir, err) < 0)
            return -(int)err->code;
        p.config = kg_xprintf("%s/keepgres.conf", config_dir);
    } else { /* a service user without a home; its unit names every directory */
        p.config = kg_xprintf("%s/keepgres.conf", p.state_dir);
    }
    p.catalog = kg_xprintf("%s/catalog.sqlite", p.state_dir);
    p.service_key = kg_xprintf("%s/service.key", p.state_dir);
    p.log = kg_xprintf("%s/service.log", p.state_dir);
    p.lock = kg_xprintf("%s/service.lock", p.state_dir);
    p.vaults_dir = kg_xprintf("%s/vaults", p.data_dir);
    *ret = p;
    p = (struct kg_paths){ 0 };
    return 0;
}

void kg_paths_done(struct kg_paths *p)
{
    char *all[] = { p->socket, p->socket_dir, p->state_dir, p->catalog, p->service_key,
                    p->log,    p->lock,       p->data_dir,  p->vaults_dir, p->config };

    for (size_t i = 0; i < KG_ARRAY_LEN(all); i++)
        free(all[i]);
    *p = (struct kg_paths){ 0 };
}

static int check_dir(const char *dir, uid_t uid, mode_t forbidden, struct kg_err *err)
{
    struct stat st;

    if (lstat(dir, &st) < 0 && errno == ENOENT)
        return kg_err_set(err, KG_E_NOT_FOUND, "no directory '%s'", dir);
    if (lstat(dir, &st) < 0)
        return kg_err_sys(err, errno, "look at '%s'", dir);
    if (!S_ISDIR(st.st_mode))
        kg_err_set(err, KG_E_DENIED, "'%s' is not a directory", dir);
    else if (st.st_uid != uid)
        kg_err_set(err, KG_E_DENIED, "directory '%s' belongs to uid %u, not to uid %u", dir, (unsigned)st.st_uid,
                   (unsigned)uid);
    else if (st.st_mode & forbidden)
        kg_err_set(err, KG_E_DENIED, "directory '%s' is open to other users (mode %04o)", dir,
                   (unsigned)st.st_mode & 07777);
    if (!err->code)
        return 0;
    kg_err_advise(err, "Remove it or make it private (chown, chmod 700), or name another place: XDG_RUNTIME_DIR and KEEPGRES_SOCKET do for "
                  "the socket.");
    return -(int)err->code;
}

int kg_path_check_private(const char *dir, uid_t uid, struct kg_err *err) { return check_dir(dir, uid, 077, err); }

int kg_paths_prepare(const struct kg_paths *p, struct kg_err *err)
{
    const char *const dirs[] = { p->state_dir, p->data_dir, p->vaults_dir, p->socket_dir };

    for (size_t i = 0; i < KG_ARRAY_LEN(dirs); i++)
        if (kg_make_dirs(dirs[i], 0700, err) < 0)
            return -(int)err->code;
    /* What is in the state directory is 0600 by itself, so that others may look into a directory that an administrator
     * or systemd made (0755); that others may write there is another matter. */
    if (check_dir(p->state_dir, p->uid, 022, err) < 0)
        return -(int)err->code;
    return p->socket_fallback ? check_dir(p->socket_dir, p->uid, 077, err) : 0;
}

int kg_paths_check_socket(const struct kg_paths *p, struct kg_err *err)
{
    struct stat st;

    if (!p->socket_fallback || (lstat(p->socket_dir, &st) < 0 && errno == ENOENT))
        return 0;
    return check_dir(p->socket_dir, p->uid, 077, err);
}
