/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/reader_view.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"

void reader_view_close(struct reader_view *v)
{
	reader_scan_unref(v->scan);
	free(v->mem);
	memset(v, 0, sizeof(*v));
}

static bool wants_camera(const struct reader_query *q, const struct format_seal_camera *c)
{
	if (q->camera_id != RECORD_ANY_CAMERA && q->camera_id != c->camera_id)
		return false;
	for (unsigned kind = 1; kind < FORMAT_KINDS; kind++)
		if ((q->kinds & RECORD_MASK(kind)) && c->count[kind])
			return true;
	return false;
}

/* Whether the camera table of the seal has anything the query asks for. */
static bool wants_segment(const struct reader_query *q, const struct format_seal *f,
			  const uint8_t *p)
{
	for (uint32_t i = 0; i < f->section[FORMAT_SECTION_CAMERAS].count; i++) {
		struct format_seal_camera c;

		/* What cannot be read cannot be ruled out. */
		if (format_seal_camera_decode(p + (size_t)i * DISK_SEAL_CAMERA, &c) ||
		    wants_camera(q, &c))
			return true;
	}
	return false;
}

static void start_part(struct reader_part *p, const struct format_seal *f, enum format_section s,
		       const uint8_t *at)
{
	*p = (struct reader_part){
		.at = at,
		.left = f->section[s].bytes,
		.count = f->section[s].count,
		.payloads = s == FORMAT_SECTION_SMALL,
	};
}

static int open_sealed(struct reader_view *v, struct reader *r, const struct reader_query *q)
{
	const uint8_t *start[FORMAT_SECTIONS] = {NULL};
	bool small = q->kinds & ~RECORD_MASK(RECORD_FRAME);
	bool frames = q->kinds & RECORD_MASK(RECORD_FRAME);
	CLEANUP_FREE uint8_t *cameras = NULL;
	struct format_seal f;
	int err = reader_seal(r, v->index, v->sequence, v->nonce, &f);

	if (err)
		return err;
	v->boot = f.boot;
	v->first = f.first_clock;
	v->last = f.last_clock;
	if (f.end < v->end)
		v->end = f.end;
	/* The table of cameras, with the small records where they are wanted: it is one read. */
	err = reader_sections(r, &f, FORMAT_SECTION_CAMERAS,
			      small ? FORMAT_SECTION_SMALL : FORMAT_SECTION_CAMERAS, &cameras,
			      start);
	if (err)
		return err;
	if (!wants_segment(q, &f, start[FORMAT_SECTION_CAMERAS]))
		return 0;
	if (frames)
		err = reader_sections(r, &f, small ? FORMAT_SECTION_SMALL : FORMAT_SECTION_FRAMES,
				      FORMAT_SECTION_FRAMES, &v->mem, start);
	else
		v->mem = TAKE_PTR(cameras);
	if (err)
		return err;
	if (small)
		start_part(&v->small, &f, FORMAT_SECTION_SMALL, start[FORMAT_SECTION_SMALL]);
	if (frames)
		start_part(&v->frames, &f, FORMAT_SECTION_FRAMES, start[FORMAT_SECTION_FRAMES]);
	return 1;
}

static void use_scan(struct reader_view *v, struct reader_scan *s)
{
	v->scan = s;
	v->boot = s->header.boot;
}

/* The chunks of a segment that the log has left. */
static int open_chunks(struct reader_view *v, struct reader *r, struct reader_findings *damage)
{
	struct format_segment h = {
		.sequence = v->sequence,
		.nonce = v->nonce,
		.index = v->index,
		.boot = v->boot,
	};
	struct format_segment on_disk;
	int err = reader_header(r, v->index, &on_disk);

	if (!err && (on_disk.sequence != v->sequence || on_disk.nonce != v->nonce))
		return -ESTALE;
	if (!err)
		h = on_disk;
	else if (err == -EBADMSG)
		reader_finding(damage,
			       "segment %" PRIu32 " (sequence %" PRIu64
			       "), offset 0: header damaged",
			       v->index, v->sequence);
	else
		return err;
	struct reader_scan *s = reader_scan_new(r, v->index, &h, v->end);

	if (!s)
		return -ENOMEM;
	use_scan(v, s);
	s->complete = true;
	err = reader_scan_more(r, s, v->end, r->super.segment_bytes, true);
	if (s->damage.count) {
		reader_finding(damage, "%s", s->damage.first);
		damage->count += s->damage.count - 1;
	}
	if (err == -EIO && s->chunks) {
		reader_finding(damage,
			       "segment %" PRIu32 " (sequence %" PRIu64 "), offset %" PRIu32
			       ": the disk cannot read it",
			       v->index, v->sequence, s->end);
		err = 0;
	}
	return err ? err : 1;
}

