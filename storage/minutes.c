/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/minutes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"

/* Written when it is of so many segments (of the store's: a search then opens few segments that
 * are not covered, and few records for those that are), or so many bytes. */
#define DUE_SHARE    128u
#define DUE_MIN      8u
#define DUE_MAX      1024u
#define DUE_BYTES    (1u << 20)
#define DUE_FRACTION 16u /* of a segment */
#define MAX_FRACTION 4u  /* more than this of a segment is not written at all */

struct entry {
	struct format_minute minute;
	int64_t key; /* format_minute_of */
	uint32_t camera_id, boot;
	int64_t least_offset_ns, greatest_offset_ns;
	bool clock;      /* the offsets hold something */
	uint32_t before; /* entry of the same camera before this one, plus one; 0: none */
	size_t bits;     /* place in the pool of bitmaps */
	uint32_t bytes;  /* of the whole bitmap */
};

struct minutes {
	struct entry *entry;
	uint32_t entries, entries_size;
	uint8_t *bits;
	size_t bits_used, bits_size;
	uint32_t *last; /* by camera: its newest entry plus one; 0: none */
	struct format_minutes_range *range;
	uint32_t ranges, ranges_size;
	struct format_minutes_ref ref[DISK_MINUTES_REFS_MAX]; /* placed ones, newest first */
	uint32_t refs;
	uint32_t segments, due_segments;
	size_t due_bytes, max_bytes;
};

/* What `each` needs of the segment being taken. */
struct taking {
	struct minutes *m;
	const struct format_segment *h;
	const struct format_clock *last;
	bool failed;
};

struct minutes *minutes_create(const struct format_super *super)
{
	struct minutes *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->last = calloc(DISK_CAMERAS_MAX + 1, sizeof(*m->last));
	if (!m->last) {
		free(m);
		return NULL;
	}
	m->due_segments = super->segments / DUE_SHARE;
	if (m->due_segments < DUE_MIN)
		m->due_segments = DUE_MIN;
	if (m->due_segments > DUE_MAX)
		m->due_segments = DUE_MAX;
	m->due_bytes = super->segment_bytes / DUE_FRACTION;
	if (m->due_bytes > DUE_BYTES)
		m->due_bytes = DUE_BYTES;
	m->max_bytes = super->segment_bytes / MAX_FRACTION;
	return m;
}

void minutes_destroy(struct minutes *m)
{
	if (!m)
		return;
	free(m->entry);
	free(m->bits);
	free(m->last);
	free(m->range);
	free(m);
}

static void forget(struct minutes *m)
{
	for (uint32_t i = 0; i < m->entries; i++)
		m->last[m->entry[i].camera_id] = 0;
	m->entries = m->ranges = m->segments = 0;
	m->bits_used = 0;
}

/* The entry this record belongs to; NULL: there is none yet. */
static struct entry *find(struct minutes *m, const struct format_record *rec, uint32_t boot)
{
	const struct record_motion *r = &rec->motion;
	int64_t key = format_minute_of(rec->mono_ns);

	/* Records of a camera come in the order of time, so it is nearly always the first. */
	for (uint32_t at = m->last[rec->camera_id]; at; at = m->entry[at - 1].before) {
		struct entry *e = &m->entry[at - 1];
		const struct format_minute *x = &e->minute;

		if (e->key == key && e->boot == boot && x->cols == r->cols && x->rows == r->rows &&
		    x->cell_px == r->cell_px)
			return e;
		if (e->boot == boot && e->key < key)
			return NULL;
	}
	return NULL;
}

static struct entry *add(struct minutes *m, const struct format_record *rec,
			 const struct format_segment *h)
{
	uint32_t bytes = rec->payload_bytes;

	if (m->entries == m->entries_size) {
		uint32_t size = m->entries_size ? 2 * m->entries_size : 256;
		struct entry *p = reallocarray(m->entry, size, sizeof(*p));

		if (!p)
			return NULL;
		m->entry = p;
		m->entries_size = size;
	}
	if (m->bits_size - m->bits_used < bytes) {
		size_t size = m->bits_size ? 2 * m->bits_size : 64u << 10;

		while (size - m->bits_used < bytes)
			size *= 2;
		uint8_t *p = realloc(m->bits, size);

		if (!p)
			return NULL;
		m->bits = p;
		m->bits_size = size;
	}
	struct entry *e = &m->entry[m->entries];

	*e = (struct entry){
		.minute = {.first_mono_ns = rec->mono_ns,
			   .last_mono_ns = rec->mono_ns,
			   .first_sequence = h->sequence,
			   .cols = rec->motion.cols,
			   .rows = rec->motion.rows,
			   .cell_px = rec->motion.cell_px},
		.key = format_minute_of(rec->mono_ns),
		.camera_id = rec->camera_id,
		.boot = h->boot,
		.before = m->last[rec->camera_id],
		.bits = m->bits_used,
		.bytes = bytes,
	};
	memset(m->bits + m->bits_used, 0, bytes);
	m->bits_used += bytes;
	m->last[rec->camera_id] = ++m->entries;
	return e;
}

