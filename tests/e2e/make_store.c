/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes a store with known contents, for tests of what reads it, without a running box:
 *
 *   make_store DIR NAME=SOURCE...   (SOURCE: clip:... or rack:...)
 *   --frames N      at most so many frames of each source (default 200)
 *   --size SIZE     bytes of the store, in MiB (default 256)
 *   --segment SIZE  of its segments, in MiB (default 8)
 *   --again         goes on with the store that is there
 *   --gap AT,COUNT  leaves out COUNT frames from frame AT on (1-based) and puts them on the ledger
 *   --away AT       behind frame AT the camera is away for 20 s, and on the ledger
 *   --torn AT       frame AT is marked as torn
 *   --motion AT,N   N frames from AT on moved, in the cell that holds pixel (40, 40); an event
 *   --clock WORD    "free" or "synchronised", whatever the clock of this machine is
 *   --what N        that event is of this kind: an enum record_event_what
 *
 * A NAME given again goes on where it ended. Prints one JSON object a source: when its first and
 * last frame was recorded.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/frame.h"
#include "capture/core/monotime.h"
#include "capture/core/reactor.h"
#include "capture/core/timefmt.h"
#include "capture/play.h"
#include "storage/store.h"

struct options {
	long frames, size_mib, segment_mib, gap_at, gap_count, away_at, torn_at, motion_at,
		motion_count, what;
	bool again;
};

/* --clock; for adjtimex below, which is told nothing. */
static enum { CLOCK_OF_MACHINE, CLOCK_FREE, CLOCK_SYNCHRONISED } clock_kind;

/* Stands before the C library's for all of this program: the store asks it for the clock. */
int adjtimex(struct timex *tx)
{
	int state = (int)syscall(SYS_adjtimex, tx);

	if (clock_kind == CLOCK_FREE)
		tx->status |= STA_UNSYNC;
	else if (clock_kind == CLOCK_SYNCHRONISED)
		tx->status &= ~STA_UNSYNC;
	return clock_kind == CLOCK_OF_MACHINE ? state : TIME_OK;
}

struct maker {
	struct options o;
	struct store *store;
	struct reactor *reactor;
	int64_t event_ns; /* begin of the running event */
	int64_t base_ns;  /* monotonic time of the clips' beginning */
	unsigned pending;
};

/* A frame with its own memory, as a camera's slot would be. */
struct slot {
	struct frame frame;
	struct maker *maker;
};

static void die(const char *what, int err, const struct errmsg *em)
{
	fprintf(stderr, "make_store: %s: %s\n", what, em && *em->text ? em->text : strerror(-err));
	exit(1);
}

static void release(struct frame *f)
{
	struct slot *s = f->owner;

	s->maker->pending--;
	free(s->frame.slot);
	free(s);
}

static struct slot *copy_frame(struct maker *m, const struct frame *from, uint32_t camera)
{
	struct slot *s = calloc(1, sizeof(*s));
	size_t size = 0, at = 0;

	for (unsigned i = 0; i < from->nplanes; i++)
		size += ALIGN_UP(from->plane[i].bytesused, (size_t)FRAME_BLOCK);
	size += FRAME_TRAILER_ROOM;
	if (!s)
		die("frame", -ENOMEM, NULL);
	s->maker = m;
	s->frame = *from;
	s->frame.slot = aligned_alloc(FRAME_BLOCK, size);
	if (!s->frame.slot)
		die("frame", -ENOMEM, NULL);
	for (unsigned i = 0; i < from->nplanes; i++) {
		memcpy(s->frame.slot + at, from->plane[i].data, from->plane[i].bytesused);
		s->frame.plane[i].data = s->frame.slot + at;
		at += ALIGN_UP(from->plane[i].bytesused, (size_t)FRAME_BLOCK);
	}
	s->frame.slot_size = size;
	s->frame.buf_index = -1;
	s->frame.camera_id = camera;
	s->frame.mono_ns += m->base_ns;
	s->frame.release = release;
	s->frame.owner = s;
	atomic_init(&s->frame.refs, 1);
	m->pending++;
	return s;
}

static void settle(struct maker *m, unsigned below)
{
	while (m->pending > below) {
		int err = reactor_turn(m->reactor, 20 * NSEC_PER_MSEC);

		if (err)
			die("reactor", err, NULL);
	}
}

