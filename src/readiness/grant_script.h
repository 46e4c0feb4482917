/* readiness/grant_script.h - the script an administrator runs against a server so that the backup user may read one database.
 *
 * It finds out by itself what is missing, so it needs no login of ours, may be run again at any time, and only ever adds:
 * CONNECT; pg_read_all_data on servers from 14 on, where new schemas then need nothing; before 14, or when asked, or when it
 * is refused, USAGE on every schema, SELECT on every table and sequence that a backup reads, and default privileges of
 * everybody who may make more of them; SELECT on large objects; BYPASSRLS only where row-level security would hide rows. At
 * its end it looks again and says what is still missing: as bash and PowerShell it then ends with an error, as SQL with
 * warnings.
 *
 * Names are hostile: in the SQL they stand as literals of plain ASCII, in the shells as quoted words. */
#ifndef KG_READINESS_GRANT_SCRIPT_H
#define KG_READINESS_GRANT_SCRIPT_H

#include <stdbool.h>
#include "base/buf.h"
#include "keepgres/err.h"

enum kg_script_language { KG_SCRIPT_SQL, KG_SCRIPT_BASH, KG_SCRIPT_POWERSHELL, KG_SCRIPT_LANGUAGE_COUNT_ };
const char *kg_script_language_to_text(enum kg_script_language l);   /* "sql", "bash", "powershell" */
int kg_script_language_from_text(const char *text);                  /* case ignored; -1 when unknown */

struct kg_grant_script {
    const char *database, *user;
    const char *host;            /* NULL: what psql takes by itself */
    unsigned port;               /* 0: the same */
    const char *sslmode;         /* NULL: the same */
    bool only_this_database;     /* never pg_read_all_data, which reaches the server's other databases, too */
};

/* Appends it; KG_E_USAGE for a name that is empty or not UTF-8. ret needs a ceiling of about 32 KiB. */
int kg_grant_script(const struct kg_grant_script *s, enum kg_script_language l, struct kg_buf *ret, struct kg_err *err) KG_MUST_CHECK;

#endif
