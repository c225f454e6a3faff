/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Record headers. Every header begins with the same 32 bytes; the kind says what follows. */
#include "storage/disk_format.h"

#include <errno.h>
#include <string.h>

#include "capture/core/bytes.h"

#define FRAME_FIXED 52u /* bytes before the plane table */
#define FRAME_PLANE 12u
#define KIND_BYTES  64u /* headers of loss, motion and clock records */
#define EVENT_BYTES 112u

#define FLAG_ESTIMATED    1u
#define FLAG_SYNCHRONISED 1u

static size_t kind_bytes(uint8_t kind, uint32_t nplanes)
{
	switch (kind) {
	case RECORD_FRAME: return ALIGN_UP(FRAME_FIXED + nplanes * FRAME_PLANE, DISK_RECORD_ALIGN);
	case RECORD_LOSS:
	case RECORD_MOTION:
	case RECORD_CLOCK: return KIND_BYTES;
	case RECORD_EVENT: return EVENT_BYTES;
	default: return DISK_RECORD_HEAD;
	}
}

size_t format_record_bytes(const struct format_record *r)
{
	return kind_bytes(r->kind, r->kind == RECORD_FRAME ? r->frame.nplanes : 0);
}

static void encode_frame(uint8_t *p, const struct format_record *r)
{
	bytes_put_le32(p + 32, r->frame.sequence);
	bytes_put_le32(p + 36, r->frame.flags);
	bytes_put_le32(p + 40, r->frame.fourcc);
	bytes_put_le16(p + 44, (uint16_t)r->frame.width);
	bytes_put_le16(p + 46, (uint16_t)r->frame.height);
	bytes_put_le32(p + 48, r->frame.nplanes);
	for (uint32_t i = 0; i < r->frame.nplanes; i++) {
		uint8_t *q = p + FRAME_FIXED + i * FRAME_PLANE;

		bytes_put_le32(q, r->frame.plane[i].offset);
		bytes_put_le32(q + 4, r->frame.plane[i].bytes);
		bytes_put_le32(q + 8, r->frame.plane[i].stride);
	}
}

static void encode_loss(uint8_t *p, const struct loss *l)
{
	bytes_put_le32(p + 32, (uint32_t)l->cause);
	bytes_put_le32(p + 36, l->estimated ? FLAG_ESTIMATED : 0);
	bytes_put_le64(p + 40, l->count);
	bytes_put_le64(p + 48, (uint64_t)l->first_mono_ns);
	bytes_put_le64(p + 56, (uint64_t)l->last_mono_ns);
}

static void encode_motion(uint8_t *p, const struct record_motion *m)
{
	bytes_put_le32(p + 32, m->sequence);
	bytes_put_le16(p + 36, m->cols);
	bytes_put_le16(p + 38, m->rows);
	bytes_put_le16(p + 40, m->cell_px);
	bytes_put_le16(p + 42, m->moved);
	bytes_put_le16(p + 44, m->level);
	bytes_put_le32(p + 48, m->width);
	bytes_put_le32(p + 52, m->height);
	bytes_put_le32(p + 56, m->zones);
}

static void encode_event(uint8_t *p, const struct record_event *e)
{
	bytes_put_le32(p + 32, (uint32_t)e->phase);
	bytes_put_le32(p + 36, e->zones);
	bytes_put_le64(p + 40, e->number);
	bytes_put_le64(p + 48, (uint64_t)e->start_mono_ns);
	bytes_put_le64(p + 56, (uint64_t)e->end_mono_ns);
	bytes_put_le64(p + 64, (uint64_t)e->peak_mono_ns);
	bytes_put_le64(p + 72, (uint64_t)e->preroll_ns);
	bytes_put_le64(p + 80, (uint64_t)e->postroll_ns);
	bytes_put_le16(p + 88, e->cols);
	bytes_put_le16(p + 90, e->rows);
	bytes_put_le16(p + 92, e->cell_px);
	bytes_put_le16(p + 94, e->peak_cells);
	bytes_put_le16(p + 96, e->peak_level);
	bytes_put_le16(p + 98, (uint16_t)e->what);
	bytes_put_le32(p + 100, e->width);
	bytes_put_le32(p + 104, e->height);
}

size_t format_record_encode(uint8_t *p, const struct format_record *r)
{
	size_t n = format_record_bytes(r);

	memset(p, 0, n);
	bytes_put_le16(p, (uint16_t)n);
	p[2] = r->kind;
	bytes_put_le32(p + 4, r->camera_id);
	bytes_put_le64(p + 8, (uint64_t)r->mono_ns);
	bytes_put_le32(p + 16, r->payload_offset);
	bytes_put_le32(p + 20, r->payload_bytes);
	bytes_put_le32(p + 24, r->payload_crc);
	switch (r->kind) {
	case RECORD_FRAME: encode_frame(p, r); break;
	case RECORD_LOSS: encode_loss(p, &r->loss); break;
	case RECORD_MOTION: encode_motion(p, &r->motion); break;
	case RECORD_EVENT: encode_event(p, &r->event); break;
	case RECORD_CLOCK:
		bytes_put_le64(p + 32, (uint64_t)r->clock_sample.utc_ns);
		bytes_put_le32(p + 40, r->clock_sample.error_us);
		bytes_put_le32(p + 44, r->clock_sample.synchronised ? FLAG_SYNCHRONISED : 0);
		memcpy(p + 48, r->clock_sample.boot_id, 16);
		break;
	default: break;
	}
	return n;
}

