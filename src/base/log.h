/* base/log.h - one line of key=value a record, the message last, on descriptor 2 (or a file the service opened).
 *
 * Only four places log at info or above: the job runner, the API's request boundary, the engine's loop, a worker's
 * main. Everything else reports through struct kg_err and may at most use kg_debug(). Control characters are escaped.
 *
 * Threads: any; a record is one write(2). */
#ifndef KG_BASE_LOG_H
#define KG_BASE_LOG_H

#include "keepgres/err.h"

enum kg_log_level { KG_LOG_DEBUG, KG_LOG_INFO, KG_LOG_WARN, KG_LOG_ERROR };

void kg_log_open(const char *role, enum kg_log_level least, int fd); /* role: "service", "worker"; static storage */
void kg_log(enum kg_log_level level, const char *fmt, ...) KG_PRINTF(2, 3);
#define kg_debug(...) kg_log(KG_LOG_DEBUG, __VA_ARGS__)

/* Logs an error with its code, its place and its advice. */
void kg_log_err(enum kg_log_level level, const struct kg_err *e, const char *fmt, ...) KG_PRINTF(3, 4);

#endif
