/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing what a store keeps: through the control files of the box that records into it, or, where
 * none does, in the store itself.
 */
#ifndef MATLANG_LOCKING_H
#define MATLANG_LOCKING_H

#include "tools/matlang/footage.h"

/* True: a box runs, reached by its control files, and records into the store in `dir`. */
bool locking_box_runs(const struct cli *c, const char *dir);
/* CLI_OK with the number of the new lock, or an exit code after saying why. It is durable then. */
int locking_add(struct footage *f, const struct cli *c, const struct record_lock *l,
		uint64_t *number) MUST_CHECK;
int locking_remove(struct footage *f, const struct cli *c, uint64_t number) MUST_CHECK;
/* The lock of that number, or NULL. */
const struct record_lock *locking_find(const struct footage *f, uint64_t number);

#endif
