/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang status: is everything being recorded; what is not stands first. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/monotime.h"
#include "capture/core/timefmt.h"
#include "tools/common/human.h"
#include "tools/common/i18n.h"
#include "tools/common/table.h"
#include "tools/matlang/box.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/eventkind.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/gaps.h"

/* A disk that so often takes so long costs frames at the next burst. */
#define SLOW_MS 1000.0

enum { KEY_FOLLOW = CLI_KEY, KEY_TROUBLE };

const struct cli_option cmd_status_options[] = {
	{"follow", KEY_FOLLOW, NULL, N_("show again every two seconds, until Ctrl-C")},
	{"trouble", KEY_TROUBLE, NULL,
	 N_("only cameras that are not recording, have lost their view or frames")},
	{0},
};

struct status {
	struct control box;
	struct box_cameras cameras;
	char state[ERRMSG_MAX], store_state[ERRMSG_MAX], store_dir[STORE_DIRS_MAX], oldest[64];
	int64_t capacity, used;
	size_t recording, trouble;
	double fps;
	uint64_t lost;
	bool clock_synchronised;
	double write_p99_ms, flush_p99_ms; /* of the slowest disk */
};

static bool deserves_a_look(const struct box_camera *cam)
{
	return box_camera_in_trouble(cam) || box_camera_view_lost(cam) || cam->lost_total;
}

