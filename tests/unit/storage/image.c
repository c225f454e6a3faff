/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/storage/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "image: %s\n", what);
		abort();
	}
}

static void *must(void *p)
{
	check(p, "no memory");
	return p;
}

struct image *image_new(void)
{
	struct image *im = must(calloc(1, sizeof(*im)));
	uint64_t need;

	check(!format_layout(IMAGE_BYTES, IMAGE_SEGMENT_BYTES, &im->super, &need), "layout");
	for (unsigned i = 0; i < 16; i++) {
		im->super.store_uuid[i] = (uint8_t)(i + 1);
		im->super.volume_uuid[i] = (uint8_t)(i + 65);
	}
	im->super.created_utc_ns = IMAGE_EPOCH_NS;
	im->bytes = must(calloc(1, im->super.volume_bytes));
	im->table = must(calloc(im->super.segments, sizeof(*im->table)));
	im->payloads = must(calloc(1, IMAGE_SEGMENT_BYTES));
	format_super_encode(im->bytes + DISK_SUPER_A, &im->super);
	format_super_encode(im->bytes + DISK_SUPER_B, &im->super);
	return im;
}

void image_free(struct image *im)
{
	for (size_t i = 0; i < im->records; i++)
		free(im->record[i].payload);
	free(im->record);
	free(im->payloads);
	free(im->table);
	free(im->bytes);
	free(im);
}

uint8_t *image_at(struct image *im, uint32_t segment, uint32_t offset)
{
	return im->bytes + format_segment_offset(&im->super, segment) + offset;
}

void image_segment(struct image *im, uint32_t index, uint32_t next, uint32_t boot)
{
	const struct format_segment old = im->header;

	im->clock = (struct format_clock){
		.mono_ns = NSEC_PER_SEC,
		.utc_ns = IMAGE_EPOCH_NS + (boot - 1) * 500000 * NSEC_PER_SEC + NSEC_PER_SEC,
		.error_us = 100,
		.synchronised = true,
	};
	im->header = (struct format_segment){
		.sequence = old.sequence + 1,
		.nonce = UINT64_C(0x1234567890abcdef) * (old.sequence + 3),
		.index = index,
		.next = next,
		.boot = boot,
		.clock = im->clock,
		.prev_sequence = old.sequence,
		.prev_nonce = old.nonce,
		.prev_end = old.sequence ? im->end : 0,
	};
	memset(im->header.boot_id, (int)boot, 16);
	format_segment_encode(image_at(im, index, 0), &im->super, &im->header);
	im->end = DISK_BLOCK;
	im->chunks = 0;
	im->segment_first = im->chunk_first = im->records;
	im->table[index] = (struct format_checkpoint_segment){
		.sequence = im->header.sequence,
		.nonce = im->header.nonce,
		.state = FORMAT_OPEN,
		.boot = boot,
		.end = DISK_BLOCK,
	};
	im->table[next] = (struct format_checkpoint_segment){0};
}

void image_add(struct image *im, struct format_record rec, const void *payload, uint32_t bytes)
{
	uint32_t taken = bytes ? ALIGN_UP(bytes, DISK_RECORD_ALIGN) : DISK_RECORD_ALIGN;

	if (im->records == im->room) {
		im->room = im->room ? im->room * 2 : 64;
		im->record = must(reallocarray(im->record, im->room, sizeof(*im->record)));
	}
	struct image_record *r = &im->record[im->records++];

	rec.payload_offset = im->end + (uint32_t)im->payload_bytes;
	rec.payload_bytes = bytes;
	rec.payload_crc = format_crc32c(0, payload, bytes);
	*r = (struct image_record){.rec = rec, .segment = im->header.index};
	r->position = format_position(&im->super, im->header.sequence, rec.payload_offset);
	r->payload = must(malloc(bytes + 1u));
	if (bytes)
		memcpy(r->payload, payload, bytes);
	check(im->payload_bytes + taken <= IMAGE_SEGMENT_BYTES / 2, "chunk too large");
	memset(im->payloads + im->payload_bytes, 0, taken);
	if (bytes)
		memcpy(im->payloads + im->payload_bytes, payload, bytes);
	im->payload_bytes += taken;
}

