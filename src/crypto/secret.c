#include "crypto/secret.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "sys/fd.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

/* The bytes stand in pages of their own (p); how often they are open is counted here, beside them. */
struct kg_secret {
    uint8_t *p;
    size_t n;
    pthread_mutex_t lock;
    unsigned readers, writers;
};

void kg_crypto_start(void)
{
    if (sodium_init() < 0)
        KG_BUG("libsodium cannot start");
    if (UNDER_SANITIZER || getenv("KEEPGRES_DUMPABLE"))
        return; /* a leak checker attaches to its own process */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

struct kg_secret *kg_secret_new(size_t n)
{
    struct kg_secret *s = kg_xalloc(sizeof *s);

    s->n = n;
    s->p = sodium_malloc(n + 1);
    if (!s->p)
        KG_BUG("no memory for a secret");
    memset(s->p, 0, n + 1);
    pthread_mutex_init(&s->lock, NULL);
    (void)sodium_mprotect_noaccess(s->p);
    return s;
}

struct kg_secret *kg_secret_new_copy(const void *data, size_t n)
{
    struct kg_secret *s = kg_secret_new(n);

    memcpy(kg_secret_open_write(s), data, n);
    kg_secret_shut(s);
    return s;
}

struct kg_secret *kg_secret_random(size_t n)
{
    struct kg_secret *s = kg_secret_new(n);

    randombytes_buf(kg_secret_open_write(s), n);
    kg_secret_shut(s);
    return s;
}

void kg_secret_free(struct kg_secret *s)
{
    if (!s)
        return;
    sodium_free(s->p); /* zeroes first */
    pthread_mutex_destroy(&s->lock);
    free(s);
}

size_t kg_secret_size(const struct kg_secret *s) { return s->n; }

/* Opening is no change of the secret to whoever holds it, but it is one to the counters. */
static struct kg_secret *counters(const struct kg_secret *s) { return (struct kg_secret *)(uintptr_t)s; }

static void protect(struct kg_secret *s)
{
    int r = s->writers ? sodium_mprotect_readwrite(s->p)
                       : s->readers ? sodium_mprotect_readonly(s->p) : sodium_mprotect_noaccess(s->p);

    KG_ASSERT(r == 0 || errno == ENOSYS);
}

const uint8_t *kg_secret_open(const struct kg_secret *s)
{
    struct kg_secret *c = counters(s);

    pthread_mutex_lock(&c->lock);
    if (c->readers++ == 0 && !c->writers)
        protect(c);
    pthread_mutex_unlock(&c->lock);
    return s->p;
}

uint8_t *kg_secret_open_write(struct kg_secret *s)
{
    pthread_mutex_lock(&s->lock);
    s->writers++;
    protect(s);
    pthread_mutex_unlock(&s->lock);
    return s->p;
}

void kg_secret_shut(const struct kg_secret *s)
{
    struct kg_secret *c = counters(s);

    pthread_mutex_lock(&c->lock);
    KG_ASSERT(c->writers || c->readers);
    /* Which of the two is shut cannot be told when both are open; writing ends last, so nothing loses access early. */
    if (c->readers)
        c->readers--;
    else
        c->writers--;
    if (!c->readers)
        protect(c);
    pthread_mutex_unlock(&c->lock);
}

bool kg_secret_equal(const struct kg_secret *a, const struct kg_secret *b)
{
    bool same;

    if (a->n != b->n)
        return false;
    same = sodium_memcmp(kg_secret_open(a), kg_secret_open(b), a->n) == 0;
    kg_secret_shut(b);
    kg_secret_shut(a);
    return same;
}

static bool locked;

static void try_lock(void)
{
    void *page = NULL;

    if (posix_memalign(&page, 4096, 4096) != 0)
        return;
    locked = sodium_mlock(page, 4096) == 0;
    if (locked)
        (void)sodium_munlock(page, 4096);
    free(page);
}

bool kg_secret_locked(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, try_lock);
    return locked;
}

void kg_wipe(void *p, size_t n) { sodium_memzero(p, n); }

int kg_secret_read_fd(int fd, size_t max, struct kg_secret **ret, struct kg_err *err)
{
    KG_AUTO_SECRET struct kg_secret *all = kg_secret_new(max + 2); /* the newline, and one byte too many */
    uint8_t *p = kg_secret_open_write(all);
    ssize_t r = kg_read_full(fd, p, max + 2);
    size_t n = r > 0 ? (size_t)r : 0;

    if (n && p[n - 1] == '\n')
        n--;
    if (r >= 0 && n <= max)
        *ret = kg_secret_new_copy(p, n);
    kg_secret_shut(all);
    if (r < 0)
        return kg_err_sys(err, (int)-r, "read a secret");
    if (n > max)
        return kg_err_set(err, KG_E_LIMIT, "the secret is longer than %zu bytes", max);
    return 0;
}
