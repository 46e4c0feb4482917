#include "model/ids.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "model/cells.h"
#include "model/format.h"

size_t ui_ids_count(const char *ids)
{
    size_t n = 1;

    for (const char *p = ids; (p = strchr(p, '\n')); p++)
        n++;
    return n;
}

char *ui_ids_at(const char *ids, size_t i)
{
    while (i-- && (ids = strchr(ids, '\n')))
        ids++;
    return ids ? kg_xstrndup(ids, strcspn(ids, "\n")) : NULL;
}

void ui_ids_names(const char *ids, struct kg_buf *ret)
{
    size_t n = ui_ids_count(ids);

    for (size_t i = 0; i < n; i++) {
        KG_AUTO_FREE char *id = ui_ids_at(ids, i);
        char vault[80];

        kg_buf_adds(ret, i ? ", " : "");
        kg_text_add_printable(ret, ui_last_part(id));
        ui_id_part(id, "backupVaults", vault, sizeof vault);
        if (n == 1 && *vault && strcmp(vault, ui_last_part(id)) != 0)
            kg_buf_addf(ret, " (vault %s)", vault);
    }
}

char *ui_id_of(const char *id, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = id; (at = strchr(at, '/')); at++)
        if (strncasecmp(at + 1, name, len) == 0 && at[1 + len] == '/') {
            const char *part = at + 2 + len;

            return kg_xstrndup(id, (size_t)(part - id) + strcspn(part, "/"));
        }
    return kg_xstrdup("");
}

char *ui_job_of(const char *id, const struct kg_json *answer)
{
    KG_AUTO_FREE char *vault = ui_id_of(id, "backupVaults");
    const char *name = kg_json_str(answer, "jobId");

    if (!name || !*name || !*vault)
        return NULL;
    return *name == '/' ? kg_xstrdup(name) : kg_xprintf("%s/backupJobs/%s", vault, name);
}

bool ui_open_job(struct ui_model *m, const char *id, const struct kg_json *answer)
{
    KG_AUTO_FREE char *job = ui_job_of(id, answer);

    if (job)
        ui_open(m, "backup-job", job);
    return job != NULL;
}