void image_frame(struct image *im, uint32_t camera, uint32_t sequence, int64_t mono_ns,
		 uint32_t bytes)
{
	struct format_record rec = {.kind = RECORD_FRAME, .camera_id = camera, .mono_ns = mono_ns};
	uint64_t random = ((uint64_t)camera << 32) + sequence;
	uint8_t *payload = must(malloc(bytes));

	for (uint32_t i = 0; i < bytes; i++)
		payload[i] = (uint8_t)simdisk_random(&random);
	rec.frame.sequence = sequence;
	rec.frame.flags = 1;
	rec.frame.fourcc = PIXFMT_MJPEG;
	rec.frame.width = 640;
	rec.frame.height = 480;
	rec.frame.nplanes = 1;
	rec.frame.plane[0].bytes = bytes;
	image_add(im, rec, payload, bytes);
	free(payload);
}

void image_loss(struct image *im, uint32_t camera, int64_t mono_ns, uint64_t count)
{
	struct format_record rec = {.kind = RECORD_LOSS, .camera_id = camera, .mono_ns = mono_ns};

	rec.loss = (struct loss){.camera_id = camera,
				 .cause = LOSS_SEQUENCE_GAP,
				 .count = count,
				 .first_mono_ns = mono_ns - NSEC_PER_SEC,
				 .last_mono_ns = mono_ns};
	image_add(im, rec, NULL, 0);
}

void image_motion(struct image *im, uint32_t camera, int64_t mono_ns)
{
	struct format_record rec = {.kind = RECORD_MOTION, .camera_id = camera, .mono_ns = mono_ns};
	uint8_t bits[6] = {1, 2, 4, 8, 16, (uint8_t)camera};

	rec.motion = (struct record_motion){.camera_id = camera,
					    .mono_ns = mono_ns,
					    .cols = 8,
					    .rows = 6,
					    .cell_px = 80,
					    .moved = 6,
					    .width = 640,
					    .height = 480};
	image_add(im, rec, bits, sizeof(bits));
}

void image_camera(struct image *im, uint32_t camera, const char *name)
{
	const struct format_record rec = {
		.kind = RECORD_CAMERA, .camera_id = camera, .mono_ns = im->clock.mono_ns};

	image_add(im, rec, name, (uint32_t)strlen(name));
}

void image_note(struct image *im, const char *text, int64_t mono_ns)
{
	const struct format_record rec = {.kind = RECORD_NOTE, .mono_ns = mono_ns};

	image_add(im, rec, text, (uint32_t)strlen(text));
}

void image_clock(struct image *im, int64_t mono_ns, int64_t utc_ns, bool synchronised)
{
	struct format_record rec = {.kind = RECORD_CLOCK, .mono_ns = mono_ns};

	rec.clock_sample.utc_ns = utc_ns;
	rec.clock_sample.synchronised = synchronised;
	memcpy(rec.clock_sample.boot_id, im->header.boot_id, 16);
	im->clock = (struct format_clock){
		.mono_ns = mono_ns, .utc_ns = utc_ns, .synchronised = synchronised};
	image_add(im, rec, NULL, 0);
}

void image_chunk(struct image *im, bool direct)
{
	uint8_t heads[65536];
	size_t n = 0;
	struct format_chunk c = {
		.nonce = im->header.nonce,
		.sequence = im->header.sequence,
		.start = im->end,
		.records = (uint32_t)(im->records - im->chunk_first),
		.flags = direct ? FORMAT_CHUNK_DIRECT : 0,
	};
	struct format_checkpoint_segment *e = &im->table[im->header.index];

	for (size_t i = im->chunk_first; i < im->records; i++) {
		check(n + DISK_RECORD_HEAD_MAX <= sizeof(heads), "too many records in a chunk");
		n += format_record_encode(heads + n, &im->record[i].rec);
	}
	c.heads_bytes = (uint32_t)n;
	c.bytes =
		(uint32_t)ALIGN_UP(im->payload_bytes + n + DISK_CHUNK_TRAILER, (size_t)DISK_BLOCK);
	check(c.start + c.bytes <= IMAGE_SEGMENT_BYTES - DISK_BLOCK, "segment full");
	uint8_t *p = image_at(im, im->header.index, c.start);
	uint8_t *tail = p + c.bytes - DISK_CHUNK_TRAILER - n;

	memset(p, 0, c.bytes);
	memcpy(p, im->payloads, im->payload_bytes);
	memcpy(tail, heads, n);
	format_chunk_encode(tail + n, &c, heads);
	im->end += c.bytes;
	im->chunks++;
	im->chunk_first = im->records;
	im->payload_bytes = 0;
	e->end = im->end;
	e->records = (uint32_t)(im->records - im->segment_first);
}

