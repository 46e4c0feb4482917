/* model/configure.h - what the files of the wizard "Configure backup" share.
 *
 *     wizard_configure.c         its steps, the grid of databases, the review with its progress
 *     wizard_configure_rows.c    the rows: readiness in batches, one PUT a row
 *     wizard_configure_text.c    rows as documents, as words and as commands
 *     wizard_configure_select.c  "Select databases": a tree of servers and their databases
 *     wizard_configure_secret.c  "Assign key vault": a key vault and its secret, or a secret's URI
 *     wizard_configure_mend.c    missing roles, their template, the grant script; what is saved to a file
 *
 * What is asked is told apart by tags that are never used twice: an answer about a row that was changed, or removed, in the
 * meantime finds nobody who waits for it. Rows that are configured stay in the grid, and are not touched again. */
#ifndef UI_MODEL_CONFIGURE_H
#define UI_MODEL_CONFIGURE_H

#include "model/form.h"

enum ui_conf_state { UI_CONF_NO_SECRET, UI_CONF_WAITING, UI_CONF_BUSY, UI_CONF_READY, UI_CONF_ROLE, UI_CONF_CANNOT, UI_CONF_FAILED,
                     UI_CONF_STATES_ };
enum ui_conf_sent { UI_CONF_UNSENT, UI_CONF_QUEUED, UI_CONF_SENDING, UI_CONF_DONE, UI_CONF_REFUSED };

struct ui_conf_row {
    char *id;                                /* of the datasource: .../databases/NAME */
    char *server_id, *server, *database;
    char *instance;                          /* name of the backup instance; invented once */
    char *uri;                               /* of the secret; NULL: none is assigned */
    char *keyvault;                          /* its key vault's id; NULL: only the URI is known */
    bool flexible, marked;
    bool aimed;                              /* what the dialog that is open is about */
    bool alone;                              /* validated in a batch of its own, because a batch with it failed */
    enum ui_conf_state state;
    int tag;                                 /* of the batch that will tell; 0: nobody is asked */
    struct kg_json *report;                  /* of the last validation, or NULL */
    struct kg_err err;                       /* why there is none */
    enum ui_conf_sent sent;
    int sent_tag;
    struct kg_err sent_err;
    char *made;                              /* id of the backup instance, when it is configured */
};
struct ui_conf {
    struct ui_conf_row *row;
    size_t n, cap;
    int serial;
    size_t batches, puts;                    /* under way */
    char *vault;                             /* that rows were validated for */
    struct kg_json *policy;                  /* that is chosen; NULL: not here yet */
    int policy_tag;
    struct kg_json *secrets;                 /* [{server, uri, keyVaultId}]: what lists a server's databases */
    char said[400], doing[80], label[80];
};

static inline struct ui_conf *ui_conf_of(const struct ui_form *f) { return f->own; }

/* ---- rows ---- */

/* Adds what "Select databases" answered; those that are there already are passed over. */
void ui_conf_add(struct ui_form *f, const struct kg_json *result);
void ui_conf_remove(struct ui_form *f, size_t i);                /* never one that is being, or was, configured */
void ui_conf_set_secret(struct ui_form *f, struct ui_conf_row *r, const char *uri, const char *keyvault);
void ui_conf_validate(struct ui_form *f, struct ui_conf_row *r); /* anew */
void ui_conf_validate_all(struct ui_form *f);                    /* as for another vault */
void ui_conf_pump(struct ui_form *f);                            /* sends what can be sent */
bool ui_conf_policy_fits(const struct ui_form *f);                /* it is one of the vault */
bool ui_conf_changeable(const struct ui_conf_row *r);
void ui_conf_submit(struct ui_form *f);
void ui_conf_answer(struct ui_form *f, int tag, const struct kg_answer *a);
void ui_conf_rows_done(struct ui_conf *c);
void ui_conf_remember(struct ui_conf *c, const char *server, const char *uri, const char *keyvault);
int ui_conf_tag(struct ui_conf *c);

/* ---- rows as documents and words ---- */

/* {backupInstanceName, properties}, as validateForBackupBatch takes it and PUT takes its properties. */
struct kg_json *ui_conf_document(const struct ui_form *f, const struct ui_conf_row *r);
void ui_conf_readiness(const struct ui_conf_row *r, struct ui_shown *ret);
void ui_conf_progress(const struct ui_conf_row *r, struct ui_shown *ret);
const char *ui_conf_why(const struct ui_conf_row *r);            /* what is wrong with it, in words; "" */
void ui_conf_details(const struct ui_conf_row *r, struct kg_buf *ret);       /* every check */
void ui_conf_cli(const struct ui_form *f, struct kg_buf *ret);
/* How many rows are in a state; those that are configured count as UI_CONF_READY. */
bool ui_conf_lacks_privileges(const struct ui_conf_row *r);       /* the grant script mends it */
size_t ui_conf_count(const struct ui_conf *c, enum ui_conf_state s);
/* A name as ids have it. The caller frees. */
char *ui_conf_encode(const char *name);

#endif
