/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsdev/fsdev.c: -fsdev: its options, and the list of shared folders.  See fsdev.h, also for the thread. */
#include "fsdev/fsdev.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

#define DEFAULT_FMODE 0600u
#define DEFAULT_DMODE 0700u

/* clang-format off */
static const char *const models[FSDEV_MODEL_COUNT] = {
    [FSDEV_PASSTHROUGH] = "passthrough", [FSDEV_NONE] = "none", [FSDEV_MAPPED_XATTR] = "mapped-xattr",
};
static const char *const multidevs[FSDEV_MULTIDEVS_COUNT] = {
    [FSDEV_WARN] = "warn", [FSDEV_REMAP] = "remap", [FSDEV_FORBID] = "forbid",
};

/* Drivers and values that QEMU has, and why they are not here. */
static const struct {
    const char *key, *value, *why;
} refused[] = {
    { "fsdriver", "synth", "it is for tests of QEMU's alone; use local" },
    { "fsdriver", "proxy", "the helper is not supported; use local, and -runas for its rights" },
    { "security_model", "mapped-file", "it is not supported; use mapped-xattr" },
};
/* clang-format on */

struct parsed {
    enum fsdev_model model;
    enum fsdev_multidevs multidevs;
    bool readonly, writeout;
    uint32_t fmode, dmode;
};

static bool is_refused(const char *key, const char *value, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        if (strcmp(refused[i].key, key) == 0 && strcmp(refused[i].value, value) == 0) {
            set_error(error, "%s is '%s': %s", key, value, refused[i].why);
            return true;
        }
    }
    return false;
}

static bool choose(const char *key, const char *value, const char *const *names, unsigned n,
                   unsigned *out, GError **error)
{
    g_autoptr(GString) all = g_string_new(NULL);

    for (unsigned i = 0; i < n; i++) {
        if (strcmp(names[i], value) == 0) {
            *out = i;
            return true;
        }
        g_string_append_printf(all, "%s%s", i ? ", " : "", names[i]);
    }
    set_error(error, "%s is '%s', must be one of: %s", key, value, all->str);
    return false;
}

/* Octal, as chmod(1) has it. */
static bool parse_mode(const char *key, const char *value, uint32_t *mode, GError **error)
{
    char *end;
    guint64 v = g_ascii_strtoull(value, &end, 8);

    if (!g_ascii_isdigit(*value) || *end || v > 0777) {
        set_error(error, "%s is '%s', must be an octal mode from 0 to 0777", key, value);
        return false;
    }
    *mode = (uint32_t)v;
    return true;
}

static bool parse_option(const struct option_pair *o, struct parsed *p, GError **error)
{
    unsigned choice;

    if (is_refused(o->key, o->value, error)) {
        return false;
    }
    if (strcmp(o->key, "id") == 0 || strcmp(o->key, "path") == 0) {
        return true;
    }
    if (strcmp(o->key, "fsdriver") == 0) {
        static const char *const drivers[] = { "local" };

        return choose(o->key, o->value, drivers, 1, &choice, error);
    }
    if (strcmp(o->key, "security_model") == 0) {
        if (!choose(o->key, o->value, models, FSDEV_MODEL_COUNT, &choice, error)) {
            return false;
        }
        p->model = choice;
        return true;
    }
    if (strcmp(o->key, "multidevs") == 0) {
        if (!choose(o->key, o->value, multidevs, FSDEV_MULTIDEVS_COUNT, &choice, error)) {
            return false;
        }
        p->multidevs = choice;
        return true;
    }
    if (strcmp(o->key, "readonly") == 0) {
        if (!parse_bool(o->value, &p->readonly)) {
            set_error(error, "readonly is '%s', must be on or off", o->value);
            return false;
        }
        return true;
    }
    if (strcmp(o->key, "writeout") == 0) {
        static const char *const kinds[] = { "immediate" };

        p->writeout = true;
        return choose(o->key, o->value, kinds, 1, &choice, error);
    }
    if (strcmp(o->key, "fmode") == 0) {
        return parse_mode(o->key, o->value, &p->fmode, error);
    }
    if (strcmp(o->key, "dmode") == 0) {
        return parse_mode(o->key, o->value, &p->dmode, error);
    }
    if (g_str_has_prefix(o->key, "throttling.")) {
        set_error(error, "'%s': limits are not supported", o->key);
        return false;
    }
    set_error(error,
              "there is no option '%s'; it takes: id, path, security_model, readonly, multidevs, "
              "writeout, fmode, dmode",
              o->key);
    return false;
}