static void widen_clock(struct entry *e, const struct format_clock *c)
{
	int64_t offset;

	if ((!c->mono_ns && !c->utc_ns) || __builtin_sub_overflow(c->utc_ns, c->mono_ns, &offset))
		return;
	if (!e->clock || offset < e->least_offset_ns)
		e->least_offset_ns = offset;
	if (!e->clock || offset > e->greatest_offset_ns)
		e->greatest_offset_ns = offset;
	e->clock = true;
}

static void take_record(void *ctx, const struct format_record *rec, const uint8_t *payload)
{
	struct taking *t = ctx;
	struct minutes *m = t->m;

	if (rec->kind != RECORD_MOTION || t->failed)
		return;
	struct entry *e = find(m, rec, t->h->boot);

	if (!e)
		e = add(m, rec, t->h);
	if (!e) {
		t->failed = true;
		return;
	}
	struct format_minute *x = &e->minute;
	uint8_t *bits = m->bits + e->bits;

	for (uint32_t i = 0; i < e->bytes; i++)
		bits[i] |= payload[i];
	if (rec->mono_ns < x->first_mono_ns)
		x->first_mono_ns = rec->mono_ns;
	if (rec->mono_ns > x->last_mono_ns)
		x->last_mono_ns = rec->mono_ns;
	x->span = (uint32_t)(t->h->sequence - x->first_sequence);
	x->frames++;
	x->zones |= rec->motion.zones;
	if (rec->motion.moved > x->moved)
		x->moved = rec->motion.moved;
	if (rec->motion.level > x->level)
		x->level = rec->motion.level;
	widen_clock(e, &t->h->clock);
	widen_clock(e, t->last);
}

static bool add_range(struct minutes *m, uint64_t sequence)
{
	struct format_minutes_range *r = m->ranges ? &m->range[m->ranges - 1] : NULL;

	if (r && r->first + r->count == sequence) {
		r->count++;
		return true;
	}
	if (m->ranges == m->ranges_size) {
		uint32_t size = m->ranges_size ? 2 * m->ranges_size : 16;
		struct format_minutes_range *p = reallocarray(m->range, size, sizeof(*p));

		if (!p)
			return false;
		m->range = p;
		m->ranges_size = size;
	}
	m->range[m->ranges++] = (struct format_minutes_range){.first = sequence, .count = 1};
	return true;
}

void minutes_take(struct minutes *m, const struct format_segment *h, const struct seal *l,
		  const struct format_clock *last)
{
	struct taking t = {.m = m, .h = h, .last = last};

	/* Entries of a segment that ends up uncovered do no harm: they say too much. */
	seal_each(l, 0, take_record, &t);
	if (!t.failed && add_range(m, h->sequence))
		m->segments++;
}

/* At most what it will take: zeros around the bitmaps are left out yet. */
static size_t size_of(const struct minutes *m)
{
	return m->bits_used + (size_t)m->entries * (DISK_MINUTES_ENTRY + DISK_RECORD_ALIGN);
}

bool minutes_due(const struct minutes *m)
{
	return m->segments >= m->due_segments || (m->segments && size_of(m) >= m->due_bytes);
}

static int by_camera(const void *a, const void *b, void *entries)
{
	const struct entry *e = entries;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	const struct entry *x = &e[i], *y = &e[j];

	if (x->camera_id != y->camera_id)
		return x->camera_id < y->camera_id ? -1 : 1;
	if (x->boot != y->boot)
		return x->boot < y->boot ? -1 : 1;
	return i < j ? -1 : i > j;
}

static bool same_group(const struct entry *x, const struct entry *y)
{
	return x->camera_id == y->camera_id && x->boot == y->boot;
}

/* Leaves out the zeros at both ends. */
static const uint8_t *trim(const struct minutes *m, struct entry *e)
{
	const uint8_t *bits = m->bits + e->bits;
	uint32_t first = 0, end = e->bytes;

	while (first < end && !bits[first])
		first++;
	while (end > first && !bits[end - 1])
		end--;
	e->minute.skipped = first;
	e->minute.bit_bytes = end - first;
	return bits + first;
}

