/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records into chunks. A record has its place in the log when it is appended: the open gather
 * buffer always stands for the chunk that begins at cur->pos, and is ended before anything else is
 * placed. So the log is in the order of appending, whatever way a frame takes.
 */
#include "storage/append.h"
#include "storage/gather_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What one record takes, the camera record before it included when the segment lacks it. */
struct need {
	size_t payload, heads, seal;
	bool camera;
};

static size_t padded(size_t payload_bytes)
{
	return payload_bytes ? ALIGN_UP(payload_bytes, (size_t)DISK_RECORD_ALIGN)
			     : DISK_RECORD_ALIGN;
}

static struct need need_of(const struct store *s, const struct format_record *rec)
{
	size_t head = format_record_bytes(rec);
	struct need n = {.payload = padded(rec->payload_bytes), .heads = head, .seal = head};

	if (rec->kind != RECORD_FRAME)
		n.seal += n.payload;
	if (!seal_knows(&s->cur->seal, rec->camera_id))
		n.seal += DISK_SEAL_CAMERA;
	n.camera = rec->camera_id != RECORD_NO_CAMERA && rec->kind != RECORD_CAMERA &&
		   !seal_knows(&s->cur->seal, rec->camera_id);
	return n;
}

static size_t name_bytes(const struct store *s, uint32_t camera_id)
{
	return strlen(s->cameras[camera_id].name);
}

/* Adds the camera record. */
static void need_camera(const struct store *s, uint32_t id, struct need *n)
{
	size_t name = padded(name_bytes(s, id));

	n->payload += name;
	n->heads += DISK_RECORD_HEAD;
	n->seal += DISK_RECORD_HEAD + name;
}

static size_t chunk_bytes(const struct store *s, size_t payload, size_t heads)
{
	return format_unit_up(&s->super, payload + heads + DISK_CHUNK_TRAILER);
}

/* Whether the segment takes `chunks` more bytes of chunks and `seal` more of index. */
static bool segment_takes(const struct store *s, size_t chunks, size_t seal)
{
	size_t index = format_unit_up(&s->super, seal_size(&s->cur->seal) + seal + DISK_BLOCK);

	return s->cur->pos + chunks + index <= s->super.segment_bytes;
}

static size_t open_payload(const struct store *s)
{
	return s->gather ? s->gather->used : 0;
}

static size_t open_heads(const struct store *s)
{
	return s->gather ? s->gather->heads_used : 0;
}

/* Could never fit, not even in a segment of its own. */
static bool too_large(const struct store *s, size_t bytes)
{
	return bytes > s->super.segment_bytes - s->super.segment_bytes / 8;
}

static int ready(struct store *s)
{
	if (s->failed)
		return s->failed;
	if (s->cutting)
		return -EAGAIN;
	return s->cur ? 0 : segment_open(s);
}

void append_flush(struct store *s)
{
	struct gather *g = s->gather;

	if (!g)
		return;
	s->gather = NULL;
	if (!g->records) {
		append_gather_put(s, g);
		return;
	}
	struct segment *seg = s->cur;
	size_t bytes = chunk_bytes(s, g->used, g->heads_used);
	size_t heads_at = bytes - DISK_CHUNK_TRAILER - g->heads_used;
	const struct format_chunk c = {
		.nonce = seg->head.nonce,
		.sequence = seg->head.sequence,
		.start = seg->pos,
		.bytes = (uint32_t)bytes,
		.heads_bytes = (uint32_t)g->heads_used,
		.records = g->records,
	};

	memset(g->buf + g->used, 0, heads_at - g->used);
	memcpy(g->buf + heads_at, g->heads, g->heads_used);
	format_chunk_encode(g->buf + bytes - DISK_CHUNK_TRAILER, &c, g->buf + heads_at);
	g->write = (struct write){
		.kind = WRITE_CHUNK,
		.seg = seg,
		.start = c.start,
		.buf = g->buf,
		.bytes = bytes,
		.buf_index = g->pooled ? s->pool_index : -1,
		.gather = g,
		.heads_bytes = c.heads_bytes,
		.records = c.records,
	};
	seal_chunk(&seg->seal, c.start);
	seg->pos += c.bytes;
	write_queue(s, &g->write);
}

