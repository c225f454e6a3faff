/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/reader_minutes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "storage/format_minutes.h"
#include "storage/reader_impl.h"

/* Seals looked at for the newest record. Those that recovery or a repair wrote name none. */
#define SEALS_MAX 64u
/* Fewer segments than this are opened faster than minute maps are found. */
#define SEGMENTS_MIN 4u
/* As reader_clock.c's: two samples may differ by the time between reading the two clocks. */
#define SLACK (2 * NSEC_PER_SEC)

struct reader_minutes {
	struct reader *r;
	struct reader_query q;
	struct format_minutes_ref *ref; /* newest first; read from the end */
	size_t refs, refs_size;

	/* What is covered and wanted, by the segment's place in the table. */
	struct coverage {
		uint64_t sequence; /* 0: not covered */
		bool wanted;
	} * segment;

	/* The record being shown. */
	uint8_t *mem;
	size_t mem_size;
	const uint8_t *payload; /* [from, ...) of it, in mem */
	uint32_t from, bytes;   /* bytes: of all of it */
	uint8_t *tables;        /* its head and tables; NULL: none is being shown */
	struct format_minutes head;
	uint32_t group, entries; /* next group; entries left of the one before it */
	struct format_minutes_group g;
	const uint8_t *at;
	size_t left;
	struct format_minute last; /* for want */

	struct reader_minutes_cost cost;
};

/* The place in the table of the segment of this sequence, DISK_NO_SEGMENT: gone. */
static uint32_t place_of(const struct reader *r, uint64_t sequence)
{
	size_t i = reader_index_find(r, sequence);

	return i < r->used && r->segment[r->order[i]].sequence == sequence ? r->order[i]
									   : DISK_NO_SEGMENT;
}

/* Where the record would be; false: its segment is gone, or it never was one. */
static bool locate(const struct reader *r, const struct format_minutes_ref *ref, uint32_t *index,
		   uint32_t *offset)
{
	*index = place_of(r, ref->position / r->super.segment_bytes);
	*offset = (uint32_t)(ref->position % r->super.segment_bytes);
	return *index != DISK_NO_SEGMENT && *offset >= DISK_BLOCK &&
	       *offset <= r->segment[*index].end && ref->tables_bytes >= DISK_MINUTES_HEAD &&
	       ref->tables_bytes <= ref->bytes && ref->bytes <= r->segment[*index].end - *offset;
}

/* Reads [from, to) of a payload. */
static int read_part(struct reader_minutes *m, uint32_t index, uint32_t offset, uint32_t from,
		     uint32_t to)
{
	struct reader *r = m->r;
	uint32_t first = (offset + from) & ~(DISK_BLOCK - 1);
	uint64_t end = ALIGN_UP((uint64_t)offset + to, (uint64_t)DISK_BLOCK);
	size_t n = (size_t)(end - first);

	if (end > r->super.segment_bytes)
		return -EBADMSG;
	if (n > m->mem_size) {
		free(m->mem);
		m->mem_size = 0;
		m->mem = reader_alloc(n);
		if (!m->mem)
			return -ENOMEM;
		m->mem_size = n;
	}
	int err =
		r->io->ops->read(r->io, m->mem, n, format_segment_offset(&r->super, index) + first);

	m->cost.bytes += n;
	m->payload = m->mem + (offset + from - first);
	m->from = from;
	return err;
}

/* Head and tables into m->payload, checked. */
static int read_tables(struct reader_minutes *m, const struct format_minutes_ref *ref,
		       uint32_t bytes)
{
	uint32_t index, offset;

	if (!locate(m->r, ref, &index, &offset))
		return -ESTALE;
	int err = read_part(m, index, offset, 0, bytes);

	if (!err)
		err = format_minutes_decode(m->payload, ref, &m->head);
	if (!err)
		err = format_minutes_check(m->payload, &m->head);
	/* Recycled while it was read: no damage. */
	if (err == -EBADMSG &&
	    reader_index_stale(m->r, index, ref->position / m->r->super.segment_bytes,
			       m->r->segment[index].nonce))
		err = -ESTALE;
	return err;
}

static int add_ref(struct reader_minutes *m, const struct format_minutes_ref *ref)
{
	if (m->refs == m->refs_size) {
		size_t size = m->refs_size ? 2 * m->refs_size : 64;
		void *p = reallocarray(m->ref, size, sizeof(*m->ref));

		if (!p)
			return -ENOMEM;
		m->ref = p;
		m->refs_size = size;
	}
	m->ref[m->refs++] = *ref;
	return 0;
}

/* Whether the records that lie before this one may be of the time asked for: what a record covers
 * is older than the record. */