static int64_t utc_of(const struct image *im, int64_t mono)
{
	return mono - im->clock.mono_ns + im->clock.utc_ns;
}

static void count_cameras(const struct image *im, struct format_seal_camera *c, uint32_t *n)
{
	*n = 0;
	for (uint32_t id = 0; id <= 64; id++) {
		struct format_seal_camera e = {.camera_id = id};
		bool any = false;

		for (size_t i = im->segment_first; i < im->records; i++) {
			const struct image_record *r = &im->record[i];

			if (r->rec.camera_id != id)
				continue;
			if (!any || r->rec.mono_ns < e.first_mono_ns)
				e.first_mono_ns = r->rec.mono_ns;
			if (!any || r->rec.mono_ns > e.last_mono_ns)
				e.last_mono_ns = r->rec.mono_ns;
			any = true;
			e.count[r->rec.kind < FORMAT_KINDS ? r->rec.kind : 0]++;
			if (r->rec.kind == RECORD_FRAME)
				e.frame_bytes += r->rec.payload_bytes;
			if (r->rec.kind == RECORD_CAMERA)
				memcpy(e.name, r->payload, r->rec.payload_bytes);
		}
		if (any)
			c[(*n)++] = e;
	}
}

void image_seal(struct image *im)
{
	struct format_checkpoint_segment *e = &im->table[im->header.index];
	struct format_seal f = {
		.sequence = im->header.sequence,
		.nonce = im->header.nonce,
		.index = im->header.index,
		.next = im->header.next,
		.boot = im->header.boot,
		.end = im->end,
		.records = (uint32_t)(im->records - im->segment_first),
		.chunks = im->chunks,
		.first_clock = im->header.clock,
		.last_clock = im->clock,
	};
	uint8_t *buf = must(calloc(1, IMAGE_SEGMENT_BYTES));
	struct format_seal_camera cameras[65];
	size_t n = 0, at[FORMAT_SECTIONS + 1] = {0};

	memcpy(f.boot_id, im->header.boot_id, 16);
	count_cameras(im, cameras, &f.section[FORMAT_SECTION_CAMERAS].count);
	for (uint32_t i = 0; i < f.section[FORMAT_SECTION_CAMERAS].count;
	     i++, n += DISK_SEAL_CAMERA)
		format_seal_camera_encode(buf + n, &cameras[i]);
	for (unsigned s = FORMAT_SECTION_SMALL; s < FORMAT_SECTIONS; s++) {
		at[s] = n;
		for (size_t i = im->segment_first; i < im->records; i++) {
			const struct image_record *r = &im->record[i];

			if ((r->rec.kind == RECORD_FRAME) != (s == FORMAT_SECTION_FRAMES))
				continue;
			f.section[s].count++;
			n += format_record_encode(buf + n, &r->rec);
			if (s == FORMAT_SECTION_FRAMES)
				continue;
			memcpy(buf + n, r->payload, r->rec.payload_bytes);
			n += ALIGN_UP((size_t)r->rec.payload_bytes, DISK_RECORD_ALIGN);
		}
	}
	at[FORMAT_SECTIONS] = n;
	f.seal_start = IMAGE_SEGMENT_BYTES - DISK_BLOCK - (uint32_t)ALIGN_UP(n, (size_t)DISK_BLOCK);
	check(f.seal_start >= f.end, "segment too full for its seal");
	for (unsigned s = 0; s < FORMAT_SECTIONS; s++) {
		f.section[s].offset = f.seal_start + (uint32_t)at[s];
		f.section[s].bytes = (uint32_t)(at[s + 1] - at[s]);
		f.section[s].crc = format_crc32c(0, buf + at[s], at[s + 1] - at[s]);
	}
	for (size_t i = im->segment_first; i < im->records; i++) {
		int64_t mono = im->record[i].rec.mono_ns;

		if (i == im->segment_first || mono < f.first_mono_ns)
			f.first_mono_ns = mono;
		if (i == im->segment_first || mono > f.last_mono_ns)
			f.last_mono_ns = mono;
	}
	memset(image_at(im, f.index, f.seal_start), 0, IMAGE_SEGMENT_BYTES - f.seal_start);
	memcpy(image_at(im, f.index, f.seal_start), buf, n);
	format_seal_encode(image_at(im, f.index, IMAGE_SEGMENT_BYTES - DISK_BLOCK), &im->super, &f);
	free(buf);
	e->state = FORMAT_SEALED;
	e->seal_start = f.seal_start;
	e->first_mono_ns = f.first_mono_ns;
	e->last_mono_ns = f.last_mono_ns;
	e->first_utc_ns = utc_of(im, f.first_mono_ns);
	e->last_utc_ns = utc_of(im, f.last_mono_ns);
}

