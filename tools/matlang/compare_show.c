/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/compare_show.h"

#include <stdio.h>
#include <string.h>

#include "capture/core/timefmt.h"
#include "tools/common/human.h"
#include "tools/common/i18n.h"
#include "tools/common/table.h"
#include "tools/matlang/detect.h"
#include "tools/matlang/footage.h"

/* Takes the sides' alarms one after another by their begin; of those both have, today's. */
struct walk {
	const struct compare *p;
	size_t at[COMPARE_SIDES];
};

static const struct compare_alarm *next(struct walk *w, bool has[COMPARE_SIDES])
{
	const struct compare_side *a = &w->p->side[COMPARE_TODAY];
	const struct compare_side *b = &w->p->side[COMPARE_CHANGED];
	const struct compare_alarm *x, *y;

	while (w->at[1] < b->count && b->alarm[w->at[1]].other)
		w->at[1]++;
	x = w->at[0] < a->count ? &a->alarm[w->at[0]] : NULL;
	y = w->at[1] < b->count ? &b->alarm[w->at[1]] : NULL;
	if (!x && !y)
		return NULL;
	if (!y || (x && x->start_ns <= y->start_ns)) {
		w->at[0]++;
		has[COMPARE_TODAY] = true;
		has[COMPARE_CHANGED] = x->other;
		return x;
	}
	w->at[1]++;
	has[COMPARE_TODAY] = false;
	has[COMPARE_CHANGED] = true;
	return y;
}

static size_t only(const struct compare_side *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += !s->alarm[i].other;
	return n;
}

static int64_t time_in_alarm(const struct compare_side *s)
{
	int64_t sum = 0;

	for (size_t i = 0; i < s->count; i++)
		sum += s->alarm[i].end_ns - s->alarm[i].start_ns;
	return sum;
}

/* --- JSON --------------------------------------------------------------------------------------
 */

static json_t *json_time(const struct compare *p, int64_t ns)
{
	return p->utc ? footage_json_time(ns) : json_real((double)ns / 1e9);
}

static json_t *json_side(const struct compare_side *s)
{
	json_t *settings = json_object();
	char text[DETECT_SETTING_MAX];
	const char *name;

	for (unsigned i = 0; (name = detect_setting(&s->config, i, text)); i++)
		if (json_object_set_new(settings, name, footage_json_text(text)) < 0)
			break;
	return json_pack("{s:I, s:I, s:f, s:I, s:I, s:o}", "alarms", (json_int_t)s->count,
			 "only_here", (json_int_t)only(s), "seconds_in_alarm",
			 (double)time_in_alarm(s) / 1e9, "analyzed", (json_int_t)s->analyzed,
			 "with_motion", (json_int_t)s->moved, "settings", settings);
}

static int show_json(const struct compare *p)
{
	struct walk w = {.p = p};
	const struct compare_alarm *x;
	bool has[COMPARE_SIDES];
	int err = 0;

	while (!err && (x = next(&w, has)))
		err = cli_json(
			json_pack("{s:s, s:o, s:o, s:f, s:i, s:i, s:b, s:b}", "type", "alarm",
				  "from", json_time(p, x->start_ns), "to", json_time(p, x->end_ns),
				  "seconds", (double)(x->end_ns - x->start_ns) / 1e9, "peak_cells",
				  (int)x->peak_cells, "peak_level", (int)x->peak_level, "today",
				  (int)has[COMPARE_TODAY], "changed", (int)has[COMPARE_CHANGED]));
	if (!err)
		err = cli_json(json_pack("{s:s, s:I, s:o, s:o}", "type", "summary", "frames",
					 (json_int_t)p->frames, "today",
					 json_side(&p->side[COMPARE_TODAY]), "changed",
					 json_side(&p->side[COMPARE_CHANGED])));
	return err ? CLI_FAILED : CLI_OK;
}

/* --- tables ------------------------------------------------------------------------------------
 */

static void add_time(struct table *t, const struct compare *p, int64_t ns)
{
	char text[TIMEFMT_MAX];

	if (!p->utc) {
		table_addf(t, "%.1f s", (double)ns / 1e9);
		return;
	}
	timefmt_rfc3339(text, ns, 0);
	table_add(t, text);
}

static int show_alarms(const struct compare *p)
{
	struct table *t = table_create("llrrll");
	struct walk w = {.p = p};
	const struct compare_alarm *x;
	bool has[COMPARE_SIDES];
	char text[HUMAN_MAX];
	size_t n = 0;
	int err = 0;

	table_add(t, _("FROM"));
	table_add(t, _("TO"));
	table_add(t, _("LENGTH"));
	table_add(t, _("CELLS"));
	table_add(t, _("TODAY"));
	table_add(t, _("CHANGED"));
	for (; (x = next(&w, has)); n++) {
		add_time(t, p, x->start_ns);
		add_time(t, p, x->end_ns);
		human_duration(text, x->end_ns - x->start_ns);
		table_add(t, text);
		table_addf(t, "%u", x->peak_cells);
		table_add(t, has[COMPARE_TODAY] ? _("alarm") : "-");
		table_add(t, has[COMPARE_CHANGED] ? _("alarm") : "-");
	}
	if (n)
		err = table_print(t, stdout);
	table_destroy(t);
	if (n && !err)
		putchar('\n');
	return err;
}

/* The settings that differ. */
static void add_settings(struct table *t, const struct compare *p)
{
	char a[DETECT_SETTING_MAX], b[DETECT_SETTING_MAX];
	const char *name;

	for (unsigned i = 0; (name = detect_setting(&p->side[COMPARE_TODAY].config, i, a)); i++) {
		detect_setting(&p->side[COMPARE_CHANGED].config, i, b);
		if (!strcmp(a, b))
			continue;
		table_add(t, name);
		table_add(t, *a ? a : "-");
		table_add(t, *b ? b : "-");
	}
}

static int show_sums(const struct compare *p)
{
	const struct compare_side *a = &p->side[COMPARE_TODAY], *b = &p->side[COMPARE_CHANGED];
	struct table *t = table_create("lrr");
	char text[HUMAN_MAX];
	int err;

	table_add(t, "");
	table_add(t, _("TODAY"));
	table_add(t, _("CHANGED"));
	add_settings(t, p);
	table_add(t, _("alarms"));
	table_addf(t, "%zu", a->count);
	table_addf(t, "%zu", b->count);
	table_add(t, _("  of them only here"));
	table_addf(t, "%zu", only(a));
	table_addf(t, "%zu", only(b));
	table_add(t, _("time in alarm"));
	human_duration(text, time_in_alarm(a));
	table_add(t, text);
	human_duration(text, time_in_alarm(b));
	table_add(t, text);
	table_add(t, _("frames looked at"));
	table_addf(t, "%llu", (unsigned long long)a->analyzed);
	table_addf(t, "%llu", (unsigned long long)b->analyzed);
	table_add(t, _("  with motion"));
	table_addf(t, "%llu", (unsigned long long)a->moved);
	table_addf(t, "%llu", (unsigned long long)b->moved);
	err = table_print(t, stdout);
	table_destroy(t);
	return err;
}

int compare_show(const struct compare *p)
{
	int err;

	if (p->c->json)
		return show_json(p);
	err = show_alarms(p);
	if (!err)
		err = show_sums(p);
	return err ? cli_fail(p->c, "%s", strerror(-err)) : CLI_OK;
}
