#include "sys/alive.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/text.h"
#include "sys/fd.h"

enum { HERE_ROOM = 128 };

/* Up to the end of the line. */
static bool read_line(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : kg_read_full(fd, out, size - 1);

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    out[n] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return true;
}

bool kg_boot_id(char out[KG_BOOT_ROOM]) { return read_line("/proc/sys/kernel/random/boot_id", out, KG_BOOT_ROOM); }

/* "boot/namespace" of this process; false where the system does not tell. */
static bool here(char out[HERE_ROOM])
{
    char boot[KG_BOOT_ROOM], space[48];
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);

    if (n <= 0 || !kg_boot_id(boot))
        return false;
    space[n] = '\0';
    snprintf(out, HERE_ROOM, "%s/%s", boot, space);
    return true;
}

/* The 22nd field of its stat: when it began, in ticks since boot. The name before it may hold blanks and parentheses. */
static bool began_at(long pid, char out[32])
{
    char path[64], stat[1024], *p;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    if (!read_line(path, stat, sizeof stat) || !(p = strrchr(stat, ')')))
        return false;
    for (int field = 2; field < 22; field++)
        if (!(p = strchr(p + 1, ' ')))
            return false;
    kg_text_copy(out, 32, p + 1);
    out[strcspn(out, " ")] = '\0';
    return *out;
}

/* Containers without /proc have the same few process numbers. */
static unsigned long long drawn(void)
{
    static unsigned long long number;

    if (!number && getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        number = 0;
    return number;
}

const char *kg_mark_self(char *out)
{
    char place[HERE_ROOM], began[32];

    if (here(place) && began_at(getpid(), began))
        snprintf(out, KG_MARK_ROOM, "%s/%ld/%s", place, (long)getpid(), began);
    else
        snprintf(out, KG_MARK_ROOM, "unknown/%ld/%llx", (long)getpid(), drawn());
    return out;
}

/* /proc mounted with hidepid shows nothing of processes that may not be traced; that they are there can be asked all the same. */
static bool is_gone(long pid) { return kill((pid_t)pid, 0) < 0 && errno == ESRCH; }

enum kg_life_of kg_mark_alive(const char *mark)
{
    char place[HERE_ROOM], began[32], number[24];
    struct kg_err ignored = { 0 };
    size_t n, digits;
    uint64_t pid;

    if (!here(place))
        return KG_LIVES_ELSEWHERE;
    n = strlen(place);
    if (strncmp(mark, place, n) != 0 || mark[n] != '/')
        return KG_LIVES_ELSEWHERE;
    mark += n + 1;
    digits = strcspn(mark, "/");
    if (!mark[digits] || digits >= sizeof number)
        return KG_LIVES_ELSEWHERE;
    memcpy(number, mark, digits);
    number[digits] = '\0';
    if (kg_parse_range(number, 1, INT32_MAX, &pid, &ignored) < 0)
        return KG_LIVES_ELSEWHERE;
    if (began_at((long)pid, began))
        return strcmp(began, mark + digits + 1) == 0 ? KG_LIVES : KG_IS_DEAD;
    return is_gone((long)pid) ? KG_IS_DEAD : KG_LIVES;
}