/* Ready, with room for the record (gathered) and a buffer that takes it. */
static int room_gathered(struct store *s, const struct format_record *rec, bool must,
			 struct need *n)
{
	for (unsigned tries = 0;; tries++) {
		int err = ready(s);

		if (err)
			return err;
		/* Frames would make it grow without bound. */
		if (!must && s->gather && s->gather->reserve) {
			if (list_empty(&s->gathers_free))
				return -ENOBUFS;
			append_flush(s);
		}
		*n = need_of(s, rec);
		if (n->camera)
			need_camera(s, rec->camera_id, n);
		if (s->gather && chunk_bytes(s, s->gather->used + n->payload,
					     s->gather->heads_used + n->heads) > s->gather->size)
			append_flush(s);
		if (segment_takes(
			    s,
			    chunk_bytes(s, open_payload(s) + n->payload, open_heads(s) + n->heads),
			    n->seal))
			break;
		if (tries == 1)
			return -EMSGSIZE;
		append_flush(s);
		segment_close(s);
	}
	int err = s->gather ? 0 : append_pool_take(s, chunk_bytes(s, n->payload, n->heads), must);

	if (!err)
		err = append_pool_heads(s->gather, n->heads);
	if (!err)
		err = seal_reserve(&s->cur->seal, n->heads, n->payload, 2);
	return err;
}

/* Where the next payload of the open gather buffer goes. */
static uint8_t *payload_at(struct store *s, struct format_record *rec)
{
	struct gather *g = s->gather;

	rec->payload_offset = s->cur->pos + (uint32_t)g->used;
	return g->buf + g->used;
}

/* The payload is there; its header joins the others. */
static uint64_t gathered(struct store *s, const struct format_record *rec, const void *payload)
{
	struct gather *g = s->gather;
	size_t bytes = rec->payload_bytes, all = padded(bytes);

	memset(g->buf + g->used + bytes, 0, all - bytes);
	g->used += all;
	g->heads_used += format_record_encode(g->heads + g->heads_used, rec);
	g->records++;
	seal_add(&s->cur->seal, rec, payload);
	STORE_ADD(s, records, 1);
	STORE_ADD(s, payload_bytes, bytes);
	uint64_t end = format_position(&s->super, s->cur->head.sequence, s->cur->pos) + g->used;

	STORE_SET(s, appended, end);
	return end;
}

static uint64_t gather_small(struct store *s, struct format_record *rec, const void *payload)
{
	uint8_t *p = payload_at(s, rec);

	rec->payload_crc = gather_copy(p, payload, rec->payload_bytes, 0);
	return gathered(s, rec, payload);
}

/* A segment names its cameras before they are used in it. Room was made for it. */
static void gather_camera(struct store *s, uint32_t id)
{
	struct format_record rec = {
		.kind = RECORD_CAMERA,
		.camera_id = id,
		.mono_ns = monotime_now(),
		.payload_bytes = (uint32_t)name_bytes(s, id),
	};

	gather_small(s, &rec, s->cameras[id].name);
}

int append_defer(struct store *s, const struct format_record *rec, const void *payload)
{
	struct deferred *d = malloc(sizeof(*d) + rec->payload_bytes);

	if (!d)
		return -ENOMEM;
	d->rec = *rec;
	d->position = UINT64_MAX;
	d->cut = 0;
	if (rec->payload_bytes)
		memcpy(d->payload, payload, rec->payload_bytes);
	list_append(&s->deferred, &d->link);
	return 0;
}

int append_now(struct store *s, struct format_record *rec, const void *payload, uint64_t *position)
{
	struct need n;
	int err = room_gathered(s, rec, true, &n);

	if (err)
		return err;
	if (n.camera)
		gather_camera(s, rec->camera_id);
	uint64_t end = gather_small(s, rec, payload);

	if (position)
		*position = end;
	commit_arm(s);
	return 0;
}

int append_record(struct store *s, struct format_record *rec, const void *payload,
		  uint64_t *position)
{
	append_replay(s);
	int err = !salvage_waits(s) ? append_now(s, rec, payload, position) : -EAGAIN;

	if (err == -EAGAIN && s->failed)
		err = s->failed;
	else if (err == -EAGAIN)
		err = s->no_space ? -ENOSPC : append_defer(s, rec, payload);
	return err;
}

