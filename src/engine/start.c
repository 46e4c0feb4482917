/* Opening everything in the order in which each thing needs the one before it, and closing it backwards.
 *
 * (1) The lock is taken before anything is touched and released last: between, this process alone has the state directory,
 *     and what an earlier one left there (socket, leases) belongs to nobody.
 * (2) The service key is made before the catalog that needs it. A catalog without its key is refused: a new key would
 *     turn every secret and vault into noise while looking like a fresh start. */
#include "engine/engine_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "identity/audit.h"
#include "sys/fd.h"
#include "sys/sock.h"

static int find_paths(struct kg_engine *e, struct kg_err *err)
{
    struct kg_paths_env env = { 0 };

    kg_paths_env_read(&env);
    if (e->opts->socket)
        env.socket = e->opts->socket;
    if (e->opts->state_dir)
        env.state_dir = e->opts->state_dir;
    if (e->opts->config)
        env.config = e->opts->config;
    return kg_paths_find(&env, &e->paths, err);
}

static int open_log(struct kg_engine *e, struct kg_err *err)
{
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    enum kg_log_level least = KG_LOG_INFO;

    for (size_t i = 0; i < KG_ARRAY_LEN(levels); i++)
        if (strcasecmp(levels[i], e->settings.log_level) == 0)
            least = (enum kg_log_level)i;
    if (e->opts->log) {
        e->log_fd = open(e->opts->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (e->log_fd < 0)
            return kg_err_sys(err, errno, "open log '%s'", e->opts->log);
    }
    kg_log_open("service", least, e->log_fd >= 0 ? e->log_fd : STDERR_FILENO);
    return 0;
}

/* ---- the service key ---- */

static int make_key(struct kg_engine *e, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *key = NULL;
    int r;

    if (access(e->paths.catalog, F_OK) == 0) {
        kg_err_set(err, KG_E_WRONG_KEY, "the service key '%s' is missing, and the catalog '%s' needs it", e->paths.service_key,
                   e->paths.catalog);
        kg_err_advise(err, "Bring the key file back from a copy, or move the catalog away to begin anew.");
        return -(int)err->code;
    }
    key = kg_secret_random(KG_KEY_BYTES);
    r = kg_write_file(e->paths.service_key, kg_secret_open(key), KG_KEY_BYTES, 0600, err);
    kg_secret_shut(key);
    if (r < 0)
        return kg_err_wrap(err, "make the service key");
    e->key = KG_TAKE(key);
    return 0;
}

static int read_key(struct kg_engine *e, int fd, struct kg_err *err)
{
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return kg_err_sys(err, errno, "look at '%s'", e->paths.service_key);
    if ((st.st_mode & 077) != 0) {
        kg_err_set(err, KG_E_DENIED, "others may read the service key '%s'", e->paths.service_key);
        kg_err_advise(err, "Run 'chmod 600 %s', and think about who may have read it.", e->paths.service_key);
        return -(int)err->code;
    }
    if (!S_ISREG(st.st_mode) || st.st_size != KG_KEY_BYTES)
        return kg_err_set(err, KG_E_CORRUPT, "'%s' is not a service key: it must have %d bytes", e->paths.service_key,
                          KG_KEY_BYTES);
    e->key = kg_secret_new(KG_KEY_BYTES);
    n = kg_read_full(fd, kg_secret_open_write(e->key), KG_KEY_BYTES);
    kg_secret_shut(e->key);
    return n == KG_KEY_BYTES ? 0 : kg_err_sys(err, n < 0 ? (int)-n : EIO, "read '%s'", e->paths.service_key);
}

static int load_key(struct kg_engine *e, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = open(e->paths.service_key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT)
        return make_key(e, err);
    if (fd < 0)
        return kg_err_sys(err, errno, "open '%s'", e->paths.service_key);
    return read_key(e, fd, err);
}

/* ---- parts ---- */

static int open_state(struct kg_engine *e, struct kg_err *err)
{
    if (kg_paths_prepare(&e->paths, err) < 0)
        return -(int)err->code;
    if (kg_lock_take(e->paths.lock, &e->lock, err) < 0) {
        if (err->code == KG_E_BUSY) {
            kg_err_wrap(err, "another service uses '%s'", e->paths.state_dir);
            kg_err_advise(err, "Stop it with 'keepgres service stop', or name another --state-dir.");
        }
        return -(int)err->code;
    }
    if (load_key(e, err) < 0 || kg_catalog_open_sqlite(e->paths.catalog, &e->catalog, err) < 0)
        return -(int)err->code;
    return 0;
}

static void make_parts(struct kg_engine *e)
{
    struct kg_queue_limits limits = { .host = (unsigned)e->settings.max_jobs,
                                      .per_server = (unsigned)e->settings.max_jobs_per_server,
                                      .light = (unsigned)e->settings.max_light_tasks,
                                      .waiting = (unsigned)e->settings.max_waiting };

    e->queue = kg_queue_new(&limits);
    e->supervisor = kg_supervisor_new(e->loop);
    e->identity = kg_identity_new(e->catalog, geteuid());
    e->keyvault = kg_open_keyvault(e);
    e->api = (struct kg_api){ .catalog = e->catalog, .keyvault = e->keyvault, .identity = e->identity,
                              .refusals = kg_refusals_new(), .region = e->settings.region, .azure_extra_host = e->settings.azure_extra_host,
                               .vaults_dir = e->paths.vaults_dir };
    kg_tasks_env(e, &e->api.env);
}

static mode_t socket_mode(const struct kg_settings *s)
{
    return strcmp(s->socket_mode, "0666") == 0 ? 0666 : strcmp(s->socket_mode, "0660") == 0 ? 0660 : 0600;
}

static int open_http(struct kg_engine *e, struct kg_err *err)
{
    int fd = kg_socket_inherited();

    e->own_socket = fd < 0;
    if (fd < 0 && kg_socket_listen(e->paths.socket, socket_mode(&e->settings), &fd, err) < 0)
        return -(int)err->code;
    return kg_http_open(e->loop, fd, &kg_api_http_ops, &e->api, &e->http, err);
}

int kg_engine_open(struct kg_engine *e, struct kg_err *err)
{
    e->log_fd = -1;
    e->started = kg_now_wall();
    e->started_mono = kg_now_mono();
    kg_uuid(e->run_id);
    kg_settings_init(&e->settings);
    if (find_paths(e, err) < 0 || kg_settings_load(&e->settings, e->paths.config, e->paths.config_named, err) < 0 ||
        open_log(e, err) < 0 || open_state(e, err) < 0 || kg_loop_open(&e->loop, err) < 0)
        return -(int)err->code;
    make_parts(e);
    if (kg_recover(e, err) < 0 || kg_clock_start(e, err) < 0 || kg_api_make_defaults(&e->api, err) < 0)
        return -(int)err->code;
    if (!kg_secret_locked())
        kg_log(KG_LOG_WARN, "memory with secrets cannot be locked and may reach the swap; raise LimitMEMLOCK");
    return open_http(e, err);
}

static void save_refusals(struct kg_engine *e)
{
    struct kg_err err = { 0 };

    if (e->api.refusals && kg_refusals_flush(e->api.refusals, e->catalog, &err) < 0)
        kg_log_err(KG_LOG_WARN, &err, "audit: how often somebody was refused is not recorded");
    kg_refusals_free(e->api.refusals);
}

void kg_engine_close(struct kg_engine *e)
{
    if (e->http && e->own_socket)
        (void)unlink(e->paths.socket);
    kg_http_close(e->http);
    save_refusals(e);
    kg_supervisor_free(e->supervisor);
    kg_tasks_free(e);
    kg_tiering_free(e);
    kg_queue_free(e->queue);
    kg_timer_stop(e->tick);
    kg_timer_stop(e->pump);
    kg_keyvault_close(e->keyvault);
    kg_identity_free(e->identity);
    kg_catalog_close(e->catalog);
    kg_loop_close(e->loop);
    kg_secret_free(e->key);
    kg_lock_release(e->lock);
    kg_paths_done(&e->paths);
    kg_settings_done(&e->settings);
    free(e->next_instance);
    if (e->log_fd >= 0) {
        kg_log_open("service", KG_LOG_WARN, STDERR_FILENO);
        close(e->log_fd);
    }
}
