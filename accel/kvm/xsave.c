/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/xsave.c: x87, vector registers and XCR0 between x86_cpu and the kernel.
 *
 * The kernel's area has the standard form with the offsets of its CPUID leaf 0DH, which are not everywhere those
 * that target/i386 has for its CPUs.  Components that target/i386 has not (tiles, shadow stacks) are in cpu->kvm_xsave:
 * struct extra and the component's bytes, one after another.
 * Thread: see kvm_fetch and kvm_store.
 * Source: SDM vol. 1, ch. 13; Linux, Documentation/virt/kvm/api.rst, 4.42 ff.
 */
#include <errno.h>
#include <string.h>
#include "accel/kvm/internal.h"
#include "target/i386/xsave.h"

#define MXCSR_AT      24
#define MXCSR_MASK_AT 28
#define HEADER_AT     512
#define HEADER_SIZE   64
#define PKRU_BIT      9
#define LEGACY        3u /* x87 and SSE: in the first 512 bytes */

struct extra {
    uint32_t bit, size;
};

static size_t area_size(const struct kvm_vcpu *v)
{
    return MAX((size_t)v->kvm->caps.xsave_size, sizeof(struct kvm_xsave));
}

/* Where a component begins in the host's standard form.  False: the host has none, or the area no room. */
static bool place(const struct kvm_vcpu *v, unsigned bit, const struct xsave_component *c,
                  size_t *at)
{
    uint32_t size, offset;

    if (LEGACY >> bit & 1) {
        *at = 0;
        return true;
    }
    if (!kvm_xsave_place(v->kvm, bit, &offset, &size) || size < c->size || offset > area_size(v) ||
        size > area_size(v) - offset) {
        return false;
    }
    *at = offset;
    return true;
}

/* Of protection keys, which the interpreter has not: where PKRU lies in the area. */
static bool place_pkru(const struct kvm_vcpu *v, size_t *at)
{
    static const struct xsave_component pkru = { .bit = PKRU_BIT, .size = sizeof(uint32_t) };

    return (kvm_xsave_components(v->cpu) >> PKRU_BIT & 1) && place(v, PKRU_BIT, &pkru, at);
}

/* Whether a component has no other place in x86_cpu. */
static bool is_extra(const struct kvm_vcpu *v, unsigned bit, size_t *at, uint32_t *size)
{
    struct xsave_component c = { .bit = bit };
    uint32_t offset;

    return !xsave_component(v->cpu, bit) && bit != PKRU_BIT &&
           (kvm_xsave_components(v->cpu) >> bit & 1) &&
           kvm_xsave_place(v->kvm, bit, &offset, size) && place(v, bit, &c, at);
}

static void fetch_extras(struct kvm_vcpu *v, const uint8_t *area, uint64_t present)
{
    GByteArray *out = v->cpu->kvm_xsave;
    struct extra e;
    size_t at;

    g_byte_array_set_size(out, 0);
    for (e.bit = 0; e.bit < 63; e.bit++) {
        if ((present >> e.bit & 1) && is_extra(v, e.bit, &at, &e.size) &&
            out->len + sizeof(e) + e.size <= CPU_KVM_BLOB) {
            g_byte_array_append(out, (const uint8_t *)&e, sizeof(e));
            g_byte_array_append(out, area + at, e.size);
        }
    }
}

/* Which of them are there.  What does not fit this host is left out: a stream may say anything. */
static uint64_t store_extras(struct kvm_vcpu *v, uint8_t *area)
{
    const GByteArray *in = v->cpu->kvm_xsave;
    uint64_t present = 0;
    struct extra e;
    uint32_t size;
    size_t to;

    for (size_t at = 0; in->len - at > sizeof(e); at += e.size) {
        memcpy(&e, in->data + at, sizeof(e));
        at += sizeof(e);
        if (e.size > in->len - at) {
            break;
        }
        if (e.bit < 63 && (v->cpu->xcr0 >> e.bit & 1) && is_extra(v, e.bit, &to, &size) &&
            size == e.size) {
            memcpy(area + to, in->data + at, size);
            present |= 1ull << e.bit;
        }
    }
    return present;
}