static void fill_names(const struct image *im, struct format_checkpoint *c, uint8_t *buf)
{
	for (uint32_t id = 1; id <= 64; id++) {
		for (size_t i = 0; i < im->records; i++) {
			const struct image_record *r = &im->record[i];
			struct format_checkpoint_camera e = {.camera_id = id};

			if (r->rec.kind != RECORD_CAMERA || r->rec.camera_id != id)
				continue;
			memcpy(e.name, r->payload, r->rec.payload_bytes);
			if (buf)
				format_checkpoint_camera_encode(
					buf + format_checkpoint_cameras_at(c) +
						(size_t)c->cameras * DISK_CHECKPOINT_CAMERA,
					&e);
			c->cameras++;
			break;
		}
	}
}

void image_checkpoint(struct image *im, bool clean)
{
	struct format_checkpoint c = {
		.generation = ++im->generation,
		.head = im->header.sequence ? im->header.index : DISK_NO_SEGMENT,
		.next = im->header.sequence ? im->header.next : 0,
		.last_sequence = im->header.sequence,
		.durable = im->header.sequence
				   ? format_position(&im->super, im->header.sequence, im->end)
				   : 0,
		.segments = im->super.segments,
		.boots = im->header.boot ? 1 : 0,
		.clean = clean,
	};
	uint8_t *p = im->bytes + im->super.area_offset[im->generation % 2];

	memset(p, 0, im->super.area_bytes);
	for (uint32_t i = 0; i < c.segments; i++)
		format_checkpoint_segment_encode(
			p + DISK_BLOCK + (size_t)i * DISK_CHECKPOINT_SEGMENT, &im->table[i]);
	fill_names(im, &c, p);
	if (c.boots) {
		struct format_checkpoint_boot b = {
			.boot = im->header.boot, .first = im->header.clock, .last = im->clock};

		memcpy(b.boot_id, im->header.boot_id, 16);
		format_checkpoint_boot_encode(p + format_checkpoint_boots_at(&c), &b);
	}
	c.bytes = format_checkpoint_bytes(&c);
	format_checkpoint_encode(p, &im->super, &c);
}

struct simdisk *image_disk(const struct image *im)
{
	return simdisk_from_image(im->bytes, im->super.volume_bytes, 1);
}

static void sample_segment(struct image *im, uint32_t base)
{
	const int64_t ms = NSEC_PER_MSEC;

	image_camera(im, 1, "gate-01");
	image_camera(im, 2, "yard.02");
	image_clock(im, (base + 1) * NSEC_PER_SEC,
		    im->clock.utc_ns - im->clock.mono_ns + (base + 1) * NSEC_PER_SEC, true);
	for (uint32_t i = 0; i < 6; i++)
		image_frame(im, 1 + i % 2, base + i, base * NSEC_PER_SEC + i * 40 * ms,
			    700 + 97 * i);
	image_chunk(im, false);
	image_frame(im, 1, base + 6, base * NSEC_PER_SEC + 300 * ms, 40000);
	image_chunk(im, true);
	image_loss(im, 2, base * NSEC_PER_SEC + 310 * ms, 3);
	image_loss(im, 1, base * NSEC_PER_SEC + 311 * ms, 1);
	image_motion(im, 1, base * NSEC_PER_SEC + 300 * ms);
	image_note(im, "threshold changed", base * NSEC_PER_SEC + 320 * ms);
	image_chunk(im, false);
	image_frame(im, 2, base + 7, base * NSEC_PER_SEC + 340 * ms, 9000);
	image_motion(im, 2, base * NSEC_PER_SEC + 340 * ms);
	image_chunk(im, false);
}

struct image *image_sample(void)
{
	struct image *im = image_new();

	image_checkpoint(im, false);
	image_segment(im, 0, 1, 1);
	sample_segment(im, 10);
	image_seal(im);
	image_segment(im, 1, 2, 1);
	sample_segment(im, 110);
	image_seal(im);
	image_checkpoint(im, false);
	image_segment(im, 2, 3, 2);
	sample_segment(im, 20);
	image_seal(im);
	image_segment(im, 3, 4, 2);
	sample_segment(im, 120);
	return im;
}
