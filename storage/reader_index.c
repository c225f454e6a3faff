/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The segment table: from the last checkpoint, then along the log (docs/DISK_FORMAT.md, 5). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "storage/reader_impl.h"

/* How far to look for the end of a chunk that is being written: no frame we record is larger. */
#define HEAD_REACH (64u << 20)

void reader_index_free(struct reader *r)
{
	reader_scan_unref(r->scan);
	r->scan = NULL;
	free(r->segment);
	free(r->order);
	for (size_t i = 0; i < r->names; i++)
		free(r->name[i]);
	free(r->name);
	free(r->boot);
	locktable_free(&r->locks);
}

size_t reader_index_find(const struct reader *r, uint64_t sequence)
{
	size_t lo = 0, hi = r->used;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->segment[r->order[mid]].sequence < sequence)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int by_sequence(const void *a, const void *b, void *segments)
{
	const struct reader_segment *s = segments;
	uint64_t x = s[*(const uint32_t *)a].sequence, y = s[*(const uint32_t *)b].sequence;

	return x < y ? -1 : x > y;
}

void reader_index_sort(struct reader *r)
{
	r->used = 0;
	for (uint32_t i = 0; i < r->super.segments; i++)
		if (r->segment[i].sequence && i != r->given_up)
			r->order[r->used++] = i;
	qsort_r(r->order, r->used, sizeof(*r->order), by_sequence, r->segment);
}

/* --- the checkpoint ------------------------------------------------------------------------ */

static int take_segments(struct reader *r, const uint8_t *p, struct reader_segment *out)
{
	for (uint32_t i = 0; i < r->super.segments; i++, p += DISK_CHECKPOINT_SEGMENT) {
		struct format_checkpoint_segment e;
		int err = format_checkpoint_segment_decode(p, &r->super, &e);

		if (err)
			return err;
		out[i] = (struct reader_segment){.state = e.state};
		if (e.state != FORMAT_SEALED && e.state != FORMAT_OPEN)
			continue;
		out[i] = (struct reader_segment){
			.sequence = e.sequence,
			.nonce = e.nonce,
			.state = e.state,
			.locked = e.locked,
			.boot = e.boot,
			.records = e.records,
			.end = e.end,
			.first_mono_ns = e.first_mono_ns,
			.last_mono_ns = e.last_mono_ns,
			.first_utc_ns = e.first_utc_ns,
			.last_utc_ns = e.last_utc_ns,
		};
	}
	return 0;
}

static int take_tables(struct reader *r, const struct format_checkpoint *c, const uint8_t *buf)
{
	const uint8_t *p = buf + format_checkpoint_cameras_at(c);
	struct format_checkpoint_camera camera;
	struct format_checkpoint_boot boot;
	int err;

	for (uint32_t i = 0; i < c->cameras; i++, p += DISK_CHECKPOINT_CAMERA) {
		err = format_checkpoint_camera_decode(p, &camera);
		if (!err)
			err = reader_index_name(r, camera.camera_id, camera.name,
						strlen(camera.name));
		if (err)
			return err;
	}
	p = buf + format_checkpoint_boots_at(c);
	for (uint32_t i = 0; i < c->boots; i++, p += DISK_CHECKPOINT_BOOT) {
		err = format_checkpoint_boot_decode(p, &boot);
		if (!err)
			err = reader_clock_note(r, boot.boot, boot.boot_id, &boot.first);
		if (!err)
			err = reader_clock_note(r, boot.boot, boot.boot_id, &boot.last);
		if (err)
			return err;
	}
	return 0;
}

struct want {
	const struct reader *r;
	struct format_checkpoint *c;
	uint64_t bytes, generation; /* of what is read */
};

static int check_block(void *ctx, const void *block)
{
	struct want *w = ctx;

	return format_checkpoint_decode(block, &w->r->super, w->c);
}

static int check_whole(void *ctx, const void *buf)
{
	struct want *w = ctx;
	struct format_checkpoint c;
	int err = format_checkpoint_decode(buf, &w->r->super, &c);

	/* The writer may have begun the next but one in the meantime; with parity an older one may
	 * still be there whole, beneath a torn one. */
	if (!err && (c.bytes != w->bytes || c.generation != w->generation))
		err = -EBADMSG;
	if (!err)
		err = format_checkpoint_check(buf, &c);
	if (!err)
		*w->c = c;
	return err;
}

static int read_area(struct reader *r, unsigned area, uint64_t bytes,
		     int (*check)(void *ctx, const void *buf), struct format_checkpoint *c,
		     uint8_t **out)
{
	struct want w = {r, c, bytes, c->generation};

	CLEANUP_FREE uint8_t *buf = reader_alloc(bytes);

	if (!buf)
		return -ENOMEM;
	int err = storage_read_checked(r->io, buf, bytes, r->super.area_offset[area], check, &w);

	if (err)
		return err;
	r->index_bytes += bytes;
	*out = TAKE_PTR(buf);
	return 0;
}