/* XMM8 to XMM15 are part of the state whatever the size of code is; XSAVE's functions leave them out by it. */
static bool with_all(struct x86_cpu *cpu, bool all)
{
    bool was = cpu->code64;

    cpu->code64 = all;
    return was;
}

static bool fetch_xcr0(struct kvm_vcpu *v)
{
    struct kvm_xcrs xcrs = { 0 };

    if (!v->kvm->caps.xcrs) {
        return true;
    }
    if (kvm_vcpu_ioctl(v, KVM_GET_XCRS, &xcrs) < 0) {
        return false;
    }
    for (unsigned i = 0; i < MIN(xcrs.nr_xcrs, KVM_MAX_XCRS); i++) {
        if (xcrs.xcrs[i].xcr == 0) {
            v->cpu->xcr0 = xcrs.xcrs[i].value;
        }
    }
    return true;
}

bool kvm_fetch_xsave(struct kvm_vcpu *v)
{
    unsigned long request = v->kvm->caps.xsave_size ? KVM_GET_XSAVE2 : KVM_GET_XSAVE;
    const uint8_t *area = v->xsave;
    uint64_t present;
    bool code64;
    size_t pkru;

    if (kvm_vcpu_ioctl(v, request, v->xsave) < 0) {
        return false;
    }
    code64 = with_all(v->cpu, true);
    memcpy(&present, area + HEADER_AT, sizeof(present));
    for (unsigned bit = 0; bit < 63; bit++) {
        const struct xsave_component *c = xsave_component(v->cpu, bit);
        size_t at;

        if (!c || !place(v, bit, c, &at)) {
            continue;
        }
        if (present >> bit & 1) {
            c->load(v->cpu, area + at, true);
        } else {
            c->init(v->cpu);
        }
    }
    with_all(v->cpu, code64);
    if (place_pkru(v, &pkru)) {
        memcpy(&v->cpu->pkru, area + pkru, sizeof(v->cpu->pkru));
    }
    memcpy(&v->cpu->mxcsr, area + MXCSR_AT, sizeof(v->cpu->mxcsr));
    fetch_extras(v, area, present);
    return fetch_xcr0(v);
}

static bool store_xcr0(struct kvm_vcpu *v)
{
    struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0].value = v->cpu->xcr0 };

    return !v->kvm->caps.xcrs || kvm_vcpu_ioctl(v, KVM_SET_XCRS, &xcrs) >= 0;
}

bool kvm_store_xsave(struct kvm_vcpu *v)
{
    const uint32_t mask = 0xffff;
    uint8_t *area = v->xsave;
    uint64_t present;
    bool code64 = with_all(v->cpu, true);
    size_t pkru;

    present = store_extras(v, area);
    for (unsigned bit = 0; bit < 63; bit++) {
        const struct xsave_component *c = xsave_component(v->cpu, bit);
        size_t at;

        if (c && place(v, bit, c, &at)) {
            c->save(v->cpu, area + at, true);
            present |= 1ull << bit;
        }
    }
    with_all(v->cpu, code64);
    if (place_pkru(v, &pkru)) {
        memcpy(area + pkru, &v->cpu->pkru, sizeof(v->cpu->pkru));
        present |= 1u << PKRU_BIT;
    }
    memset(area + HEADER_AT, 0, HEADER_SIZE);
    memcpy(area + MXCSR_AT, &v->cpu->mxcsr, sizeof(v->cpu->mxcsr));
    memcpy(area + MXCSR_MASK_AT, &mask, sizeof(mask));
    memcpy(area + HEADER_AT, &present, sizeof(present));
    return kvm_vcpu_ioctl(v, KVM_SET_XSAVE, area) >= 0 && store_xcr0(v);
}
