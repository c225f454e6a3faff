/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One harness that tests and times the same calls: every kernel of every table of function
 * pointers this processor can run, against the plain C one, which is the specification.
 *
 * A kernel is described by `struct checkasm_kernel`: `prepare` makes the inputs for a width and a
 * kind of contents, `call` calls it. The harness goes through widths and kinds, calls first the C
 * kernel, then the other, on the same inputs, and compares everything either may have written,
 * with the bytes around it. To time a kernel it repeats `call` with the width that matters.
 *
 * Inputs end where the next page cannot be read; outputs lie at any alignment between guards.
 * One thread.
 */
#ifndef TESTS_CHECKASM_CHECKASM_H
#define TESTS_CHECKASM_CHECKASM_H

#include <stddef.h>
#include <stdint.h>

#include "analyze/motion_dsp.h"

#define CHECKASM_INPUTS  10
#define CHECKASM_OUTPUTS 6
#define CHECKASM_KINDS   5 /* of contents: see checkasm_byte */

/* Memory whose last byte is followed by a page that faults. */
struct checkasm_input {
	uint8_t *map, *end;
	size_t size;
};

struct checkasm {
	uint64_t random;
	unsigned n;         /* width asked for */
	int kind;           /* of contents, 0..CHECKASM_KINDS - 1 */
	int side;           /* whose outputs `call` writes: 0 the specification's, 1 the other's */
	uint64_t result[2]; /* what `call` returned, if anything */

	/* Filled by `prepare` through the functions below. */
	struct checkasm_input input[CHECKASM_INPUTS];
	uint8_t *output[2][CHECKASM_OUTPUTS];
	size_t offset[CHECKASM_OUTPUTS], bytes[CHECKASM_OUTPUTS];
	unsigned outputs;

	/* A kernel's own, between `prepare` and `call`. */
	unsigned shift, step, weight;
	ptrdiff_t stride;
	const uint8_t *in[CHECKASM_INPUTS];
	struct motion_row_params params;
};

struct checkasm_kernel {
	const char *name;
	unsigned width; /* timed with this, and tested with all up to `widths` */
	unsigned widths;
	unsigned variants; /* of other parameters: `prepare` is told which */
	unsigned timed;    /* the variant that is timed */
	void (*prepare)(struct checkasm *c, unsigned variant);
	void (*call)(struct checkasm *c, const struct motion_dsp *dsp);
};

extern const struct checkasm_kernel checkasm_motion[];
extern const size_t checkasm_motion_count;

uint32_t checkasm_random(struct checkasm *c);
/* A byte of the kind that is asked for: anything; only the ends; near the middle; 255; 0. */
uint8_t checkasm_byte(struct checkasm *c);
/* Input `i` of `bytes` bytes, filled; nothing behind it can be read. */
uint8_t *checkasm_in(struct checkasm *c, unsigned i, size_t bytes);
/* One more output, at an alignment of `align` and no better: the same contents for both sides,
 * which `fill` makes or, when it is NULL, are anything. Returns its number. */
unsigned checkasm_out(struct checkasm *c, size_t bytes, size_t align,
		      void (*fill)(struct checkasm *c, uint8_t *p, size_t bytes));
/* Where `call` writes output `i`. */
void *checkasm_at(const struct checkasm *c, unsigned i);

#endif