void append_replay(struct store *s)
{
	while (salvage_waits(s)) {
		struct deferred *d = list_empty(&s->deferred)
					     ? NULL
					     : list_entry(s->deferred.next, struct deferred, link);

		if (!salvage_replay(s, d ? d->cut : 0, d ? d->position : UINT64_MAX) || !d)
			return;
		int err = append_now(s, &d->rec, d->payload, NULL);

		if (err == -EAGAIN || err == -ENOSPC || err == -ENOMEM)
			return;
		/* Written, or the store has failed and nothing will ever be. */
		list_remove(&d->link);
		free(d);
	}
}

static void frame_record(const struct frame *f, struct format_record *rec)
{
	*rec = (struct format_record){
		.kind = RECORD_FRAME,
		.camera_id = f->camera_id,
		.mono_ns = f->mono_ns,
		.frame = {.sequence = f->sequence,
			  .flags = f->flags,
			  .fourcc = f->fourcc,
			  .width = f->width,
			  .height = f->height,
			  .nplanes = f->nplanes},
	};
	for (uint32_t i = 0; i < f->nplanes; i++) {
		rec->frame.plane[i].bytes = (uint32_t)f->plane[i].bytesused;
		rec->frame.plane[i].stride = f->plane[i].stride;
	}
}

static int gather_frame(struct store *s, struct frame *f, struct format_record *rec, size_t bytes,
			uint64_t *position)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < f->nplanes; i++) {
		rec->frame.plane[i].offset = at;
		at += rec->frame.plane[i].bytes;
	}
	rec->payload_bytes = (uint32_t)bytes;
	struct need n;
	int err = room_gathered(s, rec, false, &n);

	if (err)
		return err == -EAGAIN ? -ENOBUFS : err;
	if (n.camera)
		gather_camera(s, rec->camera_id);
	uint8_t *p = payload_at(s, rec);

	rec->payload_crc = 0;
	for (uint32_t i = 0; i < f->nplanes; i++)
		rec->payload_crc = gather_copy(p + rec->frame.plane[i].offset, f->plane[i].data,
					       f->plane[i].bytesused, rec->payload_crc);
	*position = gathered(s, rec, NULL);
	STORE_ADD(s, gathered_frames, 1);
	return 0;
}

/* Where in its slot a frame's write begins and how long it is; false: it cannot go this way. */
static bool direct_extent(const struct store *s, const struct frame *f, size_t heads, size_t bytes,
			  size_t *start, size_t *len)
{
	if (!f->slot || (uintptr_t)f->slot % DISK_BLOCK)
		return false;
	size_t first = f->slot_size, tail = 0;

	for (uint32_t i = 0; i < f->nplanes; i++) {
		uintptr_t base = (uintptr_t)f->slot, data = (uintptr_t)f->plane[i].data;

		if (data < base || data - base > f->slot_size ||
		    f->plane[i].bytesused > f->slot_size - (data - base))
			return false;
		if (data - base < first)
			first = data - base;
		if (data - base + f->plane[i].bytesused > tail)
			tail = data - base + f->plane[i].bytesused;
	}
	*start = first & ~((size_t)DISK_BLOCK - 1);
	*len = chunk_bytes(s, tail - *start, heads);
	/* No trailer room, or mostly gaps: gathered. */
	return *len <= f->slot_size - *start &&
	       *len <= bytes + bytes / 4 + 2 * DISK_BLOCK + format_unit(&s->super);
}

static int room_direct(struct store *s, struct format_record *rec, size_t len)
{
	for (unsigned tries = 0;; tries++) {
		int err = ready(s);

		if (err)
			return err;
		struct need n = need_of(s, rec);
		struct need camera = {0};

		if (n.camera) {
			need_camera(s, rec->camera_id, &camera);
			if (s->gather &&
			    chunk_bytes(s, s->gather->used + camera.payload,
					s->gather->heads_used + camera.heads) > s->gather->size)
				append_flush(s);
		}
		size_t before = open_payload(s) + camera.payload
					? chunk_bytes(s, open_payload(s) + camera.payload,
						      open_heads(s) + camera.heads)
					: 0;

		if (segment_takes(s, before + len, n.seal + camera.seal)) {
			if (n.camera && !s->gather)
				err = append_pool_take(
					s, chunk_bytes(s, camera.payload, camera.heads), true);
			if (!err && n.camera)
				err = append_pool_heads(s->gather, camera.heads);
			if (!err)
				err = seal_reserve(&s->cur->seal, n.heads + camera.heads,
						   camera.payload, 2);
			if (!err && n.camera)
				gather_camera(s, rec->camera_id);
			return err;
		}
		if (tries == 1)
			return -EMSGSIZE;
		append_flush(s);
		segment_close(s);
	}
}

