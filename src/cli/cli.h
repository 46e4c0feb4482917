/* cli/cli.h - the command line as it runs: global options, the client, the result that is printed at the end.
 *
 * A command sends requests through kg_cli_call() and friends and hands its result to kg_cli_emit(); printing it in the
 * asked form is done once, by kg_cli_main(). Messages for people go to stderr through kg_cli_note(). */
#ifndef KG_CLI_CLI_H
#define KG_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include "base/buf.h"
#include "base/time.h"
#include "cli/cmd.h"
#include "crypto/secret.h"
#include "json/jmespath.h"
#include "json/json.h"
#include "keepgres/client.h"
#include "keepgres/err.h"

/* What main.c lends the command line, which may not see the rooms of the service itself. */
struct kg_serve_args {
    const char *config, *socket, *state_dir, *log;
    bool idle_exit;
};
struct kg_portal_args {
    const char *socket, *theme, *page;
    bool readonly, slow, plain, ascii, mouse;
};
struct kg_roles {
    int (*serve)(const struct kg_serve_args *args, struct kg_err *err);
    int (*worker)(void);
    int (*portal)(const struct kg_portal_args *args, struct kg_err *err);
    void (*api_docs)(struct kg_buf *b);
    void (*settings_docs)(struct kg_buf *b);
};

struct kg_globals {
    const char *output, *query, *subscription, *socket;
    bool help, verbose, debug, quiet, wide;
};

struct kg_cli {
    struct kg_globals g;
    const struct kg_roles *roles;
    struct kg_client *client;        /* opened with the first call */
    struct kg_jmespath *query;       /* --query, or NULL */
    char *subscription;              /* id */
    bool out_tty, err_tty;
    struct kg_json *result;
    struct kg_json *explanation;     /* error object behind the error reported */
};

int kg_cli_main(int argc, const char *const *argv, const struct kg_roles *roles);

/* Ctrl-C since the command began; the context is not looked at. A second one ends the program. */
bool kg_cli_interrupted(void *ctx);

/* ---- requests (request.c) ---- */

/* "/subscriptions/S/resourceGroups/G/" and the rest, in which %s stands for a name that is encoded. group may be NULL:
 * then without resourceGroups; fmt may be NULL: the group itself. The caller frees. */
char *kg_cli_path(const struct kg_cli *cli, const char *group, const char *fmt, ...) KG_PRINTF(3, 4);
const char *kg_cli_group(const struct kg_at *at);  /* as given, else the default one */

int kg_cli_client(struct kg_cli *cli, struct kg_client **ret, struct kg_err *err) KG_MUST_CHECK;
int kg_cli_get(struct kg_cli *cli, const char *path, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* Sends body (may be NULL) and, unless no_wait, follows the operation that begins. *ret may become NULL: no content. */
int kg_cli_send(struct kg_cli *cli, const char *method, const char *path, const struct kg_json *body, bool no_wait,
                struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* The usual commands: get, list or send, and emit what came. */
int kg_cli_show(struct kg_cli *cli, const char *path, struct kg_err *err) KG_MUST_CHECK;
int kg_cli_list(struct kg_cli *cli, const char *path, uint64_t max, struct kg_err *err) KG_MUST_CHECK;
/* The same from where an earlier list ended; token may be NULL. */
int kg_cli_list_from(struct kg_cli *cli, const char *path, const char *token, uint64_t max,
                     struct kg_err *err) KG_MUST_CHECK;
int kg_cli_change(struct kg_cli *cli, const char *method, const char *path, const struct kg_json *body, bool no_wait,
                  struct kg_err *err) KG_MUST_CHECK;
/* The location given, else the resource group's. The caller frees. */
int kg_cli_location(struct kg_cli *cli, const char *given, const char *group, char **ret,
                    struct kg_err *err) KG_MUST_CHECK;
/* The same path from the root on: the service works in a directory of its own. The caller frees. */
int kg_cli_absolute(const char *path, char **ret, struct kg_err *err) KG_MUST_CHECK;

/* ---- result and messages (output.c) ---- */

void kg_cli_emit(struct kg_cli *cli, struct kg_json *result);  /* takes it; several become an array */
void kg_cli_note(const struct kg_cli *cli, const char *fmt, ...) KG_PRINTF(2, 3); /* a line on stderr, unless quiet */
void kg_cli_warn(const struct kg_cli *cli, const char *fmt, ...) KG_PRINTF(2, 3); /* "warning: …" */
void kg_cli_print_error(const struct kg_cli *cli, const struct kg_err *err);
/* Remembers the ARM error object behind the error that is being reported: what a program said last goes with it. */
void kg_cli_explain(struct kg_cli *cli, const struct kg_json *error);
/* A line of text, harmless for a terminal when there is one. */
void kg_cli_add_line(const struct kg_cli *cli, const char *text, struct kg_buf *b);
/* Writes text to stdout. A reader that has gone away is no failure. */
int kg_cli_write(const char *text, size_t n, struct kg_err *err) KG_MUST_CHECK;

/* ---- asking people (prompt.c) ---- */

/* "Question (y/n): "; KG_E_USAGE without a terminal, KG_E_CANCELLED on no. */
int kg_cli_confirm(const char *question, struct kg_err *err) KG_MUST_CHECK;
/* Reads one line from the terminal without showing it. KG_E_USAGE without a terminal, naming the other ways. */
int kg_cli_ask_secret(const char *prompt, const char *otherwise, size_t max, struct kg_secret **ret,
                      struct kg_err *err) KG_MUST_CHECK;
/* From a file ("-": standard input), or by asking when file is NULL. */
int kg_cli_read_secret(const char *file, const char *prompt, const char *otherwise, size_t max, struct kg_secret **ret,
                       struct kg_err *err) KG_MUST_CHECK;

/* ---- following a job (follow.c) ---- */

/* Sends what starts a job; with wait follows it, otherwise emits {jobId, objectType}. */
int kg_cli_start_job(struct kg_cli *cli, const struct kg_at *at, const char *path, const struct kg_json *body,
                     bool no_wait, bool wait, struct kg_err *err) KG_MUST_CHECK;

void kg_cli_tell_warnings(struct kg_cli *cli, const struct kg_json *job); /* of a job, on standard error */
/* Shows a job's progress on stderr until it ends; *ret is the job. A failed one is reported as its own error. */
int kg_cli_follow_job(struct kg_cli *cli, const char *path, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* One line about a running job: "backup  42 %  1.2 GB of 2.9 GB …". began: when its bytes began to move (mono). */
struct kg_rate { kg_usec at; uint64_t bytes; double per_second; };
void kg_job_line(const struct kg_json *job, const struct kg_rate *rate, struct kg_buf *b);
/* The tables in work: "in work: public.orders 45 % 98 MB/s, public.items 3 %, 2 more"; nothing when there are none. */
void kg_job_tables_line(const struct kg_json *job, struct kg_buf *b);
void kg_rate_update(struct kg_rate *r, kg_usec now_mono, uint64_t bytes);
/* The full path of a job from its id or its name. The caller frees. */
char *kg_cli_job_path(const struct kg_cli *cli, const struct kg_at *at, const char *job);

#define KG_PROVIDER_BACKUP "providers/Microsoft.DataProtection"

#endif
