/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proves from a store's own bytes that what cameras drew is what was recorded. For each camera and
 * run of it:
 *   - rack cameras: every picture's stamp is whole and agrees with the record's header;
 *   - with --reference: every whole picture equals one in that file, byte for byte, and where the
 *     file holds several they follow each other as the sequence numbers do;
 *   - sequences only grow;
 *   - frames missing between them are on the ledger: delivered + ledger = expected.
 *
 *   check_store STORE [OPTIONS]      exit 0: all holds
 *     --exact             the ledger names just what is missing; without it, it may name more (a
 *                         run that was killed ends with an entry whose next frame never came)
 *     --recycled          the store's beginning is gone: only pictures and order are compared
 *     --lost N            the ledger must name at least N frames
 *     --no-stamps         the cameras draw no stamps, and their first number may be any
 *     --camera NAME       only this camera
 *     --reference CAMERA=FILE   what CAMERA draws, again and again: one picture, or several in
 * order (their planes one after another). May be given for each camera.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/rack/rack_stamp.h"
#include "storage/reader.h"

#define REFERENCES_MAX 64
#define SHOWN_MAX      5 /* wrong pictures that are named, of each camera */

struct options {
	enum { MODE_KILLED, MODE_EXACT, MODE_RECYCLED } mode;
	uint64_t lost;
	bool stamps;
	const char *camera;                    /* NULL: all */
	const char *reference[REFERENCES_MAX]; /* CAMERA=FILE */
	size_t references;
};

struct tally {
	uint8_t *reference; /* NULL: none */
	size_t reference_size;
	size_t picture;        /* of the reference, that the last frame was equal to */
	bool picture_expected; /* and so the next one is known */
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

static bool stamp_agrees(const char *camera, const struct record *rec, const struct frame *f)
{
	struct rack_stamp s;

	return !rack_stamp_read(f, &s) && s.camera == rack_stamp_camera(camera) &&
	       s.sequence == rec->frame.sequence && s.mono_ns == rec->mono_ns;
}

static bool equals_picture(const struct tally *t, size_t size, size_t n, const struct frame *f)
{
	const uint8_t *at = t->reference + n * size;

	for (uint32_t i = 0; i < f->nplanes; at += f->plane[i++].bytesused)
		if (memcmp(f->plane[i].data, at, f->plane[i].bytesused))
			return false;
	return true;
}

/* `step`: how much further than the last frame's its number is; 0: unknown, or not further. */
static bool equals_reference(struct tally *t, const struct frame *f, uint32_t step)
{
	size_t size = frame_bytes(f), pictures;

	if (!size || t->reference_size % size)
		return false;
	pictures = t->reference_size / size;
	if (t->picture_expected && step) {
		t->picture = (t->picture + step) % pictures;
		return equals_picture(t, size, t->picture, f);
	}
	for (t->picture = 0; t->picture < pictures; t->picture++)
		if (equals_picture(t, size, t->picture, f))
			break;
	/* A driver that repeats a number may have drawn once more: the next one stands alone. */
	t->picture_expected = t->picture < pictures && (step || !t->running);
	return t->picture < pictures;
}

static void check_frame(const char *camera, const struct record *rec, const struct options *o,
			struct tally *t)
{
	uint32_t sequence = rec->frame.sequence;
	bool anew = !t->running || (sequence < t->last_sequence && rec->frame.flags & FRAME_GAP);
	uint32_t step = !anew && sequence > t->last_sequence ? sequence - t->last_sequence : 0;
	struct frame f;

	view(rec, &f);
	t->frames++;
	if (rec->frame.flags & FRAME_TORN)
		t->picture_expected = false;
	else if ((o->stamps && !stamp_agrees(camera, rec, &f)) ||
		 (t->reference && !equals_reference(t, &f, step))) {
		if (t->bad++ < SHOWN_MAX)
			printf("%s: record at %" PRIu64 " (sequence %u) holds another picture\n",
			       camera, rec->position, sequence);
	}
	/* Sequences restart whenever the device is opened, and the first frame then has a gap
	 * before it. A step back without one is a driver repeating a number: no loss. */
	if (step)
		t->gaps += step - 1;
	else if (anew && o->stamps) /* a rack camera begins with 0 */
		t->gaps += sequence;
	else if (!anew)
		return;
	t->last_sequence = sequence;
	t->running = true;
}

static int check_camera(struct reader *r, struct reader_camera cam, const struct options *o,
			struct tally *t)
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
		check_frame(cam.name, &rec, o, t);
	}
	reader_cursor_damage(c, &damage);
	if (damage.records || damage.segments) {
		printf("%s: %s\n", cam.name, damage.first);
		t->bad += damage.records + damage.segments;
	}
	reader_cursor_close(c);
	return ret;
}

