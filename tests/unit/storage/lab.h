/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store on a simulated disk with a camera's slots, and a list of what was appended, so that it
 * can be compared with what a reader finds. Failures end the program (abort). */
#ifndef TESTS_UNIT_STORAGE_LAB_H
#define TESTS_UNIT_STORAGE_LAB_H

#include "storage/store.h"
#include "tests/lib/simdisk.h"

#define LAB_SLOTS 16

struct lab_record {
	enum record_kind kind;
	uint32_t camera_id, sequence;
	uint32_t bytes, crc; /* of the payload; frames: of the planes one after another */
	int64_t mono_ns;     /* frames */
	uint64_t position;   /* behind it; 0: not known */
	bool lost;           /* reported so, or refused */
	bool must;           /* for LAB_GAPS: has to be there */
};

struct lab {
	struct reactor *reactor;
	struct simdisk *disk;
	struct store *store;
	struct store_options options;
	struct lab_record *record;
	size_t records, room;
	uint32_t camera[8];
	uint32_t sequence; /* of the next frame */
	uint64_t durable;  /* as told by the callback */
	unsigned lost_calls, troubles;
	uint64_t lost_frames;
	char trouble[ERRMSG_MAX];
	struct frame frame[LAB_SLOTS];
	uint8_t *slab;
	size_t slot_bytes;
	unsigned released;
};

/* A volume of `mib` MiB with segments of `segment_bytes`; `slot_bytes` of room for a frame. */
struct lab *lab_new(unsigned mib, uint32_t segment_bytes, size_t slot_bytes);
/* Goes on with a disk as it came up after a power cut, when `durable` had been told. */
void lab_use_disk(struct lab *lab, struct simdisk *disk, uint64_t durable);
void lab_free(struct lab *lab);
/* store_open must succeed; three cameras are named. */
void lab_open(struct lab *lab);
int lab_close(struct lab *lab);
void lab_turns(struct lab *lab, unsigned n);
/* Turns until everything appended is durable (or the store has failed). */
void lab_sync(struct lab *lab);
/* A frame of random bytes of camera 0..2 in `planes` planes; direct when it is large enough.
 * Returns what store_append_frame did; -EAGAIN when no slot is free. */
int lab_frame(struct lab *lab, unsigned camera, size_t bytes, unsigned planes);
int lab_motion(struct lab *lab, unsigned camera);
int lab_loss(struct lab *lab, unsigned camera, uint64_t count);
int lab_note(struct lab *lab, const char *text);
enum lab_expect {
	LAB_ALL,  /* nothing is missing but what was reported lost */
	LAB_TAIL, /* nor behind the first one found: the oldest were recycled */
	LAB_GAPS, /* only those with `must` set need be there */
};
/* What a reader of the disk finds must be appended records, whole and in order, nothing twice, and
 * those with a position at or below `durable` must be there. Returns how many it found. */
size_t lab_check(struct lab *lab, struct simdisk *disk, uint64_t durable, enum lab_expect expect);

#endif
