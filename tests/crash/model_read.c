/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reader shows of the store under test, compared with the list. */
#include "tests/crash/model_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/reader_impl.h"

static void show(struct model *m, struct model_shown *out, uint32_t id, uint64_t sequence)
{
	if (out->count == out->room) {
		out->room = out->room ? out->room * 2 : 1024;
		out->id = reallocarray(out->id, out->room, sizeof(*out->id));
		out->sequence = reallocarray(out->sequence, out->room, sizeof(*out->sequence));
		model_check(m, out->id && out->sequence, "no memory");
	}
	out->sequence[out->count] = sequence;
	out->id[out->count++] = id;
}

static uint32_t id_of(const struct record *rec)
{
	char text[64] = "";

	switch (rec->kind) {
	case RECORD_FRAME: return rec->frame.sequence;
	case RECORD_LOSS: return (uint32_t)rec->loss.count;
	case RECORD_MOTION: return rec->motion.sequence;
	case RECORD_EVENT: return (uint32_t)rec->event.number;
	case RECORD_NOTE:
		if (rec->payload_bytes > 5 && rec->payload_bytes < sizeof(text))
			memcpy(text, rec->payload, rec->payload_bytes);
		return (uint32_t)strtoul(text + 5, NULL, 10);
	default: return 0;
	}
}

static void check_payload(struct model *m, const struct model_item *it, const struct record *rec)
{
	uint8_t *want = malloc(it->bytes + 1u);
	size_t done = 0;

	model_check(m, want, "no memory");
	model_fill(want, it->bytes, m->seed, it->id);
	if (rec->kind == RECORD_NOTE) {
		snprintf((char *)want, it->bytes + 1u, "note %" PRIu32, it->id);
		done = it->bytes;
		model_check(m, rec->payload_bytes == it->bytes && !memcmp(rec->payload, want, done),
			    "note %" PRIu32 " has another text", it->id);
	} else if (rec->kind != RECORD_FRAME) {
		done = rec->payload_bytes;
		model_check(m, done == it->bytes && !memcmp(rec->payload, want, done),
			    "record %" PRIu32 " has other bytes", it->id);
	}
	for (unsigned i = 0; rec->kind == RECORD_FRAME && i < rec->frame.nplanes; i++) {
		size_t n = rec->frame.plane[i].bytes;

		model_check(
			m,
			n <= it->bytes - done &&
				!memcmp(rec->payload + rec->frame.plane[i].offset, want + done, n),
			"frame %" PRIu32 " has other bytes in plane %u", it->id, i);
		done += n;
	}
	model_check(m, done == it->bytes, "record %" PRIu32 " has %zu bytes of %" PRIu32, it->id,
		    done, it->bytes);
	free(want);
}

static void check_record(struct model *m, struct reader *r, struct reader_cursor *c,
			 struct record *rec, uint32_t last[MODEL_CAMERAS][8],
			 struct model_shown *out)
{
	uint32_t camera = 0, id;
	int err = reader_cursor_load(c, rec);

	model_check(m, !err, "a record of kind %d at %" PRIu64 " cannot be loaded: %s", rec->kind,
		    rec->position, strerror(-err));
	id = id_of(rec);
	model_check(m, id >= 1 && id <= m->items,
		    "a record of kind %d at %" PRIu64 " was never appended", rec->kind,
		    rec->position);
	const struct model_item *it = &m->item[id - 1];

	while (camera < MODEL_CAMERAS &&
	       strcmp(reader_camera_name(r, rec->camera_id), model_names[camera]))
		camera++;
	model_check(m, it->kind == rec->kind && it->camera == camera,
		    "record %" PRIu32 " has another kind or camera", id);
	model_check(m, rec->kind == RECORD_NOTE || rec->mono_ns == it->mono_ns,
		    "record %" PRIu32 " has another time", id);
	model_check(m, rec->clock != RECORD_CLOCK_UNKNOWN, "record %" PRIu32 " has no date", id);
	check_payload(m, it, rec);
	model_check(m, id > last[camera][rec->kind], "record %" PRIu32 " comes after %" PRIu32, id,
		    last[camera][rec->kind]);
	last[camera][rec->kind] = id;
	if (rec->kind == RECORD_FRAME)
		out->frames[camera]++;
	show(m, out, id, rec->position / m->segment_bytes);
}