static bool too_old(const struct reader_minutes *m, const struct format_minutes_ref *ref)
{
	uint32_t index, offset;
	int64_t from, to;

	return m->q.from_utc_ns > 0 && locate(m->r, ref, &index, &offset) &&
	       (!reader_clock_range(m->r, &m->r->segment[index], &from, &to) ||
		to < m->q.from_utc_ns);
}

/* The records before ref[at], from its own table; 0 also when it cannot be read. *more: found. */
static int add_older(struct reader_minutes *m, size_t at, bool *more)
{
	const struct format_minutes_ref ref = m->ref[at];
	int err = read_tables(m, &ref, ref.tables_bytes);

	if (err)
		return err == -ENOMEM ? err : 0;
	for (uint32_t i = 0; i < m->head.refs; i++) {
		const struct format_minutes_ref older =
			format_minutes_ref_decode(m->payload + format_minutes_refs_at(&m->head) +
						  (size_t)i * DISK_MINUTES_REF);

		/* Ever further back, so that this comes to an end whatever the disk holds. */
		if (older.position >= m->ref[m->refs - 1].position)
			continue;
		if (too_old(m, &older))
			break;
		err = add_ref(m, &older);
		if (err)
			return err;
		*more = true;
	}
	return 0;
}

/* All records, newest first. Each names several before it, so that a damaged one breaks no chain
 * and only every sixteenth need be looked at here. */
static int collect(struct reader_minutes *m)
{
	size_t done = 0;

	while (done < m->refs) {
		size_t known = m->refs;
		bool more = false;

		for (size_t at = known; at-- > done && !more;) {
			int err = add_older(m, at, &more);

			if (err)
				return err;
		}
		done = known;
	}
	return 0;
}

/* The newest record, by the newest seals; where it is damaged, one before it as well. */
static int find_newest(struct reader_minutes *m)
{
	struct reader *r = m->r;
	struct format_seal f;
	unsigned looked = 0;

	for (size_t i = r->used; i-- > 0 && looked < SEALS_MAX;) {
		uint32_t index = r->order[i], at, offset;
		const struct reader_segment *e = &r->segment[index];
		struct format_minutes_ref ref;

		if (e->state != FORMAT_SEALED)
			continue;
		looked++;
		if (reader_seal(r, index, e->sequence, e->nonce, &f) || !f.minutes.position)
			continue;
		ref = f.minutes;
		if (!locate(r, &ref, &at, &offset) ||
		    (m->refs && ref.position >= m->ref[m->refs - 1].position))
			continue;
		int err = add_ref(m, &ref);

		if (!err)
			err = read_tables(m, &ref, ref.tables_bytes);
		if (!err || err == -ENOMEM)
			return err;
	}
	return 0;
}

static bool in_time(const struct reader_minutes *m, uint32_t index)
{
	int64_t from, to;

	return reader_clock_range(m->r, &m->r->segment[index], &from, &to) &&
	       to >= m->q.from_utc_ns && from < m->q.to_utc_ns;
}

static uint64_t count_segments(const struct reader_minutes *m)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->r->used; i++)
		n += in_time(m, m->r->order[i]);
	return n;
}

int reader_minutes_open(struct reader_minutes **out, struct reader *r, const struct reader_query *q,
			struct errmsg *em)
{
	struct reader_minutes *m = calloc(1, sizeof(*m));
	int err = -ENOMEM;

	if (m)
		m->segment = calloc(r->super.segments, sizeof(*m->segment));
	if (m && m->segment) {
		m->r = r;
		m->q = *q;
		m->cost.segments = count_segments(m);
		err = m->cost.segments >= SEGMENTS_MIN ? find_newest(m) : 0;
		if (!err)
			err = collect(m);
	}
	if (err) {
		reader_minutes_close(m);
		return errmsg_set(em, err, "no memory to search %s", r->dir);
	}
	*out = m;
	return 0;
}

void reader_minutes_close(struct reader_minutes *m)
{
	if (!m)
		return;
	free(m->ref);
	free(m->segment);
	free(m->mem);
	free(m->tables);
	free(m);
}

/* --- one record ---------------------------------------------------------------------------- */

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

/* Whether moments [first, last] of the group may be dated into the time asked for. */
static bool wants_time(const struct reader_minutes *m, const struct format_minutes_group *g,
		       int64_t first, int64_t last)
{
	const struct reader_boot *b = reader_clock_boot(m->r, g->boot);
	int64_t least = g->least_offset_ns, greatest = g->greatest_offset_ns, offset;
	bool clock = least || greatest;

	if (m->q.from_utc_ns <= 0 && m->q.to_utc_ns == INT64_MAX)
		return true;
	if (b && (b->last.mono_ns || b->last.utc_ns) &&
	    !__builtin_sub_overflow(b->last.utc_ns, b->last.mono_ns, &offset)) {
		least = !clock || offset < least ? offset : least;
		greatest = !clock || offset > greatest ? offset : greatest;
		clock = true;
	}
	/* No clock: could be any time. */
	return !clock || (add(add(last, greatest), SLACK) >= m->q.from_utc_ns &&
			  add(add(first, least), -SLACK) < m->q.to_utc_ns);
}

