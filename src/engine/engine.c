#include "engine/engine.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/engine_int.h"
#include "keepgres/version.h"
#include "sys/notify.h"

#define TICK        KG_SECOND
#define PRUNE_EVERY (3600 * KG_SECOND)
#define ANSWER_TIME (KG_SECOND / 10)    /* for the answer to "stop" to leave */
#define LAST_WAIT   (10 * KG_SECOND)    /* for killed workers to be recorded */

/* ---- stopping ---- */

void kg_engine_stop(struct kg_engine *e, bool now)
{
    kg_usec at = kg_now_mono();

    if (e->stop == KG_STOP_NOW || (e->stop == KG_STOP_DRAIN && !now))
        return;
    kg_log(KG_LOG_INFO, now ? "stopping: running tasks are cancelled" : "stopping when the running tasks have ended");
    (void)kg_notify_stopping();
    e->stop = now ? KG_STOP_NOW : KG_STOP_DRAIN;
    e->stop_at = now ? at + (kg_usec)e->settings.stop_seconds * KG_SECOND : 0;
    e->stop_asked = at;
    if (now)
        kg_tasks_cancel_all(e, "the service was told to stop");
    kg_timer_set(e->pump, at + ANSWER_TIME);
}

static bool give_up(void)
{
    kg_log(KG_LOG_ERROR, "leaving with tasks whose end is not recorded; the next start settles them");
    return true;
}

/* A polite stop is bounded in two ways: tasks may take drain_seconds, and their ends, once none runs or waits any more, may
 * take stop_seconds to be recorded by a catalog that refuses them. */
static bool drained(struct kg_engine *e, kg_usec now)
{
    if (!kg_tasks_only_unrecorded(e)) {
        e->unrecorded_since = 0;
        if (now < e->stop_asked + (kg_usec)e->settings.drain_seconds * KG_SECOND)
            return false;
        kg_log(KG_LOG_WARN, "tasks have not ended within %llu seconds (drain_seconds)", (unsigned long long)e->settings.drain_seconds);
        kg_engine_stop(e, true);
        return false;
    }
    if (!e->unrecorded_since)
        e->unrecorded_since = now;
    return now >= e->unrecorded_since + (kg_usec)e->settings.stop_seconds * KG_SECOND && give_up();
}

/* True when there is nothing left to wait for. */
static bool may_leave(struct kg_engine *e)
{
    kg_usec now = kg_now_mono();

    if (e->stop == KG_STOP_NO || now < e->stop_asked + ANSWER_TIME)
        return false;
    if (kg_tasks_none_left(e))
        return true;
    if (e->stop == KG_STOP_DRAIN)
        return drained(e, now);
    if (now >= e->stop_at + LAST_WAIT)
        return give_up();
    if (now >= e->stop_at)
        kg_tasks_kill_all(e);
    return false;
}

static void leave_if_done(struct kg_engine *e)
{
    if (may_leave(e))
        kg_loop_stop(e->loop);
}

/* ---- timers ---- */

static void on_pump(void *arg)
{
    struct kg_engine *e = arg;

    if (e->stop != KG_STOP_NOW)
        kg_tasks_pump(e);
    leave_if_done(e);
}

/* A service that a client started leaves when nobody has needed it for a while, and no schedule does. */
static void leave_when_idle(struct kg_engine *e)
{
    kg_usec now = kg_now_mono(), last;

    if (!kg_tasks_idle(e) || kg_http_clients(e->http) > 0 || e->scheduled)
        e->busy_at = now;
    last = e->busy_at > kg_http_last_used(e->http) ? e->busy_at : kg_http_last_used(e->http);
    if (e->opts->idle_exit && e->stop == KG_STOP_NO && now - last > (kg_usec)e->settings.idle_exit_seconds * KG_SECOND) {
        kg_log(KG_LOG_INFO, "nobody has needed the service for %llu seconds",
               (unsigned long long)e->settings.idle_exit_seconds);
        kg_engine_stop(e, false);
    }
}

/* A clock that nobody believes says nothing of how old they are. */
static void prune(struct kg_engine *e)
{
    kg_usec now = kg_now_wall();
    struct kg_err err = { 0 };

    if (!kg_clock_is_settled(e) || (e->pruned_at && kg_now_mono() < e->pruned_at + PRUNE_EVERY))
        return;
    e->pruned_at = kg_now_mono();
    if (kg_catalog_job_prune(e->catalog, now - (kg_usec)e->settings.job_keep_days * 24 * 3600 * KG_SECOND, NULL, &err) < 0 ||
        kg_catalog_operation_prune(e->catalog, now - KG_OPERATION_KEEP, NULL, &err) < 0)
        kg_log_err(KG_LOG_WARN, &err, "old jobs and operations are not forgotten");
}

static void on_tick(void *arg)
{
    struct kg_engine *e = arg;

    kg_tasks_tick(e);
    kg_recover_tick(e);
    kg_clock_tick(e);
    prune(e);
    kg_schedule_tick(e);
    kg_tiering_tick(e);
    kg_lifecycle_tick(e);
    kg_usage_tick(e);
    leave_when_idle(e); /* when it is known whether schedules need us */
    (void)kg_notify_alive();
    leave_if_done(e);
    kg_timer_set(e->tick, kg_now_mono() + TICK);
}

/* ---- signals ---- */

static void reopen_log(struct kg_engine *e)
{
    int fd = e->opts->log ? open(e->opts->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    (void)dup3(fd, e->log_fd, O_CLOEXEC);
    close(fd);
}

static void on_signal(void *arg, int signo)
{
    struct kg_engine *e = arg;

    if (signo == SIGCHLD) {
        kg_supervisor_reap(e->supervisor);
    } else if (signo == SIGHUP) {
        reopen_log(e);
    } else if (e->stop == KG_STOP_NOW) {
        e->stop_at = kg_now_mono(); /* asked twice: no more patience */
        kg_tasks_kill_all(e);
    } else {
        kg_engine_stop(e, true);
    }
}

/* ---- main ---- */

static int run(struct kg_engine *e, struct kg_err *err)
{
    int r;

    if (kg_loop_signals(e->loop, on_signal, e, err) < 0)
        return -(int)err->code;
    e->busy_at = kg_now_mono();
    e->pump = kg_loop_timer(e->loop, KG_TIMER_NEVER, on_pump, e);
    e->tick = kg_loop_timer(e->loop, kg_now_mono() + TICK, on_tick, e);
    if (kg_recover_start(e, err) < 0 || kg_tiering_start(e, err) < 0)
        return -(int)err->code;
    kg_log(KG_LOG_INFO, "keepgres " KG_VERSION " serves on '%s', state in '%s'", e->paths.socket, e->paths.state_dir);
    (void)kg_notify_ready();
    r = kg_loop_run(e->loop, err);
    kg_log(KG_LOG_INFO, "the service ends");
    return r;
}

int kg_engine_main(const struct kg_engine_opts *o, struct kg_err *err)
{
    struct kg_engine e = { .opts = o };
    int r = kg_engine_open(&e, err);

    if (r == 0)
        r = run(&e, err);
    kg_engine_close(&e);
    return r;
}
