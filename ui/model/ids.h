/* model/ids.h - resource ids in the argument of a dialog (a line each), and what hangs on them. Pure but for ui_open_job. */
#ifndef UI_MODEL_IDS_H
#define UI_MODEL_IDS_H

#include <stddef.h>
#include "base/buf.h"
#include "json/json.h"
#include "model/model.h"

size_t ui_ids_count(const char *ids);
char *ui_ids_at(const char *ids, size_t i);                      /* the caller frees; NULL behind the last */
/* Their names by commas; of a single one its vault, too. */
void ui_ids_names(const char *ids, struct kg_buf *ret);
/* The id up to the part behind "/NAME/", so that of a recovery point's "backupVaults" gives its vault's id. The caller frees; ""
 * when it has no such part. */
char *ui_id_of(const char *id, const char *name);
/* The id of the job that an answer names ({jobId}), of the vault that an id or a path leads to. The caller frees; NULL: it names
 * none. */
char *ui_job_of(const char *id, const struct kg_json *answer);
/* Opens the page of the job that an answer names ({jobId}), of the vault that an id leads to. False: it names none. */
bool ui_open_job(struct ui_model *m, const char *id, const struct kg_json *answer);

#endif