/* A lock that counts is told of, with what was said of it. */
static void check_locks(struct model *m, struct reader *r)
{
	bool found = false;

	for (size_t i = 0; i < reader_lock_count(r); i++) {
		const struct record_lock *l = reader_lock_at(r, i);

		model_check(m, !strcmp(l->why, "case 17") && l->from_utc_ns < l->to_utc_ns,
			    "lock %" PRIu64 " was never made like this", l->number);
		found |= l->number == m->lock_number;
	}
	model_check(m, found || !m->lock_position || m->lock_position > m->durable,
		    "lock %" PRIu64 " (at %" PRIu64 ", durable %" PRIu64
		    ") was durable and is gone",
		    m->lock_number, m->lock_position, m->durable);
}

void model_read(struct model *m, struct simdisk *disk, struct model_shown *out)
{
	model_read_io(m, "box", &simdisk_io, disk, out);
}

void model_read_io(struct model *m, const char *dirs, const struct storage_io_ops *io, void *ctx,
		   struct model_shown *out)
{
	const struct reader_query q = {.camera_id = RECORD_ANY_CAMERA,
				       .kinds = RECORD_MASK_ALL & ~RECORD_MASK(RECORD_CLOCK) &
						~RECORD_MASK(RECORD_CAMERA),
				       .to_utc_ns = INT64_MAX};
	uint32_t last[MODEL_CAMERAS][8] = {{0}};
	struct reader_cursor *c = NULL;
	struct reader *r = NULL;
	struct reader_damage d;
	struct errmsg em = {0};
	struct record rec;
	int got;

	*out = (struct model_shown){0};
	got = reader_open_io(&r, dirs, io, ctx, &em);
	model_check(m, !got, "the reader cannot open it: %s", em.text);
	model_check(m, !reader_cursor_open(&c, r, &q, &em), "%s", em.text);
	while ((got = reader_cursor_next(c, &rec)) == 1)
		check_record(m, r, c, &rec, last, out);
	model_check(m, !got, "reading: %s", strerror(-got));
	reader_cursor_damage(c, &d);
	model_check(m, !d.records && !d.segments && !d.stale, "damage after a crash: %s", d.first);
	check_locks(m, r);
	reader_cursor_close(c);
	reader_close(r);
}

void model_shown_free(struct model_shown *s)
{
	free(s->id);
	free(s->sequence);
	*s = (struct model_shown){0};
}

bool model_same_shown(const struct model_shown *a, const struct model_shown *b)
{
	return a->count == b->count &&
	       (!a->count || !memcmp(a->id, b->id, a->count * sizeof(*a->id)));
}

void model_check_follows(struct model *m, const struct model_shown *a, const struct model_shown *b)
{
	size_t i = 0, j = 0;

	for (; i < a->count; i++) {
		if (j < b->count && a->id[i] == b->id[j])
			j++;
		else
			model_check(m,
				    i == 0 || a->sequence[i] == a->sequence[i - 1] || j == 0 ||
					    m->locked_to,
				    "record %" PRIu32 " was there before the store went on",
				    a->id[i]);
	}
}

/* Whether a record with that sequence or a higher one of its segment is shown. */
static bool segment_is_shown(const struct model_shown *s, uint64_t sequence)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->sequence[i] == sequence)
			return true;
	return false;
}

static size_t segments_shown(const struct model_shown *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += i == 0 || s->sequence[i] != s->sequence[i - 1];
	return n;
}

void model_check_durable(struct model *m, const struct model_shown *s)
{
	bool *there = calloc(m->items + 1, sizeof(*there));
	uint64_t oldest_whole = 0;

	model_check(m, there, "no memory");
	for (size_t i = 0; i < s->count; i++)
		there[s->id[i]] = true;
	for (size_t i = 0; i < m->items; i++) {
		const struct model_item *it = &m->item[i];
		/* The byte before `position` is its last one. */
		uint64_t sequence = it->position ? (it->position - 1) / m->segment_bytes : 0;

		if (!it->position || it->position > m->durable || it->lost)
			continue;
		if (there[it->id]) {
			if (!it->locked && !oldest_whole)
				oldest_whole = sequence;
			continue;
		}
		model_check(m, !it->locked || m->lock_position > m->durable,
			    "durable record %" PRIu32 " is gone though it was locked", it->id);
		model_check(m, !segment_is_shown(s, sequence),
			    "durable record %" PRIu32 " is missing, others of its segment %" PRIu64
			    " are not",
			    it->id, sequence);
		model_check(m, !oldest_whole || m->locked_to,
			    "durable segment %" PRIu64 " is missing, older ones are not", sequence);
		model_check(m, segments_shown(s) + 5 >= m->segments,
			    "durable record %" PRIu32 " (segment %" PRIu64
			    ") is missing, and there was room: %zu segments of %" PRIu32
			    " hold something",
			    it->id, sequence, segments_shown(s), m->segments);
	}
	free(there);
}
