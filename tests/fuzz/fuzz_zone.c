/* A time zone's file: whatever it says, looking up ends and stays within a day. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "policy/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const kg_usec probes[] = { INT64_C(-62135596800000000), 0, INT64_C(1790000000000000), INT64_C(4102444800000000) };
    KG_AUTO_ZONE struct kg_zone *z = NULL;
    struct kg_err err = { 0 };

    if (kg_zone_parse(data, n, &z, &err) < 0)
        return 0;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        int32_t offset = kg_zone_offset(z, probes[i]);

        if (offset < -200 * 3600 || offset > 200 * 3600)
            abort();
        (void)kg_zone_moment(z, kg_zone_local(z, probes[i]));
    }
    return 0;
}
