#include "model/names.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/text.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define ALNUM  LOWER UPPER DIGITS

/* allowed NULL: every UTF-8 character except controls and those in refused. */
static const struct rule {
    const char *kind, *text;
    size_t least, most;
    const char *allowed, *refused;
    const char *first, *last; /* of which the first and last character must be one; NULL: no matter */
} rules[] = {
    [KG_NAME_SUBSCRIPTION] = { "subscription", "a GUID", 36, 36, "0123456789abcdefABCDEF-", NULL, NULL, NULL },
    [KG_NAME_GROUP] = { "resource group", "1 to 90 letters, digits, '_', '-', '.', '(' and ')', no '.' at the end", 1,
                        90, ALNUM "_-.()", NULL, NULL, ALNUM "_-()" },
    [KG_NAME_REGION] = { "region", "1 to 64 letters, digits, '-' and blanks", 1, 64, ALNUM "- ", NULL, ALNUM, ALNUM },
    [KG_NAME_VAULT] = { "backup vault", "2 to 50 letters, digits and hyphens, a letter first, no hyphen at the end", 2,
                        50, ALNUM "-", NULL, LOWER UPPER, ALNUM },
    [KG_NAME_POLICY] = { "backup policy", "1 to 150 characters, none of < > % & : \\ ? / # and no blank at either end",
                         1, 150, NULL, "<>%&:\\?/#", NULL, NULL },
    [KG_NAME_INSTANCE] = { "backup instance",
                           "1 to 260 characters, none of < > % & \\ ? / # and no blank at either end", 1, 260, NULL,
                           "<>%&\\?/#", NULL, NULL },
    [KG_NAME_TAG] = { "retention tag", "1 to 64 letters, digits, '_' and '-', a letter first", 1, 64, ALNUM "_-", NULL,
                      LOWER UPPER, NULL },
    [KG_NAME_SERVER] = { "server", "1 to 63 letters, digits, '-', '_' and '.', a letter or digit first and last", 1, 63,
                         ALNUM "-_.", NULL, ALNUM, ALNUM },
    [KG_NAME_DATABASE] = { "database", "1 to 63 bytes without control characters", 1, 63, NULL, "", NULL, NULL },
    [KG_NAME_KEYVAULT] = { "key vault", "3 to 24 letters, digits and hyphens, a letter first, no hyphen at the end", 3,
                           24, ALNUM "-", NULL, LOWER UPPER, ALNUM },
    [KG_NAME_SECRET] = { "secret", "1 to 127 letters, digits and hyphens", 1, 127, ALNUM "-", NULL, NULL, NULL },
    [KG_NAME_STORAGE_ACCOUNT] = { "storage account", "3 to 24 lower-case letters and digits", 3, 24, LOWER DIGITS, NULL,
                                  NULL, NULL },
    [KG_NAME_CONTAINER] = { "container", "3 to 63 lower-case letters, digits and hyphens, no hyphen at either end", 3,
                            63, LOWER DIGITS "-", NULL, LOWER DIGITS, LOWER DIGITS },
};
_Static_assert(KG_ARRAY_LEN(rules) == KG_NAME_KIND_COUNT_, "a rule for every kind");

const char *kg_name_kind_to_text(enum kg_name_kind kind) { return rules[kind].kind; }
const char *kg_name_rule(enum kg_name_kind kind) { return rules[kind].text; }

static bool guid_shape(const char *s)
{
    for (size_t i = 0; i < 36; i++)
        if ((s[i] == '-') != (i == 8 || i == 13 || i == 18 || i == 23))
            return false;
    return true;
}

static bool characters_ok(const struct rule *r, const char *name, size_t n)
{
    if (r->allowed)
        return strspn(name, r->allowed) == n;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f || strchr(r->refused, name[i]))
            return false;
    /* Blanks at the ends look like nothing; a database may have them all the same. */
    return kg_utf8_valid(name, n) && (!*r->refused || (name[0] != ' ' && name[n - 1] != ' '));
}

int kg_name_check(enum kg_name_kind kind, const char *name, struct kg_err *err)
{
    const struct rule *r = &rules[kind];
    size_t n = strlen(name);
    char shown[120];

    if (n >= r->least && n <= r->most && characters_ok(r, name, n) && (!r->first || strchr(r->first, name[0])) &&
        (!r->last || strchr(r->last, name[n - 1])) && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
        (kind != KG_NAME_SUBSCRIPTION || guid_shape(name)))
        return 0;
    kg_text_copy(shown, sizeof shown, name);
    kg_err_set(err, KG_E_USAGE, "'%s' is not a valid name for a %s", shown, r->kind);
    kg_err_advise(err, "Use %s.", r->text);
    return -KG_E_USAGE;
}
