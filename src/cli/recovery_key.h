/* cli/recovery_key.h - a vault's recovery key on its way from the service to a person: shown once, kept nowhere.
 *
 * The key stands as "recoveryKey" in an answer's text. It is lifted out of the text into locked memory and the text is
 * wiped before the rest is parsed, so that it never reaches ordinary memory, JSON values or the output. */
#ifndef KG_CLI_RECOVERY_KEY_H
#define KG_CLI_RECOVERY_KEY_H

#include "cli/cli.h"

/* Where a key is to go: a new file (0600), or the terminal. */
struct kg_recovery_out {
    const char *file;
    int fd;
    bool written;
};
#define KG_RECOVERY_OUT_INIT { .fd = -1 }

/* Makes the file, which must not exist (KG_E_EXISTS); file may be NULL. */
int kg_recovery_out_open(struct kg_recovery_out *out, const char *file, struct kg_err *err) KG_MUST_CHECK;
void kg_recovery_out_done(struct kg_recovery_out *out);   /* removes a file that got no key */
int kg_recovery_out_put(struct kg_recovery_out *out, const struct kg_secret *key, struct kg_err *err) KG_MUST_CHECK;

/* Sends, follows, delivers the key that the result may hold, and gives the result without it. */
int kg_recovery_call(struct kg_cli *cli, const char *method, const char *path, const struct kg_json *body, bool no_wait,
                     struct kg_recovery_out *out, struct kg_json **ret, struct kg_err *err) KG_MUST_CHECK;

/* Takes the string value of "recoveryKey" out of n bytes of JSON text, leaving "" and blanks there. NULL: no key. */
struct kg_secret *kg_recovery_lift(char *text, size_t n);

#endif
