/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store that the writer wrote, to be damaged: where its structures lie and what it shows while it
 * is whole. Failures fail the test. */
#ifndef TESTS_UNIT_STORAGE_ROT_H
#define TESTS_UNIT_STORAGE_ROT_H

#include "storage/disk_format.h"
#include "storage/reader.h"
#include "storage/verify.h"
#include "tests/unit/storage/lab.h"

#define ROT_SEGMENT (1u << 20)
#define ROT_PLACES  64u
#define ROT_HEARD   4096u

enum rot_what { ROT_SUPER, ROT_CHECKPOINT, ROT_HEADER, ROT_CHUNKS, ROT_SEAL };

struct rot_place {
	enum rot_what what;
	uint32_t segment;
	uint64_t offset, len;
	char name[48]; /* every message about it has this */
};

struct rot_shown {
	uint64_t position, bytes;
	uint32_t kind, crc; /* no padding: compared as memory */
};

struct rot_all {
	struct rot_shown *record;
	size_t count, room;
	struct reader_damage damage;
};

struct rot {
	struct lab *lab;
	struct format_super super;
	struct rot_place place[ROT_PLACES];
	unsigned places;
	struct rot_all whole;
	char heard[ROT_HEARD];
};

/* Direct and gathered frames, all kinds of records, a store that was reopened and went round. */
struct rot *rot_make(void);
void rot_free(struct rot *t);
void rot_flip(struct rot *t, uint64_t at, unsigned bit);
/* Fills t->heard with what is said. */
struct verify_result rot_verify(struct rot *t);
/* Everything a reader shows with its payload; false: it cannot be opened. out->record is to be
 * freed. */
bool rot_read(struct simdisk *sd, struct rot_all *out);
/* Where in the volume a record's payload lies; 0: its segment is not among the places. */
uint64_t rot_offset(const struct rot *t, const struct rot_shown *s);
/* Nothing is shown that was not there, in order; returns what is missing, the first of it in *out.
 * `old`: footage that had been given up may show again before the rest. */
size_t rot_missing(const struct rot *t, const struct rot_all *now, bool old,
		   const struct rot_shown **out);

#endif
