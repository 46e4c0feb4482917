/* model/labels.h - what people call what the service has names for: operations of jobs, protection states, tiers, resource
 * settings. One table, in the words of the Azure portal; columns, pages, filters and wizards take theirs from here.
 * Names that read well once they are taken apart ("RestoreFailed": "Restore failed") need no row. Names that people gave (a
 * vault's, a rule's) are shown as they are and never come here. */
#ifndef UI_MODEL_LABELS_H
#define UI_MODEL_LABELS_H

#include <stddef.h>

/* The label of a name, whatever its case: the table's, else the name taken apart at its capitals. Always ends in NUL. */
void ui_label(const char *name, char *out, size_t n);
/* The table's, or NULL. */
const char *ui_label_of(const char *name);

#endif
