/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/storage/lab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/disk_format.h"
#include "storage/reader_impl.h"

#define NEED(cond)                                                                 \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

/* An empty store as store_create makes it. */
static struct simdisk *make_disk(unsigned mib, uint32_t segment_bytes)
{
	char dir[] = "/tmp/matlang-lab-XXXXXX", path[64];
	const char *dirs[1] = {dir};
	const struct store_create_options o = {
		.size_bytes = (uint64_t)mib << 20, .segment_bytes = segment_bytes, .sparse = true};
	struct errmsg em = {0};
	uint8_t *image = malloc((size_t)mib << 20);

	NEED(image && mkdtemp(dir));
	if (store_create(dirs, 1, &o, &em)) {
		fprintf(stderr, "%s\n", em.text);
		abort();
	}
	snprintf(path, sizeof(path), "%s/" DISK_VOLUME_FILE, dir);
	FILE *f = fopen(path, "rb");

	NEED(f && fread(image, 1, (size_t)mib << 20, f) == (size_t)mib << 20);
	fclose(f);
	NEED(!unlink(path) && !rmdir(dir));
	struct simdisk *sd = simdisk_from_image(image, (uint64_t)mib << 20, 1);

	free(image);
	NEED(sd);
	return sd;
}

static void release(struct frame *f)
{
	struct lab *lab = f->owner;

	lab->released++;
	/* Whoever still writes from it is found out by the simulated disk. */
	memset(f->slot, 0xee, f->slot_size);
}

struct lab *lab_new(unsigned mib, uint32_t segment_bytes, size_t slot_bytes)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	void *slab;

	NEED(lab);
	lab->disk = make_disk(mib, segment_bytes);
	lab->slot_bytes = ALIGN_UP(slot_bytes + FRAME_TRAILER_ROOM, (size_t)FRAME_BLOCK);
	NEED(!posix_memalign(&slab, FRAME_BLOCK, LAB_SLOTS * lab->slot_bytes));
	lab->slab = slab;
	for (unsigned i = 0; i < LAB_SLOTS; i++)
		lab->frame[i] = (struct frame){.slot = lab->slab + i * lab->slot_bytes,
					       .slot_size = lab->slot_bytes,
					       .buf_index = -1,
					       .release = release,
					       .owner = lab};
	lab->options = (struct store_options){.commit_ns = NSEC_PER_MSEC,
					      .direct_bytes = 64 << 10,
					      .memory_bytes = 2 << 20,
					      .io = &simdisk_io};
	NEED(!reactor_create(&lab->reactor, 64, NULL));
	return lab;
}

void lab_use_disk(struct lab *lab, struct simdisk *disk, uint64_t durable)
{
	NEED(!lab->store);
	simdisk_free(lab->disk);
	lab->disk = disk;
	/* Behind the durable position a record may be there or not. */
	bool behind = false;

	for (size_t i = 0; i < lab->records; i++) {
		behind = behind || lab->record[i].position > durable;
		lab->record[i].lost = lab->record[i].lost || behind;
	}
	lab->durable = 0;
}

void lab_free(struct lab *lab)
{
	NEED(!lab->store);
	simdisk_free(lab->disk);
	reactor_destroy(lab->reactor);
	free(lab->slab);
	free(lab->record);
	free(lab);
}

static void on_lost(void *ctx, const struct loss *l)
{
	struct lab *lab = ctx;
	uint64_t left = l->count;

	lab->lost_calls++;
	lab->lost_frames += l->count;
	NEED(l->cause == LOSS_WRITE_ERROR);
	/* All frames of that camera in its span, which were not durable. */
	for (size_t i = lab->records; i-- > 0 && left;) {
		struct lab_record *r = &lab->record[i];

		if (r->kind != RECORD_FRAME || r->camera_id != l->camera_id || r->lost ||
		    r->mono_ns < l->first_mono_ns || r->mono_ns > l->last_mono_ns)
			continue;
		NEED(r->position > lab->durable);
		r->lost = true;
		left--;
	}
	NEED(!left);
}

