/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a compiled message catalogue (GNU .mo). The file is checked when it is opened: a damaged
 * one is refused, never followed. Threads: read-only once open, any thread.
 */
#ifndef COMMON_MO_H
#define COMMON_MO_H

#include <stdint.h>

#include "capture/core/compiler.h"

struct mo;

/* -ENOENT and other errors of open(2); -EBADMSG: not a catalogue; -ENOMEM. */
int mo_open(struct mo **out, const char *path) MUST_CHECK;
/* NULL is fine. */
void mo_close(struct mo *m);
/* The translation, valid until mo_close; NULL when there is none. */
const char *mo_find(const struct mo *m, const char *msgid);

#endif
