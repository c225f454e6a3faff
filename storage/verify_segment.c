/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One segment, every byte that counts: header, chunks with all payloads and the zeros between,
 * and the seal, which must say what the chunks say.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "storage/verify_impl.h"

struct walk {
	struct reader *r;
	struct verify_findings *f;
	struct verify_result *sum;
	struct reader_scan *scan;
	struct reader_window window;
	bool whole; /* every chunk could be read: the seal can be compared with them */
	uint32_t chunks, records;
	struct {
		uint32_t crc, bytes, count;
	} section[FORMAT_SECTIONS];
	struct format_seal_camera *camera; /* by number */
	size_t cameras, cameras_room;
};

static void note(struct walk *w, uint32_t offset, const char *what)
{
	verify_note(w->f, "segment %" PRIu32 " (sequence %" PRIu64 "), offset %" PRIu32 ": %s",
		    w->scan->index, w->scan->header.sequence, offset, what);
}

static bool all_zero(const uint8_t *p, size_t n)
{
	return !n || (!*p && !memcmp(p, p + 1, n - 1));
}

static struct format_seal_camera *camera_of(struct walk *w, uint32_t id)
{
	size_t at = w->cameras;

	while (at && w->camera[at - 1].camera_id >= id)
		at--;
	if (at < w->cameras && w->camera[at].camera_id == id)
		return &w->camera[at];
	if (w->cameras == w->cameras_room) {
		size_t room = w->cameras_room ? w->cameras_room * 2 : 64;
		void *p = reallocarray(w->camera, room, sizeof(*w->camera));

		if (!p)
			return NULL;
		w->camera = p;
		w->cameras_room = room;
	}
	memmove(&w->camera[at + 1], &w->camera[at], (w->cameras - at) * sizeof(*w->camera));
	memset(&w->camera[at], 0, sizeof(w->camera[at]));
	w->camera[at].camera_id = id;
	w->cameras++;
	return &w->camera[at];
}

/* Adds a record to what the seal should say. */
static int count_record(struct walk *w, const struct format_record *rec, const uint8_t *head,
			size_t head_bytes, const uint8_t *payload)
{
	static const uint8_t zeros[DISK_RECORD_ALIGN];
	bool frame = rec->kind == RECORD_FRAME;
	enum format_section i = frame ? FORMAT_SECTION_FRAMES : FORMAT_SECTION_SMALL;
	uint32_t padded = ALIGN_UP(rec->payload_bytes, DISK_RECORD_ALIGN);
	struct format_seal_camera *c = camera_of(w, rec->camera_id);
	uint32_t crc = format_crc32c(w->section[i].crc, head, head_bytes);

	if (!c)
		return -ENOMEM;
	w->section[i].count++;
	w->section[i].bytes += (uint32_t)head_bytes;
	if (!frame) {
		crc = format_crc32c(crc, payload, rec->payload_bytes);
		crc = format_crc32c(crc, zeros, padded - rec->payload_bytes);
		w->section[i].bytes += padded;
	}
	w->section[i].crc = crc;
	if (all_zero((const uint8_t *)c->count, sizeof(c->count))) {
		c->first_mono_ns = c->last_mono_ns = rec->mono_ns;
	} else {
		if (rec->mono_ns < c->first_mono_ns)
			c->first_mono_ns = rec->mono_ns;
		if (rec->mono_ns > c->last_mono_ns)
			c->last_mono_ns = rec->mono_ns;
	}
	c->count[rec->kind < FORMAT_KINDS ? rec->kind : 0]++;
	c->frame_bytes += frame ? rec->payload_bytes : 0;
	w->records++;
	w->sum->records++;
	w->sum->frames += frame;
	return 0;
}

/* `p`: the whole chunk. Stops at the first header that makes no sense: its checksum held, so that
 * nothing behind it can be trusted either. */
