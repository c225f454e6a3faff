/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang store forecast: how far back footage reaches, now and after a change. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/monotime.h"
#include "tools/common/human.h"
#include "tools/common/i18n.h"
#include "tools/common/table.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/footage.h"

#define DAY_S 86400.0

enum { KEY_SET = CLI_KEY, KEY_OVER };

const struct cli_option cmd_store_forecast_options[] = {
	{"set", KEY_SET, "PATH=VALUE",
	 N_("a change to try: cameras/NAME/fps=N, cameras/NAME/enabled=0 or store/size=SIZE; may "
	    "be "
	    "given again")},
	{"over", KEY_OVER, N_("TIME"), N_("since when the rate is measured (default: -1d)")},
	{0},
};

/* One camera's rate, now and with the changes. */
struct rate {
	const char *name;
	double fps, bytes; /* a second */
	double new_bytes;
};

struct forecast {
	const struct cli *c;
	struct footage f;
	struct reader_usage usage;
	struct rate *rate; /* one for each of usage.camera */
	double capacity, new_capacity, locked;
	double overhead; /* what a byte of pictures takes on the disk */
};

static struct rate *rate_of(struct forecast *q, const char *name, size_t len)
{
	for (size_t i = 0; i < q->usage.cameras; i++)
		if (strlen(q->rate[i].name) == len && !memcmp(q->rate[i].name, name, len))
			return &q->rate[i];
	return NULL;
}

static int change_camera(struct forecast *q, const char *name, size_t len, const char *what,
			 const char *value)
{
	struct rate *r = rate_of(q, name, len);
	char *end;
	double v = strtod(value, &end);

	if (!r)
		return cli_fail(q->c, _("camera '%.*s' has recorded nothing in that time"),
				(int)len, name);
	if (end == value || *end || !(v >= 0) || v > 1000)
		return cli_usage(q->c, _("'%s' is not a number that %s can have"), value, what);
	if (!strcmp(what, "fps"))
		r->new_bytes = r->fps > 0 ? r->bytes * v / r->fps : 0;
	else if (v == 0)
		r->new_bytes = 0;
	return CLI_OK;
}

static int change(struct forecast *q, const char *text)
{
	const char *equals = strchr(text, '='), *what = strrchr(text, '/');
	struct errmsg em = {""};
	uint64_t size;

	if (equals && !strncmp(text, "store/size=", 11)) {
		if (human_parse_size(equals + 1, &size, &em) < 0)
			return cli_usage(q->c, "%s", em.text);
		q->new_capacity = (double)size;
		return CLI_OK;
	}
	while (what && equals && what > equals && what > text)
		what = memrchr(text, '/', (size_t)(what - text));
	if (!equals || !what || strncmp(text, "cameras/", 8) || what <= text + 8 ||
	    (strncmp(what + 1, "fps=", 4) && strncmp(what + 1, "enabled=", 8)))
		return cli_usage(
			q->c,
			_("--set %s: it must be cameras/NAME/fps=N, cameras/NAME/enabled=0 "
			  "or store/size=SIZE"),
			text);
	return change_camera(q, text + 8, (size_t)(what - text - 8),
			     what[1] == 'f' ? "fps" : "enabled", equals + 1);
}

static int measure(struct forecast *q, const char *over)
{
	struct reader_info info;
	int64_t from = q->f.now_ns - (int64_t)DAY_S * NSEC_PER_SEC;

	if (over && footage_time(&q->f, q->c, "over", over, &from) != CLI_OK)
		return CLI_USAGE;
	int err = reader_usage(q->f.reader, from, &q->usage);

	if (err)
		return cli_fail(q->c, _("the store cannot be read: %s"), strerror(-err));
	if (!q->usage.cameras || q->usage.span_ns <= 0)
		return cli_fail(
			q->c, "%s",
			_("too little was recorded in that time to tell a rate: try --over"));
	q->rate = calloc(q->usage.cameras, sizeof(*q->rate));
	if (!q->rate)
		return cli_fail(q->c, "%s", _("out of memory"));
	double seconds = (double)q->usage.span_ns / (double)NSEC_PER_SEC, bytes = 0;

	for (size_t i = 0; i < q->usage.cameras; i++) {
		const struct reader_camera_usage *u = &q->usage.camera[i];

		q->rate[i] = (struct rate){.name = reader_camera_name(q->f.reader, u->id),
					   .fps = (double)u->frames / seconds,
					   .bytes = (double)u->bytes / seconds,
					   .new_bytes = (double)u->bytes / seconds};
		bytes += (double)u->bytes;
	}
	reader_info(q->f.reader, &info);
	q->capacity = q->new_capacity = (double)info.capacity_bytes;
	q->locked = (double)info.segments_locked * info.segment_bytes;
	q->overhead = bytes > 0 ? (double)q->usage.segments * info.segment_bytes / bytes : 1;
	return CLI_OK;
}

