/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/machine.c: a machine's life, its lock and its run state.  Requests and the main loop are in
 * softmmu/main_loop.c.
 *
 * The lock is a mutex with a known owner.  While a thread is in an exclusive section (softmmu/vcpu.c)
 * everybody else who gets the mutex waits on exclusive_cond before the lock counts as theirs, also
 * after waiting for another condition.  A vCPU's thread that asks for the lock from within `run` is
 * thereby at a safe point, until it gives the lock back.
 *
 * Thread: machine_new and machine_free on the thread that runs the main loop.
 */
#include "softmmu/event.h"
#include "softmmu/machine.h"
#include "softmmu/memory_backend.h"

const char *const run_state_names[RUN_STATE_COUNT] = {
    /* clang-format off */
    [RUN_STATE_PRELAUNCH]      = "prelaunch",
    [RUN_STATE_RUNNING]        = "running",
    [RUN_STATE_PAUSED]         = "paused",
    [RUN_STATE_DEBUG]          = "debug",
    [RUN_STATE_SUSPENDED]      = "suspended",
    [RUN_STATE_SAVE_VM]        = "save-vm",
    [RUN_STATE_RESTORE_VM]     = "restore-vm",
    [RUN_STATE_INMIGRATE]      = "inmigrate",
    [RUN_STATE_FINISH_MIGRATE] = "finish-migrate",
    [RUN_STATE_POSTMIGRATE]    = "postmigrate",
    [RUN_STATE_SHUTDOWN]       = "shutdown",
    [RUN_STATE_INTERNAL_ERROR] = "internal-error",
    [RUN_STATE_GUEST_PANICKED] = "guest-panicked",
    [RUN_STATE_WATCHDOG]       = "watchdog",
    /* clang-format on */
};

bool run_state_is_stopped(enum run_state state)
{
    static const bool stopped[RUN_STATE_COUNT] = {
        [RUN_STATE_PAUSED] = true,      [RUN_STATE_DEBUG] = true,
        [RUN_STATE_SAVE_VM] = true,     [RUN_STATE_RESTORE_VM] = true,
        [RUN_STATE_INMIGRATE] = true,   [RUN_STATE_FINISH_MIGRATE] = true,
        [RUN_STATE_POSTMIGRATE] = true, [RUN_STATE_WATCHDOG] = true,
    };

    return stopped[state];
}

const char *const panic_action_names[PANIC_ACTION_COUNT] = {
    [PANIC_ACTION_SHUTDOWN] = "shutdown",
    [PANIC_ACTION_PAUSE] = "pause",
    [PANIC_ACTION_EXIT_FAILURE] = "exit-failure",
    [PANIC_ACTION_NONE] = "none",
};

const char *const watchdog_action_names[WATCHDOG_ACTION_COUNT] = {
    [WATCHDOG_ACTION_RESET] = "reset",           [WATCHDOG_ACTION_SHUTDOWN] = "shutdown",
    [WATCHDOG_ACTION_POWEROFF] = "poweroff",     [WATCHDOG_ACTION_PAUSE] = "pause",
    [WATCHDOG_ACTION_DEBUG] = "debug",           [WATCHDOG_ACTION_NONE] = "none",
    [WATCHDOG_ACTION_INJECT_NMI] = "inject-nmi",
};

/* The mutex is held: lets another thread's exclusive section pass, then owns the lock. */
static void take_ownership(struct machine *m)
{
    GThread *self = g_thread_self();

    while (m->exclusive_owner && m->exclusive_owner != self) {
        pthread_cond_wait(&m->exclusive_cond, &m->mutex);
    }
    atomic_store_explicit(&m->lock_owner, self, memory_order_relaxed);
}

void machine_lock(struct machine *m)
{
    struct vcpu *cpu = vcpu_current();

    pthread_mutex_lock(&m->mutex);
    if (cpu && cpu->machine == m && cpu->in_guest) {
        cpu->safe_point = true;
        if (m->exclusive_owner) {
            pthread_cond_broadcast(&m->exclusive_cond);
        }
    }
    take_ownership(m);
}

void machine_unlock(struct machine *m)
{
    struct vcpu *cpu = vcpu_current();

    if (cpu && cpu->machine == m) {
        cpu->safe_point = false;
    }
    atomic_store_explicit(&m->lock_owner, NULL, memory_order_relaxed);
    pthread_mutex_unlock(&m->mutex);
}

bool machine_locked(struct machine *m)
{
    return atomic_load_explicit(&m->lock_owner, memory_order_relaxed) == g_thread_self();
}

