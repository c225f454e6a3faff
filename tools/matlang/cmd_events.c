/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang events: the alarms that were raised, from begin to end. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/timefmt.h"
#include "tools/common/human.h"
#include "tools/common/i18n.h"
#include "tools/common/table.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/eventkind.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/stretch.h"

enum { KEY_REGION = CLI_KEY, KEY_LOST_VIEW };

const struct cli_option cmd_events_options[] = {
	{"region", KEY_REGION, "X,Y,W,H",
	 N_("only what moved in this rectangle, in pixels of the camera's picture")},
	{"lost-view", KEY_LOST_VIEW, NULL,
	 N_("only when a camera was covered, out of focus, turned away or blinded")},
	{0},
};

struct event {
	uint32_t camera_id, boot;
	uint64_t number;
	int64_t start_ns, end_ns; /* UTC; end_ns is meaningful when ended */
	uint16_t peak_cells, peak_level;
	uint32_t zones;
	enum record_clock clock;
	enum record_event_what what;
	bool ended, wanted;
};

struct events {
	const struct cli *c;
	struct footage f;
	struct footage_cameras cameras;
	struct region region;
	bool in_region, lost_view;
	struct event *item;
	size_t count, room;
	bool damaged;
};

/* The begin of an event lies close behind its end in the list, so the search goes backwards. */
static struct event *find_event(struct events *q, const struct record *rec)
{
	for (size_t i = q->count; i-- > 0;) {
		struct event *e = &q->item[i];

		if (e->number == rec->event.number && e->camera_id == rec->camera_id &&
		    e->boot == rec->boot && !e->ended)
			return e;
	}
	return NULL;
}

static struct event *new_event(struct events *q, const struct record *rec)
{
	if (q->count == q->room) {
		size_t room = q->room ? q->room * 2 : 64;
		struct event *item = reallocarray(q->item, room, sizeof(*item));

		if (!item)
			return NULL;
		q->item = item;
		q->room = room;
	}
	q->item[q->count] = (struct event){.camera_id = rec->camera_id,
					   .boot = rec->boot,
					   .number = rec->event.number,
					   .wanted = !q->in_region};
	return &q->item[q->count++];
}

static int check_region(const struct events *q, struct reader_cursor *cursor, struct record *rec,
			bool *hit)
{
	const struct record_event *e = &rec->event;
	int err = reader_cursor_load(cursor, rec);

	if (err == -EBADMSG || err == -ESTALE)
		return 0;
	if (err)
		return err;
	if (rec->payload_bytes >= ((uint32_t)e->cols * e->rows + 7) / 8)
		*hit = region_cells(&q->region, rec->payload, e->cols, e->rows, e->cell_px) > 0;
	return 0;
}

static int take(struct events *q, struct reader_cursor *cursor, struct record *rec)
{
	const struct record_event *r = &rec->event;
	struct event *e;

	if (!footage_cameras_has(&q->cameras, rec->camera_id) ||
	    (q->lost_view && r->what == RECORD_EVENT_MOTION))
		return 0;
	e = r->phase == RECORD_EVENT_END ? find_event(q, rec) : NULL;
	if (!e)
		e = new_event(q, rec);
	if (!e)
		return -ENOMEM;
	e->start_ns = footage_utc(rec, r->start_mono_ns);
	e->ended = r->phase == RECORD_EVENT_END;
	if (e->ended)
		e->end_ns = footage_utc(rec, r->end_mono_ns);
	e->peak_cells = r->peak_cells;
	e->peak_level = r->peak_level;
	e->zones = r->zones;
	e->what = r->what;
	e->clock = rec->clock;
	return q->in_region ? check_region(q, cursor, rec, &e->wanted) : 0;
}

