#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { FILE_MAX = 16 << 10 };

static char *config_dir(void)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (xdg && *xdg == '/')
        return kg_xprintf("%s/keepgres", xdg);
    return home && *home == '/' ? kg_xprintf("%s/.config/keepgres", home) : NULL;
}

static void set(struct ui_settings *s, const char *name, const char *value)
{
    if (strcmp(name, "theme") == 0)
        kg_text_copy(s->theme, sizeof s->theme, value);
    else if (strcmp(name, "mouse") == 0)
        s->mouse = strcmp(value, "on") == 0;
    else if (strcmp(name, "slow") == 0)
        s->slow = strcmp(value, "on") == 0;
}

void ui_settings_load(struct ui_settings *s)
{
    KG_AUTO_FREE char *file = NULL;
    char text[FILE_MAX + 1], *line = text, *next;
    ssize_t n;

    *s = (struct ui_settings){ .theme = "terminal", .dir = config_dir() };
    if (!s->dir)
        return;
    s->theme_dir = kg_xprintf("%s/themes", s->dir);
    file = kg_xprintf("%s/portal.conf", s->dir);
    {
        KG_AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        n = fd < 0 ? -1 : read(fd, text, FILE_MAX);
    }
    if (n <= 0)
        return;
    text[n] = 0;
    for (; line; line = next) {
        char *value;

        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        value = strstr(line, " = ");
        if (!value)
            continue;
        *value = 0;
        set(s, line, value + 3);
    }
}

void ui_settings_done(struct ui_settings *s)
{
    free(s->dir);
    free(s->theme_dir);
    *s = (struct ui_settings){ 0 };
}

static int write_file(const char *tmp, const char *file, const char *text, struct kg_err *err)
{
    KG_AUTO_CLOSE int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return kg_err_sys(err, errno, "write '%s'", tmp);
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd) < 0 || rename(tmp, file) < 0)
        return kg_err_sys(err, errno, "write '%s'", file);
    return 0;
}

/* The folder, and the one above it. */
static int make_dirs(const char *dir)
{
    KG_AUTO_FREE char *above = kg_xstrndup(dir, (size_t)(strrchr(dir, '/') - dir));

    if (*above && mkdir(above, 0700) < 0 && errno != EEXIST)
        return -1;
    return mkdir(dir, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

int ui_settings_save(struct ui_settings *s, const char *name, const char *value, struct kg_err *err)
{
    KG_AUTO_FREE char *file = NULL, *tmp = NULL;
    char text[300];

    set(s, name, value);
    if (!s->dir)
        return 0;
    file = kg_xprintf("%s/portal.conf", s->dir);
    tmp = kg_xprintf("%s.new", file);
    snprintf(text, sizeof text, "theme = %s\nmouse = %s\nslow = %s\n", s->theme, s->mouse ? "on" : "off", s->slow ? "on" : "off");
    if (make_dirs(s->dir) < 0)
        return kg_err_sys(err, errno, "make folder '%s'", s->dir);
    return write_file(tmp, file, text, err);
}
