/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/saved.c: see saved.h, also for the thread. */
#include "migration/saved.h"
#include <inttypes.h>
#include <string.h>
#include "target/i386/cpuid_models.h"
#include "util/error.h"

#define MAX_BYTES (256u << 20) /* of everything but RAM */

/* CPUID's feature words of every engine, and those of KVM alone. */
#define COMMON_WORDS FEAT_KVM
#define KVM_WORDS    (FEAT_WORDS - COMMON_WORDS)

/* What the command line decides, and the time. */
struct saved_machine {
    char board[64], state[24];
    uint64_t ram_size;
    uint32_t cpus;
    uint32_t features[COMMON_WORDS]; /* of the first CPU */
    uint32_t kvm_features[KVM_WORDS];
    int64_t clock; /* virtual ns */
};

/* clang-format off */
static const struct state_row machine_rows[] = {
    STATE_BUF(struct saved_machine, board,      1, "-machine"),
    STATE_BUF(struct saved_machine, state,      1, "run state"),
    STATE_INT(struct saved_machine, ram_size,   1, "-m: bytes"),
    STATE_INT(struct saved_machine, cpus,       1, "-smp"),
    STATE_ARRAY(struct saved_machine, features, 1, "-cpu: CPUID's feature words"),
    STATE_INT(struct saved_machine, clock,      1, "virtual ns"),
    STATE_ARRAY(struct saved_machine, kvm_features, 2, "-cpu: feature words of KVM's CPUs"),
    { 0 }
};
/* clang-format on */

static void describe(struct machine *m, enum run_state state, struct saved_machine *d)
{
    *d = (struct saved_machine){
        .ram_size = m->config.ram_size,
        .cpus = m->n_vcpus,
        .clock = clock_now(m, CLOCK_KIND_VIRTUAL),
    };
    g_strlcpy(d->board, m->config.board ? m->config.board->name : "none", sizeof(d->board));
    g_strlcpy(d->state, run_state_names[state], sizeof(d->state));
    if (m->n_vcpus) {
        const uint32_t *words = x86_cpu_of(m->vcpus[0])->features;

        memcpy(d->features, words, sizeof(d->features));
        memcpy(d->kvm_features, words + COMMON_WORDS, sizeof(d->kvm_features));
    }
}

/* Which of the devices of one name it is, in the order of their making. */
static void device_section(struct machine *m, const struct device *dev, struct section *s)
{
    s->instance = 0;
    g_snprintf(s->name, sizeof(s->name), "device %s%s%s", dev->type->name, dev->id ? "/" : "",
               dev->id ? dev->id : "");
    for (unsigned i = 0; i < m->devices->len; i++) {
        const struct device *other = g_ptr_array_index(m->devices, i);

        if (other == dev) {
            return;
        }
        s->instance += other->type == dev->type && g_strcmp0(other->id, dev->id) == 0;
    }
}

/* Saving ---------------------------------------------------------------------------------------- */

static bool put_cpus(struct machine *m, struct stream_out *out, GError **error)
{
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        g_autoptr(GByteArray) data = g_byte_array_new();

        cpu_save(x86_cpu_of(m->vcpus[i]), data);
        if (!stream_put(out, "cpu", i, 1, data->data, data->len, error)) {
            return false;
        }
    }
    return true;
}

static bool put_device(struct machine *m, struct device *dev, struct stream_out *out,
                       GError **error)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    struct section s;

    device_section(m, dev, &s);
    device_save(dev, data);
    if (data->len > STREAM_MAX_SECTION) {
        set_error(error, "section '%s' %u: it has %u bytes, may have at most %u", s.name,
                  s.instance, data->len, STREAM_MAX_SECTION);
        return false;
    }
    return stream_put(out, s.name, s.instance, 1, data->data, data->len, error);
}

bool saved_put(struct machine *m, enum run_state state, struct stream_out *out, GError **error)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    struct saved_machine d;
    bool ok;

    describe(m, state, &d);
    state_save(machine_rows, &d, data);
    ok = stream_put(out, "machine", 0, 1, data->data, data->len, error) && put_cpus(m, out, error);
    for (unsigned i = 0; ok && i < m->devices->len; i++) {
        ok = put_device(m, g_ptr_array_index(m->devices, i), out, error);
    }
    return ok;
}

/* Keeping --------------------------------------------------------------------------------------- */