void machine_wait(struct machine *m, pthread_cond_t *cond)
{
    atomic_store_explicit(&m->lock_owner, NULL, memory_order_relaxed);
    pthread_cond_wait(cond, &m->mutex);
    take_ownership(m);
}

static void firmware_file_free(gpointer p)
{
    struct firmware_file *f = p;

    g_free(f->name);
    g_bytes_unref(f->data);
    g_free(f);
}

struct machine *machine_new(void)
{
    struct machine *m = g_new0(struct machine, 1);

    pthread_mutex_init(&m->mutex, NULL);
    pthread_cond_init(&m->exclusive_cond, NULL);
    main_loop_init(m);
    m->devices = g_ptr_array_new();
    m->globals = g_ptr_array_new_with_free_func(device_global_free);
    m->iothreads = g_ptr_array_new();
    m->memory_backends = g_ptr_array_new();
    m->chardevs = g_ptr_array_new();
    m->reset_hooks = g_array_new(FALSE, FALSE, sizeof(struct reset_hook));
    m->config.rtc_base = INT64_MIN;
    m->config.cpus = 1;
    m->config.acpi_tables = g_ptr_array_new_with_free_func((GDestroyNotify)g_byte_array_unref);
    m->config.smbios = g_ptr_array_new_with_free_func(g_free);
    m->config.data_dirs = g_ptr_array_new_with_free_func(g_free);
    m->config.firmware_files = g_ptr_array_new_with_free_func(firmware_file_free);
    m->config.boot.menu_wait = m->config.boot.reboot_timeout = -1;
    m->run_state = RUN_STATE_PRELAUNCH;
    clock_init(m);
    mem_region_init_container(&m->system_memory, m, "system", UINT64_MAX);
    mem_region_init_container(&m->system_io, m, "io", 0x10000);
    mem_region_init_container(&m->smm_overlay, m, "smm", UINT64_MAX);
    mem_region_init_alias(&m->smm_system, m, "smm-system", &m->system_memory, 0, UINT64_MAX);
    mem_region_add(&m->smm_overlay, 0, &m->smm_system, -1);
    address_space_init(&m->smm_memory, m, &m->smm_overlay, "SMM memory");
    address_space_init(&m->memory, m, &m->system_memory, "memory");
    address_space_init(&m->io, m, &m->system_io, "I/O");
    return m;
}

/* Every device lets go of the others before the first one's memory is freed. */
static void free_devices(struct machine *m)
{
    GPtrArray *devices = m->devices;

    for (unsigned i = devices->len; i-- > 0;) {
        struct device *dev = g_ptr_array_index(devices, i);

        /* One that made others frees them: what is behind it moves down and is met again. */
        if (dev->realized && dev->type->unrealize) {
            dev->type->unrealize(dev);
        }
        dev->realized = false;
    }
    if (m->board_free) {
        m->board_free(m);
    }
    while (m->buses) {
        bus_destroy(m->buses);
    }
    m->devices = g_ptr_array_new();
    for (unsigned i = devices->len; i-- > 0;) {
        struct device *dev = g_ptr_array_index(devices, i);

        dev->bus = NULL;
        device_free(dev);
    }
    g_ptr_array_unref(devices);
    g_ptr_array_unref(m->devices);
}

static void free_config(struct machine_config *config)
{
    g_free(config->bios);
    g_ptr_array_unref(config->data_dirs);
    g_ptr_array_unref(config->smbios);
    g_ptr_array_unref(config->acpi_tables);
    g_free(config->uuid);
    g_free(config->pcspk_audiodev);
    g_ptr_array_unref(config->firmware_files);
    g_free(config->boot.order);
    g_free(config->boot.once);
    g_free(config->cpu_model);
    g_free(config->accel);
    g_free(config->accel_why);
    g_free(config->kernel);
    g_free(config->initrd);
    for (unsigned i = 0; i < MAX_PFLASH; i++) {
        g_free(config->pflash[i]);
    }
    for (unsigned i = 0; i < config->numa.n_nodes; i++) {
        g_free(config->numa.nodes[i].memdev);
    }
    g_free(config->memory_backend);
    g_free(config->oem_id);
    g_free(config->oem_table_id);
    g_free(config->append);
    g_free(config->name);
}

