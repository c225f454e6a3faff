/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process may take of the machine: raised to what hundreds of cameras need. */
#ifndef MATLANGD_LIMITS_H
#define MATLANGD_LIMITS_H

#include "tools/matlangd/log.h"

/* Open files, locked memory (frame memory is pinned while it is registered for writing), and the
 * kernel's choice of whom to kill when memory runs out. What cannot be had is logged with its
 * remedy; recording goes on without. */
void limits_raise(struct log *log);

#endif