static void free_section(gpointer p)
{
    section_clear(p);
    g_free(p);
}

void saved_init(struct saved *s)
{
    s->sections = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_section);
    s->bytes = 0;
}

void saved_clear(struct saved *s)
{
    g_clear_pointer(&s->sections, g_hash_table_unref);
}

bool saved_add(struct saved *s, struct section *section, GError **error)
{
    g_autofree char *title = section_title(section);
    struct section *own;

    s->bytes += section->data->len + sizeof(*section);
    if (s->bytes > MAX_BYTES) {
        set_error(error, "%s: there is more than %u MiB beside RAM", title, MAX_BYTES >> 20);
        return false;
    }
    if (g_hash_table_contains(s->sections, title)) {
        set_error(error, "%s: it comes twice", title);
        return false;
    }
    own = g_memdup2(section, sizeof(*section));
    section->data = NULL;
    g_hash_table_insert(s->sections, g_steal_pointer(&title), own);
    return true;
}

/* Checking -------------------------------------------------------------------------------------- */

/* Of name and instance; counts what was found.  NULL and *error: it is not there, or too new. */
static const struct section *find(const struct saved *s, const struct section *which,
                                  unsigned *found, GError **error)
{
    g_autofree char *title = section_title(which);
    const struct section *section = g_hash_table_lookup(s->sections, title);

    if (!section) {
        set_error(error, "%s is missing: that machine had no such part", title);
        return NULL;
    }
    if (section->version != 1) {
        set_error(error, "%s: it has version %u, must be 1", title, section->version);
        return NULL;
    }
    *found += 1;
    return section;
}

static const struct section *find_named(const struct saved *s, const char *name, unsigned instance,
                                        unsigned *found, GError **error)
{
    struct section which = { .instance = instance };

    g_strlcpy(which.name, name, sizeof(which.name));
    return find(s, &which, found, error);
}

static bool load_machine(const struct saved *s, struct saved_machine *d, unsigned *found,
                         GError **error)
{
    const struct section *section = find_named(s, "machine", 0, found, error);
    size_t pos = 0;

    if (!section) {
        return false;
    }
    if (!state_load(machine_rows, d, section->data->data, section->data->len, &pos, error)) {
        g_prefix_error(error, "section 'machine' 0: ");
        return false;
    }
    d->board[sizeof(d->board) - 1] = d->state[sizeof(d->state) - 1] = 0;
    return true;
}

/* A guest goes on where there is more than it knows of, not where there is less. */
static bool check_features(const struct saved_machine *d, const struct saved_machine *own,
                           GError **error)
{
    g_autoptr(GString) lacks = g_string_new(NULL);
    unsigned n = 0;
    int last = -1;

    for (unsigned w = 0; w < FEAT_WORDS; w++) {
        uint32_t bits = w < COMMON_WORDS ? d->features[w] & ~own->features[w]
                                         : d->kvm_features[w - COMMON_WORDS] &
                                               ~own->kvm_features[w - COMMON_WORDS];

        n += (unsigned)__builtin_popcount(bits);
        for (const struct cpu_feature_name *f = cpu_feature_names; bits && f->name; f++) {
            if (f->feature / 32 == w && (bits >> f->feature % 32 & 1) && f->feature != last) {
                g_string_append_printf(lacks, "%s%s", lacks->len ? " " : "", f->name);
                last = f->feature;
            }
        }
    }
    if (n) {
        set_error(error,
                  "section 'machine' 0: its CPUs have features that these have not (%s): use the "
                  "same -cpu, and for another accelerator one without them",
                  lacks->len ? lacks->str : "without a name");
    }
    return n == 0;
}

static bool check_machine(struct machine *m, const struct saved *s, unsigned *found, GError **error)
{
    struct saved_machine d = { 0 }, own;

    if (!load_machine(s, &d, found, error)) {
        return false;
    }
    describe(m, RUN_STATE_PAUSED, &own);
    if (strcmp(d.board, own.board) != 0 || d.ram_size != own.ram_size || d.cpus != own.cpus) {
        g_autofree char *board = g_strescape(d.board, NULL);

        set_error(error,
                  "section 'machine' 0: that is -machine %s -m %" PRIu64 "k -smp %u, this one is "
                  "-machine %s -m %" PRIu64 "k -smp %u",
                  board, d.ram_size >> 10, d.cpus, own.board, own.ram_size >> 10, own.cpus);
        return false;
    }
    if (!check_features(&d, &own, error)) {
        return false;
    }
    if (d.clock < 0) {
        set_error(error, "section 'machine' 0: the time is %" PRId64 " ns, must not be negative",
                  d.clock);
        return false;
    }
    return true;
}