static int peek_checkpoint(struct reader *r, unsigned area, struct format_checkpoint *c)
{
	CLEANUP_FREE uint8_t *block = NULL;

	*c = (struct format_checkpoint){0};

	return read_area(r, area, DISK_BLOCK, check_block, c, &block);
}

static int load_checkpoint(struct reader *r, unsigned area, const struct format_checkpoint *want)
{
	CLEANUP_FREE uint8_t *buf = NULL;
	CLEANUP_FREE struct reader_segment *table = NULL;
	struct format_checkpoint c = *want;
	int err = read_area(r, area, want->bytes, check_whole, &c, &buf);

	if (err)
		return err;
	table = calloc(r->super.segments, sizeof(*table));
	if (!table)
		return -ENOMEM;
	err = take_segments(r, buf + DISK_BLOCK, table);
	if (!err && c.head != DISK_NO_SEGMENT && !table[c.head].sequence)
		err = -EBADMSG;
	/* What else was open then is found by following the log, or does not count. */
	for (uint32_t i = 0; i < r->super.segments; i++)
		if (table[i].state == FORMAT_OPEN && i != c.head)
			table[i] = (struct reader_segment){.state = FORMAT_FREE};
	if (!err)
		err = take_tables(r, &c, buf);
	if (err)
		return err;
	memcpy(r->segment, table, r->super.segments * sizeof(*table));
	r->checkpoint = c;
	r->head = c.head;
	r->given_up = c.next;
	if (r->scan && (r->head == DISK_NO_SEGMENT || r->scan->index != r->head ||
			r->scan->header.sequence != r->segment[r->head].sequence)) {
		r->scan->complete = r->scan->abandoned = true;
		reader_scan_unref(r->scan);
		r->scan = NULL;
	}
	reader_index_sort(r);
	return 0;
}

static int make_tables(struct reader *r)
{
	if (!r->segment)
		r->segment = calloc(r->super.segments, sizeof(*r->segment));
	if (!r->order)
		r->order = calloc(r->super.segments, sizeof(*r->order));
	return r->segment && r->order ? 0 : -ENOMEM;
}

int reader_index_load(struct reader *r, struct errmsg *em)
{
	struct format_checkpoint c[2];
	int err[2];

	if (make_tables(r))
		return errmsg_set(em, -ENOMEM, "no memory for the segment table of %s", r->dir);
	for (unsigned i = 0; i < 2; i++) {
		err[i] = peek_checkpoint(r, i, &c[i]);
		if (err[i] && err[i] != -EBADMSG)
			return errmsg_set(
				em, err[i], "cannot read the checkpoint of %s: %s", r->dir,
				err[i] == -EPROTO ? "it is of another version" : strerror(-err[i]));
	}
	unsigned best = !err[1] && (err[0] || c[1].generation > c[0].generation);

	for (unsigned i = 0; i < 2; i++, best ^= 1) {
		if (err[best] || c[best].generation <= r->checkpoint.generation)
			continue;
		int got = load_checkpoint(r, best, &c[best]);

		if (!got)
			return 1;
		if (got != -EBADMSG)
			return errmsg_set(em, got, "cannot read the checkpoint of %s: %s", r->dir,
					  strerror(-got));
	}
	if (r->checkpoint.generation || r->head != DISK_NO_SEGMENT)
		return 0;
	reader_finding(&r->damage, "no valid checkpoint: the index was rebuilt from the segments");
	int got = reader_index_rebuild(r);

	return got ? errmsg_set(em, got, "cannot read the segments of %s: %s", r->dir,
				strerror(-got))
		   : 1;
}

/* --- along the log ------------------------------------------------------------------------- */

static int64_t utc_by(const struct format_clock *c, int64_t mono)
{
	int64_t utc;

	if ((!c->mono_ns && !c->utc_ns) || __builtin_sub_overflow(c->utc_ns, c->mono_ns, &utc) ||
	    __builtin_add_overflow(utc, mono, &utc))
		return 0;
	return utc;
}

/* The segment's span of time by both of its samples, generously. */
static void set_times(struct reader_segment *s, int64_t first, int64_t last,
		      const struct format_clock *a, const struct format_clock *b)
{
	int64_t x = utc_by(a, first), y = utc_by(b, first);

	s->first_mono_ns = first;
	s->last_mono_ns = last;
	s->first_utc_ns = !y || (x && x < y) ? x : y;
	x = utc_by(a, last);
	y = utc_by(b, last);
	s->last_utc_ns = x > y ? x : y;
}

