/* model/audit.h - the text that a record of the audit log is hashed over, so that who reads a log can check what who wrote
 * it has chained. Pure.
 *
 * A record is as the API answers it:
 *   {seq, time, principalId, principalName, uid, method, action, scope, status, activityId, previousHash, hash}
 * and, where there is something to say, {count, details}: how many requests the record stands for, and what was changed.
 * hash is the SHA-256, in lower-case hexadecimal, of this text: previousHash, seq, time, principalId, principalName, uid,
 * method, action, scope, status, activityId, each followed by a line feed; and of a record with count or details these
 * two, likewise. The first record's previousHash is 64 zeros. */
#ifndef KG_MODEL_AUDIT_H
#define KG_MODEL_AUDIT_H

#include "base/buf.h"
#include "json/json.h"

#define KG_AUDIT_FIRST "0000000000000000000000000000000000000000000000000000000000000000"

/* Appends the text. What a record lacks, or has in another type, stands there as an empty line: the hash will not do. */
void kg_audit_text(const struct kg_json *record, struct kg_buf *b);

#endif