static int by_start(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int search(struct events *q)
{
	const struct reader_query query = {footage_cameras_query(&q->cameras),
					   RECORD_MASK(RECORD_EVENT), q->f.from_ns, q->f.to_ns};
	struct reader_cursor *cursor;
	struct errmsg em = {""};
	struct record rec;
	int n = reader_cursor_open(&cursor, q->f.reader, &query, &em);

	if (n < 0)
		return cli_fail(q->c, _("the store cannot be read: %s"), em.text);
	while ((n = reader_cursor_next(cursor, &rec)) > 0) {
		n = take(q, cursor, &rec);
		if (n < 0)
			break;
	}
	q->damaged = footage_warn_damage(q->c, cursor);
	reader_cursor_close(cursor);
	if (n < 0)
		return cli_fail(q->c, _("the store cannot be read: %s"), strerror(-n));
	if (q->count)
		qsort(q->item, q->count, sizeof(*q->item), by_start);
	return CLI_OK;
}

static int show_json(const struct events *q)
{
	int err = 0;

	for (size_t i = 0; i < q->count && !err; i++) {
		const struct event *e = &q->item[i];

		if (!e->wanted)
			continue;
		err = cli_json(json_pack(
			"{s:s, s:s, s:o, s:I, s:o, s:o, s:i, s:i, s:I, s:s}", "type", "event",
			"what", eventkind_name(e->what), "camera",
			footage_json_text(reader_camera_name(q->f.reader, e->camera_id)), "number",
			(json_int_t)e->number, "from", footage_json_time(e->start_ns), "to",
			e->ended ? footage_json_time(e->end_ns) : json_null(), "peak_cells",
			(int)e->peak_cells, "peak_level", (int)e->peak_level, "zones",
			(json_int_t)e->zones, "clock", footage_clock_name(e->clock)));
	}
	return err ? CLI_FAILED : CLI_OK;
}

static void add_row(struct table *t, const struct events *q, const struct event *e)
{
	char from[TIMEFMT_MAX], to[TIMEFMT_MAX], length[HUMAN_MAX] = "";

	timefmt_rfc3339(from, e->start_ns, 0);
	if (e->ended) {
		timefmt_rfc3339(to, e->end_ns, 0);
		human_duration(length, e->end_ns - e->start_ns);
	}
	table_add(t, reader_camera_name(q->f.reader, e->camera_id));
	table_add(t, eventkind_text(e->what));
	table_add(t, from);
	table_add(t, e->ended ? to : _("(end not recorded)"));
	table_add(t, length);
	table_addf(t, "%u", e->peak_cells);
	table_addf(t, "%.0f %%", e->peak_level / 10.0);
	table_add(t, footage_clock_note(e->clock));
}

static int show_table(const struct events *q)
{
	struct table *t = table_create("llllrrrl");
	unsigned long long shown = 0;
	int err = 0;

	table_add(t, _("CAMERA"));
	table_add(t, _("WHAT"));
	table_add(t, _("FROM"));
	table_add(t, _("TO"));
	table_add(t, _("LENGTH"));
	table_add(t, _("CELLS"));
	table_add(t, _("PEAK"));
	table_add(t, "");
	for (size_t i = 0; i < q->count; i++) {
		if (!q->item[i].wanted)
			continue;
		add_row(t, q, &q->item[i]);
		shown++;
	}
	if (shown)
		err = table_print(t, stdout);
	table_destroy(t);
	if (err)
		return cli_fail(q->c, "%s", strerror(-err));
	printf(_("Events: %llu\n"), shown);
	return CLI_OK;
}

int cmd_events(struct cli *c, int argc, char **argv)
{
	struct events q = {.c = c};
	struct errmsg em;
	int key, code;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		if (key == KEY_LOST_VIEW) {
			q.lost_view = true;
			continue;
		}
		if (key != KEY_REGION)
			return c->exit_code;
		if (region_parse(optarg, &q.region, &em) < 0)
			return cli_usage(c, "%s", em.text);
		q.in_region = true;
	}
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	code = footage_open(&q.f, c);
	if (code == CLI_OK)
		code = footage_cameras(&q.f, c, &q.cameras);
	if (code == CLI_OK)
		code = search(&q);
	if (code == CLI_OK)
		code = c->json ? show_json(&q) : show_table(&q);
	if (code == CLI_OK && q.damaged)
		code = CLI_FAILED;
	free(q.item);
	footage_cameras_free(&q.cameras);
	footage_close(&q.f);
	return code;
}
