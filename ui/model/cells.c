#include "model/cells.h"

#include <stdio.h>
#include <string.h>

const char *ui_id_part(const char *id, const char *name, char *out, size_t n)
{
    size_t len = strlen(name);

    *out = 0;
    for (const char *at = id; (at = strchr(at, '/')); at++)
        if (strncasecmp(at + 1, name, len) == 0 && at[1 + len] == '/') {
            snprintf(out, n, "%.*s", (int)strcspn(at + 2 + len, "/"), at + 2 + len);
            break;
        }
    return out;
}

void ui_cell_group(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    (void)now;
    ui_id_part(r->id, "resourceGroups", ret->text, sizeof ret->text);
}

void ui_cell_type(const struct ui_row *r, int64_t now, struct ui_shown *ret)
{
    (void)now;
    snprintf(ret->text, sizeof ret->text, "%s", strcasestr(r->id, "/flexibleServers/") ? "Flexible server" : "Server");
}
