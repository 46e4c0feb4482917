/* cli/ready.h - Backup readiness as commands use it. */
#ifndef KG_CLI_READY_H
#define KG_CLI_READY_H

#include "cli/cli.h"

/* Checks the backup instances of a document (one, or an array of them, as `initialize` prints them). *ret is the report of
 * each: {name, server, database, outcome, checks, …}; NULL with no_wait. Fails when the service does, not when they are
 * not ready. */
int kg_cli_readiness(struct kg_cli *cli, const struct kg_at *at, const struct kg_json *document, bool no_wait,
                     struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;
/* The reports as an error, when one of them is not Success: its first problem, and what to do about it. */
int kg_cli_need_ready(const struct kg_json *reports, struct kg_err *err) KG_MUST_CHECK;

#endif
