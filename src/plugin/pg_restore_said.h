/* plugin/pg_restore_said.h - what pg_restore said on stderr, judged.
 *
 * An error may be passed over when the statement that failed is one without which the data are still what was backed up:
 * it set an object's owner or granted privileges, and nothing else. The statement is looked at, not the server's message,
 * which comes in any language. Everything that could not be understood is a failure, and so is a number of errors, as
 * pg_restore counts them, that is larger than what was understood.
 *
 * Threads: any. */
#ifndef KG_PLUGIN_PG_RESTORE_SAID_H
#define KG_PLUGIN_PG_RESTORE_SAID_H

#include "base/buf.h"
#include "pg/archive.h"
#include "plugin/events.h"

struct kg_pg_restore_said {
    struct kg_buf text;
    int status;                          /* waitpid's */
    bool complete;                       /* text is all that was said */
    bool parallel;                       /* by several jobs */
};

/* What is passed over becomes warnings, at most twenty and how many more there are. */
int kg_pg_restore_judge(const struct kg_pg_restore_said *s, const struct kg_events *ev, struct kg_err *err) KG_MUST_CHECK;

/* After a run of several jobs over the kept entries of a: true when sessions met in a deadlock, and it is certain which entries
 * failed. They are marked in ret_again (all false before), with the entries that every run needs; what they said is not told,
 * and of the rest what may be passed over becomes warnings. An entry is marked only when the command that failed is all of its
 * definition: then nothing of it is there. When it is false, ret_again means nothing. */
bool kg_pg_restore_again(const struct kg_pg_restore_said *s, const struct kg_archive *a, const bool *keep,
                         const struct kg_events *ev, bool *ret_again) KG_MUST_CHECK;

#endif
