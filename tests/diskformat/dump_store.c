/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything the C reader finds in a store, as JSON, an object a line, with the names and in the
 * order of reader.py, which knows nothing but docs/DISK_FORMAT.md.
 *
 *   dump_store DIR      exit 1: it met damage; 2: not readable
 */
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/reader.h"

static void die(const char *what, int err)
{
	fprintf(stderr, "dump_store: %s: %s\n", what, strerror(-err));
	exit(2);
}

static json_t *hex(const uint8_t *bytes, size_t n)
{
	char text[2 * EVP_MAX_MD_SIZE + 1];

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return json_string(text);
}

static json_t *sha256(const struct record *r)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size;

	if (!EVP_Digest(r->payload_bytes ? (const void *)r->payload : "", r->payload_bytes, digest,
			&size, EVP_sha256(), NULL))
		die("sha256", -ENOMEM);
	return hex(digest, size);
}

static json_t *frame(const struct record *r)
{
	json_t *planes = json_array();

	for (uint32_t i = 0; i < r->frame.nplanes; i++)
		if (json_array_append_new(planes, json_pack("[I, I, I]",
							    (json_int_t)r->frame.plane[i].offset,
							    (json_int_t)r->frame.plane[i].bytes,
							    (json_int_t)r->frame.plane[i].stride)))
			die("json", -ENOMEM);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "sequence",
			 (json_int_t)r->frame.sequence, "flags", (json_int_t)r->frame.flags,
			 "fourcc", (json_int_t)r->frame.fourcc, "width", (json_int_t)r->frame.width,
			 "height", (json_int_t)r->frame.height, "planes", planes);
}

static json_t *motion(const struct record_motion *m)
{
	return json_pack("{s:I, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I}", "sequence",
			 (json_int_t)m->sequence, "cols", m->cols, "rows", m->rows, "cell",
			 m->cell_px, "moved", m->moved, "level", m->level, "width",
			 (json_int_t)m->width, "height", (json_int_t)m->height, "zones",
			 (json_int_t)m->zones);
}

static json_t *event(const struct record_event *e)
{
	return json_pack(
		"{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:I, "
		"s:I}",
		"phase", e->phase, "zones", (json_int_t)e->zones, "number", (json_int_t)e->number,
		"start", (json_int_t)e->start_mono_ns, "end", (json_int_t)e->end_mono_ns, "peak",
		(json_int_t)e->peak_mono_ns, "preroll", (json_int_t)e->preroll_ns, "postroll",
		(json_int_t)e->postroll_ns, "cols", e->cols, "rows", e->rows, "cell", e->cell_px,
		"peak_cells", e->peak_cells, "level", e->peak_level, "what", e->what, "width",
		(json_int_t)e->width, "height", (json_int_t)e->height);
}

static json_t *fields(const struct record *r)
{
	switch (r->kind) {
	case RECORD_FRAME: return frame(r);
	case RECORD_LOSS:
		return json_pack("{s:i, s:i, s:I, s:I, s:I}", "cause", r->loss.cause, "estimated",
				 r->loss.estimated, "count", (json_int_t)r->loss.count, "first",
				 (json_int_t)r->loss.first_mono_ns, "last",
				 (json_int_t)r->loss.last_mono_ns);
	case RECORD_MOTION: return motion(&r->motion);
	case RECORD_EVENT: return event(&r->event);
	case RECORD_CLOCK:
		return json_pack("{s:I, s:i, s:o}", "error_us",
				 (json_int_t)r->clock_sample.error_us, "synchronised",
				 r->clock_sample.synchronised, "boot_id",
				 hex(r->clock_sample.boot_id, sizeof(r->clock_sample.boot_id)));
	default: return json_object();
	}
}

static void print(json_t *line)
{
	if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
		die("json", -ENOMEM);
	json_decref(line);
}

