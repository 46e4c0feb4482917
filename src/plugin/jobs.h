/* plugin/jobs.h - how many sessions a data path uses. */
#ifndef KG_PLUGIN_JOBS_H
#define KG_PLUGIN_JOBS_H

#include <stdbool.h>

/* asked, at most 64; for 0 one a core of this machine, at most 4. */
unsigned kg_jobs_wanted(unsigned asked);

/* How many of so many sessions can really work side by side, at least 1: each keeps one of this machine's cores busy, and,
 * where the server lives on the same machine, another one with the server's half of the work. */
unsigned kg_jobs_streams(unsigned jobs, unsigned cores, bool server_is_here);
unsigned kg_jobs_cores(void);            /* of this machine */

#endif
