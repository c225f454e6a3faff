/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Builds images of stores with the format's encoders, so that readers are tested without the
 * writer, and with what no writer would write. Failures end the program (abort). */
#ifndef TESTS_UNIT_STORAGE_IMAGE_H
#define TESTS_UNIT_STORAGE_IMAGE_H

#include "storage/disk_format.h"
#include "tests/lib/simdisk.h"

#define IMAGE_SEGMENT_BYTES (1u << 20)
#define IMAGE_BYTES         (UINT64_C(12) << 20)
/* UTC of mono 0 in boot 1; half a million seconds more for each boot after. */
#define IMAGE_EPOCH_NS (INT64_C(1700000000) * NSEC_PER_SEC)

struct image_record {
	struct format_record rec;
	uint64_t position;
	uint32_t segment;
	uint8_t *payload;
};

struct image {
	uint8_t *bytes;
	struct format_super super;
	struct format_segment header; /* of the open segment */
	struct format_checkpoint_segment *table;
	struct format_clock clock; /* of the boot, synchronised unless changed */
	uint64_t generation;
	uint32_t end;                /* where the next chunk goes */
	uint32_t chunks;             /* in the open segment */
	struct image_record *record; /* all, in log order */
	size_t records, room, chunk_first, segment_first;
	uint8_t *payloads; /* of the chunk being built */
	size_t payload_bytes;
};

struct image *image_new(void);
void image_free(struct image *im);
/* Opens segment `index` as the continuation of the log; `next` is given up by it. */
void image_segment(struct image *im, uint32_t index, uint32_t next, uint32_t boot);
/* Adds a record to the chunk being built; fills in offset, length and checksum. */
void image_add(struct image *im, struct format_record rec, const void *payload, uint32_t bytes);
void image_frame(struct image *im, uint32_t camera, uint32_t sequence, int64_t mono_ns,
		 uint32_t bytes);
void image_loss(struct image *im, uint32_t camera, int64_t mono_ns, uint64_t count);
void image_motion(struct image *im, uint32_t camera, int64_t mono_ns);
void image_camera(struct image *im, uint32_t camera, const char *name);
void image_note(struct image *im, const char *text, int64_t mono_ns);
void image_clock(struct image *im, int64_t mono_ns, int64_t utc_ns, bool synchronised);
/* Writes the chunk. */
void image_chunk(struct image *im, bool direct);
void image_seal(struct image *im);
void image_checkpoint(struct image *im, bool clean);
struct simdisk *image_disk(const struct image *im);
uint8_t *image_at(struct image *im, uint32_t segment, uint32_t offset);

/* A store of four segments: three sealed, the last one open, two boots, two cameras. */
struct image *image_sample(void);

#endif