static void print_record(const struct record *r)
{
	static const char *const kinds[] = {
		[RECORD_FRAME] = "frame",   [RECORD_LOSS] = "loss",   [RECORD_MOTION] = "motion",
		[RECORD_EVENT] = "event",   [RECORD_CLOCK] = "clock", [RECORD_NOTE] = "note",
		[RECORD_CAMERA] = "camera",
	};
	static const char *const clocks[] = {
		[RECORD_CLOCK_UNKNOWN] = "unknown",
		[RECORD_CLOCK_FREE] = "free",
		[RECORD_CLOCK_SYNCED] = "synchronised",
	};
	json_t *line = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:o}", "type",
				 "record", "position", (json_int_t)r->position, "kind",
				 kinds[r->kind], "camera", (json_int_t)r->camera_id, "boot",
				 (json_int_t)r->boot, "mono", (json_int_t)r->mono_ns, "utc",
				 (json_int_t)r->utc_ns, "clock", clocks[r->clock], "bytes",
				 (json_int_t)r->payload_bytes, "sha256", sha256(r));
	json_t *own = fields(r);

	if (json_object_update(line, own))
		die("json", -ENOMEM);
	json_decref(own);
	print(line);
}

static void print_locks(const struct reader *r)
{
	const struct record_lock *l;

	for (size_t i = 0; (l = reader_lock_at(r, i)); i++)
		print(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "type", "lock",
				"number", (json_int_t)l->number, "camera",
				(json_int_t)(l->camera_id == RECORD_ANY_CAMERA ? 0 : l->camera_id),
				"from", (json_int_t)l->from_utc_ns, "to", (json_int_t)l->to_utc_ns,
				"created", (json_int_t)l->created_utc_ns, "why", l->why, "who",
				l->who));
}

int main(int argc, char **argv)
{
	const struct reader_query q = {
		RECORD_ANY_CAMERA,
		RECORD_MASK_ALL,
		INT64_MIN,
		INT64_MAX,
	};
	struct reader_damage damage;
	struct reader_cursor *cursor;
	struct reader_info info;
	struct errmsg em = {""};
	struct reader *reader;
	struct record rec;
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: dump_store DIR\n");
		return 2;
	}
	err = reader_open(&reader, argv[1], &em);
	if (!err)
		err = reader_cursor_open(&cursor, reader, &q, &em);
	if (err)
		die(*em.text ? em.text : argv[1], err);
	reader_info(reader, &info);
	print(json_pack("{s:s, s:o, s:I, s:I, s:I}", "type", "superblock", "store",
			hex(info.uuid, sizeof(info.uuid)), "segments", (json_int_t)info.segments,
			"segment_bytes", (json_int_t)info.segment_bytes, "created",
			(json_int_t)info.created_utc_ns));
	while ((err = reader_cursor_next(cursor, &rec)) > 0) {
		err = reader_cursor_load(cursor, &rec);
		if (err && err != -EBADMSG && err != -ESTALE)
			die("payload", err);
		if (!err)
			print_record(&rec);
	}
	if (err)
		die("record", err);
	for (size_t i = 0; i < reader_camera_count(reader); i++) {
		const struct reader_camera c = reader_camera_at(reader, i);

		print(json_pack("{s:s, s:I, s:s}", "type", "name", "camera", (json_int_t)c.id,
				"name", c.name));
	}
	print_locks(reader);
	print(json_pack("{s:s, s:I, s:I, s:I}", "type", "segments", "used",
			(json_int_t)info.segments_used, "locked", (json_int_t)info.segments_locked,
			"position", (json_int_t)info.position));
	reader_cursor_damage(cursor, &damage);
	if (damage.records || damage.segments)
		fprintf(stderr, "dump_store: %llu records, %llu segments damaged: %s\n",
			(unsigned long long)damage.records, (unsigned long long)damage.segments,
			damage.first);
	reader_cursor_close(cursor);
	reader_close(reader);
	return damage.records || damage.segments;
}