static void on_trouble(void *ctx, const char *why)
{
	struct lab *lab = ctx;

	lab->troubles++;
	snprintf(lab->trouble, sizeof(lab->trouble), "%s", why);
}

static void on_durable(void *ctx, uint64_t position)
{
	struct lab *lab = ctx;

	NEED(position > lab->durable);
	lab->durable = position;
}

void lab_open(struct lab *lab)
{
	static const struct store_callbacks cb = {
		.lost = on_lost, .trouble = on_trouble, .durable = on_durable};
	static const char *const names[] = {"gate-01", "gate-02", "yard"};
	struct errmsg em = {0};

	lab->options.io_ctx = lab->disk;
	int err = store_open(&lab->store, "box", lab->reactor, &lab->options, &cb, lab, &em);

	if (err) {
		fprintf(stderr, "%d %s\n", err, em.text);
		abort();
	}
	for (unsigned i = 0; i < 3; i++)
		NEED(!store_camera(lab->store, names[i], &lab->camera[i]));
}

int lab_close(struct lab *lab)
{
	int err = store_close(lab->store);

	lab->store = NULL;
	return err;
}

void lab_turns(struct lab *lab, unsigned n)
{
	while (n--)
		NEED(!reactor_turn(lab->reactor, 0));
}

void lab_sync(struct lab *lab)
{
	struct store_stats st;

	for (unsigned i = 0;; i++) {
		store_stats(lab->store, &st);
		if (st.durable >= st.appended || strstr(st.trouble, "nothing is recorded"))
			return;
		NEED(i < 100000);
		store_commit(lab->store);
		NEED(!reactor_turn(lab->reactor, NSEC_PER_MSEC));
	}
}

static struct lab_record *add(struct lab *lab, enum record_kind kind, uint32_t camera)
{
	if (lab->records == lab->room) {
		lab->room = lab->room ? 2 * lab->room : 256;
		lab->record = realloc(lab->record, lab->room * sizeof(*lab->record));
		NEED(lab->record);
	}
	struct lab_record *r = &lab->record[lab->records++];

	*r = (struct lab_record){.kind = kind, .camera_id = camera, .sequence = lab->sequence++};
	return r;
}

static void fill(uint8_t *p, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = simdisk_random(&seed);

		memcpy(p + i, &v, n - i < 8 ? n - i : 8);
	}
}

int lab_frame(struct lab *lab, unsigned camera, size_t bytes, unsigned planes)
{
	struct frame *f = NULL;

	for (unsigned i = 0; i < LAB_SLOTS && !f; i++)
		if (!atomic_load(&lab->frame[i].refs))
			f = &lab->frame[i];
	if (!f)
		return -EAGAIN;
	struct lab_record *r = add(lab, RECORD_FRAME, lab->camera[camera]);
	size_t each = bytes / planes, at = 0;

	atomic_store(&f->refs, 1);
	f->camera_id = r->camera_id;
	f->sequence = r->sequence;
	f->mono_ns = r->mono_ns = monotime_now();
	f->fourcc = planes > 1 ? PIXFMT_NM12 : PIXFMT_MJPEG;
	f->width = 640;
	f->height = 480;
	f->nplanes = planes;
	for (unsigned i = 0; i < planes; i++) {
		size_t n = i == planes - 1 ? bytes - each * (planes - 1) : each;

		NEED(at + n <= lab->slot_bytes - FRAME_TRAILER_ROOM);
		fill(f->slot + at, n, r->sequence * 31u + i + 7);
		f->plane[i] = (struct frame_plane){.data = f->slot + at, .bytesused = n};
		r->crc = format_crc32c(r->crc, f->slot + at, n);
		at = ALIGN_UP(at + n, (size_t)FRAME_BLOCK);
	}
	r->bytes = (uint32_t)bytes;
	int err = store_append_frame(lab->store, f, &r->position);

	r->lost = err != 0;
	frame_unref(f);
	return err;
}

