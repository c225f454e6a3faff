/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the first inputs of fuzz_segment, one valid structure of each sort: seeds_segment DIR */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/storage/image.h"

static int failed;

/* Without the zeros at its end, which the fuzzer adds again. */
static void put(const char *dir, const char *name, uint8_t mode, const uint8_t *p, size_t n,
		bool block)
{
	char path[512];

	if (block)
		n -= 4; /* its checksum */
	while (n && !p[n - 1])
		n--;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "wbe");

	if (!f || fputc(mode, f) == EOF || fwrite(p, 1, n, f) != n || fclose(f)) {
		perror(path);
		failed = 1;
	}
}

int main(int argc, char **argv)
{
	struct image *im = image_sample();
	uint8_t heads[8 * DISK_RECORD_HEAD_MAX], entry[DISK_CHECKPOINT_CAMERA];
	const struct format_checkpoint_camera camera = {.camera_id = 7, .name = "gate-07"};
	size_t n = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 2;
	}
	const char *dir = argv[1];
	uint8_t *area = im->bytes + im->super.area_offset[0];
	uint8_t *seal = image_at(im, 1, im->table[1].seal_start);

	put(dir, "super", 0, im->bytes, DISK_BLOCK, true);
	put(dir, "header", 1, image_at(im, 1, 0), DISK_BLOCK, true);
	put(dir, "seal", 2, image_at(im, 1, IMAGE_SEGMENT_BYTES - DISK_BLOCK), DISK_BLOCK, true);
	put(dir, "checkpoint", 3, area, DISK_BLOCK, true);
	put(dir, "entry-segment", 4, area + DISK_BLOCK, DISK_CHECKPOINT_SEGMENT, false);
	format_checkpoint_camera_encode(entry, &camera);
	put(dir, "entry-camera", 5, entry, sizeof(entry), false);
	const struct format_checkpoint_boot boot = {
		.boot = 3, .boot_id = {1, 2, 3}, .first = im->clock, .last = im->clock};
	uint8_t boot_entry[DISK_CHECKPOINT_BOOT];

	format_checkpoint_boot_encode(boot_entry, &boot);
	put(dir, "entry-boot", 6, boot_entry, sizeof(boot_entry), false);
	put(dir, "seal-camera", 7, seal, DISK_SEAL_CAMERA, false);
	for (size_t i = 3; i < 16 && n + DISK_RECORD_HEAD_MAX <= sizeof(heads); i += 2)
		n += format_record_encode(heads + n, &im->record[i].rec);
	put(dir, "records", 8, heads, n, false);
	put(dir, "chunk", 9, image_at(im, 3, im->end - DISK_CHUNK_TRAILER), DISK_CHUNK_TRAILER,
	    false);
	put(dir, "image-whole", 10, (const uint8_t *)"", 0, false);
	/* A seal's first section one entry longer; a header that names another `next`; a record
	 * header of a chunk with another length: checksums made right. */
	put(dir, "image-section", 10, (const uint8_t *)"\x87\x9c\x00\x00\x04\x00\x02\x00\x00", 9,
	    false);
	put(dir, "image-next", 10, (const uint8_t *)"\x90\x30\x00\x00\x04\x05\x00\x00\x00", 9,
	    false);
	put(dir, "image-head", 10, (const uint8_t *)"\x8d\x00\x10\x00\x02\x40\x00", 7, false);
	image_free(im);
	return failed;
}