void machine_free(struct machine *m)
{
    if (!machine_locked(m)) {
        machine_lock(m);
    }
    if (m->migration) {
        m->free_migration(m); /* its thread may stand on the following */
    }
    if (m->dump) {
        m->free_dump(m);
    }
    iothread_stop_all(m); /* first: what it writes is told to engines */
    vcpu_destroy_all(m);
    mem_transaction_begin(m); /* never committed: nobody looks any more */
    free_devices(m);
    if (m->kvm) {
        m->free_kvm(m);
    }
    if (m->free_vnc) {
        m->free_vnc(m);
    }
    if (m->free_screens) {
        m->free_screens(m);
    }
    if (m->free_input) {
        m->free_input(m);
    }
    if (m->free_audio) {
        m->free_audio(m);
    }
    if (m->free_net) {
        m->free_net(m);
    }
    if (m->free_drives) {
        m->free_drives(m);
    }
    iothread_free_all(m);
    if (m->rngs) {
        m->free_rngs(m); /* before the chardevs that they read */
    }
    if (m->tpms) {
        m->free_tpms(m); /* the same */
    }
    if (m->free_chardevs) {
        m->free_chardevs(m);
    }
    g_clear_pointer(&m->tls_creds, g_hash_table_unref);
    g_ptr_array_unref(m->chardevs);
    g_ptr_array_unref(m->globals);
    address_space_destroy(&m->memory);
    address_space_destroy(&m->smm_memory);
    address_space_destroy(&m->io);
    memory_backends_free(m);
    while (m->ram_blocks) {
        ram_block_free(m, m->ram_blocks);
    }
    g_array_unref(m->reset_hooks);
    debugger_clear(&m->debugger);
    free_config(&m->config);
    clock_destroy(m);
    machine_unlock(m);
    main_loop_destroy(m);
    pthread_cond_destroy(&m->exclusive_cond);
    pthread_mutex_destroy(&m->mutex);
    g_free(m);
}

void machine_add_run_listener(struct machine *m, struct run_state_listener *l)
{
    l->next = m->run_listeners;
    m->run_listeners = l;
}

void machine_del_run_listener(struct machine *m, struct run_state_listener *l)
{
    struct run_state_listener **at = &m->run_listeners;

    while (*at && *at != l) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = l->next;
    }
}

/* Sleep (S3) and waking have events of their own; when the program ends, nobody is told of a stop. */
static void emit_change(struct machine *m, enum run_state from, enum run_state to)
{
    if (from == RUN_STATE_SUSPENDED || to == RUN_STATE_SUSPENDED || m->quit) {
        return;
    }
    if (to == RUN_STATE_RUNNING || from == RUN_STATE_RUNNING) {
        event_emit(m, to == RUN_STATE_RUNNING ? EVENT_RESUME : EVENT_STOP, NULL);
    }
}

void machine_set_run_state(struct machine *m, enum run_state state)
{
    enum run_state from = m->run_state;
    struct run_state_listener *next;

    if (state == RUN_STATE_RUNNING && !m->was_reset) {
        machine_reset(m);
    }
    if (state != RUN_STATE_RUNNING) {
        vcpu_pause_all(m);
        clock_virtual_enable(m, state == RUN_STATE_SUSPENDED);
    }
    if (state == m->run_state) {
        return;
    }
    m->run_state = state;
    for (struct run_state_listener *l = m->run_listeners; l; l = next) {
        next = l->next;
        l->changed(l, state);
    }
    emit_change(m, from, state);
    if (m->run_state == RUN_STATE_RUNNING) {
        debugger_apply(m);
        clock_virtual_enable(m, true);
        vcpu_resume_all(m);
    }
}

void machine_add_reset_hook(struct machine *m, void (*fn)(void *opaque), void *opaque)
{
    struct reset_hook hook = { fn, opaque };

    g_array_append_val(m->reset_hooks, hook);
}

void machine_reset(struct machine *m)
{
    vcpu_pause_all(m);
    clock_virtual_enable(m, false); /* all that begins to count now begins at one time */
    m->was_reset = true;
    device_reset_all(m);
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        m->vcpus[i]->ops->reset(m->vcpus[i]);
    }
    for (unsigned i = 0; i < m->reset_hooks->len; i++) {
        struct reset_hook *hook = &g_array_index(m->reset_hooks, struct reset_hook, i);

        hook->fn(hook->opaque);
    }
    if (m->run_state == RUN_STATE_RUNNING) {
        clock_virtual_enable(m, true);
        vcpu_resume_all(m);
    }
}

bool machine_start(struct machine *m, GError **error)
{
    if (!vcpu_start_all(m, error)) {
        return false;
    }
    if (!m->was_reset) {
        machine_reset(m);
    }
    if (!m->config.start_paused) {
        machine_set_run_state(m, RUN_STATE_RUNNING);
    }
    return true;
}
