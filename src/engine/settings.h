/* engine/settings.h - the service's settings: one row each with name, type, range, unit, default and help.
 *
 * File: "key = value" lines, '#' begins a comment, blank lines. An unknown key, a bad value or a key given twice is an
 * error that names file and line: a service never starts with a setting it did not understand.
 *
 * Ownership: kg_settings_done() releases the strings. */
#ifndef KG_ENGINE_SETTINGS_H
#define KG_ENGINE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "keepgres/err.h"

struct kg_settings {
    char *log_level;                 /* "info" */
    char *region;
    char *pg_bin_dir;                /* "": search */
    uint64_t max_jobs, max_jobs_per_server, max_light_tasks, max_waiting;
    uint64_t backup_jobs, compression_level, archive_compression_level, slice_bytes, lock_timeout_ms, lock_tries;
    uint64_t worker_silence_seconds, cancel_seconds, stop_seconds, drain_seconds, idle_exit_seconds;
    uint64_t job_keep_days;
    char *slice_tables;              /* "auto" */
    char *socket_mode;               /* "0600" */
    char *schedule_catch_up;         /* "once" */
    uint64_t schedule_grace_seconds, schedule_jitter_seconds, lifecycle_seconds, clock_settle_seconds,
             clock_away_days;
    char *azure_imds_url, *azure_login_url, *azure_ca_file, *azure_extra_host; /* "": Azure's own */
};

/* Everything at its default. */
void kg_settings_init(struct kg_settings *s);
void kg_settings_done(struct kg_settings *s);
/* Changes what text sets; name is for messages. KG_E_USAGE; s may then be half changed. */
int kg_settings_parse(struct kg_settings *s, const char *text, const char *name, struct kg_err *err) KG_MUST_CHECK;
/* The same from a file; one that is missing is an error only when it must be there. */
int kg_settings_load(struct kg_settings *s, const char *path, bool must, struct kg_err *err) KG_MUST_CHECK;
/* A settings file with every key at its default, commented: docs and example in one. */
void kg_settings_docs(struct kg_buf *out);
void kg_settings_page(struct kg_buf *out); /* docs/settings.md */

#endif