static int direct_frame(struct store *s, struct frame *f, struct format_record *rec, size_t start,
			size_t len, uint64_t *position)
{
	struct write *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	int err = room_direct(s, rec, len);

	if (err) {
		free(w);
		return err == -EAGAIN ? -ENOBUFS : err;
	}
	append_flush(s);
	struct segment *seg = s->cur;
	uint8_t *base = f->slot + start;
	size_t heads = format_record_bytes(rec), heads_at = len - DISK_CHUNK_TRAILER - heads;
	size_t tail = frame_tail(f) - start;
	const struct format_chunk c = {
		.nonce = seg->head.nonce,
		.sequence = seg->head.sequence,
		.start = seg->pos,
		.bytes = (uint32_t)len,
		.heads_bytes = (uint32_t)heads,
		.records = 1,
		.flags = FORMAT_CHUNK_DIRECT,
	};

	for (uint32_t i = 0; i < f->nplanes; i++)
		rec->frame.plane[i].offset = (uint32_t)(f->plane[i].data - base);
	memset(base + tail, 0, heads_at - tail);
	rec->payload_offset = seg->pos;
	rec->payload_bytes = (uint32_t)heads_at;
	/* Over all that is written, gaps between planes too: every flipped bit is found. */
	rec->payload_crc = format_crc32c(0, base, heads_at);
	format_record_encode(base + heads_at, rec);
	format_chunk_encode(base + len - DISK_CHUNK_TRAILER, &c, base + heads_at);
	frame_ref(f);
	*w = (struct write){
		.kind = WRITE_CHUNK,
		.seg = seg,
		.start = c.start,
		.buf = base,
		.bytes = len,
		.buf_index = f->buf_index,
		.frame = f,
		.heads_bytes = c.heads_bytes,
		.records = 1,
	};
	seal_chunk(&seg->seal, c.start);
	seal_add(&seg->seal, rec, NULL);
	seg->pos += c.bytes;
	*position = format_position(&s->super, seg->head.sequence, seg->pos);
	STORE_ADD(s, records, 1);
	STORE_ADD(s, payload_bytes, frame_bytes(f));
	STORE_ADD(s, direct_frames, 1);
	STORE_SET(s, appended, *position);
	write_queue(s, w);
	return 0;
}

/* Whether a frame goes to the disk from its slot, and then from where and how much. */
static bool goes_direct(const struct store *s, const struct frame *f, size_t heads, size_t *start,
			size_t *len)
{
	size_t bytes = frame_bytes(f);

	return bytes >= s->direct_bytes && direct_extent(s, f, heads, bytes, start, len) &&
	       !too_large(s, *len);
}

bool append_goes_direct(const struct store *s, const struct frame *f)
{
	struct format_record rec;
	size_t start, len;

	frame_record(f, &rec);
	return goes_direct(s, f, format_record_bytes(&rec), &start, &len);
}

int append_frame(struct store *s, struct frame *f, uint64_t *position)
{
	if (f->nplanes < 1 || f->nplanes > PIXFMT_MAX_PLANES || f->width > UINT16_MAX ||
	    f->height > UINT16_MAX || f->camera_id < 1 || f->camera_id > s->ncameras ||
	    !s->cameras[f->camera_id].name[0])
		return -EINVAL;
	struct format_record rec;
	size_t bytes = frame_bytes(f), start, len;
	uint64_t end;

	if (too_large(s, bytes))
		return -EMSGSIZE;
	append_replay(s);
	if (s->failed)
		return s->failed;
	if (salvage_waits(s))
		return s->no_space ? -ENOSPC : -ENOBUFS;
	frame_record(f, &rec);
	bool direct = goes_direct(s, f, format_record_bytes(&rec), &start, &len);
	int err = direct ? direct_frame(s, f, &rec, start, len, &end)
			 : gather_frame(s, f, &rec, bytes, &end);

	if (err)
		return err;
	if (position)
		*position = end;
	STORE_ADD(s, frames, 1);
	commit_arm(s);
	return 0;
}
