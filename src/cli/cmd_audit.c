/* The audit log: shown, and its chain checked here, by who asks, not by the service that wrote it. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "cli/cli.h"
#include "cli/cmds.h"
#include "crypto/sha256.h"
#include "model/audit.h"

#define AUDIT_PATH "/providers/Microsoft.KeepGres/service/audit"

struct audit_opts {
    struct kg_at at;
    const char *next_token, *head;
    uint64_t max_items;
};
#define T struct audit_opts

static const struct kg_opt list_opts[] = { KG_OPT_MAX_ITEMS_ROW(T), KG_OPT_NEXT_TOKEN_ROW(T), { 0 } };
static const struct kg_opt verify_opts[] = {
    KG_OPT(T, STRING, "head", head, "HASH", "a head that was noted before: the log must hold it, or somebody made it anew"),
    { 0 },
};

static int list(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct audit_opts *o = opts;

    return kg_cli_list_from(cli, AUDIT_PATH, o->next_token, o->max_items, err);
}

/* How far the chain was followed. */
struct chain {
    uint64_t records;
    char head[65];
    bool known;                      /* the noted head was met */
};

static void hash_of(const struct kg_json *record, char ret[65])
{
    KG_AUTO_BUF struct kg_buf text = KG_BUF_INIT(64 << 10);
    struct kg_sha256 *sum = kg_sha256_new();

    kg_audit_text(record, &text);
    kg_sha256_add(sum, text.p ? text.p : "", text.len);
    kg_sha256_end(sum, ret);
    kg_sha256_free(sum);
}

static int broken(uint64_t seq, const char *what, struct kg_err *err)
{
    kg_err_set(err, KG_E_CORRUPT, "record %" PRIu64 " of the audit log %s: the log was changed", seq, what);
    kg_err_advise(err, "Keep a copy of the catalog, and find out who could write to the service's state directory.");
    return -(int)err->code;
}

static int follow(const struct kg_json *page, struct chain *c, const char *noted, struct kg_err *err)
{
    for (const struct kg_json *r = kg_json_first(page); r; r = kg_json_next(r)) {
        char sum[65];

        if (kg_json_u64(r, "seq", 0) != ++c->records)
            return broken(c->records, "is missing", err);
        if (strcmp(kg_json_str_or(r, "previousHash", ""), c->head) != 0)
            return broken(c->records, "does not continue the one before", err);
        hash_of(r, sum);
        if (strcmp(kg_json_str_or(r, "hash", ""), sum) != 0)
            return broken(c->records, "is not what was written", err);
        memcpy(c->head, sum, sizeof sum);
        c->known = c->known || (noted && strcasecmp(noted, sum) == 0);
    }
    return 0;
}

static int verify(struct kg_cli *cli, void *opts, struct kg_err *err)
{
    const struct audit_opts *o = opts;
    struct chain c = { .head = KG_AUDIT_FIRST };
    KG_AUTO_JSON struct kg_json *all = NULL;
    struct kg_client *client = NULL;
    struct kg_json *report;

    if (kg_cli_client(cli, &client, err) < 0 || kg_client_list(client, AUDIT_PATH "?$orderby=seq%20asc", 0, &all, NULL, err) < 0 ||
        follow(all, &c, o->head, err) < 0)
        return -(int)err->code;
    if (o->head && !c.known) {
        kg_err_set(err, KG_E_CORRUPT, "the audit log of %" PRIu64 " records does not hold %.64s: it was cut or made anew", c.records,
                   o->head);
        kg_err_advise(err, "Compare with the copy of the log that the noted head is of.");
        return -(int)err->code;
    }
    report = kg_json_object();
    kg_json_set_bool(report, "verified", true);
    kg_json_set_u64(report, "records", c.records);
    kg_json_set_str(report, "head", c.head);
    kg_cli_emit(cli, report);
    return 0;
}

const struct kg_cmd kg_cmds_audit[] = {
    { .name = "audit list", .summary = "List who changed what, and who was refused, newest first", .opts = list_opts,
      .opts_size = sizeof(T), .run = list,
      .examples = (const char *const[]){ "audit list -o table", "audit list --query '[?status==`403`]'", NULL } },
    { .name = "audit verify", .summary = "Check that no record of the audit log was changed or taken out", .opts = verify_opts,
      .opts_size = sizeof(T), .run = verify,
      .about = "Each record holds the hash of the one before. Note the head somewhere else: who can write to the service's state "
               "directory could write a whole log anew, and only a head noted before tells.",
      .examples = (const char *const[]){ "audit verify", NULL } },
    { 0 },
};
