/* What a vault takes up: a tab of its page. Above the rows, which are its instances, each tier with what was saved there. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/kinds.h"
#include "model/labels.h"
#include "model/list.h"

static void bytes(const struct kg_json *j, const char *path, char out[32]) { ui_format_bytes(kg_json_double(j, path, 0), out, 32); }

/* "Vault tier: 51 kB for 6 recovery points of 449 kB" and what was saved, what can be given back. */
static void tier(const struct kg_json *t, struct kg_buf *ret)
{
    char label[40], stored[32], logical[32], dedup[32], packed[32], unneeded[32];

    ui_label(kg_json_str_or(t, "dataStoreType", ""), label, sizeof label);
    bytes(t, "storedBytes", stored);
    bytes(t, "logicalBytes", logical);
    bytes(t, "savedByDeduplicationBytes", dedup);
    bytes(t, "savedByCompressionBytes", packed);
    bytes(t, "unneededBytes", unneeded);
    kg_buf_addf(ret, "%s: %s taken up by %llu recovery points of %s\n", label, stored,
                (unsigned long long)kg_json_u64(t, "recoveryPoints", 0), logical);
    kg_buf_addf(ret, "  saved: %s by deduplication, %s by compression\n", dedup, packed);
    if (kg_json_u64(t, "unneededBytes", 0))
        kg_buf_addf(ret, "  %s that nothing needs any more: Collect gives it back\n", unneeded);
}

static void tiers(const struct kg_json *answer, int width, struct kg_buf *ret)
{
    (void)width;
    for (const struct kg_json *t = kg_json_first(kg_json_get(answer, "properties.tiers")); t; t = kg_json_next(t))
        if (kg_json_u64(t, "recoveryPoints", 0) || strcmp(kg_json_str_or(t, "dataStoreType", ""), "VaultStore") == 0)
            tier(t, ret);
}

static const struct ui_column columns[] = {
    { .title = "Backup instance", .brief = "Instance", .name = true, .paths = "friendlyName name", .min = 14, .want = 40 },
    { .title = "Tier", .paths = "dataStoreType", .format = UI_F_LABEL, .min = 10, .want = 13, .rank = 1 },
    { .title = "Points", .paths = "recoveryPoints", .format = UI_F_COUNT, .min = 6, .want = 8, .rank = 2, .right = true },
    { .title = "Holds", .paths = "logicalBytes", .format = UI_F_BYTES, .min = 8, .want = 10, .right = true },
    { .title = "Its own", .paths = "uniqueBytes", .format = UI_F_BYTES, .min = 8, .want = 10, .rank = 3, .right = true },
    { .title = "Takes up", .paths = "neededStoredBytes", .format = UI_F_BYTES, .min = 8, .want = 10, .right = true },
};
static const struct ui_list_kind usage = {                       /* an instance may have a row for each tier */
    .path = "{arg}/usage", .items = "properties.instances", .id = "nothing", .column = columns, .n_columns = KG_ARRAY_LEN(columns),
    .sort = -6, .refresh = 30, .above = tiers, .empty = "This vault holds no recovery point yet.",
};
const struct ui_kind ui_list_vault_usage = { .name = "vault-usage", .title = "Usage", .family = UI_LIST, .data = &usage };
