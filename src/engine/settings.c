#include "engine/settings.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"
#include "model/names.h"
#include "sys/fd.h"

enum type { UINT, SIZE, CHOICE, PATH, REGION, URL, HOST };

static const char *const levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const slicings[] = { "auto", "always", "never", NULL };
static const char *const catch_ups[] = { "once", "skip", NULL };
static const char *const modes[] = { "0600", "0660", "0666", NULL };

static const struct row {
    const char *name;
    enum type type;
    size_t offset;
    uint64_t min, max;
    const char *unit;
    const char *value;               /* default, as it would be written */
    const char *const *choices;
    const char *help;
} rows[] = {
#define AT(member) offsetof(struct kg_settings, member)
    { "log_level", CHOICE, AT(log_level), 0, 0, "", "info", levels, "what the log tells: debug, info, warn or error" },
    { "region", REGION, AT(region), 0, 0, "", "local", NULL, "region of the default resource group" },
    { "socket_mode", CHOICE, AT(socket_mode), 0, 0, "", "0600", modes, "who may connect: 0600, 0660 or 0666" },
    { "pg_bin_dir", PATH, AT(pg_bin_dir), 0, 0, "", "", NULL, "folder of pg_dump and pg_restore; empty: search for them" },
    { "max_jobs", UINT, AT(max_jobs), 1, 64, "", "2", NULL, "backups, restores and checks at a time" },
    { "max_jobs_per_server", UINT, AT(max_jobs_per_server), 1, 64, "", "2", NULL, "of these, for one PostgreSQL server" },
    { "max_light_tasks", UINT, AT(max_light_tasks), 1, 64, "", "8", NULL, "validations and other short tasks at a time" },
    { "max_waiting", UINT, AT(max_waiting), 1, 100000, "", "1000", NULL, "tasks that may wait for their turn" },
    { "backup_jobs", UINT, AT(backup_jobs), 0, 64, "", "0", NULL,
      "connections of one backup or restore; 0: one a processor core, at most 4" },
    { "compression_level", UINT, AT(compression_level), 1, 19, "", "3", NULL, "zstd level of what goes into a vault" },
    { "archive_compression_level", UINT, AT(archive_compression_level), 1, 19, "", "19", NULL,
      "zstd level of what goes into an archive" },
    { "slice_bytes", SIZE, AT(slice_bytes), 1u << 20, (uint64_t)1 << 40, "bytes", "256M", NULL,
      "tables of twice this size and more may be read in slices of it, by several connections" },
    { "slice_tables", CHOICE, AT(slice_tables), 0, 0, "", "auto", slicings,
      "read these tables in slices: auto (when one would keep a connection busy alone), always or never" },
    { "lock_timeout_ms", UINT, AT(lock_timeout_ms), 10, 600000, "milliseconds", "2000", NULL,
      "how long a backup waits for its locks before it gives way" },
    { "lock_tries", UINT, AT(lock_tries), 1, 10000, "", "30", NULL, "how often it tries again" },
    { "worker_silence_seconds", UINT, AT(worker_silence_seconds), 5, 86400, "seconds", "300", NULL,
      "a worker that says nothing for so long is ended" },
    { "cancel_seconds", UINT, AT(cancel_seconds), 1, 3600, "seconds", "15", NULL,
      "how long a cancelled worker may take to end by itself" },
    { "stop_seconds", UINT, AT(stop_seconds), 1, 86400, "seconds", "60", NULL,
      "how long the service waits for its workers when it is told to end" },
    { "drain_seconds", UINT, AT(drain_seconds), 1, 31536000, "seconds", "86400", NULL,
      "how long it waits for running and waiting tasks when it is told to end after them; then they are cancelled" },
    { "idle_exit_seconds", UINT, AT(idle_exit_seconds), 1, 31536000, "seconds", "600", NULL,
      "a service started by a client ends after so long without clients and jobs" },
    { "job_keep_days", UINT, AT(job_keep_days), 1, 36500, "days", "90", NULL, "jobs that ended are forgotten after that" },
    { "schedule_catch_up", CHOICE, AT(schedule_catch_up), 0, 0, "", "once", catch_ups,
      "scheduled backups that were missed while the service was down: one is made up for (once), or none (skip)" },
    { "schedule_grace_seconds", UINT, AT(schedule_grace_seconds), 1, 604800, "seconds", "3600", NULL,
      "a start that is later than this was missed" },
    { "schedule_jitter_seconds", UINT, AT(schedule_jitter_seconds), 0, 86400, "seconds", "60", NULL,
      "instances that are due together begin spread over so long; each always at the same distance" },
    { "lifecycle_seconds", UINT, AT(lifecycle_seconds), 1, 604800, "seconds", "3600", NULL,
      "how often recovery points are looked at whose time may be over" },
    { "clock_settle_seconds", UINT, AT(clock_settle_seconds), 0, 31536000, "seconds", "86400", NULL,
      "after the clock jumped nothing is deleted for so long" },
    { "clock_away_days", UINT, AT(clock_away_days), 1, 36500, "days", "30", NULL,
      "a service that finds, when it is started, that more time has passed deletes nothing until somebody confirms the clock" },
    { "azure_imds_url", URL, AT(azure_imds_url), 0, 0, "", "", NULL,
      "where this machine's managed identity gets its tokens; empty: http://169.254.169.254" },
    { "azure_login_url", URL, AT(azure_login_url), 0, 0, "", "", NULL,
      "where client secrets get their tokens; empty: the cloud's own, https://login.microsoftonline.com" },
    { "azure_ca_file", PATH, AT(azure_ca_file), 0, 0, "", "", NULL,
      "certificates to trust for Azure Key Vault and the login endpoint; empty: the system's" },
    { "azure_extra_host", HOST, AT(azure_extra_host), 0, 0, "", "", NULL,
      "one more host that is trusted with tokens for key vaults, besides Azure's own" },
#undef AT
};