static void append_loss(struct maker *m, uint32_t camera, enum loss_cause cause, uint64_t count,
			int64_t first_ns, int64_t last_ns, bool estimated)
{
	const struct loss loss = {camera, cause, count, first_ns, last_ns, estimated};
	int err = store_append_loss(m->store, &loss);

	if (err)
		die("loss", err, NULL);
}

static void append_motion(struct maker *m, const struct frame *f, long n)
{
	uint8_t bits[32] = {0};
	struct record_motion motion = {
		.camera_id = f->camera_id,
		.sequence = f->sequence,
		.mono_ns = f->mono_ns,
		.cols = 16,
		.rows = 12,
		.cell_px = 20,
		.moved = 1,
		.level = 72,
		.width = f->width,
		.height = f->height,
	};
	struct record_event event = {
		.camera_id = f->camera_id,
		.what = (enum record_event_what)m->o.what,
		.phase = n == 0 ? RECORD_EVENT_START : RECORD_EVENT_END,
		.number = 1,
		.start_mono_ns = n == 0 ? f->mono_ns : m->event_ns,
		.end_mono_ns = f->mono_ns,
		.peak_mono_ns = f->mono_ns,
		.cols = 16,
		.rows = 12,
		.cell_px = 20,
		.peak_cells = 1,
		.peak_level = 72,
		.width = f->width,
		.height = f->height,
	};
	int err;

	if (n == 0)
		m->event_ns = f->mono_ns;
	bits[(2 * 16 + 2) / 8] |= 1 << (2 * 16 + 2) % 8;
	err = store_append_motion(m->store, &motion, bits);
	if (err)
		die("motion", err, NULL);
	if (n == 0 || n == m->o.motion_count - 1) {
		err = store_append_event(m->store, &event, bits);
		if (err)
			die("event", err, NULL);
	}
}

static void append_frame(struct maker *m, const struct frame *f, uint32_t camera, int64_t shift_ns,
			 uint32_t flags, long n)
{
	struct slot *s = copy_frame(m, f, camera);
	int err;

	s->frame.mono_ns += shift_ns;
	s->frame.flags |= flags;
	s->frame.sequence = (uint32_t)n;
	err = store_append_frame(m->store, &s->frame, NULL);
	if (err)
		die("frame", err, NULL);
	if (m->o.motion_at && n >= m->o.motion_at && n < m->o.motion_at + m->o.motion_count)
		append_motion(m, &s->frame, n - m->o.motion_at);
	frame_unref(&s->frame);
	settle(m, 16);
}

static json_t *utc_text(const struct monotime_sample *clock, int64_t mono_ns)
{
	char text[TIMEFMT_MAX];

	timefmt_rfc3339(text, clock->utc_ns + mono_ns - clock->mono_ns, 9);
	return json_string(text);
}

/* Returns the time of the last frame. */
static int64_t record(struct maker *m, const char *name, const char *uri,
		      const struct monotime_sample *clock)
{
	struct errmsg em = {""};
	struct frame f;
	struct play *play;
	uint32_t camera;
	int64_t shift_ns = 0, first_ns = 0, last_ns = 0;
	long n = 0, written = 0;
	int err = store_camera(m->store, name, &camera);
	json_t *line;

	if (err)
		die(name, err, NULL);
	err = play_open(&play, uri, NULL, true, &em);
	if (err)
		die(uri, err, &em);
	while (n < m->o.frames && (err = play_next(play, &f, 0, &em)) > 0) {
		bool left_out =
			m->o.gap_at && ++n >= m->o.gap_at && n < m->o.gap_at + m->o.gap_count;

		n += !m->o.gap_at;
		if (left_out)
			continue;
		if (n == m->o.gap_at + m->o.gap_count && m->o.gap_at)
			append_loss(m, camera, LOSS_SEQUENCE_GAP, (uint64_t)m->o.gap_count, last_ns,
				    m->base_ns + f.mono_ns + shift_ns, false);
		if (m->o.away_at && n == m->o.away_at + 1) {
			shift_ns += 20 * NSEC_PER_SEC;
			append_loss(m, camera, LOSS_CAMERA_AWAY, 500, last_ns,
				    m->base_ns + f.mono_ns + shift_ns, true);
		}
		append_frame(m, &f, camera, shift_ns, n == m->o.torn_at ? FRAME_TORN : 0, n);
		last_ns = m->base_ns + f.mono_ns + shift_ns;
		if (written++ == 0)
			first_ns = last_ns;
	}
	if (err < 0)
		die(uri, err, &em);
	play_close(play);
	line = json_pack("{s:s, s:I, s:o, s:o}", "camera", name, "frames", (json_int_t)written,
			 "first", utc_text(clock, first_ns), "last", utc_text(clock, last_ns));
	if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0)
		die("json", -ENOMEM, NULL);
	putchar('\n');
	json_decref(line);
	return last_ns;
}

