/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audio/sdl.c: the driver "sdl": the host's sound by SDL 2, which keeps a queue of its own.  What is more than a
 * quarter of a second ahead is dropped.
 * Thread: main loop, machine lock held.
 */
#include "audio/audio.h"
#include "config.h"
#include "util/error.h"

#if CONFIG_SDL
/* SDL's header has macros of the same names. */
enum {
    U8 = AUDIO_U8,
    S8 = AUDIO_S8,
    U16 = AUDIO_U16,
    S16 = AUDIO_S16,
    S32 = AUDIO_S32,
    F32 = AUDIO_F32
};
#define SDL_MAIN_HANDLED
#include "util/sdl_library.h"

struct sdl {
    SDL_AudioDeviceID device;
    uint32_t most; /* bytes that may wait */
};

/* 0: SDL has none like it. */
static SDL_AudioFormat format_of(enum audio_encoding encoding)
{
    static const SDL_AudioFormat formats[AUDIO_ENCODINGS] = {
        [U8] = AUDIO_U8,      [S8] = AUDIO_S8,      [U16] = AUDIO_U16LSB,
        [S16] = AUDIO_S16LSB, [S32] = AUDIO_S32LSB, [F32] = AUDIO_F32LSB,
    };

    return formats[encoding];
}

static void *driver_open(struct audio_options *o, GError **error)
{
    SDL_AudioSpec wanted = { .freq = (int)o->out.rate,
                             .format = format_of(o->out.encoding),
                             .channels = o->out.channels,
                             .samples = 1024 };
    SDL_AudioDeviceID device;
    struct sdl *s;

    if (!wanted.format) {
        set_error(error, "sdl: out.format is %s, must be u8, s8, u16, s16, s32 or f32",
                  audio_encoding_names[o->out.encoding]);
        return NULL;
    }
    if (!sdl_library_load(error)) {
        return NULL;
    }
    SDL_SetMainReady();
    if (SDL_InitSubSystem(SDL_INIT_AUDIO) != 0) {
        set_error(error, "sdl: no sound on this host: %s", SDL_GetError());
        return NULL;
    }
    device = SDL_OpenAudioDevice(NULL, 0, &wanted, NULL, 0);
    if (!device) {
        set_error(error, "sdl: cannot open the host's sound: %s", SDL_GetError());
        SDL_QuitSubSystem(SDL_INIT_AUDIO);
        return NULL;
    }
    SDL_PauseAudioDevice(device, 0);
    s = g_new0(struct sdl, 1);
    s->device = device;
    s->most = o->out.rate / 4 * audio_frame_bytes(&o->out);
    return s;
}

static void driver_play(void *state, const uint8_t *data, size_t bytes)
{
    struct sdl *s = state;

    if (SDL_GetQueuedAudioSize(s->device) + bytes <= s->most) {
        SDL_QueueAudio(s->device, data, (uint32_t)bytes);
    }
}

static void driver_close(void *state)
{
    struct sdl *s = state;

    SDL_CloseAudioDevice(s->device);
    SDL_QuitSubSystem(SDL_INIT_AUDIO);
    g_free(s);
}
#else
#define driver_open  NULL
#define driver_play  NULL
#define driver_close NULL
#endif

const struct audio_driver audio_sdl = {
    .name = "sdl",
    .summary = "the host's sound by SDL",
    .available = CONFIG_SDL,
    .advice = "install Debian's libsdl2-dev, then run configure and make",
    .open = driver_open,
    .play = driver_play,
    .close = driver_close,
};
