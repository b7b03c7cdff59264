/* SPDX-License-Identifier: GPL-2.0-or-later */
/* monitor/audio.c: what is played, into files.  Thread: machine lock held. */
#include "audio/audio.h"
#include "monitor/command.h"
#include "util/error.h"
#include "util/text.h"

/* Word n, or what it is without one; false and *error: out of range. */
static bool number(char **words, int have, int n, const char *name, uint64_t min, uint64_t max,
                   uint64_t *value, GError **error)
{
    if (n >= have || parse_uint(words[n], min, max, value)) {
        return true;
    }
    set_error(error, "wavcapture: %s is '%s', must be %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
              name, words[n], min, max);
    return false;
}

bool command_wavcapture(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t rate = 44100, bits = 16, channels = 2;
    g_auto(GStrv) words = NULL;
    struct audio_format f;
    int n = 0;

    (void)out;
    if (*args && !g_shell_parse_argv(args, &n, &words, error)) {
        return false;
    }
    if (n < 2 || n > 5) {
        set_error(error,
                  "wavcapture: must be wavcapture path audiodev [frequency [bits [channels]]]");
        return false;
    }
    if (!number(words, n, 2, "frequency", AUDIO_RATE_MIN, AUDIO_RATE_MAX, &rate, error) ||
        !number(words, n, 3, "bits", 8, 16, &bits, error) ||
        !number(words, n, 4, "channels", 1, 2, &channels, error)) {
        return false;
    }
    if (bits != 8 && bits != 16) {
        set_error(error, "wavcapture: bits is '%s', must be 8 or 16", words[3]);
        return false;
    }
    f = (struct audio_format){ (uint32_t)rate, (uint8_t)channels,
                               bits == 8 ? AUDIO_U8 : AUDIO_S16 };
    return audio_capture_start(m, words[0], words[1], &f, error);
}

bool command_stopcapture(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t n;

    (void)out;
    if (!parse_uint(args, 0, UINT32_MAX, &n)) {
        set_error(error, "stopcapture: must be stopcapture INDEX, as 'info capture' shows it");
        return false;
    }
    return audio_capture_stop(m, (unsigned)n, error);
}

bool command_info_capture(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    audio_capture_print(m, out);
    return true;
}