int lab_motion(struct lab *lab, unsigned camera)
{
	uint8_t bits[40];
	struct lab_record *r = add(lab, RECORD_MOTION, lab->camera[camera]);
	const struct record_motion m = {.camera_id = r->camera_id,
					.sequence = r->sequence,
					.mono_ns = monotime_now(),
					.cols = 20,
					.rows = 16,
					.cell_px = 32,
					.moved = 3,
					.width = 640,
					.height = 480};

	fill(bits, sizeof(bits), r->sequence);
	r->bytes = sizeof(bits);
	r->crc = format_crc32c(0, bits, sizeof(bits));
	int err = store_append_motion(lab->store, &m, bits);

	r->lost = err != 0;
	return err;
}

int lab_loss(struct lab *lab, unsigned camera, uint64_t count)
{
	struct lab_record *r = add(lab, RECORD_LOSS, lab->camera[camera]);
	const struct loss l = {.camera_id = r->camera_id,
			       .cause = LOSS_DISK_LATE,
			       .count = count,
			       .first_mono_ns = r->sequence,
			       .last_mono_ns = monotime_now()};
	int err = store_append_loss(lab->store, &l);

	r->lost = err != 0;
	return err;
}

int lab_note(struct lab *lab, const char *text)
{
	struct lab_record *r = add(lab, RECORD_NOTE, 0);

	r->bytes = (uint32_t)strlen(text);
	r->crc = format_crc32c(0, text, r->bytes);
	int err = store_append_note(lab->store, 0, text);

	r->lost = err != 0;
	return err;
}

static bool same(struct reader_cursor *c, struct record *rec, const struct lab_record *r)
{
	uint32_t crc = 0;

	if (rec->kind != r->kind || rec->camera_id != r->camera_id)
		return false;
	if (rec->kind == RECORD_LOSS)
		return rec->loss.first_mono_ns == r->sequence;
	NEED(!reader_cursor_load(c, rec));
	if (rec->kind != RECORD_FRAME)
		return rec->payload_bytes == r->bytes &&
		       format_crc32c(0, rec->payload, rec->payload_bytes) == r->crc;
	if (rec->frame.sequence != r->sequence)
		return false;
	for (uint32_t i = 0; i < rec->frame.nplanes; i++)
		crc = format_crc32c(crc, rec->payload + rec->frame.plane[i].offset,
				    rec->frame.plane[i].bytes);
	NEED(crc == r->crc); /* the frame is shown, so it is whole */
	return true;
}

static bool may_miss(const struct lab_record *r, size_t found, enum lab_expect expect)
{
	return r->lost || (expect == LAB_TAIL && !found) || (expect == LAB_GAPS && !r->must);
}

size_t lab_check(struct lab *lab, struct simdisk *disk, uint64_t durable, enum lab_expect expect)
{
	static const struct reader_query q = {
		.camera_id = RECORD_ANY_CAMERA, .kinds = RECORD_MASK_ALL, .to_utc_ns = INT64_MAX};
	struct errmsg em = {0};
	struct reader_cursor *c;
	struct reader *r;
	struct record rec;
	struct reader_damage damage;
	size_t found = 0, at = 0;

	if (reader_open_io(&r, "box", &simdisk_io, disk, &em)) {
		fprintf(stderr, "%s\n", em.text);
		abort();
	}
	NEED(!reader_cursor_open(&c, r, &q, &em));
	while (reader_cursor_next(c, &rec) == 1) {
		size_t i = at;

		if (rec.kind == RECORD_CAMERA || rec.kind == RECORD_CLOCK)
			continue;
		while (i < lab->records && !same(c, &rec, &lab->record[i]))
			i++;
		NEED(i < lab->records);
		/* What was passed over: recycled (before the first), lost, or of no position (small
		 * records) and not durable for all we know. */
		for (size_t k = at; k < i; k++)
			NEED(may_miss(&lab->record[k], found, expect));
		at = i + 1;
		found++;
	}
	for (size_t k = at; k < lab->records; k++)
		NEED(may_miss(&lab->record[k], 1, expect) || !lab->record[k].position ||
		     lab->record[k].position > durable);
	reader_cursor_damage(c, &damage);
	if (damage.records || damage.segments)
		fprintf(stderr, "%s\n", damage.first);
	NEED(!damage.records && !damage.segments);
	reader_cursor_close(c);
	reader_close(r);
	return found;
}
