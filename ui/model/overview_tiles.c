/* What the Overview's tiles say. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "model/page_overview.h"

static uint64_t number(const struct ui_overview *o, const char *path) { return kg_json_u64(o->center, path, 0); }

static void set(struct ui_shown *l, enum ui_state state, uint64_t n, const char *what)
{
    snprintf(l->text, sizeof l->text, "%llu %s", (unsigned long long)n, what);
    l->state = n ? state : UI_NONE;
}

static void tile_instances(const struct ui_overview *o, struct ui_shown l[UI_TILE_LINES])
{
    set(&l[0], UI_OK, number(o, "instances.protected"), "protected");
    set(&l[1], UI_OFF, number(o, "instances.stopped"), "stopped");
    set(&l[2], UI_WARNING, number(o, "instances.softDeleted"), "soft-deleted");
}

static void tile_jobs(const struct ui_overview *o, struct ui_shown l[UI_TILE_LINES])
{
    set(&l[0], UI_OK, number(o, "jobs.last24h.Completed"), "completed");
    set(&l[1], UI_BUSY, number(o, "jobs.last24h.InProgress"), "in progress");
    set(&l[2], UI_OFF, number(o, "jobs.last24h.Cancelled"), "cancelled");
}

static void tile_attention(const struct ui_overview *o, struct ui_shown l[UI_TILE_LINES])
{
    set(&l[0], UI_WARNING, number(o, "instances.attentionCount"), "to look at");
    set(&l[1], UI_FAILED, number(o, "jobs.last24h.Failed"), "failed");
    set(&l[2], UI_WARNING, number(o, "jobs.last24h.CompletedWithWarnings"), "with warnings");
}

static void tile_storage(const struct ui_overview *o, struct ui_shown l[UI_TILE_LINES])
{
    static const char *const tiers[] = { "VaultStore", "ArchiveStore" };
    double stored = 0, logical = 0, in_tier[KG_ARRAY_LEN(tiers)], last = 0;
    struct ui_shown *saved;
    char a[32];

    for (size_t i = 0; i < KG_ARRAY_LEN(tiers); i++) {
        char path[60];

        snprintf(path, sizeof path, "usage.%s.storedBytes", tiers[i]);
        in_tier[i] = kg_json_double(o->center, path, 0);
        stored += in_tier[i];
        snprintf(path, sizeof path, "usage.%s.logicalBytes", tiers[i]);
        logical += last = kg_json_double(o->center, path, 0);
    }
    saved = &l[last > 0 ? 2 : 1];            /* an archive without a point is not worth a line, nor is one that nobody asked for */
    ui_format_bytes(in_tier[0], a, sizeof a);
    snprintf(l[0].text, sizeof l[0].text, "vault %s", a);
    ui_format_bytes(in_tier[1], a, sizeof a);
    if (last > 0)
        snprintf(l[1].text, sizeof l[1].text, "archive %s", a);
    if (logical > 0 && stored <= logical)
        snprintf(saved->text, sizeof saved->text, "%d%% saved", (int)(100 * (logical - stored) / logical));
}

#define LAST_DAY "\"time\":\"last 24 hours\""
#define JOBS(status) "backup-jobs", "{\"statuses\":[\"" status "\"]," LAST_DAY "}"
/* Lines as fill makes them, each with the list of what it counts. What runs counts whenever it began. */
static const struct {
    const char *title;
    void (*fill)(const struct ui_overview *o, struct ui_shown l[UI_TILE_LINES]);
    struct { const char *kind, *arg; } line[UI_TILE_LINES];
} tiles[UI_TILES] = {
    { "Instances", tile_instances,
      { { "backup-instances", "{\"protectionStates\":[\"ProtectionConfigured\",\"UpdatingProtection\"]}" },
        { "backup-instances",
          "{\"protectionStates\":[\"ProtectionStopped\",\"BackupSchedulesSuspended\",\"RetentionSchedulesSuspended\"]}" },
        { "deleted", "" } } },
    { "Jobs in 24 h", tile_jobs,
      { { JOBS("Completed") }, { "backup-jobs", "{\"statuses\":[\"InProgress\",\"Cancelling\"],\"time\":\"all times\"}" },
        { JOBS("Cancelled") } } },
    { "Attention", tile_attention, { { "attention", "" }, { JOBS("Failed") }, { JOBS("CompletedWithWarnings") } } },
    { "Storage", tile_storage, { { "backup-vaults", "" }, { "backup-vaults", "" }, { "backup-vaults", "" } } },
};

const char *ui_overview_line(size_t tile, size_t line, const char **ret_arg)
{
    *ret_arg = tiles[tile].line[line].arg;
    return tiles[tile].line[line].kind;
}

const char *ui_overview_tile(const struct ui_overview *o, size_t i, struct ui_shown ret[UI_TILE_LINES])
{
    memset(ret, 0, UI_TILE_LINES * sizeof *ret);
    tiles[i].fill(o, ret);
    return tiles[i].title;
}