static int decode_frame(const uint8_t *p, size_t n, struct format_record *r)
{
	uint32_t nplanes = n >= FRAME_FIXED ? bytes_le32(p + 48) : 0;

	if (nplanes < 1 || nplanes > PIXFMT_MAX_PLANES || n < kind_bytes(RECORD_FRAME, nplanes) ||
	    r->camera_id == RECORD_NO_CAMERA)
		return -EBADMSG;
	r->frame.sequence = bytes_le32(p + 32);
	r->frame.flags = bytes_le32(p + 36);
	r->frame.fourcc = bytes_le32(p + 40);
	r->frame.width = bytes_le16(p + 44);
	r->frame.height = bytes_le16(p + 46);
	r->frame.nplanes = nplanes;
	for (uint32_t i = 0; i < nplanes; i++) {
		const uint8_t *q = p + FRAME_FIXED + i * FRAME_PLANE;

		r->frame.plane[i].offset = bytes_le32(q);
		r->frame.plane[i].bytes = bytes_le32(q + 4);
		r->frame.plane[i].stride = bytes_le32(q + 8);
		if (r->frame.plane[i].offset > r->payload_bytes ||
		    r->frame.plane[i].bytes > r->payload_bytes - r->frame.plane[i].offset)
			return -EBADMSG;
	}
	return 0;
}

static int decode_loss(const uint8_t *p, struct format_record *r)
{
	uint32_t cause = bytes_le32(p + 32);

	/* Causes of later versions pass; loss_cause_name calls them unknown. */
	if (cause == LOSS_NONE || cause > 255 || r->payload_bytes)
		return -EBADMSG;
	r->loss = (struct loss){
		.camera_id = r->camera_id,
		.cause = (enum loss_cause)cause,
		.estimated = bytes_le32(p + 36) & FLAG_ESTIMATED,
		.count = bytes_le64(p + 40),
		.first_mono_ns = (int64_t)bytes_le64(p + 48),
		.last_mono_ns = (int64_t)bytes_le64(p + 56),
	};
	return 0;
}

static bool cells_ok(uint32_t cols, uint32_t rows, uint32_t payload_bytes)
{
	uint64_t cells = (uint64_t)cols * rows;

	return cells <= DISK_CELLS_MAX && payload_bytes == (cells + 7) / 8;
}

static int decode_motion(const uint8_t *p, struct format_record *r)
{
	r->motion = (struct record_motion){
		.camera_id = r->camera_id,
		.mono_ns = r->mono_ns,
		.sequence = bytes_le32(p + 32),
		.cols = bytes_le16(p + 36),
		.rows = bytes_le16(p + 38),
		.cell_px = bytes_le16(p + 40),
		.moved = bytes_le16(p + 42),
		.level = bytes_le16(p + 44),
		.width = bytes_le32(p + 48),
		.height = bytes_le32(p + 52),
		.zones = bytes_le32(p + 56),
	};
	return cells_ok(r->motion.cols, r->motion.rows, r->payload_bytes) ? 0 : -EBADMSG;
}

static int decode_event(const uint8_t *p, struct format_record *r)
{
	uint32_t phase = bytes_le32(p + 32);

	if (phase != RECORD_EVENT_START && phase != RECORD_EVENT_END)
		return -EBADMSG;
	r->event = (struct record_event){
		.camera_id = r->camera_id,
		.phase = (enum record_event_phase)phase,
		.zones = bytes_le32(p + 36),
		.number = bytes_le64(p + 40),
		.start_mono_ns = (int64_t)bytes_le64(p + 48),
		.end_mono_ns = (int64_t)bytes_le64(p + 56),
		.peak_mono_ns = (int64_t)bytes_le64(p + 64),
		.preroll_ns = (int64_t)bytes_le64(p + 72),
		.postroll_ns = (int64_t)bytes_le64(p + 80),
		.cols = bytes_le16(p + 88),
		.rows = bytes_le16(p + 90),
		.cell_px = bytes_le16(p + 92),
		.peak_cells = bytes_le16(p + 94),
		.peak_level = bytes_le16(p + 96),
		.what = (enum record_event_what)bytes_le16(p + 98),
		.width = bytes_le32(p + 100),
		.height = bytes_le32(p + 104),
	};
	return cells_ok(r->event.cols, r->event.rows, r->payload_bytes) ? 0 : -EBADMSG;
}

