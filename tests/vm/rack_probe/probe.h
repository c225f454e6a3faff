/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of rack_probe; see its usage. What they return is its exit status. */
#ifndef TESTS_VM_RACK_PROBE_H
#define TESTS_VM_RACK_PROBE_H

#include <stdint.h>

#include "capture/slab.h"
#include "capture/source.h"

/* Why a picture is not the one that camera `name` gave with that buffer; NULL: it is. */
const char *probe_picture_wrong(const char *name, const struct source_format *f,
				const struct source_buffer *b, const struct slab_slot *slot);

/* The program's own arguments, all of them. */
int probe_verify(int argc, char **argv);
/* The arguments from SOURCE on. */
int probe_cost(int argc, char **argv);
int probe_killed(const char *path);
void probe_fuzz(const char *path, uint64_t seed, int seconds) __attribute__((noreturn));

#endif