static void lost(void *ctx, const struct loss *loss)
{
	die("the store lost frames", -EIO, NULL);
}

static void trouble(void *ctx, const char *why)
{
	if (*why)
		fprintf(stderr, "make_store: %s\n", why);
}

static void durable(void *ctx, uint64_t position)
{
}

static void parse(struct maker *m, int argc, char **argv)
{
	static const struct option longs[] = {
		{"frames", 1, NULL, 'f'},
		{"size", 1, NULL, 's'},
		{"segment", 1, NULL, 'b'},
		{"again", 0, NULL, 'n'},
		{"gap", 1, NULL, 'g'},
		{"away", 1, NULL, 'a'},
		{"torn", 1, NULL, 't'},
		{"motion", 1, NULL, 'm'},
		{"what", 1, NULL, 'w'},
		{"clock", 1, NULL, 'c'},
		{0},
	};
	struct options *o = &m->o;
	int key;

	o->frames = 200;
	o->size_mib = 256;
	o->segment_mib = 8;
	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (key) {
		case 'f': o->frames = atol(optarg); break;
		case 's': o->size_mib = atol(optarg); break;
		case 'b': o->segment_mib = atol(optarg); break;
		case 'n': o->again = true; break;
		case 'a': o->away_at = atol(optarg); break;
		case 't': o->torn_at = atol(optarg); break;
		case 'c':
			if (strcmp(optarg, "free") && strcmp(optarg, "synchronised"))
				exit(2);
			clock_kind = *optarg == 'f' ? CLOCK_FREE : CLOCK_SYNCHRONISED;
			break;
		case 'w': o->what = atol(optarg); break;
		case 'g':
			if (sscanf(optarg, "%ld,%ld", &o->gap_at, &o->gap_count) == 2)
				break;
			exit(2);
		case 'm':
			if (sscanf(optarg, "%ld,%ld", &o->motion_at, &o->motion_count) == 2)
				break;
			exit(2);
		default: exit(2);
		}
	}
	if (argc - optind < 2)
		exit(2);
}

int main(int argc, char **argv)
{
	const struct store_callbacks cb = {lost, trouble, durable};
	struct maker m = {0};
	struct store_options options = {.commit_ns = NSEC_PER_SEC};
	struct store_create_options create = {.sparse = true};
	struct monotime_sample clock;
	struct errmsg em = {""};
	const char *dirs[1], *last_name = NULL;
	int64_t last_ns;
	int err;

	parse(&m, argc, argv);
	dirs[0] = argv[optind++];
	create.size_bytes = (uint64_t)m.o.size_mib << 20;
	create.segment_bytes = (uint32_t)m.o.segment_mib << 20;
	err = m.o.again ? 0 : store_create(dirs, 1, &create, &em);
	if (err)
		die(dirs[0], err, &em);
	err = reactor_create(&m.reactor, 64, &em);
	if (!err)
		err = store_open(&m.store, dirs[0], m.reactor, &options, &cb, &m, &em);
	if (err)
		die(dirs[0], err, &em);
	err = monotime_sample(&clock);
	if (!err)
		err = store_append_clock(m.store, &clock);
	if (err)
		die("clock", err, NULL);
	m.base_ns = clock.mono_ns - 60 * NSEC_PER_SEC;
	last_ns = m.base_ns;
	for (; optind < argc; optind++) {
		char *equals = strchr(argv[optind], '=');

		if (!equals)
			return 2;
		*equals = '\0';
		/* A camera named again goes on a second later, perhaps in another format. */
		m.base_ns = last_name && !strcmp(last_name, argv[optind])
				    ? last_ns + NSEC_PER_SEC
				    : clock.mono_ns - 60 * NSEC_PER_SEC;
		last_ns = record(&m, argv[optind], equals + 1, &clock);
		last_name = argv[optind];
	}
	settle(&m, 0);
	err = store_close(m.store);
	if (err)
		die("close", err, NULL);
	reactor_destroy(m.reactor);
	return 0;
}
