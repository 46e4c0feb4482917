#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void kg_bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "keepgres: bug at %s:%d: %s\n", file, line, what);
    abort();
}
