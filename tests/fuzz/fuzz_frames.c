/* What a worker may send: frames in any shape, cut anywhere. The reader must neither read beyond what came nor keep more
 * than a frame; what it hands out is whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "sys/fd.h"
#include "sys/sock.h"
#include "worker/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_all(struct kg_frame_reader *r, bool *ret_bad)
{
    struct kg_frame f = { 0 };
    struct kg_err err = { 0 }, told;
    int n;

    while ((n = kg_frame_reader_next(r, &f, &err)) == 1) {
        KG_ASSERT(!f.json != !f.secret && !f.secret == !f.secret_name);
        if (f.json) {
            kg_err_from_json(kg_json_get(f.json, "error"), &told);
            KG_ASSERT(told.code != KG_E_OK && told.action[0]);
        }
        kg_frame_done(&f);
    }
    *ret_bad = n < 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kg_frame_reader *r;
    struct kg_err err = { 0 };
    bool bad = false;
    size_t at = 0;
    int fd[2];

    kg_crypto_start();
    if (kg_socket_pair(fd, &err) < 0)
        return 0;
    r = kg_frame_reader_new();
    while (at < size && !bad) {
        size_t n = 1 + data[at] % 200; /* pieces of many sizes */

        if (n > size - at)
            n = size - at;
        if (kg_write_all(fd[1], data + at, n))
            break;
        at += n;
        while (!bad && kg_frame_reader_fill(r, fd[0], &err) > 0)
            take_all(r, &bad);
    }
    kg_frame_reader_free(r);
    close(fd[0]);
    close(fd[1]);
    return 0;
}
