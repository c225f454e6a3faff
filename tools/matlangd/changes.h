/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has changed, from the reactor to the control files' thread: paths whose pollers must wake.
 * Threads: changes_add from any (it never blocks for long); changes_take on the thread that polls
 * the descriptor.
 */
#ifndef MATLANGD_CHANGES_H
#define MATLANGD_CHANGES_H

#include <stdbool.h>

#include "capture/core/compiler.h"
#include "tools/matlangd/attr.h"

struct changes;

int changes_create(struct changes **out) MUST_CHECK;
void changes_destroy(struct changes *c);

/* Readable when there is something to take. */
int changes_fd(const struct changes *c);
/* `changes` is a struct changes: the form that appliance_options.changed wants. `path` NULL: any.
 */
void changes_add(void *changes, const char *path);
/* The next path: true; *any is set when everything may have changed (path is "" then). False: that
 * was all. */
bool changes_take(struct changes *c, char path[ATTR_PATH_MAX], bool *any);

#endif
