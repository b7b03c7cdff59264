/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/io_report.c: what transfers did, and bytes, as text. */
#include <stdio.h>
#include "tools/io.h"

static char *time_text(int64_t us, bool long_form)
{
    int64_t hundredths = us / 10000, seconds = hundredths / 100;

    if (!long_form && seconds < 60) {
        return g_strdup_printf("%02d.%02d sec", (int)seconds, (int)(hundredths % 100));
    }
    return g_strdup_printf("%d:%02d:%02d.%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                           (int)(seconds % 60), (int)(hundredths % 100));
}

void io_print_report(const struct io_report *r)
{
    double seconds = (double)MAX(r->us, 1) / 1e6;
    g_autofree char *time = time_text(r->us, r->machine);
    g_autofree char *count = tool_count_text((double)r->done);
    g_autofree char *rate = tool_count_text((double)r->done / seconds);

    if (r->quiet) {
        return;
    }
    if (r->machine) {
        printf("%" G_GUINT64_FORMAT ",1,%s,%.3f,%.3f\n", r->done, time, (double)r->done / seconds,
               1 / seconds);
        return;
    }
    printf("%s %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " bytes at offset %" G_GUINT64_FORMAT
           "\n%s, 1 ops; %s (%s/sec and %.4f ops/sec)\n",
           r->verb, r->done, r->asked, r->offset, count, time, rate, 1 / seconds);
}

void io_dump(const uint8_t *buf, uint64_t offset, uint64_t len)
{
    for (uint64_t at = 0; at < len; at += 16) {
        uint64_t n = MIN(16, len - at);

        printf("%08" G_GINT64_MODIFIER "x:  ", offset + at);
        for (uint64_t i = 0; i < n; i++) {
            printf("%02x ", buf[at + i]);
        }
        putchar(' ');
        for (uint64_t i = 0; i < n; i++) {
            putchar(g_ascii_isalnum(buf[at + i]) ? buf[at + i] : '.');
        }
        putchar('\n');
    }
}