static void balance(const char *name, const struct tally *t, const struct options *o, uint64_t *bad)
{
	bool wrong = o->mode == MODE_EXACT ? t->gaps != t->ledger : t->gaps > t->ledger;

	if (wrong && o->mode != MODE_RECYCLED) {
		printf("%s: %" PRIu64 " frames are missing, the ledger says %" PRIu64 "\n", name,
		       t->gaps, t->ledger);
		(*bad)++;
	}
	printf("%s: %" PRIu64 " frames, %" PRIu64 " missing, %" PRIu64 " on the ledger, %" PRIu64
	       " wrong\n",
	       name, t->frames, t->gaps, t->ledger, t->bad);
	*bad += t->bad;
}

static const char *reference_of(const char *camera, const struct options *o)
{
	size_t n = strlen(camera);

	for (size_t i = 0; i < o->references; i++)
		if (!strncmp(o->reference[i], camera, n) && o->reference[i][n] == '=')
			return o->reference[i] + n + 1;
	return NULL;
}

static int load_reference(const char *camera, const struct options *o, struct tally *t)
{
	const char *path = reference_of(camera, o);
	FILE *f;
	long size;

	if (!path)
		return 0;
	f = fopen(path, "rb");
	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) <= 0 || fseek(f, 0, SEEK_SET)) {
		printf("%s: no reference in %s\n", camera, path);
		return -1;
	}
	t->reference_size = (size_t)size;
	t->reference = malloc(t->reference_size);
	if (!t->reference || fread(t->reference, 1, t->reference_size, f) != t->reference_size)
		return -1;
	return fclose(f);
}

static int parse(int argc, char **argv, struct options *o)
{
	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--exact"))
			o->mode = MODE_EXACT;
		else if (!strcmp(argv[i], "--recycled"))
			o->mode = MODE_RECYCLED;
		else if (!strcmp(argv[i], "--no-stamps"))
			o->stamps = false;
		else if (!strcmp(argv[i], "--lost") && i + 1 < argc)
			o->lost = strtoull(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--camera") && i + 1 < argc)
			o->camera = argv[++i];
		else if (!strcmp(argv[i], "--reference") && i + 1 < argc &&
			 o->references < REFERENCES_MAX)
			o->reference[o->references++] = argv[++i];
		else
			return -1;
	}
	return argc < 2 ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct options o = {.stamps = true};
	uint64_t lost = 0, frames = 0, bad = 0;
	struct errmsg em = {""};
	struct reader *r;

	if (parse(argc, argv, &o)) {
		fprintf(stderr, "usage: check_store STORE [--exact|--recycled] [--lost N] "
				"[--no-stamps] [--camera NAME] [--reference CAMERA=FILE]...\n");
		return 2;
	}
	if (reader_open(&r, argv[1], &em)) {
		fprintf(stderr, "check_store: %s\n", em.text);
		return 1;
	}
	for (size_t i = 0; i < reader_camera_count(r); i++) {
		struct reader_camera cam = reader_camera_at(r, i);
		struct tally t = {0};

		if (o.camera && strcmp(o.camera, cam.name))
			continue;

		if (load_reference(cam.name, &o, &t) || check_camera(r, cam, &o, &t))
			t.bad++;
		free(t.reference);
		balance(cam.name, &t, &o, &bad);
		frames += t.frames;
		lost += t.ledger;
	}
	reader_close(r);
	if (!frames || lost < o.lost) {
		printf("%" PRIu64 " frames, %" PRIu64 " on the ledger: too few\n", frames, lost);
		bad++;
	}
	return bad ? 1 : 0;
}