static bool check_cpus(struct machine *m, const struct saved *s, unsigned *found, GError **error)
{
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        const struct section *section = find_named(s, "cpu", i, found, error);

        if (!section) {
            return false;
        }
        if (!cpu_check(x86_cpu_of(m->vcpus[i]), section->data->data, section->data->len, error)) {
            g_prefix_error(error, "section 'cpu' %u: ", i);
            return false;
        }
    }
    return true;
}

static bool check_devices(struct machine *m, const struct saved *s, unsigned *found, GError **error)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);
        const struct section *section;
        struct section which;

        device_section(m, dev, &which);
        section = find(s, &which, found, error);
        if (!section) {
            return false;
        }
        if (!device_check(dev, section->data->data, section->data->len, error)) {
            g_prefix_error(error, "section '%s' %u: ", which.name, which.instance);
            return false;
        }
    }
    return true;
}

/* A section that nothing here asked for. */
static char *left_over(struct machine *m, const struct saved *s)
{
    g_autoptr(GHashTable) own = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iter;
    gpointer title;

    for (unsigned i = 0; i < m->devices->len; i++) {
        struct section which;

        device_section(m, g_ptr_array_index(m->devices, i), &which);
        g_hash_table_add(own, section_title(&which));
    }
    g_hash_table_iter_init(&iter, s->sections);
    while (g_hash_table_iter_next(&iter, &title, NULL)) {
        if (!g_hash_table_contains(own, title) && !g_str_has_prefix(title, "section 'machine' ") &&
            !g_str_has_prefix(title, "section 'cpu' ")) {
            return g_strdup(title);
        }
    }
    return g_strdup("a section");
}

bool saved_check(struct machine *m, const struct saved *s, GError **error)
{
    unsigned found = 0;

    if (!check_machine(m, s, &found, error) || !check_cpus(m, s, &found, error) ||
        !check_devices(m, s, &found, error)) {
        return false;
    }
    if (found != g_hash_table_size(s->sections)) {
        g_autofree char *title = left_over(m, s);

        set_error(error, "%s: this machine has no such part", title);
        return false;
    }
    return true;
}

/* Applying -------------------------------------------------------------------------------------- */

enum run_state saved_run_state(struct machine *m, const struct saved *s)
{
    struct saved_machine d = { 0 };
    unsigned found = 0;

    (void)m;
    if (load_machine(s, &d, &found, NULL)) {
        for (unsigned i = 0; i < RUN_STATE_COUNT; i++) {
            if (strcmp(d.state, run_state_names[i]) == 0) {
                return i;
            }
        }
    }
    return RUN_STATE_PAUSED;
}

static bool apply_devices(struct machine *m, const struct saved *s, GError **error)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);
        const struct section *section;
        struct section which;
        unsigned found = 0;
        size_t pos = 0;

        device_section(m, dev, &which);
        section = find(s, &which, &found, error);
        if (!section || !device_load(dev, section->data->data, section->data->len, &pos, error)) {
            g_prefix_error(error, "section '%s' %u: ", which.name, which.instance);
            return false;
        }
    }
    return true;
}

/* CPUs come last: a device may have masked A20. */
static bool apply_cpus(struct machine *m, const struct saved *s, GError **error)
{
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        unsigned found = 0;
        const struct section *section = find_named(s, "cpu", i, &found, error);

        if (!section ||
            !cpu_load(x86_cpu_of(m->vcpus[i]), section->data->data, section->data->len, error)) {
            g_prefix_error(error, "section 'cpu' %u: ", i);
            return false;
        }
    }
    return true;
}

bool saved_apply(struct machine *m, const struct saved *s, GError **error)
{
    struct saved_machine d = { 0 };
    unsigned found = 0;
    bool ok;

    if (!load_machine(s, &d, &found, error)) {
        return false;
    }
    iothread_pause_all(m);
    clock_virtual_set(m, d.clock);
    ok = apply_devices(m, s, error) && apply_cpus(m, s, error);
    iothread_resume_all(m);
    return ok;
}
