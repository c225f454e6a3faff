/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The live status table: once a second on a terminal, a plain line every five seconds elsewhere.
 * It has a thread of its own, so that a terminal that does not read holds up nothing but the table.
 */
#ifndef MATLANGD_STATUSVIEW_H
#define MATLANGD_STATUSVIEW_H

#include "capture/core/compiler.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/log.h"
#include "tools/matlangd/reactor_call.h"

struct statusview;

/* Everything outlives it. 0 or -errno. */
int statusview_start(struct statusview **out, struct appliance *box, struct reactor_calls *calls,
		     struct log *log) MUST_CHECK;
/* After reactor_calls_close(). NULL is fine. */
void statusview_stop(struct statusview *v);

#endif