/* Not recording first, then those that see nothing, then who lost most, then by name. */
static int by_gravity(const void *a, const void *b)
{
	const struct box_camera *x = a, *y = b;
	int tx = 2 * box_camera_in_trouble(x) + box_camera_view_lost(x);
	int ty = 2 * box_camera_in_trouble(y) + box_camera_view_lost(y);

	if (tx != ty)
		return ty - tx;
	if (x->lost_total != y->lost_total)
		return x->lost_total > y->lost_total ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void read_text(const struct control *box, const char *path, char *out, size_t size)
{
	if (control_read(box, path, out, size, NULL) < 0)
		out[0] = '\0';
}

static int read_status(struct status *s)
{
	int err = box_cameras_read(&s->cameras, &s->box);

	if (err)
		return err;
	read_text(&s->box, "state", s->state, sizeof(s->state));
	read_text(&s->box, "storage/state", s->store_state, sizeof(s->store_state));
	read_text(&s->box, "storage/dir", s->store_dir, sizeof(s->store_dir));
	read_text(&s->box, "storage/oldest", s->oldest, sizeof(s->oldest));
	s->capacity = control_number(&s->box, "storage/capacity_bytes", 0);
	s->used = control_number(&s->box, "storage/used_bytes", 0);
	s->write_p99_ms = control_real(&s->box, "storage/write_p99_ms", 0);
	s->flush_p99_ms = control_real(&s->box, "storage/flush_p99_ms", 0);
	s->clock_synchronised = control_number(&s->box, "clock/synchronised", 0) != 0;
	for (size_t i = 0; i < s->cameras.count; i++) {
		const struct box_camera *cam = &s->cameras.item[i];

		s->recording += cam->streaming;
		s->trouble += box_camera_in_trouble(cam);
		s->fps += cam->streaming ? cam->fps : 0;
		s->lost += cam->lost_total;
	}
	if (s->cameras.count)
		qsort(s->cameras.item, s->cameras.count, sizeof(*s->cameras.item), by_gravity);
	return 0;
}

/* A camera that is opening is on its way; one that the box complains of is not. */
static bool all_well(const struct status *s)
{
	return s->trouble == 0 && !strncmp(s->state, "ok", 2);
}

static json_t *lost_json(const struct box_camera *cam)
{
	json_t *lost = json_object();

	for (unsigned i = 1; i < LOSS_CAUSES && lost; i++)
		if (cam->lost[i] &&
		    json_object_set_new(lost, loss_cause_name(i),
					json_integer((json_int_t)cam->lost[i])) < 0) {
			json_decref(lost);
			return NULL;
		}
	return lost;
}

static int show_json(const struct status *s, bool only_trouble)
{
	int err = 0;

	for (size_t i = 0; i < s->cameras.count && !err; i++) {
		const struct box_camera *cam = &s->cameras.item[i];

		if (only_trouble && !deserves_a_look(cam))
			continue;
		err = cli_json(json_pack(
			"{s:s, s:o, s:o, s:o, s:b, s:f, s:I, s:I, s:I, s:o, s:o, s:I, s:f, s:f, "
			"s:f, s:f, s:I, s:I, s:I}",
			"type", "camera", "camera", footage_json_text(cam->name), "state",
			footage_json_text(cam->state), "why", footage_json_text(cam->why),
			"trouble", (int)box_camera_in_trouble(cam), "fps", cam->fps, "recorded",
			(json_int_t)cam->recorded, "torn", (json_int_t)cam->torn, "missing",
			(json_int_t)cam->lost_total, "lost", lost_json(cam), "tamper",
			footage_json_text(cam->tamper), "alarms_hour", (json_int_t)cam->alarms_hour,
			"restless_percent", cam->restless, "noise", cam->noise, "lag_ms",
			cam->lag_ms, "lag_max_ms", cam->lag_max_ms, "analyzed",
			(json_int_t)cam->analyzed, "skipped", (json_int_t)cam->skipped, "level",
			(json_int_t)cam->level));
	}
	if (!err)
		err = cli_json(json_pack(
			"{s:s, s:o, s:b, s:I, s:I, s:f, s:I, s:o, s:o, s:I, s:I, s:b, s:f, s:f}",
			"type", "box", "state", footage_json_text(s->state), "ok", (int)all_well(s),
			"cameras", (json_int_t)s->cameras.count, "recording",
			(json_int_t)s->recording, "fps", s->fps, "missing", (json_int_t)s->lost,
			"store", footage_json_text(s->store_dir), "store_state",
			footage_json_text(s->store_state), "capacity_bytes",
			(json_int_t)s->capacity, "used_bytes", (json_int_t)s->used,
			"clock_synchronised", (int)s->clock_synchronised, "write_p99_ms",
			s->write_p99_ms, "flush_p99_ms", s->flush_p99_ms));
	return err;
}

static void add_camera(struct table *t, const struct box_camera *cam)
{
	enum loss_cause cause = box_camera_main_cause(cam);

	table_add(t, cam->name);
	table_add(t, box_camera_state_text(cam));
	if (cam->streaming)
		table_addf(t, "%.1f", cam->fps);
	else
		table_add(t, "-");
	table_addf(t, "%llu", (unsigned long long)cam->recorded);
	table_addf(t, "%llu", (unsigned long long)cam->lost_total);
	if (*cam->why)
		table_add(t, cam->why);
	else if (box_camera_view_lost(cam))
		table_add(t, eventkind_text_of(cam->tamper));
	else
		table_add(t, cause != LOSS_NONE ? gaps_cause_text(cause) : "");
}

static int show_cameras(const struct status *s, bool only_trouble)
{
	struct table *t = table_create("llrrrl");
	int err;

	table_add(t, _("CAMERA"));
	table_add(t, _("STATE"));
	table_add(t, _("FRAMES/S"));
	table_add(t, _("RECORDED"));
	table_add(t, _("MISSING"));
	table_add(t, _("WHY"));
	for (size_t i = 0; i < s->cameras.count; i++) {
		const struct box_camera *cam = &s->cameras.item[i];

		if (!only_trouble || deserves_a_look(cam))
			add_camera(t, cam);
	}
	err = table_print(t, stdout);
	table_destroy(t);
	return err;
}

static void show_store(const struct status *s)
{
	char used[HUMAN_MAX], capacity[HUMAN_MAX];

	human_size(used, s->used > 0 ? (uint64_t)s->used : 0);
	human_size(capacity, s->capacity > 0 ? (uint64_t)s->capacity : 0);
	printf(_("Store %s: %s of %s used"), s->store_dir, used, capacity);
	if (*s->oldest)
		printf(_(", reaches back to %s"), s->oldest);
	putchar('\n');
}

static int show_text(const struct status *s, bool only_trouble)
{
	const char *trouble = !strncmp(s->state, "trouble: ", 9) ? s->state + 9 : NULL;
	int err = 0;

	/* The one line an officer must not miss comes first. */
	if (trouble)
		printf(_("TROUBLE: %s\n\n"), trouble);
	if (s->cameras.count)
		err = show_cameras(s, only_trouble);
	else
		puts(_("No cameras yet: 'matlang devices' shows what can be added."));
	printf(_("\nRecording: %zu of %zu cameras, %.1f frames a second; missing since the start: "
		 "%llu frames\n"),
	       s->recording, s->cameras.count, s->fps, (unsigned long long)s->lost);
	show_store(s);
	if (s->write_p99_ms >= SLOW_MS || s->flush_p99_ms >= SLOW_MS)
		printf(_("A disk is slow: 1 of 100 writes takes %.1f s or longer, 1 of 100 flushes "
			 "%.1f s; 'matlang get storage/latency' shows which.\n"),
		       s->write_p99_ms / 1000, s->flush_p99_ms / 1000);
	if (!s->clock_synchronised)
		puts(_("The clock is not synchronised: times may be wrong."));
	return err;
}

static int once(const struct cli *c, bool only_trouble)
{
	struct status s = {0};
	struct errmsg em;
	int err, code;

	control_init(&s.box, c->control);
	if (control_check(&s.box, &em) < 0)
		return cli_fail(c, "%s", em.text);
	err = read_status(&s);
	if (!err)
		err = c->json ? show_json(&s, only_trouble) : show_text(&s, only_trouble);
	code = all_well(&s) ? CLI_OK : CLI_FAILED;
	box_cameras_free(&s.cameras);
	return err ? cli_fail(c, "%s", strerror(-err)) : code;
}

static int follow(const struct cli *c, bool only_trouble)
{
	const struct timespec pause = {.tv_sec = 2};
	bool screen = !c->json && isatty(STDOUT_FILENO);

	for (;;) {
		struct control box;
		int code;

		if (screen)
			fputs("\033[H\033[2J", stdout);
		code = once(c, only_trouble);
		if (fflush(stdout) != 0)
			return code;
		control_init(&box, c->control);
		if (control_check(&box, NULL) < 0)
			return CLI_FAILED;
		nanosleep(&pause, NULL);
	}
}

int cmd_status(struct cli *c, int argc, char **argv)
{
	bool again = false, only_trouble = false;
	int key;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		if (key == KEY_FOLLOW)
			again = true;
		else if (key == KEY_TROUBLE)
			only_trouble = true;
		else
			return c->exit_code;
	}
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	return again ? follow(c, only_trouble) : once(c, only_trouble);
}