static int check_records(struct walk *w, const struct format_chunk *c, const uint8_t *p)
{
	uint32_t hi = c->bytes - DISK_CHUNK_TRAILER - c->heads_bytes;
	const uint8_t *head = p + hi;
	size_t left = c->heads_bytes, used;
	uint32_t filled = 0; /* bytes of the payload part accounted for */

	for (uint32_t i = 0; i < c->records; i++, head += used, left -= used) {
		struct format_record rec;

		if (format_record_decode(head, left, c->start, c->start + hi, &rec, &used) ||
		    rec.payload_offset - c->start < filled) {
			note(w, c->start + hi, "a record header makes no sense");
			w->whole = false;
			return 0;
		}
		uint32_t at = rec.payload_offset - c->start;
		int err = count_record(w, &rec, head, used, p + at);

		if (err)
			return err;
		if (!all_zero(p + filled, at - filled))
			note(w, c->start + filled, "bytes between payloads are not zero");
		if (format_crc32c(0, p + at, rec.payload_bytes) != rec.payload_crc)
			note(w, rec.payload_offset, "a payload does not match its checksum");
		filled = at + rec.payload_bytes;
	}
	if (left)
		note(w, c->start + hi, "more record headers than records");
	if (!all_zero(p + filled, hi - filled))
		note(w, c->start + filled, "bytes between payloads and headers are not zero");
	if ((c->flags & FORMAT_CHUNK_DIRECT) && c->records != 1)
		note(w, c->start, "a direct chunk with more than one record");
	return 0;
}

static int check_chunk(struct walk *w, const struct format_chunk *c)
{
	CLEANUP_FREE uint8_t *mem = NULL;
	const uint8_t *p = reader_window_at(w->r, &w->window, c->start, c->bytes);

	if (!p) {
		int err = reader_read(w->r, w->scan->index, c->start, c->bytes, &mem, &p);

		if (err)
			return err;
	}
	w->sum->bytes += c->bytes;
	if (format_chunk_check(c, p + c->bytes - DISK_CHUNK_TRAILER - c->heads_bytes)) {
		note(w, c->start, "a chunk's record headers do not match their checksum");
		w->whole = false;
		return 0;
	}
	w->chunks++;
	w->sum->chunks++;
	return check_records(w, c, p);
}

/* What cannot be read is named and passed over, a block at a time. */
static void pass_unreadable(struct walk *w)
{
	note(w, w->scan->end, "the disk cannot read this block, or the chunk it begins");
	w->whole = false;
	w->scan->end += format_unit(&w->r->super);
	w->window = (struct reader_window){0};
}

static int walk_chunks(struct walk *w, uint32_t end)
{
	struct reader_scan *s = w->scan;
	bool missing = false;

	while (s->end < end) {
		struct format_chunk c;
		int got = reader_scan_find(w->r, s, &w->window, end, true, &c);

		if (got == -EIO) {
			pass_unreadable(w);
			missing = true;
			continue;
		}
		if (got < 0)
			return got;
		uint32_t start = got ? c.start : end;

		if (start > s->end && !missing) {
			note(w, s->end,
			     "no whole chunk is here: its trailer is damaged or missing");
			w->whole = false;
		}
		missing = false;
		s->end = start;
		if (!got)
			break;
		got = check_chunk(w, &c);
		if (got == -EIO) {
			pass_unreadable(w);
			missing = true;
			continue;
		}
		if (got)
			return got;
		s->end = c.start + c.bytes;
	}
	return 0;
}

static bool same_camera(const struct format_seal_camera *a, const struct format_seal_camera *b)
{
	return a->camera_id == b->camera_id && !memcmp(a->count, b->count, sizeof(a->count)) &&
	       a->frame_bytes == b->frame_bytes && a->first_mono_ns == b->first_mono_ns &&
	       a->last_mono_ns == b->last_mono_ns;
}

static void compare_cameras(struct walk *w, const struct format_seal *f, const uint8_t *p)
{
	uint32_t offset = f->section[FORMAT_SECTION_CAMERAS].offset;
	size_t mine = 0;

	for (uint32_t i = 0; i < f->section[FORMAT_SECTION_CAMERAS].count; i++) {
		struct format_seal_camera c;

		if (format_seal_camera_decode(p + (size_t)i * DISK_SEAL_CAMERA, &c)) {
			note(w, offset, "the seal's table of cameras makes no sense");
			return;
		}
		if (mine < w->cameras && same_camera(&c, &w->camera[mine]))
			mine++;
		else if (!all_zero((const uint8_t *)c.count, sizeof(c.count)))
			mine = SIZE_MAX;
		if (mine == SIZE_MAX)
			break;
	}
	if (mine != w->cameras)
		note(w, offset, "the seal's table of cameras is not what the chunks hold");
}