int reader_view_open(struct reader_view *v, struct reader *r, uint32_t index,
		     const struct reader_query *q, struct reader_findings *damage)
{
	const struct reader_segment *e = &r->segment[index];
	int err;

	memset(v, 0, sizeof(*v));
	v->index = index;
	v->sequence = e->sequence;
	v->nonce = e->nonce;
	v->boot = e->boot;
	v->end = e->end;
	if (index == r->head && r->scan) {
		use_scan(v, reader_scan_ref(r->scan));
		v->open = true;
		return 1;
	}
	/* One that was open when we passed may have been sealed since. */
	if (e->state == FORMAT_SEALED || index != r->head) {
		err = open_sealed(v, r, q);
		if (err != -EBADMSG && err != -EIO) {
			v->open = err > 0;
			if (err <= 0)
				reader_view_close(v);
			return err;
		}
		uint32_t end = v->end;

		reader_view_close(v);
		if (reader_index_stale(r, index, e->sequence, e->nonce))
			return -ESTALE;
		if (e->state == FORMAT_SEALED)
			reader_finding(damage,
				       "segment %" PRIu32 " (sequence %" PRIu64 "), offset %" PRIu32
				       ": the seal is damaged, its chunks are read instead",
				       index, e->sequence, r->super.segment_bytes - DISK_BLOCK);
		v->index = index;
		v->sequence = e->sequence;
		v->nonce = e->nonce;
		v->boot = e->boot;
		v->end = end;
	}
	err = open_chunks(v, r, damage);
	v->open = err > 0;
	if (err <= 0)
		reader_view_close(v);
	return err;
}

static int next_of_scan(struct reader_view *v, struct format_record *rec)
{
	const struct reader_scan *s = v->scan;
	size_t used;

	while (v->chunk < s->chunks && v->record == s->chunk[v->chunk].records) {
		v->chunk++;
		v->record = 0;
		v->at = 0;
	}
	if (v->chunk >= s->chunks)
		return 0;
	const struct reader_chunk *c = &s->chunk[v->chunk];
	int err = format_record_decode(s->heads + c->heads_at + v->at, c->heads_bytes - v->at,
				       c->start, c->start + c->bytes, rec, &used);

	if (err)
		return err; /* cannot be: it was decoded when it was taken in */
	v->at += used;
	v->record++;
	return 1;
}

/* Decodes the next record of a section; at its end, or when it is damaged, count is 0. */
static void fill_part(struct reader_view *v, struct reader_part *p, struct reader_findings *damage)
{
	size_t used, whole;

	if (p->ready || !p->count)
		return;
	if (format_record_decode(p->at, p->left, DISK_BLOCK, v->end, &p->rec, &used)) {
		/* Behind the point where the log was cut, or nothing that a writer would write. */
		if (format_record_decode(p->at, p->left, DISK_BLOCK, UINT32_MAX, &p->rec, &used))
			reader_finding(damage,
				       "segment %" PRIu32 " (sequence %" PRIu64
				       "): the seal lists records that make no sense",
				       v->index, v->sequence);
		p->count = 0;
		return;
	}
	whole = used +
		(p->payloads ? ALIGN_UP((size_t)p->rec.payload_bytes, DISK_RECORD_ALIGN) : 0);
	if (whole > p->left) {
		reader_finding(damage,
			       "segment %" PRIu32 " (sequence %" PRIu64
			       "): the seal lists more than it holds",
			       v->index, v->sequence);
		p->count = 0;
		return;
	}
	p->payload = p->payloads ? p->at + used : NULL;
	p->at += whole;
	p->left -= whole;
	p->count--;
	p->ready = true;
}

int reader_view_next(struct reader_view *v, struct format_record *rec, const uint8_t **payload,
		     struct reader_findings *damage)
{
	struct reader_part *p;

	*payload = NULL;
	if (v->scan)
		return next_of_scan(v, rec);
	fill_part(v, &v->small, damage);
	fill_part(v, &v->frames, damage);
	if (!v->small.ready && !v->frames.ready)
		return 0;
	p = !v->frames.ready || (v->small.ready &&
				 v->small.rec.payload_offset < v->frames.rec.payload_offset)
		    ? &v->small
		    : &v->frames;
	*rec = p->rec;
	*payload = p->payload;
	p->ready = false;
	return 1;
}
