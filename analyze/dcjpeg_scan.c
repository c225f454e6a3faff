/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/dcjpeg_scan.h"

#include "capture/core/bytes.h"

/* A lane's state in variables of its own, so that the compiler may keep it in registers. */
#define LOAD(i, from)                                     \
	struct dcjpeg_lane *const lane##i = (from);       \
	const uint8_t *const buf##i = lane##i->buf;       \
	const struct dcjpeg_block *b##i = lane##i->block; \
	const uint32_t *t##i = lane##i->table;            \
	uint32_t pos##i = lane##i->pos;                   \
	uint32_t k##i = lane##i->coefs;                   \
	uint32_t pred##i = lane##i->pred;                 \
	int16_t *dc##i = lane##i->dc + lane##i->found

#define STORE(i)                                                  \
	do {                                                      \
		lane##i->block = b##i;                            \
		lane##i->table = t##i;                            \
		lane##i->pos = pos##i;                            \
		lane##i->coefs = k##i;                            \
		lane##i->pred = pred##i;                          \
		lane##i->found = (uint32_t)(dc##i - lane##i->dc); \
	} while (0)

/* One look-up. The DC coefficient is written at every step and stays when a luma block ends. */
#define STEP(i)                                                                                \
	do {                                                                                   \
		uint64_t window = bytes_be64(buf##i + (pos##i >> 3)) << (pos##i & 7);          \
		uint32_t e = t##i[window >> (64 - DCJPEG_LOOKUP_BITS)];                        \
		uint32_t coefs = k##i + DCJPEG_COEFS(e);                                       \
		uintptr_t end;                                                                 \
                                                                                               \
		if (unlikely(coefs >= 64)) {                                                   \
			e = dcjpeg_symbol(b##i->code, window, k##i);                           \
			if (!e) {                                                              \
				lane##i->bad = true;                                           \
				goto out;                                                      \
			}                                                                      \
			coefs = k##i + DCJPEG_COEFS(e);                                        \
		}                                                                              \
		end = 0 - (uintptr_t)(e / DCJPEG_END & 1);                                     \
		pos##i += DCJPEG_BITS(e);                                                      \
		pred##i += DCJPEG_DIFF(e);                                                     \
		*dc##i = (int16_t)pred##i;                                                     \
		dc##i += b##i->luma & end;                                                     \
		k##i = coefs & ~(uint32_t)end;                                                 \
		t##i = (const uint32_t *)(b##i->ac + (b##i->to_first & end));                  \
		b##i = (const struct dcjpeg_block *)((uintptr_t)b##i + (b##i->to_next & end)); \
	} while (0)

void dcjpeg_scan1(struct dcjpeg_lane *l, unsigned steps)
{
	LOAD(0, l);

	while (steps--)
		STEP(0);
out:
	STORE(0);
}

void dcjpeg_scan2(struct dcjpeg_lane *const l[2], unsigned steps)
{
	LOAD(0, l[0]);
	LOAD(1, l[1]);

	while (steps--) {
		STEP(0);
		STEP(1);
	}
out:
	STORE(0);
	STORE(1);
}

void dcjpeg_scan4(struct dcjpeg_lane *const l[4], unsigned steps)
{
	LOAD(0, l[0]);
	LOAD(1, l[1]);
	LOAD(2, l[2]);
	LOAD(3, l[3]);

	while (steps--) {
		STEP(0);
		STEP(1);
		STEP(2);
		STEP(3);
	}
out:
	STORE(0);
	STORE(1);
	STORE(2);
	STORE(3);
}