static bool wants_group(const struct reader_minutes *m, const struct format_minutes_group *g)
{
	return (m->q.camera_id == RECORD_ANY_CAMERA || m->q.camera_id == g->camera_id) &&
	       wants_time(m, g, g->first_mono_ns, g->last_mono_ns);
}

static int group_at(const struct reader_minutes *m, uint32_t i, struct format_minutes_group *g)
{
	return format_minutes_group_decode(m->tables + format_minutes_groups_at(&m->head) +
						   (size_t)i * DISK_MINUTES_GROUP,
					   &m->head, m->bytes, g);
}

/* Its segments are covered from now on. */
static void cover(struct reader_minutes *m)
{
	const struct reader *r = m->r;

	for (uint32_t i = 0; i < m->head.ranges; i++) {
		const struct format_minutes_range range = format_minutes_range_decode(
			m->tables + DISK_MINUTES_HEAD + (size_t)i * DISK_MINUTES_RANGE);

		for (size_t n = reader_index_find(r, range.first); n < r->used; n++) {
			struct coverage *c = &m->segment[r->order[n]];
			uint64_t sequence = r->segment[r->order[n]].sequence;

			if (sequence - range.first >= range.count)
				break;
			/* Wanted once, wanted for good: that only makes more be read. */
			c->sequence = sequence;
		}
	}
}

/* They are not, after all. */
static void uncover(struct reader_minutes *m)
{
	for (uint32_t i = 0; i < m->head.ranges; i++) {
		const struct format_minutes_range range = format_minutes_range_decode(
			m->tables + DISK_MINUTES_HEAD + (size_t)i * DISK_MINUTES_RANGE);

		for (uint32_t n = 0; n < m->r->super.segments; n++)
			if (m->segment[n].sequence >= range.first &&
			    m->segment[n].sequence - range.first < range.count)
				m->segment[n].sequence = 0;
	}
}

/* 1: *g is the next group wanted, from *i on, and *i is behind it; 0: no more. */
static int next_wanted(const struct reader_minutes *m, uint32_t *i, struct format_minutes_group *g)
{
	while (*i < m->head.groups) {
		int err = group_at(m, (*i)++, g);

		if (err)
			return err;
		if (wants_group(m, g))
			return 1;
	}
	return 0;
}

/* The part of the payload that the groups wanted lie in; from > to: none. */
static int part_wanted(const struct reader_minutes *m, uint32_t *from, uint32_t *to)
{
	struct format_minutes_group g;
	uint32_t i = 0;
	int more;

	*from = UINT32_MAX;
	*to = 0;
	while ((more = next_wanted(m, &i, &g)) > 0) {
		*from = g.offset < *from ? g.offset : *from;
		*to = g.offset + g.bytes > *to ? g.offset + g.bytes : *to;
	}
	return more;
}

/* Every group that is wanted must hold before anything of the record counts. `to`: what was read
 * goes so far. */
static int check_groups(const struct reader_minutes *m, uint32_t to)
{
	struct format_minutes_group g;
	uint32_t i = 0;
	int more;

	while ((more = next_wanted(m, &i, &g)) > 0)
		if (g.offset < m->from || g.offset + g.bytes > to ||
		    format_crc32c(0, m->payload + (g.offset - m->from), g.bytes) != g.crc)
			return -EBADMSG;
	return more;
}

/* Loads the record at `ref` as far as it is wanted. */
static int load(struct reader_minutes *m, const struct format_minutes_ref *ref)
{
	/* Of one camera or a short time little is wanted: not all is read then. */
	bool all = m->q.camera_id == RECORD_ANY_CAMERA && m->q.from_utc_ns <= 0;
	uint32_t index, offset, from = 0, to = ref->bytes;
	int err = read_tables(m, ref, all ? ref->bytes : ref->tables_bytes);

	if (err)
		return err;
	m->bytes = ref->bytes;
	m->tables = malloc(m->head.tables_bytes);
	if (!m->tables)
		return -ENOMEM;
	memcpy(m->tables, m->payload, m->head.tables_bytes);
	if (!all) {
		err = part_wanted(m, &from, &to);
		if (!err && from < to)
			err = locate(m->r, ref, &index, &offset)
				      ? read_part(m, index, offset, from, to)
				      : -ESTALE;
	}
	if (!err)
		err = check_groups(m, to);
	if (!err)
		cover(m);
	m->group = m->entries = 0;
	return err;
}

