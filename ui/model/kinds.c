#include "model/kinds.h"

#include <string.h>
#include <strings.h>

/* Every page, pane, dialog and wizard. */
static const struct ui_kind *const kinds[] = {
#define UI_KIND(name) &name,
#include "model/kinds.def"
#undef UI_KIND
    NULL,
};

/* What shows a resource: the end of its type, in the order in which they are tried. */
static const struct { const char *type, *kind; } shows[] = {
    { "/recoveryPoints/", "recovery-point" }, { "/backupJobs/", "backup-job" }, { "/backupInstances/", "backup-instance" },
    { "/backupPolicies/", "backup-policy" }, { "/backupVaults/", "backup-vault" }, { "/secrets/", "secret" },
    { "/Microsoft.KeyVault/vaults/", "key-vault" }, { "/containers/", "container" }, { "/storageAccounts/", "storage-account" },
    { "/flexibleServers/", "server" }, { "/servers/", "server" },
};

bool ui_kind_is_page(const char *name)
{
    const struct ui_kind *k = ui_kind_of_name(name);

    return k && k->shape == UI_PAGE;
}

const struct ui_kind *ui_kind_at(size_t i) { return i + 1 < sizeof kinds / sizeof kinds[0] ? kinds[i] : NULL; }

const struct ui_kind *ui_kind_of_name(const char *name)
{
    for (size_t i = 0; kinds[i]; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

const struct ui_kind *ui_kind_of_id(const char *id)
{
    for (size_t i = 0; id && i < sizeof shows / sizeof shows[0]; i++)
        if (strcasestr(id, shows[i].type))
            return ui_kind_of_name(shows[i].kind);
    return NULL;
}
