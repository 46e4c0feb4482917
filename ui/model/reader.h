/* model/reader.h - the family of readers: a text that one scrolls through (a job's log, a script, help, equivalent commands).
 * m->arg is a path that is asked for as text, or the text itself when it does not begin with '/'. */
#ifndef UI_MODEL_READER_H
#define UI_MODEL_READER_H

#include "model/list.h"

struct ui_reader {
    struct ui_model base;
    enum ui_load load;
    struct kg_err err;
    char *text;
    int top, lines, page;                    /* lines and page: as the view last told */
};

void ui_reader_open(struct ui_model *m);
void ui_reader_done(struct ui_model *m);
void ui_reader_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a);
bool ui_reader_act(struct ui_model *m, enum ui_action a);

#endif
