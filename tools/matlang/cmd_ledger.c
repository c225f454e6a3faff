/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang ledger: the frames that are missing, and why. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/frame.h"
#include "capture/core/timefmt.h"
#include "tools/common/human.h"
#include "tools/common/i18n.h"
#include "tools/common/progress.h"
#include "tools/common/table.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/gaps.h"

enum { KEY_TOTALS = CLI_KEY };

const struct cli_option cmd_ledger_options[] = {
	{"totals", KEY_TOTALS, NULL, N_("only the sums of each camera, not every line")},
	{0},
};

struct account {
	uint64_t recorded, torn, missing;
	uint64_t lost[LOSS_CAUSES];
	bool any;                /* something was counted */
	enum record_clock clock; /* the worst of what was; UNKNOWN while there is nothing */
};

struct ledger {
	const struct cli *c;
	struct footage f;
	struct footage_cameras cameras;
	struct gaps gaps;
	struct account *account; /* one for each of `cameras` */
	bool totals_only, damaged;
};

static void note_clock(struct account *a, enum record_clock clock)
{
	if (!a->any || clock < a->clock)
		a->clock = clock;
	a->any = true;
}

/* NULL: not one of the cameras asked for. */
static struct account *account_of(struct ledger *q, uint32_t id)
{
	size_t i = footage_cameras_index(&q->cameras, id);

	return i < q->cameras.count ? &q->account[i] : NULL;
}

static int count_frames(struct ledger *q)
{
	const struct reader_query query = {footage_cameras_query(&q->cameras),
					   RECORD_MASK(RECORD_FRAME), q->f.from_ns, q->f.to_ns};
	struct reader_cursor *cursor;
	struct progress progress;
	struct errmsg em = {""};
	struct record rec;
	uint64_t seen = 0;
	int n = reader_cursor_open(&cursor, q->f.reader, &query, &em);

	if (n < 0)
		return cli_fail(q->c, _("the store cannot be read: %s"), em.text);
	progress_begin(&progress, _("counting frames"));
	while ((n = reader_cursor_next(cursor, &rec)) > 0) {
		struct account *a = account_of(q, rec.camera_id);

		if (a) {
			a->recorded++;
			a->torn += rec.frame.flags & FRAME_TORN ? 1 : 0;
			note_clock(a, rec.clock);
		}
		progress_count(&progress, ++seen, 0);
	}
	progress_end(&progress);
	q->damaged |= footage_warn_damage(q->c, cursor);
	reader_cursor_close(cursor);
	return n < 0 ? cli_fail(q->c, _("the store cannot be read: %s"), strerror(-n)) : CLI_OK;
}

static int read_ledger(struct ledger *q)
{
	struct errmsg em = {""};

	q->account = calloc(q->cameras.count + 1, sizeof(*q->account));
	if (!q->account)
		return cli_fail(q->c, _("out of memory"));
	if (gaps_read(&q->gaps, q->f.reader, footage_cameras_query(&q->cameras), q->f.from_ns,
		      q->f.to_ns, &em) < 0)
		return cli_fail(q->c, _("the store cannot be read: %s"), em.text);
	if (footage_warn_passed_over(q->c, &q->gaps.damage))
		q->damaged = true;
	gaps_sort(&q->gaps);
	for (size_t i = 0; i < q->gaps.count; i++) {
		const struct gap *gap = &q->gaps.item[i];
		struct account *a = account_of(q, gap->camera_id);

		if (!a)
			continue;
		a->missing += gap->frames;
		note_clock(a, gap->clock);
		if ((unsigned)gap->cause < LOSS_CAUSES)
			a->lost[gap->cause] += gap->frames;
	}
	return count_frames(q);
}

