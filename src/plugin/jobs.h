/* plugin/jobs.h - how many sessions a data path uses. */
#ifndef KG_PLUGIN_JOBS_H
#define KG_PLUGIN_JOBS_H

/* asked, at most 64; for 0 one a core of this machine, at most 4. */
unsigned kg_jobs_wanted(unsigned asked);

#endif