static void *place(struct kg_settings *s, const struct row *r) { return (char *)s + r->offset; }
static bool is_text(const struct row *r) { return r->type != UINT && r->type != SIZE; }

static int check_text(const struct row *r, const char *value, struct kg_err *err)
{
    if (r->type == REGION)
        return kg_name_check(KG_NAME_REGION, value, err);
    if (r->type == URL && *value &&
        (strpbrk(value, " \t?#@") || (!kg_starts_with_nocase(value, "https://") && !kg_starts_with_nocase(value, "http://"))))
        return kg_err_set(err, KG_E_USAGE, "'%s' is not the URL of an endpoint", value);
    if (r->type == HOST && strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") != strlen(value))
        return kg_err_set(err, KG_E_USAGE, "'%s' is not a host's name", value);
    if (r->type == PATH && *value && *value != '/')
        return kg_err_set(err, KG_E_USAGE, "'%s' is not an absolute path", value);
    for (size_t i = 0; r->type == CHOICE; i++) {
        if (!r->choices[i])
            return kg_err_set(err, KG_E_USAGE, "'%s' is not one of its values (%s)", value, r->help);
        if (strcasecmp(r->choices[i], value) == 0)
            break;
    }
    return 0;
}

static int set(struct kg_settings *s, const struct row *r, const char *value, struct kg_err *err)
{
    uint64_t n;

    if (is_text(r)) {
        char **at = place(s, r);

        if (check_text(r, value, err) < 0)
            return -(int)err->code;
        free(*at);
        *at = kg_xstrdup(value);
        return 0;
    }
    if ((r->type == SIZE ? kg_parse_size(value, &n, err) : kg_parse_u64(value, &n, err)) < 0)
        return -(int)err->code;
    if (n < r->min || n > r->max)
        return kg_err_set(err, KG_E_USAGE, "%" PRIu64 " is not between %" PRIu64 " and %" PRIu64, n, r->min, r->max);
    memcpy(place(s, r), &n, sizeof n);
    return 0;
}

void kg_settings_init(struct kg_settings *s)
{
    *s = (struct kg_settings){ 0 };
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        struct kg_err err = { 0 };

        if (set(s, &rows[i], rows[i].value, &err) < 0)
            abort(); /* a default outside its own range */
    }
}

void kg_settings_done(struct kg_settings *s)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++)
        if (is_text(&rows[i]))
            free(*(char **)place(s, &rows[i]));
    *s = (struct kg_settings){ 0 };
}

/* The word or value from s to its end, without the blanks around it. */
static char *trimmed(const char *s, size_t n)
{
    while (n && strchr(" \t\r", *s)) {
        s++;
        n--;
    }
    while (n && strchr(" \t\r", s[n - 1]))
        n--;
    return kg_xstrndup(s, n);
}

