/* fuzz/driver.c - runs a fuzz target without libFuzzer, so that every compiler and "make test" can.
 *
 *   fuzz_x [--mutations N] [--seed S] [--save FILE] [FILE|FOLDER]...
 *
 * First every file as it is, then N mutations of randomly chosen files (and of nothing at all). The seed is printed;
 * the same seed and files give the same inputs. To get hold of an input that crashes, run again with that seed and
 * --save: each input is in FILE before the target sees it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEEDS_MAX = 1024, SEED_SIZE = 256 * 1024, INPUT_SIZE = 512 * 1024 };

struct seed {
    uint8_t *data;
    size_t size;
};
static struct seed seeds[SEEDS_MAX];
static size_t seed_count;

static uint64_t state;
static int save_fd = -1;

/* xorshift64*: small, and the same everywhere. */
static uint64_t next(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(2685821657736338717);
}

static size_t below(size_t n)
{
    return n ? (size_t)(next() % n) : 0;
}

static void die(const char *what, const char *name)
{
    fprintf(stderr, "%s '%s': %s\n", what, name, strerror(errno));
    _exit(2);
}

static void load_file(const char *name)
{
    if (seed_count == SEEDS_MAX)
        return;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die("open", name);
    uint8_t *data = malloc(SEED_SIZE);
    if (!data)
        die("allocate for", name);
    size_t size = 0;
    ssize_t n;
    while (size < SEED_SIZE && (n = read(fd, data + size, SEED_SIZE - size)) > 0)
        size += (size_t)n;
    close(fd);
    seeds[seed_count++] = (struct seed){ data, size };
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In order of names: the order of a folder differs from machine to machine, and the seed would mean nothing. */
static void load_folder(const char *name)
{
    DIR *d = opendir(name);
    if (!d && errno == ENOENT)
        return; /* a target without a corpus starts from nothing */
    if (!d)
        die("open folder", name);
    char *paths[SEEDS_MAX];
    size_t n = 0;
    for (struct dirent *e; n < SEEDS_MAX && (e = readdir(d));) {
        if (e->d_name[0] != '.' && asprintf(&paths[n], "%s/%s", name, e->d_name) > 0)
            n++;
    }
    closedir(d);
    qsort(paths, n, sizeof paths[0], by_name);
    for (size_t i = 0; i < n; i++) {
        load_file(paths[i]);
        free(paths[i]);
    }
}

static const uint64_t interesting[] = {
    0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
    UINT64_C(0x7fffffffffffffff), UINT64_C(0x8000000000000000), UINT64_MAX,
};

/* One change to the input in buf; returns the new size. */
static size_t mutate(uint8_t *buf, size_t size)
{
    size_t at = below(size), n;
    switch (below(8)) {
    case 0: /* flip a bit */
        if (size)
            buf[at] ^= (uint8_t)(1u << below(8));
        return size;
    case 1: /* another byte */
        if (size)
            buf[at] = (uint8_t)next();
        return size;
    case 2: { /* a number at its limits, of 1, 2, 4 or 8 bytes, either way round */
        n = (size_t)1 << below(4);
        if (size < n)
            return size;
        at = below(size - n + 1);
        uint64_t v = interesting[below(sizeof interesting / sizeof interesting[0])];
        bool big = next() & 1;
        for (size_t i = 0; i < n; i++)
            buf[at + (big ? n - 1 - i : i)] = (uint8_t)(v >> (8 * i));
        return size;
    }
    case 3: /* cut the end off */
        return at;
    case 4: /* take a piece out */
        n = below(size - at + 1);
        memmove(buf + at, buf + at + n, size - at - n);
        return size - n;
    case 5: /* a piece twice */
        n = below(size - at + 1);
        if (size + n > INPUT_SIZE)
            return size;
        memmove(buf + at + n, buf + at, size - at);
        return size + n;
    case 6: /* random bytes at the end */
        n = 1 + below(16);
        for (size_t i = 0; i < n && size < INPUT_SIZE; i++)
            buf[size++] = (uint8_t)next();
        return size;
    default: { /* a piece of another seed over this one */
        if (!seed_count)
            return size;
        const struct seed *s = &seeds[below(seed_count)];
        size_t from = below(s->size);
        n = below((s->size - from < size - at ? s->size - from : size - at) + 1);
        if (n)
            memcpy(buf + at, s->data + from, n);
        return size;
    }
    }
}

/* The input is copied to memory of its exact size, so that AddressSanitizer sees one byte too far. */
static void try_input(const uint8_t *data, size_t size)
{
    if (save_fd >= 0 && (ftruncate(save_fd, 0) < 0 || pwrite(save_fd, data, size, 0) != (ssize_t)size))
        die("save an input to", "the file of --save");
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        die("allocate for", "an input");
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static uint64_t number(const char *text, const char *option)
{
    char *end;
    errno = 0;
    uint64_t v = text ? strtoull(text, &end, 10) : 0;
    if (!text || errno || end == text || *end) {
        fprintf(stderr, "%s wants a number\n", option);
        _exit(2);
    }
    return v;
}

int main(int argc, char **argv)
{
    uint64_t mutations = 10000, seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (!strcmp(argv[i], "--mutations"))
            mutations = number(argv[++i], "--mutations");
        else if (!strcmp(argv[i], "--seed"))
            seed = number(argv[++i], "--seed");
        else if (!strcmp(argv[i], "--save") && argv[i + 1])
            save_fd = open(argv[++i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        else if (stat(argv[i], &st) == 0 && !S_ISDIR(st.st_mode))
            load_file(argv[i]);
        else
            load_folder(argv[i]);
    }
    for (size_t i = 0; i < seed_count; i++)
        try_input(seeds[i].data, seeds[i].size);
    try_input((const uint8_t *)"", 0);

    uint8_t *buf = malloc(INPUT_SIZE);
    if (!buf)
        die("allocate for", "an input");
    fprintf(stderr, "%zu files, %" PRIu64 " mutations, seed %" PRIu64 "\n", seed_count, mutations, seed);
    state = seed ? seed : 1;
    for (uint64_t i = 0; i < mutations; i++) {
        size_t size = 0;
        if (seed_count && below(16)) {
            const struct seed *s = &seeds[below(seed_count)];
            memcpy(buf, s->data, size = s->size);
        }
        for (size_t n = 1 + below(8); n; n--)
            size = mutate(buf, size);
        try_input(buf, size);
    }
    free(buf);
    for (size_t i = 0; i < seed_count; i++)
        free(seeds[i].data);
    return 0;
}