static int show_json(struct ledger *q)
{
	int err = 0;

	for (size_t i = 0; i < q->gaps.count && !err && !q->totals_only; i++) {
		const struct gap *gap = &q->gaps.item[i];
		json_t *line = account_of(q, gap->camera_id) ? gaps_json(gap) : NULL;

		if (!account_of(q, gap->camera_id))
			continue;
		if (line && (json_object_set_new(line, "type", json_string("loss")) < 0 ||
			     json_object_set_new(line, "camera",
						 footage_json_text(reader_camera_name(
							 q->f.reader, gap->camera_id))) < 0)) {
			json_decref(line);
			line = NULL;
		}
		err = cli_json(line);
	}
	for (size_t i = 0; i < q->cameras.count && !err; i++) {
		const struct account *a = &q->account[i];
		json_t *lost = json_object();

		for (unsigned k = 1; k < LOSS_CAUSES && lost; k++)
			if (a->lost[k] &&
			    json_object_set_new(lost, loss_cause_name(k),
						json_integer((json_int_t)a->lost[k])) < 0)
				err = -ENOMEM;
		if (err)
			json_decref(lost);
		else
			err = cli_json(json_pack(
				"{s:s, s:o, s:I, s:I, s:I, s:o, s:s}", "type", "total", "camera",
				footage_json_text(
					reader_camera_name(q->f.reader, q->cameras.id[i])),
				"recorded", (json_int_t)a->recorded, "torn", (json_int_t)a->torn,
				"missing", (json_int_t)a->missing, "lost", lost, "clock",
				footage_clock_name(a->clock)));
	}
	return err ? CLI_FAILED : CLI_OK;
}

static int show_lines(struct ledger *q)
{
	struct table *t = table_create("lllrrll");
	char from[TIMEFMT_MAX], to[TIMEFMT_MAX], length[HUMAN_MAX];
	bool any = false;
	int err = 0;

	table_add(t, _("CAMERA"));
	table_add(t, _("FROM"));
	table_add(t, _("TO"));
	table_add(t, _("LENGTH"));
	table_add(t, _("FRAMES"));
	table_add(t, _("WHY"));
	table_add(t, "");
	for (size_t i = 0; i < q->gaps.count; i++) {
		const struct gap *gap = &q->gaps.item[i];

		if (!account_of(q, gap->camera_id))
			continue;
		timefmt_rfc3339(from, gap->from_ns, 0);
		timefmt_rfc3339(to, gap->to_ns, 0);
		human_duration(length, gap->to_ns - gap->from_ns);
		table_add(t, reader_camera_name(q->f.reader, gap->camera_id));
		table_add(t, from);
		table_add(t, to);
		table_add(t, length);
		table_addf(t, "%s%llu", gap->estimated ? "~" : "", (unsigned long long)gap->frames);
		table_add(t, gaps_cause_text(gap->cause));
		table_add(t, footage_clock_note(gap->clock));
		any = true;
	}
	if (any) {
		err = table_print(t, stdout);
		putchar('\n');
	}
	table_destroy(t);
	return err;
}

static int show_totals(const struct ledger *q)
{
	struct table *t = table_create("lrrrrl");
	int err;

	table_add(t, _("CAMERA"));
	table_add(t, _("RECORDED"));
	table_add(t, _("INCOMPLETE"));
	table_add(t, _("MISSING"));
	table_add(t, _("SHARE"));
	table_add(t, "");
	for (size_t i = 0; i < q->cameras.count; i++) {
		const struct account *a = &q->account[i];
		double all = (double)a->recorded + (double)a->missing;

		table_add(t, reader_camera_name(q->f.reader, q->cameras.id[i]));
		table_addf(t, "%llu", (unsigned long long)a->recorded);
		table_addf(t, "%llu", (unsigned long long)a->torn);
		table_addf(t, "%llu", (unsigned long long)a->missing);
		table_addf(t, "%.3f %%", all > 0 ? 100 * (double)a->missing / all : 0);
		table_add(t, a->any ? footage_clock_note(a->clock) : "");
	}
	err = table_print(t, stdout);
	table_destroy(t);
	return err;
}

static int show(struct ledger *q)
{
	int err = 0;

	if (q->c->json)
		return show_json(q);
	if (!q->totals_only)
		err = show_lines(q);
	if (!err)
		err = show_totals(q);
	return err ? cli_fail(q->c, "%s", strerror(-err)) : CLI_OK;
}

int cmd_ledger(struct cli *c, int argc, char **argv)
{
	struct ledger q = {.c = c};
	int key, code;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		if (key != KEY_TOTALS)
			return c->exit_code;
		q.totals_only = true;
	}
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	code = footage_open(&q.f, c);
	if (code == CLI_OK)
		code = footage_cameras(&q.f, c, &q.cameras);
	if (code == CLI_OK)
		code = read_ledger(&q);
	if (code == CLI_OK)
		code = show(&q);
	if (code == CLI_OK && q.damaged)
		code = CLI_FAILED;
	free(q.account);
	gaps_free(&q.gaps);
	footage_cameras_free(&q.cameras);
	footage_close(&q.f);
	return code;
}