static void set_from_scan(struct reader *r, const struct reader_scan *s)
{
	struct reader_segment *e = &r->segment[s->index];

	e->records = s->records;
	e->end = s->end;
	set_times(e, s->first_mono_ns, s->last_mono_ns, &s->first_clock, &s->last_clock);
}

static int learn_small(struct reader *r, const struct format_segment *h,
		       const struct format_seal *f, const uint8_t *p)
{
	size_t left = f->section[FORMAT_SECTION_SMALL].bytes;

	for (uint32_t i = 0; i < f->section[FORMAT_SECTION_SMALL].count; i++) {
		struct format_record rec;
		size_t used;
		int err = format_record_decode(p, left, DISK_BLOCK, f->end, &rec, &used);

		if (err)
			return err;
		size_t whole = used + ALIGN_UP((size_t)rec.payload_bytes, DISK_RECORD_ALIGN);

		if (whole > left)
			return -EBADMSG;
		err = reader_index_learn(r, h, &rec, p + used);
		if (err)
			return err;
		p += whole;
		left -= whole;
	}
	return 0;
}

/* The head was sealed before the checkpoint, which does not have the locks that stand. */
static int learn_head(struct reader *r, const struct format_segment *h, const struct format_seal *f)
{
	CLEANUP_FREE uint8_t *mem = NULL;
	const uint8_t *start[FORMAT_SECTIONS];

	if (r->told == h->sequence)
		return 0;
	int err = reader_sections(r, f, FORMAT_SECTION_SMALL, FORMAT_SECTION_SMALL, &mem, start);

	if (!err)
		err = learn_small(r, h, f, start[FORMAT_SECTION_SMALL]);
	if (err && err != -EBADMSG)
		return err;
	r->told = h->sequence;
	return 0;
}

/* Takes in a segment that was sealed since the checkpoint. -EBADMSG: the seal is not whole (yet),
 * as it is when the power failed while it was written. */
static int learn_seal(struct reader *r, const struct format_segment *h, const struct format_seal *f)
{
	struct reader_segment *e = &r->segment[f->index];
	CLEANUP_FREE uint8_t *mem = NULL;
	const uint8_t *start[FORMAT_SECTIONS];
	int err = reader_sections(r, f, FORMAT_SECTION_CAMERAS, FORMAT_SECTION_FRAMES, &mem, start);

	if (!err)
		err = learn_small(r, h, f, start[FORMAT_SECTION_SMALL]);
	if (!err)
		err = reader_clock_note(r, h->boot, h->boot_id, &f->first_clock);
	if (!err)
		err = reader_clock_note(r, h->boot, h->boot_id, &f->last_clock);
	if (err)
		return err;
	e->state = FORMAT_SEALED;
	e->records = f->records;
	e->end = f->end;
	set_times(e, f->first_mono_ns, f->last_mono_ns, &f->first_clock, &f->last_clock);
	return 0;
}

void reader_index_enter(struct reader *r, const struct format_segment *h)
{
	r->segment[h->index] = (struct reader_segment){
		.sequence = h->sequence,
		.nonce = h->nonce,
		.state = FORMAT_OPEN,
		.boot = h->boot,
		.end = format_unit(&r->super),
	};
	r->head = h->index;
	r->given_up = h->next;
	r->segment[h->next].sequence = 0;
	reader_scan_unref(r->scan);
	r->scan = NULL;
}

/* The head's header; from the table when it is damaged, so that one bad block loses nothing. */
static int head_header(struct reader *r, struct format_segment *h)
{
	const struct reader_segment *e = &r->segment[r->head];
	int err = reader_header(r, r->head, h);

	if (!err)
		return h->sequence == e->sequence && h->nonce == e->nonce ? 0 : -ESTALE;
	if (err != -EBADMSG || r->given_up == DISK_NO_SEGMENT)
		return err;
	const struct reader_boot *b = reader_clock_boot(r, e->boot);

	*h = (struct format_segment){
		.sequence = e->sequence,
		.nonce = e->nonce,
		.index = r->head,
		.next = r->given_up,
		.boot = e->boot,
	};
	if (b)
		memcpy(h->boot_id, b->boot_id, sizeof(h->boot_id));
	reader_finding(&r->damage,
		       "segment %" PRIu32 " (sequence %" PRIu64 "), offset 0: header damaged",
		       r->head, e->sequence);
	return 0;
}

/* Whether the log goes on in `m` behind `h`. */
static bool goes_on(const struct format_segment *h, const struct format_segment *m)
{
	return m->sequence > h->sequence && m->prev_sequence == h->sequence &&
	       m->prev_nonce == h->nonce;
}

