/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpu_versions.c: "-cpu NAME-vN" and names like Haswell-noTSX: a model with some features
 * more or less.  Facts as Debian's QEMU 7.2 shows them (-cpu help, query-cpu-model-expansion).
 * Constant data.
 */
#include "target/i386/cpuid_models.h"

#define CASCADELAKE_2 "arch-capabilities ibrs-all mds-no rdctl-no skip-l1dfl-vmentry "
#define ICELAKE_3     CASCADELAKE_2 "pschange-mc-no taa-no "
#define ICELAKE_4     ICELAKE_3 "avx512ifma fsrm rdpid sha-ni "
#define NO_TSX        "hle rtm "

/* clang-format off */
/* Version 1 is the model itself; a summary is the brand too. */
static const struct cpu_version versions[] = {
    { "Nehalem", 2, "Nehalem-IBRS", "spec-ctrl ", "", "Intel Core i7 9xx (Nehalem Core i7, IBRS update)" },
    { "Westmere", 2, "Westmere-IBRS", "spec-ctrl ", "", "Westmere E56xx/L56xx/X56xx (IBRS update)" },
    { "SandyBridge", 2, "SandyBridge-IBRS", "spec-ctrl ", "", "Intel Xeon E312xx (Sandy Bridge, IBRS update)" },
    { "IvyBridge", 2, "IvyBridge-IBRS", "spec-ctrl ", "", "Intel Xeon E3-12xx v2 (Ivy Bridge, IBRS)" },
    { "Haswell", 2, "Haswell-noTSX", "", NO_TSX, "Intel Core Processor (Haswell, no TSX)", .stepping = 1 },
    { "Haswell", 3, "Haswell-IBRS", "spec-ctrl ", "", "Intel Core Processor (Haswell, IBRS)" },
    { "Haswell", 4, "Haswell-noTSX-IBRS", "spec-ctrl ", NO_TSX,
      "Intel Core Processor (Haswell, no TSX, IBRS)", .stepping = 1 },
    { "Broadwell", 2, "Broadwell-noTSX", "", NO_TSX, "Intel Core Processor (Broadwell, no TSX)" },
    { "Broadwell", 3, "Broadwell-IBRS", "spec-ctrl ", "", "Intel Core Processor (Broadwell, IBRS)" },
    { "Broadwell", 4, "Broadwell-noTSX-IBRS", "spec-ctrl ", NO_TSX,
      "Intel Core Processor (Broadwell, no TSX, IBRS)" },
    { "Skylake-Client", 2, "Skylake-Client-IBRS", "spec-ctrl ", "", "Intel Core Processor (Skylake, IBRS)" },
    { "Skylake-Client", 3, "Skylake-Client-noTSX-IBRS", "spec-ctrl ", NO_TSX,
      "Intel Core Processor (Skylake, IBRS, no TSX)" },
    { "Skylake-Client", 4, NULL, "spec-ctrl xsaves ", NO_TSX, "Intel Core Processor (Skylake, IBRS, no TSX)" },
    { "Skylake-Server", 2, "Skylake-Server-IBRS", "spec-ctrl ", "clflushopt ",
      "Intel Xeon Processor (Skylake, IBRS)" },
    { "Skylake-Server", 3, "Skylake-Server-noTSX-IBRS", "spec-ctrl ", "clflushopt " NO_TSX,
      "Intel Xeon Processor (Skylake, IBRS, no TSX)" },
    { "Skylake-Server", 4, NULL, "spec-ctrl ", "clflushopt " NO_TSX,
      "Intel Xeon Processor (Skylake, IBRS, no TSX)" },
    { "Skylake-Server", 5, NULL, "spec-ctrl xsaves ", "clflushopt " NO_TSX,
      "Intel Xeon Processor (Skylake, IBRS, no TSX)" },
    { "Cascadelake-Server", 2, NULL, CASCADELAKE_2, "" },
    { "Cascadelake-Server", 3, "Cascadelake-Server-noTSX", CASCADELAKE_2, NO_TSX },
    { "Cascadelake-Server", 4, NULL, CASCADELAKE_2, NO_TSX },
    { "Cascadelake-Server", 5, NULL, CASCADELAKE_2 "xsaves ", NO_TSX },
    { "Cooperlake", 2, NULL, "xsaves ", "" },
    { "Icelake-Server", 2, "Icelake-Server-noTSX", "", NO_TSX },
    { "Icelake-Server", 3, NULL, ICELAKE_3, NO_TSX },
    { "Icelake-Server", 4, NULL, ICELAKE_4, NO_TSX, .model_number = 106 },
    { "Icelake-Server", 5, NULL, ICELAKE_4 "xsaves ", NO_TSX, .model_number = 106 },
    { "Icelake-Server", 6, NULL, ICELAKE_4 "xsaves ", NO_TSX, .model_number = 106 },
    { "EPYC", 2, "EPYC-IBPB", "ibpb ", "", "AMD EPYC Processor (with IBPB)" },
    { "EPYC", 3, NULL, "ibpb clzero perfctr-core xsaveerptr xsaves ", "" },
    { "EPYC-Rome", 2, NULL, "amd-ssbd ibrs ", "" },
};
/* clang-format on */

static bool is_versioned(const struct cpu_model *m)
{
    return m->features && !g_str_has_prefix(m->name, "x86-64-v");
}

/* The version that "NAME-vN" or another name means; NULL: a model's own. */
static const struct cpu_version *version_of(const char *name, const struct cpu_model *m)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(versions); n++) {
        const struct cpu_version *v = &versions[n];
        g_autofree char *full = g_strdup_printf("%s-v%u", v->model, v->version);

        if (strcmp(v->model, m->name) == 0 &&
            (strcmp(full, name) == 0 || g_strcmp0(v->alias, name) == 0)) {
            return v;
        }
    }
    return NULL;
}

static bool is_first_version(const char *name, const struct cpu_model *m)
{
    size_t n = strlen(m->name);

    return is_versioned(m) && strncmp(name, m->name, n) == 0 && strcmp(name + n, "-v1") == 0;
}

bool cpu_model_find(const char *name, struct cpu_model *model, const struct cpu_version **version)
{
    for (const struct cpu_model *m = cpu_models; m->name; m++) {
        const struct cpu_version *v = version_of(name, m);

        if (v || strcmp(m->name, name) == 0 || is_first_version(name, m)) {
            *model = *m;
            *version = v;
            model->stepping = v && v->stepping ? v->stepping : m->stepping;
            model->model = v && v->model_number ? v->model_number : m->model;
            model->brand = v && v->summary ? v->summary : m->brand;
            return true;
        }
    }
    return false;
}

void cpu_model_each_name(void (*each)(void *opaque, const char *name, const char *summary),
                         void *opaque)
{
    for (const struct cpu_model *m = cpu_models; m->name; m++) {
        each(opaque, m->name, m->summary);
        if (is_versioned(m)) {
            g_autofree char *first = g_strdup_printf("%s-v1", m->name);

            each(opaque, first, m->summary);
        }
        for (unsigned n = 0; n < G_N_ELEMENTS(versions); n++) {
            const struct cpu_version *v = &versions[n];
            g_autofree char *full = g_strdup_printf("%s-v%u", v->model, v->version);
            g_autofree char *alias = g_strdup_printf("(alias of %s)", full);

            if (strcmp(v->model, m->name) == 0) {
                each(opaque, full, v->summary ? v->summary : m->summary);
                if (v->alias) {
                    each(opaque, v->alias, alias);
                }
            }
        }
    }
}
