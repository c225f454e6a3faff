/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/statustable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "capture/core/timefmt.h"

static void take_row(struct statustable_row *row, const struct recorder *r)
{
	struct recorder_stats s;

	recorder_stats(r, &s);
	snprintf(row->name, sizeof(row->name), "%s", recorder_name(r));
	row->state = s.camera.state;
	snprintf(row->why, sizeof(row->why), "%s", s.camera.why);
	row->fourcc = s.camera.format.fourcc;
	row->width = s.camera.format.width;
	row->height = s.camera.format.height;
	row->fps = s.camera.fps;
	row->memory = s.camera.memory;
	row->has_memory = s.camera.slots > 0;
	row->bytes = s.camera.bytes;
	row->recorded = s.recorded;
	row->level = s.motion.level;
	row->in_event = s.motion.in_event;
	row->lost = 0;
	for (size_t i = 0; i < LOSS_CAUSES; i++)
		row->lost += s.lost[i];
}

static uint64_t resident_bytes(void)
{
	FILE *f CLEANUP_FCLOSE = fopen("/proc/self/statm", "re");
	unsigned long total, resident;

	if (!f || fscanf(f, "%lu %lu", &total, &resident) != 2)
		return 0;
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

int statustable_take(struct statustable *t, struct appliance *box)
{
	size_t n = appliance_camera_count(box);
	struct statustable_row *rows = calloc(n + 1, sizeof(*rows));
	struct recorder *r;
	struct rusage u;

	if (!rows)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	t->row = rows;
	for (; t->count < n && (r = appliance_camera_at(box, t->count)); t->count++)
		take_row(&rows[t->count], r);
	appliance_state(box, t->state, sizeof(t->state));
	store_stats(appliance_store(box), &t->store);
	t->now_mono_ns = monotime_now();
	t->started_mono_ns = appliance_started_mono_ns(box);
	if (getrusage(RUSAGE_SELF, &u) == 0)
		t->cpu_seconds = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
				 (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	t->rss_bytes = resident_bytes();
	return 0;
}

void statustable_free(struct statustable *t)
{
	free(t->row);
	memset(t, 0, sizeof(*t));
}

static void totals(const struct statustable *t, uint64_t *recorded, uint64_t *lost)
{
	*recorded = *lost = 0;
	for (size_t i = 0; i < t->count; i++) {
		*recorded += t->row[i].recorded;
		*lost += t->row[i].lost;
	}
}

/* ---- which cameras first ---- */

static bool troubled(const struct statustable_row *r)
{
	return camera_state_trouble(r->state) || r->state == CAMERA_OPENING;
}

/* 0 gravest: not recording though it should; losing frames now; something moves; the rest; off. */
static int rank(const struct statustable_row *r, const struct statustable_row *before)
{
	if (troubled(r))
		return 0;
	if (before && r->lost > before->lost)
		return 1;
	if (r->in_event)
		return 2;
	return r->state == CAMERA_STREAMING ? 3 : 4;
}

static const struct statustable_row *same(const struct statustable *t, const char *name)
{
	size_t lo = 0, hi = t ? t->count : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int order = strcmp(t->row[mid].name, name);

		if (!order)
			return &t->row[mid];
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

struct ranked {
	int rank;
	const struct statustable_row *row, *before;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank - y->rank;
	return (x->row > y->row) - (x->row < y->row);
}

/* ---- drawing ---- */

/* Columns a UTF-8 string takes on a terminal, near enough: one a code point. */
static size_t columns_of(const char *s, size_t *bytes, size_t limit)
{
	size_t n = 0, i = 0;

	while (s[i]) {
		size_t next = i + 1;

		while ((s[next] & 0xc0) == 0x80)
			next++;
		if (n == limit)
			break;
		n++;
		i = next;
	}
	*bytes = i;
	return n;
}

/* One line of the screen, cut to its width. */
static void put_line(FILE *out, unsigned columns, const char *line)
{
	size_t bytes;

	columns_of(line, &bytes, columns);
	fprintf(out, "%.*s\n", (int)bytes, line);
}

static double rate_mb(const struct statustable *t, const struct statustable *before)
{
	double seconds;

	if (!before || t->store.written_bytes < before->store.written_bytes)
		return 0;
	seconds = (double)(t->now_mono_ns - before->now_mono_ns) / (double)NSEC_PER_SEC;
	if (seconds <= 0)
		return 0;
	return (double)(t->store.written_bytes - before->store.written_bytes) / 1e6 / seconds;
}

static double cpu_percent(const struct statustable *t, const struct statustable *before)
{
	double seconds;

	if (!before)
		return 0;
	seconds = (double)(t->now_mono_ns - before->now_mono_ns) / (double)NSEC_PER_SEC;
	return seconds > 0 ? 100 * (t->cpu_seconds - before->cpu_seconds) / seconds : 0;
}

static size_t streaming(const struct statustable *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->count; i++)
		n += t->row[i].state == CAMERA_STREAMING;
	return n;
}

static void row_text(char *out, size_t size, const struct statustable_row *r, const char *moving)
{
	const struct pixfmt *pf = pixfmt_find(r->fourcc);
	char picture[24] = "-";

	if (r->width)
		snprintf(picture, sizeof(picture), "%" PRIu32 "x%" PRIu32, r->width, r->height);
	if (troubled(r) && r->why[0]) {
		snprintf(out, size, "%-14.14s %-9s %s", r->name, camera_state_name(r->state),
			 r->why);
		return;
	}
	snprintf(out, size,
		 "%-14.14s %-9s %-5s %-9s %5.1f %-7s %5.0f%% %-6s %8" PRIu64 " %10" PRIu64, r->name,
		 camera_state_name(r->state), pf ? pf->name : "-", picture, r->fps,
		 r->has_memory ? slab_kind_name(r->memory) : "-", (double)r->level / 10, moving,
		 r->lost, r->recorded);
}

static void head(FILE *out, const struct statustable *t, const struct statustable *before,
		 unsigned columns)
{
	int64_t up = (t->now_mono_ns - t->started_mono_ns) / NSEC_PER_SEC;
	char line[ERRMSG_MAX + 256], oldest[TIMEFMT_MAX] = "none yet";
	uint64_t recorded, lost, unsafe = 0;

	totals(t, &recorded, &lost);
	if (t->store.appended > t->store.durable)
		unsafe = t->store.appended - t->store.durable;
	if (t->store.oldest_utc_ns)
		timefmt_rfc3339(oldest, t->store.oldest_utc_ns, 0);
	snprintf(line, sizeof(line),
		 "matlang %s  up %" PRId64 ":%02" PRId64 ":%02" PRId64
		 "  %zu of %zu cameras stream  "
		 "cpu %.0f %%  memory %.0f MB",
		 MATLANG_VERSION, up / 3600, up / 60 % 60, up % 60, streaming(t), t->count,
		 cpu_percent(t, before), (double)t->rss_bytes / 1e6);
	put_line(out, columns, line);
	snprintf(line, sizeof(line),
		 "recorded %" PRIu64 "  lost %" PRIu64 "  %.1f MB/s to disk  oldest %s", recorded,
		 lost, rate_mb(t, before), oldest);
	put_line(out, columns, line);
	snprintf(line, sizeof(line),
		 "durable to %.1f MB, %.1f MB to go  segments %" PRIu32 " of %" PRIu32
		 " used, %" PRIu32 " locked",
		 (double)t->store.durable / 1e6, (double)unsafe / 1e6, t->store.segments_used,
		 t->store.segments, t->store.segments_locked);
	put_line(out, columns, line);
	snprintf(line, sizeof(line), "state: %s", t->state);
	put_line(out, columns, line);
	snprintf(line, sizeof(line), "%-14s %-9s %-5s %-9s %5s %-7s %6s %-6s %8s %10s", "CAMERA",
		 "STATE", "FMT", "SIZE", "FPS", "MEMORY", "MOTION", "", "LOST", "RECORDED");
	put_line(out, columns, line);
}

#define HEAD_LINES 5

void statustable_draw(FILE *out, const struct statustable *t, const struct statustable *before,
		      unsigned lines, unsigned columns, char notes[][LOG_LINE_MAX], size_t nnotes)
{
	struct ranked *order CLEANUP_FREE = calloc(t->count + 1, sizeof(*order));
	char line[ERRMSG_MAX + 64];
	size_t room, shown;

	if (!order)
		return;
	for (size_t i = 0; i < t->count; i++) {
		order[i].row = &t->row[i];
		order[i].before = same(before, t->row[i].name);
		order[i].rank = rank(order[i].row, order[i].before);
	}
	qsort(order, t->count, sizeof(*order), by_rank);
	head(out, t, before, columns);
	room = lines > HEAD_LINES + nnotes ? lines - HEAD_LINES - nnotes : 1;
	shown = t->count <= room ? t->count : room - 1;
	for (size_t i = 0; i < shown; i++) {
		row_text(line, sizeof(line), order[i].row,
			 order[i].rank == 1       ? "LOSING"
			 : order[i].row->in_event ? "MOVES"
						  : "");
		put_line(out, columns, line);
	}
	if (shown < t->count) {
		snprintf(line, sizeof(line), "... and %zu more (matlang status shows them all)",
			 t->count - shown);
		put_line(out, columns, line);
	}
	for (size_t i = 0; i < nnotes; i++)
		put_line(out, columns, notes[i]);
}

void statustable_line(FILE *out, const struct statustable *t, const struct statustable *before)
{
	uint64_t recorded, lost;

	totals(t, &recorded, &lost);
	fprintf(out,
		"%zu of %zu cameras stream, %" PRIu64 " frames recorded, %" PRIu64 " lost, "
		"%.1f MB/s, cpu %.0f %%, %s\n",
		streaming(t), t->count, recorded, lost, rate_mb(t, before), cpu_percent(t, before),
		t->state);
}
