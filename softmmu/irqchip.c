/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softmmu/irqchip.c: see irqchip.h.  Thread: there. */
#include "softmmu/irqchip.h"

#include <sys/eventfd.h>
#include <unistd.h>
#include "softmmu/machine.h"

bool irqchip_has_apics(const struct machine *m)
{
    return m->irqchip && m->irqchip->in_charge;
}

bool irqchip_has_all(const struct machine *m)
{
    return m->irqchip && m->irqchip->in_charge && m->irqchip->full;
}

void irqchip_add_part(struct machine *m, struct irqchip_part *part)
{
    struct irqchip_part **end;

    if (!m->irqchip) {
        return;
    }
    for (end = &m->irqchip->parts; *end; end = &(*end)->next) {
    }
    part->next = NULL;
    *end = part;
}

void irqchip_remove_part(struct machine *m, struct irqchip_part *part)
{
    for (struct irqchip_part **link = m->irqchip ? &m->irqchip->parts : NULL; link && *link;
         link = &(*link)->next) {
        if (*link == part) {
            *link = part->next;
            return;
        }
    }
}

static void take_parts(struct irqchip *chip)
{
    for (struct irqchip_part *p = chip->parts; p; p = p->next) {
        p->take(p->opaque);
    }
}

/* Routes stop first: what comes meanwhile waits in its eventfd until the kernel listens again. */
void irqchip_take(struct machine *m)
{
    struct irqchip *chip = m->irqchip;

    if (!chip || !chip->in_charge) {
        return;
    }
    for (struct irqchip_route *r = chip->routes; r; r = r->next) {
        if (r->attached) {
            chip->ops->detach(m, r);
            r->attached = false;
        }
    }
    chip->in_charge = false;
    take_parts(chip);
}

void irqchip_give(struct machine *m)
{
    struct irqchip *chip = m->irqchip;

    if (!chip || chip->in_charge) {
        return;
    }
    chip->in_charge = true;
    for (struct irqchip_part *p = chip->parts; p; p = p->next) {
        p->give(p->opaque);
    }
    for (struct irqchip_route *r = chip->routes; r; r = r->next) {
        r->attached = chip->ops->attach(m, r);
    }
}

void irqchip_refresh(struct machine *m)
{
    if (irqchip_has_apics(m)) {
        take_parts(m->irqchip);
    }
}

bool irqchip_route_add(struct machine *m, struct irqchip_route *r, uint64_t addr, uint32_t data)
{
    struct irqchip *chip = m->irqchip;

    if (!irqchip_has_apics(m)) {
        return false; /* later, when the machine runs */
    }
    *r = (struct irqchip_route){ .addr = addr, .data = data };
    r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->fd < 0) {
        return false;
    }
    if (!chip->ops->attach(m, r)) {
        close(r->fd);
        *r = (struct irqchip_route){ .fd = -1 };
        return false;
    }
    r->attached = true;
    r->next = chip->routes;
    chip->routes = r;
    return true;
}

void irqchip_route_set(struct machine *m, struct irqchip_route *r, uint64_t addr, uint32_t data)
{
    if (r->addr == addr && r->data == data) {
        return;
    }
    r->addr = addr;
    r->data = data;
    if (r->attached) {
        m->irqchip->ops->detach(m, r);
        r->attached = m->irqchip->ops->attach(m, r);
    }
}

void irqchip_route_remove(struct machine *m, struct irqchip_route *r)
{
    if (!irqchip_route_exists(r)) {
        return;
    }
    for (struct irqchip_route **link = &m->irqchip->routes; *link; link = &(*link)->next) {
        if (*link == r) {
            *link = r->next;
            break;
        }
    }
    if (r->attached) {
        m->irqchip->ops->detach(m, r);
    }
    m->irqchip->ops->forget(m, r);
    close(r->fd);
    *r = (struct irqchip_route){ .fd = -1 };
}