static void unload(struct reader_minutes *m)
{
	free(m->tables);
	m->tables = NULL;
	m->group = m->entries = 0;
}

/* 1: a record is there to show; 0: that was all. */
static int next_record(struct reader_minutes *m)
{
	while (!m->tables) {
		if (!m->refs)
			return 0;
		int err = load(m, &m->ref[--m->refs]);

		if (!err)
			break;
		unload(m);
		if (err == -ENOMEM)
			return err;
		m->cost.damaged += err != -ESTALE;
	}
	return 1;
}

/* 1: m->g and m->at are on the next group wanted; 0: no more in this record. */
static int next_group(struct reader_minutes *m)
{
	/* They were decoded before, when their checksums were looked at: none fails now. */
	if (next_wanted(m, &m->group, &m->g) <= 0)
		return 0;
	m->entries = m->g.entries;
	m->at = m->payload + (m->g.offset - m->from);
	m->left = m->g.bytes;
	return 1;
}

static void show(const struct reader_minutes *m, const uint8_t *bits, struct reader_minute *out)
{
	const struct format_minute *x = &m->last;
	struct record rec = {.boot = m->g.boot, .mono_ns = x->first_mono_ns};

	*out = (struct reader_minute){
		.camera_id = m->g.camera_id,
		.boot = m->g.boot,
		.minute = format_minute_of(x->first_mono_ns),
		.frames = x->frames,
		.cols = x->cols,
		.rows = x->rows,
		.cell_px = x->cell_px,
		.moved = x->moved,
		.level = x->level,
		.zones = x->zones,
		.skipped = x->skipped,
		.bit_bytes = x->bit_bytes,
		.bits = bits,
	};
	reader_clock_apply(m->r, NULL, NULL, &rec);
	if (rec.clock != RECORD_CLOCK_SYNCED && (m->g.least_offset_ns || m->g.greatest_offset_ns)) {
		rec.utc_ns = add(x->first_mono_ns, m->g.greatest_offset_ns);
		rec.clock = RECORD_CLOCK_FREE;
	}
	out->clock = rec.clock;
	if (rec.clock == RECORD_CLOCK_UNKNOWN)
		return;
	out->first_utc_ns = rec.utc_ns;
	out->last_utc_ns = add(rec.utc_ns, x->last_mono_ns - x->first_mono_ns);
}

int reader_minutes_next(struct reader_minutes *m, struct reader_minute *out)
{
	for (;;) {
		const uint8_t *bits;
		size_t used;
		int more = next_record(m);

		if (more <= 0)
			return more;
		if (!m->entries && !next_group(m)) {
			unload(m);
			continue;
		}
		if (!m->entries)
			continue;
		/* Its checksum holds, so this is a writer's mistake; what it covers is read. */
		if (format_minute_decode(m->at, m->left, &m->last, &bits, &used)) {
			m->cost.damaged++;
			uncover(m);
			unload(m);
			continue;
		}
		m->at += used;
		m->left -= used;
		m->entries--;
		m->cost.minutes++;
		if (!wants_time(m, &m->g, m->last.first_mono_ns, m->last.last_mono_ns))
			continue;
		show(m, bits, out);
		return 1;
	}
}

int64_t reader_minute_of(int64_t mono_ns)
{
	return format_minute_of(mono_ns);
}

void reader_minutes_want(struct reader_minutes *m)
{
	const struct reader *r = m->r;

	for (size_t n = reader_index_find(r, m->last.first_sequence); n < r->used; n++) {
		struct coverage *c = &m->segment[r->order[n]];

		if (r->segment[r->order[n]].sequence - m->last.first_sequence > m->last.span)
			break;
		c->wanted = true;
	}
}

bool reader_minutes_skips(const struct reader_minutes *m, uint64_t sequence)
{
	uint32_t index = place_of(m->r, sequence);

	return index != DISK_NO_SEGMENT && m->segment[index].sequence == sequence &&
	       !m->segment[index].wanted;
}

void reader_minutes_cost(const struct reader_minutes *m, struct reader_minutes_cost *out)
{
	*out = m->cost;
	for (size_t i = 0; i < m->r->used; i++) {
		uint32_t index = m->r->order[i];
		const struct coverage *c = &m->segment[index];

		if (c->sequence != m->r->segment[index].sequence || !in_time(m, index))
			continue;
		out->covered++;
		out->wanted += c->wanted;
	}
}