static bool parse(const GPtrArray *opts, struct parsed *p, GError **error)
{
    static const char *const needed[] = { "fsdriver", "id", "path" };
    const char *model = options_get(opts, "security_model");

    *p = (struct parsed){ .fmode = DEFAULT_FMODE, .dmode = DEFAULT_DMODE };
    for (unsigned i = 0; i < opts->len; i++) {
        if (!parse_option(g_ptr_array_index(opts, i), p, error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        const char *value = options_get(opts, needed[i]);

        if (!value || !*value) {
            set_error(error, "%s is missing: local,id=ID,path=FOLDER,security_model=MODEL",
                      needed[i]);
            return false;
        }
    }
    if (!model) {
        set_error(error,
                  "security_model is missing, must be one of: passthrough, none, mapped-xattr");
        return false;
    }
    if (p->model != FSDEV_MAPPED_XATTR &&
        (options_get(opts, "fmode") || options_get(opts, "dmode"))) {
        set_error(error, "fmode and dmode are for security_model=mapped-xattr alone");
        return false;
    }
    return true;
}

bool fsdev_check_options(const GPtrArray *opts, GError **error)
{
    struct parsed p;

    return parse(opts, &p, error);
}

static void fsdev_free(struct fsdev *f)
{
    if (f->root >= 0) {
        close(f->root);
    }
    if (f->proc >= 0) {
        close(f->proc);
    }
    g_free(f->id);
    g_free(f->path);
    g_free(f);
}

static void free_all(struct machine *m)
{
    for (unsigned i = 0; i < m->fsdevs->len; i++) {
        fsdev_free(g_ptr_array_index(m->fsdevs, i));
    }
    g_clear_pointer(&m->fsdevs, g_ptr_array_unref);
}

/* Each file that the guest looks at takes a descriptor: as many as the host lets us have. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool open_folder(struct fsdev *f, GError **error)
{
    f->root = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (f->root < 0) {
        set_errno_error(error, "path '%s' cannot be opened as a folder", f->path);
        return false;
    }
    f->proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (f->proc < 0) {
        set_errno_error(error, "/proc/self/fd, which shared folders need, cannot be opened");
        return false;
    }
    return true;
}

struct fsdev *fsdev_new(struct machine *m, const GPtrArray *opts, GError **error)
{
    struct fsdev *f;
    struct parsed p;

    if (!parse(opts, &p, error)) {
        return NULL;
    }
    if (fsdev_find(m, options_get(opts, "id"))) {
        set_error(error, "Duplicate ID '%s' for fsdev", options_get(opts, "id"));
        return NULL;
    }
    f = g_new0(struct fsdev, 1);
    f->machine = m;
    f->id = g_strdup(options_get(opts, "id"));
    f->path = g_strdup(options_get(opts, "path"));
    f->model = p.model;
    f->multidevs = p.multidevs;
    f->readonly = p.readonly;
    f->writeout = p.writeout;
    f->fmode = p.fmode;
    f->dmode = p.dmode;
    f->root = f->proc = -1;
    if (!open_folder(f, error)) {
        fsdev_free(f);
        return NULL;
    }
    raise_limit();
    if (!m->fsdevs) {
        m->fsdevs = g_ptr_array_new();
        m->free_fsdevs = free_all;
    }
    g_ptr_array_add(m->fsdevs, f);
    return f;
}

struct fsdev *fsdev_find(struct machine *m, const char *id)
{
    for (unsigned i = 0; m->fsdevs && i < m->fsdevs->len; i++) {
        struct fsdev *f = g_ptr_array_index(m->fsdevs, i);

        if (strcmp(f->id, id) == 0) {
            return f;
        }
    }
    return NULL;
}