static void widen_group(struct format_minutes_group *g, const struct entry *e)
{
	bool first = g->entries == 0;
	bool none = !g->least_offset_ns && !g->greatest_offset_ns;

	if (first || e->minute.first_mono_ns < g->first_mono_ns)
		g->first_mono_ns = e->minute.first_mono_ns;
	if (first || e->minute.last_mono_ns > g->last_mono_ns)
		g->last_mono_ns = e->minute.last_mono_ns;
	g->entries++;
	if (!e->clock)
		return;
	if (none || e->least_offset_ns < g->least_offset_ns)
		g->least_offset_ns = e->least_offset_ns;
	if (none || e->greatest_offset_ns > g->greatest_offset_ns)
		g->greatest_offset_ns = e->greatest_offset_ns;
}

/* Groups and entries of what `order` says, behind the tables. Returns the payload's length. */
static size_t put_groups(struct minutes *m, const uint32_t *order, uint8_t *p, uint32_t groups_at,
			 uint32_t at)
{
	for (uint32_t i = 0; i < m->entries;) {
		struct entry *first = &m->entry[order[i]];
		struct format_minutes_group g = {
			.camera_id = first->camera_id, .boot = first->boot, .offset = at};

		for (; i < m->entries && same_group(first, &m->entry[order[i]]); i++) {
			struct entry *e = &m->entry[order[i]];
			const uint8_t *bits = trim(m, e);

			widen_group(&g, e);
			at += (uint32_t)format_minute_encode(p + at, &e->minute, bits);
		}
		g.bytes = at - g.offset;
		g.crc = format_crc32c(0, p + g.offset, g.bytes);
		format_minutes_group_encode(p + groups_at, &g);
		groups_at += DISK_MINUTES_GROUP;
	}
	return at;
}

static void put_tables(const struct minutes *m, uint8_t *p)
{
	uint8_t *at = p + DISK_MINUTES_HEAD;

	for (uint32_t i = 0; i < m->ranges; i++, at += DISK_MINUTES_RANGE)
		format_minutes_range_encode(at, &m->range[i]);
	for (uint32_t i = 0; i < m->refs; i++, at += DISK_MINUTES_REF)
		format_minutes_ref_encode(at, &m->ref[i]);
}

static int build(struct minutes *m, uint8_t **out, struct format_minutes_ref *at)
{
	struct format_minutes head = {.ranges = m->ranges, .refs = m->refs};
	CLEANUP_FREE uint32_t *order = calloc(m->entries + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->entries; i++)
		order[i] = i;
	qsort_r(order, m->entries, sizeof(*order), by_camera, m->entry);
	for (uint32_t i = 0; i < m->entries; i++)
		head.groups += !i || !same_group(&m->entry[order[i]], &m->entry[order[i - 1]]);
	head.tables_bytes = format_minutes_tables(head.ranges, head.refs, head.groups);
	if (head.tables_bytes + size_of(m) > m->max_bytes)
		return -EMSGSIZE;
	uint8_t *p = calloc(1, head.tables_bytes + size_of(m));

	if (!p)
		return -ENOMEM;
	at->bytes = (uint32_t)put_groups(m, order, p, format_minutes_groups_at(&head),
					 head.tables_bytes);
	at->tables_bytes = head.tables_bytes;
	put_tables(m, p);
	format_minutes_encode(p, &head);
	*out = p;
	return 0;
}

int minutes_build(struct minutes *m, uint8_t **out, struct format_minutes_ref *at)
{
	int err = build(m, out, at);

	forget(m);
	return err;
}

void minutes_placed(struct minutes *m, const struct format_minutes_ref *at)
{
	uint32_t keep = m->refs < DISK_MINUTES_REFS_MAX ? m->refs : DISK_MINUTES_REFS_MAX - 1;

	memmove(&m->ref[1], &m->ref[0], keep * sizeof(m->ref[0]));
	m->ref[0] = *at;
	m->refs = keep + 1;
}

struct format_minutes_ref minutes_newest(const struct minutes *m, uint64_t durable)
{
	for (uint32_t i = 0; i < m->refs; i++)
		if (m->ref[i].position + m->ref[i].bytes <= durable)
			return m->ref[i];
	return (struct format_minutes_ref){0};
}

void minutes_cut(struct minutes *m, uint64_t position)
{
	uint32_t gone = 0;

	while (gone < m->refs && m->ref[gone].position + m->ref[gone].bytes > position)
		gone++;
	m->refs -= gone;
	memmove(&m->ref[0], &m->ref[gone], m->refs * sizeof(m->ref[0]));
}