static int parse_line(struct kg_settings *s, const char *line, size_t n, uint32_t *seen, struct kg_err *err)
{
    const char *equals = memchr(line, '=', n);
    KG_AUTO_FREE char *key = NULL;
    KG_AUTO_FREE char *value = NULL;

    if (!equals)
        return kg_err_set(err, KG_E_USAGE, "a line must read 'key = value'");
    key = trimmed(line, (size_t)(equals - line));
    value = trimmed(equals + 1, n - (size_t)(equals + 1 - line));
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        if (strcasecmp(rows[i].name, key) != 0)
            continue;
        if (*seen & 1u << i)
            return kg_err_set(err, KG_E_USAGE, "'%s' is set twice", key);
        *seen |= 1u << i;
        return set(s, &rows[i], value, err) < 0 ? kg_err_wrap(err, "%s", key) : 0;
    }
    kg_err_set(err, KG_E_USAGE, "there is no setting '%.60s'", key);
    kg_err_advise(err, "Correct the name, or take the line out.");
    return -(int)err->code;
}

int kg_settings_parse(struct kg_settings *s, const char *text, const char *name, struct kg_err *err)
{
    uint32_t seen = 0;
    unsigned number = 1;

    _Static_assert(KG_ARRAY_LEN(rows) <= 32, "a bit for every row");
    for (; *text; number++) {
        size_t n = strcspn(text, "\n"), body = strcspn(text, "#\n");
        size_t blank = strspn(text, " \t\r");

        if (blank < body && parse_line(s, text, body, &seen, err) < 0)
            return kg_err_wrap(err, "%s:%u", name, number);
        text += n + (text[n] == '\n');
    }
    return 0;
}

int kg_settings_load(struct kg_settings *s, const char *path, bool must, struct kg_err *err)
{
    KG_AUTO_BUF struct kg_buf b = KG_BUF_INIT(1 << 20);
    struct kg_err why = { 0 };

    if (kg_read_file(AT_FDCWD, path, &b, &why) < 0) {
        if (why.code == KG_E_NOT_FOUND && !must)
            return 0;
        *err = why;
        return kg_err_wrap(err, "settings");
    }
    if (strlen(b.p) != b.len)
        return kg_err_set(err, KG_E_USAGE, "'%s' is not a text file", path);
    return kg_settings_parse(s, b.p, path, err);
}

void kg_settings_docs(struct kg_buf *out)
{
    kg_buf_adds(out, "# Settings of keepgres, all at their defaults.\n");
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];

        kg_buf_addf(out, "\n# %s\n", r->help);
        if (!is_text(r))
            kg_buf_addf(out, "# %" PRIu64 " to %" PRIu64 "%s%s\n", r->min, r->max, *r->unit ? " " : "", r->unit);
        kg_buf_addf(out, "#%s = %s\n", r->name, r->value);
    }
}

static void add_default(const struct row *r, struct kg_buf *out)
{
    if (*r->value)
        kg_buf_addf(out, "`%s`", r->value);
}

/* What a value may be, in words; a choice's are in its meaning. */
static void add_range(const struct row *r, struct kg_buf *out)
{
    static const char *const texts[] = { [CHOICE] = "one word", [PATH] = "a path", [REGION] = "a name", [URL] = "a URL",
                                         [HOST] = "a host" };
    char least[16], most[16];

    if (is_text(r))
        kg_buf_adds(out, texts[r->type]);
    else if (r->type == SIZE)
        kg_buf_addf(out, "%s to %s", kg_human_bytes(r->min, least), kg_human_bytes(r->max, most));
    else
        kg_buf_addf(out, "%" PRIu64 " to %" PRIu64 "%s%s", r->min, r->max, *r->unit ? " " : "", r->unit);
}

void kg_settings_page(struct kg_buf *out)
{
    kg_buf_adds(out, "# Settings\n\n"
                     "<!-- Made by `keepgres internal docs-settings` from src/engine/settings.c. Do not edit. -->\n\n"
                     "The service reads `keepgres.conf` in `$XDG_CONFIG_HOME/keepgres` or `~/.config/keepgres`, or the file of\n"
                     "`keepgres serve --config`, when it starts. A line is `name = value`; what begins with `#` is a remark.\n"
                     "Sizes may end in K, M, G or T. A name or a value that is not known is an error, so that no typing\n"
                     "mistake goes unseen.\n\n"
                     "| setting | may be | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < KG_ARRAY_LEN(rows); i++) {
        kg_buf_addf(out, "| `%s` | ", rows[i].name);
        add_range(&rows[i], out);
        kg_buf_adds(out, " | ");
        add_default(&rows[i], out);
        kg_buf_addf(out, " | %s |\n", rows[i].help);
    }
}
