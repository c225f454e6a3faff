/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cameras of the kernel module matlang_rack, seen through their configfs directories.
 * Threads: any; nothing is kept.
 */
#ifndef MATLANG_RACKDIR_H
#define MATLANG_RACKDIR_H

#include <stdbool.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "tools/matlang/control.h"

#define RACKDIR_DEFAULT "/sys/kernel/config/matlang_rack"

/* `dir` NULL: RACKDIR_DEFAULT. -ENOENT with message saying how to get the rack when there is none.
 */
int rackdir_open(struct control *rack, const char *dir, struct errmsg *em) MUST_CHECK;
/* A name that can be a camera's: no empty one, no '/', not hidden. */
bool rackdir_name_ok(const char *name);
/* A file of a camera, without its newline; *out is "" when it cannot be read. */
void rackdir_get(const struct control *rack, const char *camera, const char *file, char *out,
		 size_t size);
/* -errno with message. */
int rackdir_set(const struct control *rack, const char *camera, const char *file, const char *value,
		struct errmsg *em) MUST_CHECK;

#endif
