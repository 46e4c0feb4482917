/* model/reader.h - the family of readers: a text that one scrolls through (a job's log, a script, help, equivalent commands).
 * m->arg is a path that is asked for as text, or the text itself when it does not begin with '/'. */
#ifndef UI_MODEL_READER_H
#define UI_MODEL_READER_H

#include "model/list.h"

struct ui_reader {
    struct ui_model base;
    enum ui_load load;
    struct kg_err err;
    char *text;                              /* what people may read of it: no control characters but newlines */
    int top, lines, page;                    /* in lines of the screen; lines and page: as the view last told */
    size_t *line;                            /* where each line of the screen begins in text; the view's */
    int width;                               /* the view's line[] is for; 0: to be made anew */
    uint64_t call;
    bool asking;
};

void ui_reader_open(struct ui_model *m);
void ui_reader_done(struct ui_model *m);
void ui_reader_answer(struct ui_model *m, int tag, uint64_t id, const struct kg_answer *a);
bool ui_reader_act(struct ui_model *m, enum ui_action a);
/* For a kind that makes the text itself: takes the place of what was there. Who read its end goes on to read the end. */
void ui_reader_take(struct ui_reader *r, const char *text, size_t len);

#endif
