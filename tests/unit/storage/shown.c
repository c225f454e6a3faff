/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/storage/shown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "storage/reader_impl.h"

const struct reader_query shown_everything = {
	.camera_id = RECORD_ANY_CAMERA, .kinds = RECORD_MASK_ALL, .to_utc_ns = INT64_MAX};

struct reader *shown_open(struct simdisk *sd)
{
	struct reader *r = NULL;
	struct errmsg em = {0};
	int err = reader_open_io(&r, "box", &simdisk_io, sd, &em);

	if (err)
		print_error("%s\n", em.text);
	assert_int_equal(err, 0);
	return r;
}

struct reader_cursor *shown_cursor(struct reader *r, const struct reader_query *q)
{
	struct reader_cursor *c = NULL;
	struct errmsg em = {0};

	assert_int_equal(reader_cursor_open(&c, r, q, &em), 0);
	return c;
}

void shown_check_record(struct reader_cursor *c, struct record *rec, const struct image_record *w)
{
	assert_int_equal(rec->kind, w->rec.kind);
	assert_int_equal(rec->camera_id, w->rec.camera_id);
	assert_int_equal(rec->mono_ns, w->rec.mono_ns);
	assert_true(rec->position == w->position);
	assert_int_equal(rec->payload_bytes, w->rec.payload_bytes);
	if (rec->kind == RECORD_FRAME)
		assert_int_equal(rec->frame.sequence, w->rec.frame.sequence);
	assert_int_equal(reader_cursor_load(c, rec), 0);
	assert_non_null(rec->payload);
	assert_memory_equal(rec->payload, w->payload, rec->payload_bytes);
}

static bool matches(const struct reader_query *q, const struct image_record *w)
{
	return (q->kinds & RECORD_MASK(w->rec.kind)) &&
	       (q->camera_id == RECORD_ANY_CAMERA || q->camera_id == w->rec.camera_id);
}

size_t shown_check_cursor(struct reader_cursor *c, const struct reader_query *q, struct image *im,
			  size_t from, size_t to)
{
	struct record rec;
	size_t n = 0;

	for (size_t i = from; i < to; i++) {
		if (!matches(q, &im->record[i]))
			continue;
		assert_int_equal(reader_cursor_next(c, &rec), 1);
		shown_check_record(c, &rec, &im->record[i]);
		n++;
	}
	return n;
}

void shown_check_end(struct reader_cursor *c, uint64_t records, uint64_t segments)
{
	struct reader_damage d;
	struct record rec;

	assert_int_equal(reader_cursor_next(c, &rec), 0);
	reader_cursor_damage(c, &d);
	if (d.records != records || d.segments != segments)
		print_error("damage: %s\n", d.first);
	assert_int_equal(d.records, records);
	assert_int_equal(d.segments, segments);
	assert_int_equal(d.first[0] != 0, records + segments > 0);
}

void shown_check_query(struct simdisk *sd, const struct reader_query *q, struct image *im,
		       size_t from, size_t to)
{
	struct reader *r = shown_open(sd);
	struct reader_cursor *c = shown_cursor(r, q);

	shown_check_cursor(c, q, im, from, to);
	shown_check_end(c, 0, 0);
	reader_cursor_close(c);
	reader_close(r);
}