/* Drops what lies behind the point where the log was cut. */
static void cut_scan(struct reader_scan *s, uint32_t end)
{
	while (s->chunks && s->chunk[s->chunks - 1].start >= end) {
		const struct reader_chunk *c = &s->chunk[--s->chunks];

		s->heads_bytes = c->heads_at;
		s->records -= c->records;
	}
	if (s->end > end)
		s->end = end;
}

/* Up to where the head was durable when the checkpoint was taken. */
static uint32_t durable_end(const struct reader *r)
{
	const struct reader_segment *e = &r->segment[r->head];
	uint64_t start = format_position(&r->super, e->sequence, 0);

	if (r->checkpoint.durable <= start + format_unit(&r->super))
		return format_unit(&r->super);
	return r->checkpoint.durable - start < e->end ? (uint32_t)(r->checkpoint.durable - start)
						      : e->end;
}

/* Scans the head as far as it goes; `limit`: the log has left it there, 0: not known. */
static int scan_head(struct reader *r, const struct format_segment *h, uint32_t limit)
{
	uint32_t most = r->super.segment_bytes - format_unit(&r->super);
	int err = reader_clock_note(r, h->boot, h->boot_id, &h->clock);

	if (err)
		return err;
	if (!r->scan) {
		r->scan = reader_scan_new(r, r->head, h, durable_end(r));
		if (!r->scan)
			return -ENOMEM;
	}
	err = reader_scan_more(r, r->scan, limit ? limit : most, limit ? most : HEAD_REACH, false);
	set_from_scan(r, r->scan);
	return err;
}

int reader_index_read_head(struct reader *r, const struct format_segment *h, uint32_t limit,
			   uint32_t *end)
{
	struct reader_segment *e = &r->segment[r->head];
	struct format_seal f;
	int err = reader_seal(r, r->head, e->sequence, e->nonce, &f);

	if (!err)
		err = e->state == FORMAT_SEALED ? learn_head(r, h, &f) : learn_seal(r, h, &f);
	if (err && err != -EBADMSG)
		return err;
	if (!err) {
		/* Whoever is inside the scan goes on with the seal. */
		if (r->scan) {
			r->scan->complete = r->scan->abandoned = true;
			reader_scan_unref(r->scan);
			r->scan = NULL;
		}
		*end = f.end;
		return 0;
	}
	err = scan_head(r, h, limit);
	*end = e->end;
	return err;
}

/* 1: the log goes on in *m, and what was before is read; 0: it ends here; -errno. */
static int step(struct reader *r, struct format_segment *m)
{
	struct format_segment h;
	uint32_t end;
	int err = head_header(r, &h);

	if (err)
		return err;
	/* From a checkpoint the log may go on elsewhere than the header says: it tells by `next`.
	 */
	err = r->given_up == DISK_NO_SEGMENT ? -EBADMSG : reader_header(r, r->given_up, m);
	if (err && err != -EBADMSG && err != -EPROTO)
		return err;
	bool moved = !err && goes_on(&h, m);

	err = reader_index_read_head(r, &h, moved ? m->prev_end : 0, &end);
	if (err)
		return err;
	if (!moved || m->prev_end > end)
		return 0;
	r->segment[r->head].end = m->prev_end;
	if (r->scan) {
		cut_scan(r->scan, m->prev_end);
		set_from_scan(r, r->scan);
		r->scan->complete = true;
	}
	return 1;
}

int reader_index_follow(struct reader *r)
{
	struct format_segment m;
	uint64_t steps = 0;
	int err = 0, more = 1;

	if (r->head == DISK_NO_SEGMENT) {
		if (r->given_up == DISK_NO_SEGMENT)
			return 0;
		err = reader_header(r, r->given_up, &m);
		if (err || m.prev_sequence || m.sequence <= r->checkpoint.last_sequence)
			return err == -EBADMSG || err == -EPROTO ? 0 : err;
		reader_index_enter(r, &m);
	}
	/* The writer cannot go round faster than we read and not write a checkpoint. */
	while (more && !err) {
		more = step(r, &m);
		if (more < 0)
			err = more;
		else if (more)
			reader_index_enter(r, &m);
		if (++steps > r->super.segments)
			err = -ESTALE;
	}
	reader_index_sort(r);
	return err;
}

bool reader_index_stale(struct reader *r, uint32_t index, uint64_t sequence, uint64_t nonce)
{
	struct format_segment h;

	/* A volume that was given up shows what was there before. */
	if (r->io->ops->refresh)
		(void)r->io->ops->refresh(r->io);

	if (!reader_header(r, index, &h) && (h.sequence != sequence || h.nonce != nonce))
		return true;
	/* Its own header may still be the old one while it is given up. */
	if (reader_index_load(r, NULL) < 0 || reader_index_follow(r))
		return false;
	return r->segment[index].sequence != sequence || r->given_up == index;
}
