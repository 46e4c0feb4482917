#include "plugin/jobs.h"

#include <unistd.h>

enum { DEFAULT_MAX = 4, MAX = 64 };

unsigned kg_jobs_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores > 0 ? (unsigned)cores : 1;
}

unsigned kg_jobs_wanted(unsigned asked)
{
    unsigned cores = kg_jobs_cores();

    if (asked)
        return asked > MAX ? MAX : asked;
    return cores > DEFAULT_MAX ? DEFAULT_MAX : cores;
}

unsigned kg_jobs_streams(unsigned jobs, unsigned cores, bool server_is_here)
{
    unsigned n = server_is_here ? cores / 2 : cores;

    n = n < jobs ? n : jobs;
    return n ? n : 1;
}