static int decode_clock(const uint8_t *p, struct format_record *r)
{
	if (r->payload_bytes)
		return -EBADMSG;
	r->clock_sample.utc_ns = (int64_t)bytes_le64(p + 32);
	r->clock_sample.error_us = bytes_le32(p + 40);
	r->clock_sample.synchronised = bytes_le32(p + 44) & FLAG_SYNCHRONISED;
	memcpy(r->clock_sample.boot_id, p + 48, 16);
	return 0;
}

static int decode_kind(const uint8_t *p, size_t n, struct format_record *r)
{
	switch (r->kind) {
	case RECORD_FRAME: return decode_frame(p, n, r);
	case RECORD_LOSS: return decode_loss(p, r);
	case RECORD_MOTION: return decode_motion(p, r);
	case RECORD_EVENT: return decode_event(p, r);
	case RECORD_CLOCK: return decode_clock(p, r);
	case RECORD_NOTE: return r->payload_bytes <= DISK_NOTE_MAX ? 0 : -EBADMSG;
	case RECORD_CAMERA:
		return r->camera_id != RECORD_NO_CAMERA && r->payload_bytes >= 1 &&
				       r->payload_bytes <= DISK_CAMERA_NAME
			       ? 0
			       : -EBADMSG;
	case DISK_RECORD_LOCK: return r->payload_bytes % DISK_LOCK_ENTRY ? -EBADMSG : 0;
	case 0: return -EBADMSG;
	default: return 0;
	}
}

int format_record_decode(const uint8_t *p, size_t len, uint32_t lo, uint32_t hi,
			 struct format_record *out, size_t *used)
{
	struct format_record r;

	if (len < DISK_RECORD_HEAD)
		return -EBADMSG;
	size_t n = bytes_le16(p);

	memset(&r, 0, sizeof(r));
	r.kind = p[2];
	r.camera_id = bytes_le32(p + 4);
	r.mono_ns = (int64_t)bytes_le64(p + 8);
	r.payload_offset = bytes_le32(p + 16);
	r.payload_bytes = bytes_le32(p + 20);
	r.payload_crc = bytes_le32(p + 24);
	if (n % DISK_RECORD_ALIGN || n > len || n < kind_bytes(r.kind, 1) ||
	    r.camera_id > DISK_CAMERAS_MAX || r.payload_offset % DISK_RECORD_ALIGN ||
	    r.payload_offset < lo || r.payload_offset > hi ||
	    r.payload_bytes > hi - r.payload_offset)
		return -EBADMSG;
	int err = decode_kind(p, n, &r);

	if (err)
		return err;
	*out = r;
	*used = n;
	return 0;
}

void format_record_show(const struct format_record *r, struct record *out)
{
	*out = (struct record){
		.kind = (enum record_kind)r->kind,
		.camera_id = r->camera_id,
		.mono_ns = r->mono_ns,
		.payload_bytes = r->payload_bytes,
	};
	switch (r->kind) {
	case RECORD_FRAME:
		out->frame.sequence = r->frame.sequence;
		out->frame.flags = r->frame.flags;
		out->frame.fourcc = r->frame.fourcc;
		out->frame.width = r->frame.width;
		out->frame.height = r->frame.height;
		out->frame.nplanes = r->frame.nplanes;
		for (uint32_t i = 0; i < r->frame.nplanes; i++) {
			out->frame.plane[i].offset = r->frame.plane[i].offset;
			out->frame.plane[i].bytes = r->frame.plane[i].bytes;
			out->frame.plane[i].stride = r->frame.plane[i].stride;
		}
		break;
	case RECORD_LOSS: out->loss = r->loss; break;
	case RECORD_MOTION: out->motion = r->motion; break;
	case RECORD_EVENT: out->event = r->event; break;
	case RECORD_CLOCK:
		out->utc_ns = r->clock_sample.utc_ns;
		out->clock_sample.error_us = r->clock_sample.error_us;
		out->clock_sample.synchronised = r->clock_sample.synchronised;
		memcpy(out->clock_sample.boot_id, r->clock_sample.boot_id, 16);
		break;
	default: break;
	}
}

void format_lock_encode(uint8_t out[static DISK_LOCK_ENTRY], const struct format_lock *l)
{
	bytes_put_le64(out, l->sequence);
	bytes_put_le32(out + 8, l->segment);
	bytes_put_le32(out + 12, l->locked);
}

int format_lock_decode(const uint8_t in[static DISK_LOCK_ENTRY], const struct format_super *s,
		       struct format_lock *out)
{
	if (bytes_le32(in + 8) >= s->segments || bytes_le32(in + 12) > 1)
		return -EBADMSG;
	*out = (struct format_lock){
		.sequence = bytes_le64(in),
		.segment = bytes_le32(in + 8),
		.locked = bytes_le32(in + 12),
	};
	return 0;
}
