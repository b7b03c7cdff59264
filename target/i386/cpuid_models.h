/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpuid_models.h: named CPUs and the names of feature bits.  Constant data.
 */
#ifndef TARGET_I386_CPUID_MODELS_H
#define TARGET_I386_CPUID_MODELS_H

#include "target/i386/cpu.h"

/* One `-cpu NAME`. */
struct cpu_model {
    const char *name, *summary;
    const char *vendor; /* 12 characters */
    unsigned family, model, stepping;
    uint32_t level, xlevel; /* highest basic and extended leaf */
    const char *brand;      /* at most 47 characters */
    const char *features;   /* names, separated by spaces; NULL: everything that exists here */
    bool no_l3_cache;       /* l3-cache=off */
};

/* What `-cpu MODEL-vN` changes of a model. */
struct cpu_version {
    const char *model;
    unsigned version;
    const char *alias;               /* another name for it, or NULL */
    const char *plus, *minus;        /* features, each followed by a space */
    const char *summary;             /* the brand too; NULL: the model's */
    unsigned stepping, model_number; /* 0: the model's */
};

/* One name for `-cpu ...,+NAME`. */
struct cpu_feature_name {
    const char *name;
    uint16_t feature;  /* enum x86_feature or X86_FEATURE(word, bit) */
    uint8_t supported; /* enum feature_support */
};

enum feature_support {
    FEATURE_NO,      /* known by name only */
    FEATURE_YES,     /* here it is */
    FEATURE_ON_HOST, /* here it is, where the host has it: executed by the host's vector unit */
};

extern const struct cpu_model cpu_models[];               /* ends with a NULL name */
extern const struct cpu_feature_name cpu_feature_names[]; /* likewise */
/* "CPUID.01H:EDX" and so on, by enum x86_feature_word. */
extern const char *const cpu_feature_words[FEAT_WORDS];

/*
 * By a model's name, NAME-vN, or another name of a version.  False: there is none.  *model is a copy
 * with what *version (NULL: the model itself) changes, but for features.
 */
bool cpu_model_find(const char *name, struct cpu_model *model, const struct cpu_version **version);
/* Every name that cpu_model_find knows. */
void cpu_model_each_name(void (*each)(void *opaque, const char *name, const char *summary),
                         void *opaque);
struct cpu_support;
/* By an engine; NULL: by the interpreter. */
bool cpu_feature_supported(const struct cpu_support *s, const struct cpu_feature_name *f);
/* Each feature of a model that an engine (NULL: the interpreter) cannot give it. */
void cpu_model_lacks(const struct cpu_support *s, const struct cpu_model *model,
                     const struct cpu_version *v, void (*each)(void *opaque, const char *name),
                     void *opaque);
/* Family, model and stepping as CPUID.01H:EAX. */
uint32_t cpu_signature(const struct x86_cpu *cpu);
bool cpu_is_amd(const struct x86_cpu *cpu);

#endif
