/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls from other threads into the reactor's thread that wait for their result: how control files
 * and the status table reach what only the reactor may touch. When the reactor ends, nobody is
 * left waiting.
 */
#ifndef MATLANGD_REACTOR_CALL_H
#define MATLANGD_REACTOR_CALL_H

#include "capture/core/compiler.h"
#include "capture/core/reactor.h"

struct reactor_calls;

int reactor_calls_create(struct reactor_calls **out, struct reactor *r) MUST_CHECK;
/* Only after the reactor is destroyed and no caller is left. NULL is fine. */
void reactor_calls_destroy(struct reactor_calls *rc);

/* Any thread but the reactor's: has fn(arg) run there and waits. 0; -ESHUTDOWN: closed, fn has not
 * run and never will; -ENOMEM. */
int reactor_call(struct reactor_calls *rc, void (*fn)(void *arg), void *arg) MUST_CHECK;

/* Any thread, once the reactor no longer turns: callers that wait return -ESHUTDOWN, as do all
 * later ones. */
void reactor_calls_close(struct reactor_calls *rc);

#endif