static void compare_seal(struct walk *w, const struct format_seal *f, const uint8_t *cameras)
{
	const struct format_segment *h = &w->scan->header;

	if (f->next != h->next || f->boot != h->boot || memcmp(f->boot_id, h->boot_id, 16))
		note(w, w->r->super.segment_bytes - DISK_BLOCK,
		     "the seal contradicts the segment's header");
	/* A segment that was cut after it was sealed says more than what counts. */
	if (!w->whole || f->end != w->scan->end)
		return;
	if (f->chunks != w->chunks || f->records != w->records)
		note(w, w->r->super.segment_bytes - DISK_BLOCK,
		     "the seal counts other chunks and records than there are");
	for (unsigned i = FORMAT_SECTION_SMALL; i < FORMAT_SECTIONS; i++)
		if (f->section[i].crc != w->section[i].crc ||
		    f->section[i].bytes != w->section[i].bytes ||
		    f->section[i].count != w->section[i].count)
			note(w, f->section[i].offset,
			     "the seal lists other records than there are");
	compare_cameras(w, f, cameras);
}

static int check_sections(struct walk *w, const struct format_seal *f)
{
	uint32_t hi = w->r->super.segment_bytes - DISK_BLOCK, at = f->seal_start;
	const uint8_t *cameras = NULL, *p;
	CLEANUP_FREE uint8_t *mem = NULL;
	int err = reader_read(w->r, f->index, f->seal_start, hi - f->seal_start, &mem, &p);

	if (err)
		return err;
	w->sum->bytes += hi - f->seal_start + DISK_BLOCK;
	for (unsigned i = 0; i < FORMAT_SECTIONS; i++) {
		uint32_t offset = f->section[i].offset;
		const uint8_t *q = p + (offset - f->seal_start);

		if (!all_zero(p + (at - f->seal_start), offset - at))
			note(w, at, "bytes between the seal's sections are not zero");
		if (format_crc32c(0, q, f->section[i].bytes) != f->section[i].crc)
			note(w, offset, "a section of the seal does not match its checksum");
		else if (i == FORMAT_SECTION_CAMERAS)
			cameras = q;
		at = offset + f->section[i].bytes;
	}
	if (!all_zero(p + (at - f->seal_start), hi - at))
		note(w, at, "bytes before the seal block are not zero");
	if (cameras)
		compare_seal(w, f, cameras);
	return 0;
}

static int check_seal(struct walk *w, const struct reader_segment *e)
{
	uint32_t offset = w->r->super.segment_bytes - DISK_BLOCK;
	struct format_seal f;
	int err = reader_seal(w->r, w->scan->index, e->sequence, e->nonce, &f);

	/* One that was open when it was last heard of need not have a seal. */
	if (err == -EBADMSG && e->state != FORMAT_SEALED)
		return 0;
	if (err == -EBADMSG || err == -EPROTO)
		note(w, offset, "the seal is damaged or missing");
	else if (err == -EIO)
		note(w, offset, "the disk cannot read the seal");
	else if (!err && f.end < e->end)
		note(w, offset, "the seal ends before the log does");
	else if (!err)
		err = check_sections(w, &f);
	return err == -EBADMSG || err == -EPROTO || err == -EIO ? 0 : err;
}

/* The segment's header; when it is damaged, what the table knows of it. */
static int check_header(struct reader *r, uint32_t index, struct verify_findings *f,
			struct format_segment *h)
{
	const struct reader_segment *e = &r->segment[index];
	const char *why = NULL;
	int err = reader_header(r, index, h);

	if (err == -EBADMSG || err == -EPROTO)
		why = "the segment's header is damaged";
	else if (err == -EIO)
		why = "the disk cannot read the segment's header";
	else if (err)
		return err;
	else if (h->sequence != e->sequence || h->nonce != e->nonce)
		why = "the segment holds something else than the index says";
	if (!why)
		return 0;
	verify_note(f, "segment %" PRIu32 " (sequence %" PRIu64 "), offset 0: %s", index,
		    e->sequence, why);
	*h = (struct format_segment){.sequence = e->sequence,
				     .nonce = e->nonce,
				     .index = index,
				     .next = DISK_NO_SEGMENT,
				     .boot = e->boot};
	return 0;
}

int verify_segment(struct reader *r, uint32_t index, struct verify_findings *f,
		   struct verify_result *sum)
{
	const struct reader_segment e = r->segment[index];
	struct walk w = {.r = r, .f = f, .sum = sum, .whole = true};
	struct format_segment h;
	int err = check_header(r, index, f, &h);

	if (err)
		return err;
	w.scan = reader_scan_new(r, index, &h, e.end);
	if (!w.scan)
		return -ENOMEM;
	sum->segments++;
	sum->bytes += DISK_BLOCK;
	err = walk_chunks(&w, e.end);
	if (!err && h.next != DISK_NO_SEGMENT)
		err = check_seal(&w, &e);
	reader_scan_unref(w.scan);
	free(w.camera);
	return err;
}
