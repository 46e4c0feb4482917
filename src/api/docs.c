/* docs/api.md, from the route table. */
#include <string.h>

#include "api/api.h"
#include "api/limits.h"
#include "api/router.h"
#include "base/alloc.h"
#include "keepgres/version.h"
#include "model/names.h"

/* Which heading a path belongs under: the first row whose word is in the path, most particular first. */
static const struct { const char *word, *title; } sections[] = {
    { "Microsoft.Authorization", "Access control" },
    { "/service", "The service" },
    { "/operationStatus", "Operations" },
    { "/operationResults", "Operations" },
    { "/operations", "Operations" },
    { "/recoveryPoints", "Recovery points" },
    { "/backupJobs", "Jobs" },
    { "/searchBackupJobs", "Jobs" },
    { "/backupInstances", "Backup instances" },
    { "/searchBackupInstances", "Backup instances" },
    { "/deletedBackupInstances", "Backup instances" },
    { "/backupPolicies", "Backup policies" },
    { "/backupVaults", "Backup vaults" },
    { "/searchBackupVaults", "Backup vaults" },
    { "/storageAccounts", "Storage accounts" },
    { "Microsoft.KeyVault", "Key vaults" },
    { "Microsoft.DBforPostgreSQL", "PostgreSQL servers" },
    { "/subscriptions", "Subscriptions and resource groups" },
};

static const char *section_of(const struct kg_route *r)
{
    for (size_t i = 0; i < KG_ARRAY_LEN(sections); i++)
        if (strstr(r->pattern, sections[i].word))
            return sections[i].title;
    return "Other";
}

static const char intro[] =
    "# The API\n\n"
    "<!-- Written by `make docs` from src/api/routes.c. Do not edit. -->\n\n"
    "JSON over HTTP on the service's unix socket, in the manner of Azure Resource Manager. Try it:\n\n"
    "    curl --unix-socket \"$XDG_RUNTIME_DIR/keepgres/api.sock\" http://keepgres/subscriptions\n\n"
    "* Paths and JSON keys are taken in any case. `api-version` may be left out; the shapes are those of " KG_API_VERSION ".\n"
    "* The caller is the user at the other end of the socket, as the kernel tells it. Each row's action must be allowed to\n"
    "  that user at the resource's scope.\n"
    "* Lists answer `{value: […], nextLink?}` and take `$top` and `$skipToken`.\n"
    "* What takes longer answers 202 (a new resource: 201) with `Azure-AsyncOperation`, `Location` and `Retry-After`.\n"
    "  Ask the first for the state (`Inprogress`, `Succeeded`, `Failed`), then the second for the result.\n"
    "* Errors are `{error: {code, message, target, details, additionalInfo: [{type, info}]}}`; `info.recommendedAction` says\n"
    "  what to do. The codes are listed in [errors.md](errors.md).\n"
    "* `PUT` may be repeated. `If-Match` with a resource's eTag makes it conditional. Deleting what is not there answers 204.\n"
    "* Rows that begin with \"Extension\" have no counterpart in Azure.\n\n";

static void add_limits(struct kg_buf *out)
{
    static const struct { const char *what; unsigned long value; const char *unit; } limits[] = {
        { "Path and query as sent", KG_API_URI_MAX, "bytes" }, { "Path, decoded", KG_API_PATH_MAX, "bytes" },
        { "One name", KG_API_NAME_MAX, "bytes" },              { "Parameters in a query", KG_API_QUERY_COUNT, "" },
        { "A body", KG_API_BODY_MAX, "bytes" },                { "A body with a secret", KG_API_BODY_SECRET, "bytes" },
        { "A body about many backup instances", KG_API_BODY_MANY, "bytes" },
        { "Items in one answer", KG_API_PAGE_MAX, "" },        { "Connections at a time", KG_API_CONNECTIONS, "" },
        { "A silent connection", KG_API_IDLE_SECONDS, "seconds" },
    };

    kg_buf_adds(out, "## Limits\n\n| what | at most |\n|---|---|\n");
    for (size_t i = 0; i < KG_ARRAY_LEN(limits); i++)
        kg_buf_addf(out, "| %s | %lu %s |\n", limits[i].what, limits[i].value, limits[i].unit);
    kg_buf_adds(out, "\n## Names\n\n| of | rule |\n|---|---|\n");
    for (int k = 0; k < KG_NAME_KIND_COUNT_; k++)
        kg_buf_addf(out, "| %s | %s |\n", kg_name_kind_to_text((enum kg_name_kind)k), kg_name_rule((enum kg_name_kind)k));
}

/* A '|' would end the table's cell. */
static void add_cell(struct kg_buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            kg_buf_adds(out, "\\");
        kg_buf_add(out, text, 1);
    }
}

static void add_route(struct kg_buf *out, const struct kg_route *r)
{
    kg_buf_addf(out, "### %s `%s`\n\n%s.\n\n", r->method, r->pattern, r->summary);
    kg_buf_adds(out, "| action | body | answer |\n|---|---|---|\n| `");
    add_cell(out, r->action);
    kg_buf_adds(out, r->body ? "` | `" : "` | ");
    add_cell(out, r->body ? r->body : "none");
    kg_buf_adds(out, r->body ? "` | " : " | ");
    add_cell(out, r->answer);
    kg_buf_adds(out, " |\n\n");
}

void kg_api_docs(struct kg_buf *out)
{
    const char *last = "";

    kg_buf_adds(out, intro);
    for (size_t i = 0; i < kg_routes_count; i++) {
        const char *title = section_of(&kg_routes[i]);

        if (strcmp(title, last) != 0)
            kg_buf_addf(out, "## %s\n\n", title);
        last = title;
        add_route(out, &kg_routes[i]);
    }
    add_limits(out);
}
