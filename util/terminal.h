/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/terminal.h: the mode of the terminal on standard input, which belongs to the process: it is
 * given back at exit and on fatal signals, and taken again when a shell brings the program to the
 * foreground (SIGCONT).
 *
 * Invariants: one user at a time; a background process leaves the mode alone: it is the shell's then.
 * Thread:     main loop; signal handlers call async-signal-safe functions only.
 */
#ifndef UTIL_TERMINAL_H
#define UTIL_TERMINAL_H

#include <stdbool.h>

/* Standard input without lines and echo; signals: Ctrl-C, Ctrl-\ and Ctrl-Z keep their meaning. */
void terminal_take_raw(bool signals);

/*
 * For a library that draws on the terminal: terminal_save, then the library sets its mode, then
 * terminal_take_screen, which remembers that mode and what to write to leave it (borrowed until
 * terminal_release).  From then on standard error, if it is a terminal too, is collected in a file
 * and comes out when the terminal is given back.
 */
void terminal_save(void);
void terminal_take_screen(const char *leave);
/* Was the terminal taken again (SIGCONT) since the last call?  The screen must be drawn anew. */
bool terminal_was_retaken(void);

/* Gives it back; nothing taken: nothing. */
void terminal_release(void);

#endif
