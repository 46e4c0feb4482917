#include "plugin/jobs.h"

#include <unistd.h>

enum { DEFAULT_MAX = 4, MAX = 64 };

unsigned kg_jobs_wanted(unsigned asked)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (asked)
        return asked > MAX ? MAX : asked;
    return cores > DEFAULT_MAX ? DEFAULT_MAX : cores > 0 ? (unsigned)cores : 1;
}
