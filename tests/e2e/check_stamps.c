/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proves from a store's own bytes that what rack cameras drew is what was recorded: every picture
 * carries a stamp with its camera, sequence and time. Checks, for each camera and run of it:
 *   - the stamp is whole, and agrees with the record's header;
 *   - sequences only grow;
 *   - frames missing between them are on the ledger, and no others: delivered + ledger = expected.
 *
 *   check_stamps STORE [--exact|--recycled] [--lost N]      exit 0: all holds
 *     --exact     the ledger names just what is missing; without it, it may name more (a run that
 *                 was killed ends with an entry whose next frame was never written)
 *     --recycled  the store's beginning is gone: only stamps and order are compared
 *     --lost N    the ledger must name at least N frames
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/rack/rack_stamp.h"
#include "storage/reader.h"

struct tally {
	uint64_t frames, gaps, ledger, bad;
	uint32_t last_sequence;
	bool running;
};

static void view(const struct record *rec, struct frame *f)
{
	*f = (struct frame){
		.fourcc = rec->frame.fourcc,
		.width = rec->frame.width,
		.height = rec->frame.height,
		.nplanes = rec->frame.nplanes,
	};
	for (uint32_t i = 0; i < f->nplanes; i++)
		f->plane[i] = (struct frame_plane){
			.data = rec->payload + rec->frame.plane[i].offset,
			.bytesused = rec->frame.plane[i].bytes,
			.stride = rec->frame.plane[i].stride,
		};
}

static void check_frame(const char *camera, const struct record *rec, struct tally *t)
{
	struct rack_stamp s;
	struct frame f;
	int ret;

	view(rec, &f);
	ret = rack_stamp_read(&f, &s);
	t->frames++;
	if (ret || s.camera != rack_stamp_camera(camera) || s.sequence != rec->frame.sequence ||
	    s.mono_ns != rec->mono_ns) {
		printf("%s: record at %" PRIu64 " (sequence %u): %s\n", camera, rec->position,
		       rec->frame.sequence, ret ? strerror(-ret) : "stamp of another picture");
		t->bad++;
		return;
	}
	/* Sequences restart at 0 whenever the device is opened. */
	if (t->running && s.sequence > t->last_sequence)
		t->gaps += s.sequence - t->last_sequence - 1;
	else
		t->gaps += s.sequence;
	t->last_sequence = s.sequence;
	t->running = true;
}

static int check_camera(struct reader *r, struct reader_camera cam, struct tally *t)
{
	struct reader_query q = {
		.camera_id = cam.id,
		.kinds = RECORD_MASK(RECORD_FRAME) | RECORD_MASK(RECORD_LOSS),
		.to_utc_ns = INT64_MAX,
	};
	struct reader_cursor *c;
	struct reader_damage damage;
	struct errmsg em = {""};
	struct record rec;
	int ret = reader_cursor_open(&c, r, &q, &em);

	if (ret) {
		printf("%s: %s\n", cam.name, em.text);
		return ret;
	}
	while ((ret = reader_cursor_next(c, &rec)) > 0) {
		if (rec.kind == RECORD_LOSS) {
			if (!rec.loss.estimated)
				t->ledger += rec.loss.count;
			continue;
		}
		ret = reader_cursor_load(c, &rec);
		if (ret) {
			printf("%s: record at %" PRIu64 ": %s\n", cam.name, rec.position,
			       strerror(-ret));
			t->bad++;
			continue;
		}
		check_frame(cam.name, &rec, t);
	}
	reader_cursor_damage(c, &damage);
	if (damage.records || damage.segments) {
		printf("%s: %s\n", cam.name, damage.first);
		t->bad += damage.records + damage.segments;
	}
	reader_cursor_close(c);
	return ret;
}

enum mode { MODE_KILLED, MODE_EXACT, MODE_RECYCLED };

static void balance(const char *name, const struct tally *t, enum mode mode, uint64_t *bad)
{
	bool wrong = mode == MODE_EXACT ? t->gaps != t->ledger : t->gaps > t->ledger;

	if (wrong && mode != MODE_RECYCLED) {
		printf("%s: %" PRIu64 " frames are missing, the ledger says %" PRIu64 "\n", name,
		       t->gaps, t->ledger);
		(*bad)++;
	}
	printf("%s: %" PRIu64 " frames, %" PRIu64 " missing, %" PRIu64 " on the ledger\n", name,
	       t->frames, t->gaps, t->ledger);
	*bad += t->bad;
}

int main(int argc, char **argv)
{
	uint64_t want_lost = 0, lost = 0, frames = 0, bad = 0;
	enum mode mode = MODE_KILLED;
	struct errmsg em = {""};
	struct reader *r;

	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--exact"))
			mode = MODE_EXACT;
		else if (!strcmp(argv[i], "--recycled"))
			mode = MODE_RECYCLED;
		else if (!strcmp(argv[i], "--lost") && i + 1 < argc)
			want_lost = strtoull(argv[++i], NULL, 10);
		else
			argc = 0;
	}
	if (argc < 2) {
		fprintf(stderr, "usage: check_stamps STORE [--exact|--recycled] [--lost N]\n");
		return 2;
	}
	if (reader_open(&r, argv[1], &em)) {
		fprintf(stderr, "check_stamps: %s\n", em.text);
		return 1;
	}
	for (size_t i = 0; i < reader_camera_count(r); i++) {
		struct reader_camera cam = reader_camera_at(r, i);
		struct tally t = {0};

		if (check_camera(r, cam, &t))
			t.bad++;
		balance(cam.name, &t, mode, &bad);
		frames += t.frames;
		lost += t.ledger;
	}
	reader_close(r);
	if (!frames || lost < want_lost) {
		printf("%" PRIu64 " frames, %" PRIu64 " on the ledger: too few\n", frames, lost);
		bad++;
	}
	return bad ? 1 : 0;
}
