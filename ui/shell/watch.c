/* Jobs that run while the portal is open: who started one, or saw it run, is told how it ended, with the way to it. What is watched
 * comes from two sides: the answers that name a job they began, and the list of running jobs that the status line asks for. */
#include "shell/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "json/json.h"
#include "model/labels.h"

enum { TRIES = 5 };

static const struct { const char *status, *text; enum ui_note level; } ends[] = {
    { "Completed", "completed", UI_NOTE_OK }, { "CompletedWithWarnings", "completed with warnings", UI_NOTE_WARNING },
    { "Cancelled", "was cancelled", UI_NOTE_INFO }, { "Failed", "failed", UI_NOTE_FAILED },
};

static void forget(struct ui_shell *s, size_t i)
{
    free(s->watch.of[i].id);
    s->watch.of[i] = s->watch.of[--s->watch.n];
}

static size_t find(const struct ui_shell *s, const char *id)
{
    size_t i = 0;

    while (i < s->watch.n && strcasecmp(s->watch.of[i].id, id) != 0)
        i++;
    return i;
}

void ui_watch_add(struct ui_shell *s, const char *job)
{
    if (find(s, job) == s->watch.n && s->watch.n < UI_WATCH_MAX)
        s->watch.of[s->watch.n++] = (struct ui_watched){ .id = kg_xstrdup(job) };
}

/* "Backup of pg1\sales failed: the server is down". False: it has not ended. */
static bool say_end(struct ui_shell *s, const char *id, const struct kg_json *job)
{
    const char *status = kg_json_str_or(job, "properties.status", ""), *why = kg_json_str(job, "properties.errorDetails.0.message");
    const char *of = kg_json_str(job, "properties.backupInstanceFriendlyName");
    char operation[60];
    size_t i = 0;

    while (i < KG_ARRAY_LEN(ends) && strcmp(ends[i].status, status) != 0)
        i++;
    if (i == KG_ARRAY_LEN(ends))
        return false;
    ui_label(kg_json_str_or(job, "properties.operation", "Job"), operation, sizeof operation);
    KG_AUTO_FREE char *text = kg_xprintf("%s of %s %s%s%s", operation, of && *of ? of : kg_json_str_or(job, "properties.vaultName", "?"),
                                         ends[i].text, why ? ": " : "", why ? why : "");
    ui_notes_add_about(s, ends[i].level, text, id);
    return true;
}

static void job_answered(void *ctx, uint64_t call, const struct kg_answer *a)
{
    struct ui_shell *s = ctx;
    size_t i = 0;

    while (i < s->watch.n && s->watch.of[i].call != call)
        i++;
    if (i == s->watch.n)
        return;
    s->watch.of[i].call = 0;
    s->watch.of[i].failed += a->err != NULL;
    if (a->err ? s->watch.of[i].failed == TRIES : say_end(s, s->watch.of[i].id, a->reply->json))
        forget(s, i);
}

/* What any page was told of a job: that one has ended is seen at once in the status line. */
void ui_watch_see(struct ui_shell *s, const struct kg_json *job)
{
    const char *id = kg_json_str(job, "id"), *status = kg_json_str(job, "properties.status");
    size_t at = id && status ? find(s, id) : s->watch.n;

    if (at == s->watch.n || !s->watch.of[at].runs)
        return;
    for (size_t i = 0; i < KG_ARRAY_LEN(ends); i++)
        if (strcmp(ends[i].status, status) == 0)
            s->jobs.asked = 0;
}

/* Those that are not among the running ones any more have ended, or are about to. */
void ui_watch_running(struct ui_shell *s, const struct kg_json *running, bool all)
{
    for (size_t i = 0; i < s->watch.n; i++)
        s->watch.of[i].runs = false;
    for (const struct kg_json *j = kg_json_first(running); j; j = kg_json_next(j)) {
        const char *id = kg_json_str(j, "id");
        size_t at;

        if (!id)
            continue;
        ui_watch_add(s, id);
        at = find(s, id);
        if (at < s->watch.n)
            s->watch.of[at].runs = true;
    }
    for (size_t i = 0; all && i < s->watch.n; i++)
        if (!s->watch.of[i].runs && !s->watch.of[i].call)
            s->watch.of[i].call = ui_shell_get(s, "GET", s->watch.of[i].id, NULL, job_answered);
}

void ui_watch_done(struct ui_shell *s)
{
    while (s->watch.n)
        forget(s, s->watch.n - 1);
}