/* Days of footage; 0: nothing is recorded. */
static double days(const struct forecast *q, bool changed)
{
	double rate = 0, room = (changed ? q->new_capacity : q->capacity) - q->locked;

	for (size_t i = 0; i < q->usage.cameras; i++)
		rate += changed ? q->rate[i].new_bytes : q->rate[i].bytes;
	rate *= q->overhead;
	return rate > 0 && room > 0 ? room / rate / DAY_S : 0;
}

static int show_json(const struct forecast *q, bool changed)
{
	int err = 0;

	for (size_t i = 0; i < q->usage.cameras && !err; i++) {
		const struct rate *r = &q->rate[i];

		err = cli_json(json_pack("{s:s, s:o, s:f, s:f, s:f}", "type", "camera", "camera",
					 footage_json_text(r->name), "fps", r->fps, "bytes_per_day",
					 r->bytes * DAY_S, "bytes_per_day_after",
					 r->new_bytes * DAY_S));
	}
	if (!err)
		err = cli_json(json_pack("{s:s, s:f, s:f, s:f, s:f, s:b}", "type", "forecast",
					 "days", days(q, false), "days_after", days(q, true),
					 "capacity_bytes", q->capacity, "locked_bytes", q->locked,
					 "changed", (int)changed));
	return err ? CLI_FAILED : CLI_OK;
}

static void add_size(struct table *t, double bytes)
{
	char size[HUMAN_MAX];

	human_size(size, (uint64_t)bytes);
	table_add(t, size);
}

static int show(const struct forecast *q, bool changed)
{
	struct table *t = table_create(changed ? "lrrr" : "lrr");
	char kept[HUMAN_MAX];

	table_add(t, _("CAMERA"));
	table_add(t, _("FRAMES/S"));
	table_add(t, _("PER DAY"));
	if (changed)
		table_add(t, _("AFTERWARDS"));
	for (size_t i = 0; i < q->usage.cameras; i++) {
		const struct rate *r = &q->rate[i];

		table_add(t, r->name);
		table_addf(t, "%.1f", r->fps);
		add_size(t, r->bytes * DAY_S);
		if (changed)
			add_size(t, r->new_bytes * DAY_S);
	}
	int err = table_print(t, stdout);

	table_destroy(t);
	human_size(kept, (uint64_t)q->locked);
	printf(_("footage of all cameras reaches back %.1f days at this rate (%s locked)\n"),
	       days(q, false), kept);
	if (changed)
		printf(_("with the changes: %.1f days\n"), days(q, true));
	return err ? cli_fail(q->c, "%s", strerror(-err)) : CLI_OK;
}

int cmd_store_forecast(struct cli *c, int argc, char **argv)
{
	const char *set[CLI_OPTIONS_MAX], *over = NULL;
	struct forecast q = {.c = c};
	size_t sets = 0;
	int key;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		if (key == KEY_SET && sets < CLI_OPTIONS_MAX)
			set[sets++] = optarg;
		else if (key == KEY_OVER)
			over = optarg;
		else if (key == KEY_SET)
			return cli_usage(c, "%s", _("too many changes"));
		else
			return c->exit_code;
	}
	if (argc - optind > 1)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind + 1]);
	if (optind < argc)
		c->store = argv[optind];
	int code = footage_open(&q.f, c);

	if (code == CLI_OK)
		code = measure(&q, over);
	for (size_t i = 0; i < sets && code == CLI_OK; i++)
		code = change(&q, set[i]);
	if (code == CLI_OK)
		code = c->json ? show_json(&q, sets > 0) : show(&q, sets > 0);
	free(q.rate);
	reader_usage_free(&q.usage);
	footage_close(&q.f);
	return code;
}
