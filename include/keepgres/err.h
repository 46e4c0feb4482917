/* keepgres/err.h - what went wrong, and what the person should do about it.
 *
 * A struct kg_err lives on the caller's stack, holds no pointers it owns, and so is never freed
 * and can never itself fail. It is filled in only when the call that was handed it fails.
 *
 * Thread safety: none needed; one kg_err belongs to one call chain.
 */
#ifndef KG_ERR_H
#define KG_ERR_H

enum kg_code {
#define KG_E(name, num, http, exitc, arm, action) KG_E_##name = num,
#include "keepgres/err_codes.def"
#undef KG_E
};

struct kg_err {
    enum kg_code code;  /* KG_E_OK until something fails */
    int sys;            /* errno behind it, or 0 */
    const char *file;   /* where it was first reported; static storage */
    int line;
    char msg[600];      /* one sentence, lower case, no full stop: "open '/x': permission denied" */
    char action[300];   /* what to do next; never empty when code is not OK */
};

#define KG_MUST_CHECK __attribute__((warn_unused_result))
#define KG_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Reports a failure and returns -(int)code, so a failing function is one line:
 *     return kg_err_set(err, KG_E_NOT_FOUND, "no backup set named '%s'", name);
 * The first report wins: calling it on an err that is already set is a bug and asserts. */
#define kg_err_set(err, code, ...) kg_err_set_at((err), (code), 0, __FILE__, __LINE__, __VA_ARGS__)
/* The same, for a failed system call: keeps errno and adds its text to the message. The code is KG_E_IO, or
 * KG_E_DISK_FULL for ENOSPC and EDQUOT. */
#define kg_err_sys(err, eno, ...) \
    kg_err_set_at((err), kg_code_of_errno(eno), (eno), __FILE__, __LINE__, __VA_ARGS__)
enum kg_code kg_code_of_errno(int eno);
int kg_err_set_at(struct kg_err *err, enum kg_code code, int sys, const char *file, int line,
                  const char *fmt, ...) KG_PRINTF(6, 7);

/* Puts context in front of the message as an error travels up; keeps code and action. */
int kg_err_wrap(struct kg_err *err, const char *fmt, ...) KG_PRINTF(2, 3);

/* Replaces the code's default action by one that knows the details. */
void kg_err_advise(struct kg_err *err, const char *fmt, ...) KG_PRINTF(2, 3);

const char *kg_code_name(enum kg_code code);   /* "NOT_FOUND"; static storage */
const char *kg_code_arm(enum kg_code code);    /* "ResourceNotFound": the API's name of it; static storage */
const char *kg_code_action(enum kg_code code); /* the default advice; static storage */
enum kg_code kg_code_from_arm(const char *arm); /* KG_E_BUG for a name this table does not have */
enum kg_code kg_code_at(unsigned i);           /* the i-th row, KG_E_OK past the end (and at 0): for docs */
int kg_code_http(enum kg_code code);           /* status the API answers with */
int kg_code_exit(enum kg_code code);           /* exit code of the command line */

#endif
