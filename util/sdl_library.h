/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/sdl_library.h: SDL 2, for windows and for sound: include this in place of SDL.h. Nothing of it may be called before
 * sdl_library_load() was true. Thread: any; the first call before any other.
 */
#ifndef UTIL_SDL_LIBRARY_H
#define UTIL_SDL_LIBRARY_H

#include "config.h"
#include "util/library.h"

#if CONFIG_SDL
#include <SDL.h>

/* clang-format off */
#define SDL_FUNCTIONS(f)                                                                           \
    f(SDL_UpperBlit) f(SDL_CloseAudioDevice) f(SDL_CreateRGBSurfaceWithFormatFrom)                 \
    f(SDL_CreateWindow) f(SDL_DestroyWindow) f(SDL_FillRect) f(SDL_FreeSurface) f(SDL_GetError)    \
    f(SDL_GetClipboardText) f(SDL_SetClipboardText) f(SDL_free)                                    \
    f(SDL_GetModState) f(SDL_GetQueuedAudioSize) f(SDL_GetWindowFlags) f(SDL_GetWindowSize)        \
    f(SDL_GetWindowSizeInPixels) f(SDL_GetWindowSurface) f(SDL_Init) f(SDL_InitSubSystem)          \
    f(SDL_MapRGB) f(SDL_OpenAudioDevice) f(SDL_PauseAudioDevice) f(SDL_PollEvent) f(SDL_PushEvent) \
    f(SDL_QueueAudio) f(SDL_Quit) f(SDL_QuitSubSystem) f(SDL_RegisterEvents) f(SDL_SetHint)        \
    f(SDL_SetMainReady) f(SDL_SetRelativeMouseMode) f(SDL_SetWindowFullscreen)                     \
    f(SDL_SetWindowKeyboardGrab) f(SDL_SetWindowSize) f(SDL_SetWindowTitle) f(SDL_ShowCursor)      \
    f(SDL_StartTextInput) f(SDL_UpdateWindowSurface) f(SDL_UpdateWindowSurfaceRects) f(SDL_WaitEvent)
/* clang-format on */

struct sdl_library {
    SDL_FUNCTIONS(LIBRARY_POINTER)
};
extern struct sdl_library sdl_library;

#ifndef SDL_LIBRARY_ITSELF
#define SDL_UpperBlit                      sdl_library.SDL_UpperBlit
#define SDL_CloseAudioDevice               sdl_library.SDL_CloseAudioDevice
#define SDL_CreateRGBSurfaceWithFormatFrom sdl_library.SDL_CreateRGBSurfaceWithFormatFrom
#define SDL_CreateWindow                   sdl_library.SDL_CreateWindow
#define SDL_DestroyWindow                  sdl_library.SDL_DestroyWindow
#define SDL_FillRect                       sdl_library.SDL_FillRect
#define SDL_FreeSurface                    sdl_library.SDL_FreeSurface
#define SDL_GetError                       sdl_library.SDL_GetError
#define SDL_GetClipboardText               sdl_library.SDL_GetClipboardText
#define SDL_SetClipboardText               sdl_library.SDL_SetClipboardText
#define SDL_free                           sdl_library.SDL_free
#define SDL_GetModState                    sdl_library.SDL_GetModState
#define SDL_GetQueuedAudioSize             sdl_library.SDL_GetQueuedAudioSize
#define SDL_GetWindowFlags                 sdl_library.SDL_GetWindowFlags
#define SDL_GetWindowSize                  sdl_library.SDL_GetWindowSize
#define SDL_GetWindowSizeInPixels          sdl_library.SDL_GetWindowSizeInPixels
#define SDL_GetWindowSurface               sdl_library.SDL_GetWindowSurface
#define SDL_Init                           sdl_library.SDL_Init
#define SDL_InitSubSystem                  sdl_library.SDL_InitSubSystem
#define SDL_MapRGB                         sdl_library.SDL_MapRGB
#define SDL_OpenAudioDevice                sdl_library.SDL_OpenAudioDevice
#define SDL_PauseAudioDevice               sdl_library.SDL_PauseAudioDevice
#define SDL_PollEvent                      sdl_library.SDL_PollEvent
#define SDL_PushEvent                      sdl_library.SDL_PushEvent
#define SDL_QueueAudio                     sdl_library.SDL_QueueAudio
#define SDL_Quit                           sdl_library.SDL_Quit
#define SDL_QuitSubSystem                  sdl_library.SDL_QuitSubSystem
#define SDL_RegisterEvents                 sdl_library.SDL_RegisterEvents
#define SDL_SetHint                        sdl_library.SDL_SetHint
#define SDL_SetMainReady                   sdl_library.SDL_SetMainReady
#define SDL_SetRelativeMouseMode           sdl_library.SDL_SetRelativeMouseMode
#define SDL_SetWindowFullscreen            sdl_library.SDL_SetWindowFullscreen
#define SDL_SetWindowKeyboardGrab          sdl_library.SDL_SetWindowKeyboardGrab
#define SDL_SetWindowSize                  sdl_library.SDL_SetWindowSize
#define SDL_SetWindowTitle                 sdl_library.SDL_SetWindowTitle
#define SDL_ShowCursor                     sdl_library.SDL_ShowCursor
#define SDL_StartTextInput                 sdl_library.SDL_StartTextInput
#define SDL_UpdateWindowSurface            sdl_library.SDL_UpdateWindowSurface
#define SDL_UpdateWindowSurfaceRects       sdl_library.SDL_UpdateWindowSurfaceRects
#define SDL_WaitEvent                      sdl_library.SDL_WaitEvent
#endif
#endif

bool sdl_library_load(GError **error);

#endif
