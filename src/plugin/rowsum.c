#include "plugin/rowsum.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

void kg_rowsum_add(struct kg_rowsum *r, const char *row, size_t n)
{
    r->rows++;
    r->bytes += n;
    r->sum += XXH3_64bits(row, n && row[n - 1] == '\n' ? n - 1 : n);
}

void kg_rowsum_add_pair(struct kg_rowsum *r, const void *head, size_t n_head, const void *body, size_t n_body)
{
    XXH3_state_t state;

    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, head, n_head);
    XXH3_64bits_update(&state, body, n_body);
    r->rows++;
    r->bytes += n_head + n_body;
    r->sum += XXH3_64bits_digest(&state);
}

/* A row that is cut between two calls goes through the hash's streaming form, which gives the same value. */
static void add_part(struct kg_rowsum_text *t, const char *text, size_t n, bool complete)
{
    XXH3_state_t *st = t->state;

    if (!st) {
        if (!(st = t->state = XXH3_createState()))
            KG_BUG("out of memory");
        XXH3_INITSTATE(st);
    }
    if (!t->part_n)
        XXH3_64bits_reset(st);
    XXH3_64bits_update(st, text, complete ? n - 1 : n);
    t->part_n += n;
    if (!complete)
        return;
    t->sum.rows++;
    t->sum.bytes += t->part_n;
    t->sum.sum += XXH3_64bits_digest(st);
    t->part_n = 0;
}

void kg_rowsum_text_add(struct kg_rowsum_text *t, const char *text, size_t n)
{
    while (n > 0) {
        const char *nl = memchr(text, '\n', n);
        size_t len = nl ? (size_t)(nl - text) + 1 : n;

        if (nl && !t->part_n)
            kg_rowsum_add(&t->sum, text, len);
        else
            add_part(t, text, len, nl);
        text += len;
        n -= len;
    }
}

void kg_rowsum_text_done(struct kg_rowsum_text *t)
{
    if (t->state)
        XXH3_freeState(t->state);
    *t = (struct kg_rowsum_text){ 0 };
}

void kg_rowsum_merge(struct kg_rowsum *into, const struct kg_rowsum *from)
{
    into->rows += from->rows;
    into->bytes += from->bytes;
    into->sum += from->sum;
}

bool kg_rowsum_equal(const struct kg_rowsum *a, const struct kg_rowsum *b)
{
    return a->rows == b->rows && a->bytes == b->bytes && a->sum == b->sum;
}
