/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang lock, unlock, locks: footage that is kept until it is released. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/timefmt.h"
#include "tools/common/human.h"
#include "tools/common/i18n.h"
#include "tools/common/table.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/locking.h"

enum { KEY_WHY = CLI_KEY };

const struct cli_option cmd_lock_options[] = {
	{"why", KEY_WHY, N_("TEXT"), N_("the reason, for those who come after: \"case 17\"")},
	{0},
};

static const char *camera_of(const struct footage *f, const struct record_lock *l)
{
	return l->camera_id == RECORD_ANY_CAMERA ? "*"
						 : reader_camera_name(f->reader, l->camera_id);
}

/* Who sits at the keyboard, also behind sudo; one word. */
static void author(char *out, size_t size)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *p = getpwuid(getuid());

	snprintf(out, size, "%s", sudo && *sudo ? sudo : p ? p->pw_name : "?");
	for (; *out; out++)
		if (*out == ' ')
			*out = '_';
}

static int fill(const struct footage *f, const struct cli *c, const char *why,
		struct record_lock *l)
{
	if (!why || !*why)
		return cli_usage(c, "%s", _("why? --why \"case 17\" is asked for"));
	if (strlen(why) > RECORD_LOCK_WHY || strpbrk(why, "\n\r\t"))
		return cli_usage(c, _("--why wants one line of at most %d bytes"), RECORD_LOCK_WHY);
	if (!c->from || !c->to)
		return cli_usage(c, "%s", _("from when to when? --from and --to are asked for"));
	if (!c->ncameras)
		return cli_usage(c, "%s",
				 _("which camera? --camera NAME, or --camera '*' for all"));
	*l = (struct record_lock){.camera_id = RECORD_ANY_CAMERA,
				  .from_utc_ns = f->from_ns,
				  .to_utc_ns = f->to_ns,
				  .created_utc_ns = f->now_ns};
	strcpy(l->why, why + strspn(why, " "));
	if (!*l->why)
		return cli_usage(c, "%s", _("why? --why \"case 17\" is asked for"));
	author(l->who, sizeof(l->who));
	if (strcmp(c->camera[0], "*"))
		l->camera_id = footage_camera(f, c, c->camera[0]);
	return l->camera_id ? CLI_OK : CLI_FAILED;
}

static json_t *to_json(const struct footage *f, const struct record_lock *l,
		       const struct reader_lock_extent *x)
{
	return json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "type", "lock",
			 "number", (json_int_t)l->number, "camera",
			 footage_json_text(camera_of(f, l)), "from",
			 footage_json_time(l->from_utc_ns), "to", footage_json_time(l->to_utc_ns),
			 "created", footage_json_time(l->created_utc_ns), "who",
			 footage_json_text(l->who), "why", footage_json_text(l->why), "segments",
			 (json_int_t)x->segments, "bytes", (json_int_t)x->bytes);
}

int cmd_lock(struct cli *c, int argc, char **argv)
{
	struct reader_lock_extent x = {0};
	const char *why = NULL;
	struct record_lock l;
	uint64_t number = 0;
	struct footage f;
	int key;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		if (key != KEY_WHY)
			return c->exit_code;
		why = optarg;
	}
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	int code = footage_open(&f, c);

	if (code == CLI_OK)
		code = fill(&f, c, why, &l);
	if (code == CLI_OK)
		code = locking_add(&f, c, &l, &number);
	if (code == CLI_OK) {
		char size[HUMAN_MAX];

		l.number = number;
		int err = reader_lock_extent(f.reader, &l, &x);

		human_size(size, x.bytes);
		if (err)
			code = cli_fail(c, _("the store cannot be read: %s"), strerror(-err));
		else if (c->json)
			code = cli_json(to_json(&f, &l, &x)) ? CLI_FAILED : CLI_OK;
		else
			printf(_("locked as number %llu; it keeps %s of footage so far\n"),
			       (unsigned long long)number, size);
	}
	footage_close(&f);
	return code;
}

static int unlock(struct footage *f, const struct cli *c, const char *text)
{
	struct errmsg em = {""};
	long number;

	if (cli_number("NUMBER", text, 1, LONG_MAX, &number, &em) < 0)
		return cli_usage(c, _("'%s' is not the number of a lock: see matlang locks"), text);
	if (!locking_find(f, (uint64_t)number))
		return cli_fail(c, _("there is no lock %ld: see matlang locks"), number);
	int code = locking_remove(f, c, (uint64_t)number);

	if (code == CLI_OK && c->json)
		code = cli_json(json_pack("{s:s, s:I}", "type", "unlocked", "number",
					  (json_int_t)number))
			       ? CLI_FAILED
			       : CLI_OK;
	else if (code == CLI_OK)
		printf(_("lock %ld is released\n"), number);
	return code;
}

int cmd_unlock(struct cli *c, int argc, char **argv)
{
	struct footage f;

	if (cli_getopt(c, argc, argv) != CLI_END)
		return c->exit_code;
	if (optind == argc)
		return cli_usage(c, "%s", _("which lock? matlang locks shows their numbers"));
	int code = footage_open(&f, c);

	for (int i = optind; i < argc && code == CLI_OK; i++)
		code = unlock(&f, c, argv[i]);
	footage_close(&f);
	return code;
}

static void add_row(struct table *t, const struct footage *f, const struct record_lock *l,
		    const struct reader_lock_extent *x)
{
	char from[TIMEFMT_MAX], to[TIMEFMT_MAX], made[TIMEFMT_MAX], size[HUMAN_MAX];

	timefmt_rfc3339(from, l->from_utc_ns, 0);
	timefmt_rfc3339(to, l->to_utc_ns, 0);
	timefmt_rfc3339(made, l->created_utc_ns, 0);
	human_size(size, x->bytes);
	table_addf(t, "%llu", (unsigned long long)l->number);
	table_add(t, camera_of(f, l));
	table_add(t, from);
	table_add(t, to);
	table_add(t, size);
	table_add(t, l->who);
	table_add(t, made);
	table_add(t, l->why);
}

static int list(struct footage *f, const struct cli *c)
{
	struct table *t = table_create("rlllrlll");
	const struct record_lock *l;
	struct reader_info info;
	int err = 0;

	table_add(t, _("LOCK"));
	table_add(t, _("CAMERA"));
	table_add(t, _("FROM"));
	table_add(t, _("TO"));
	table_add(t, _("KEEPS"));
	table_add(t, _("WHO"));
	table_add(t, _("WHEN"));
	table_add(t, _("WHY"));
	for (size_t i = 0; !err && (l = reader_lock_at(f->reader, i)); i++) {
		struct reader_lock_extent x;

		err = reader_lock_extent(f->reader, l, &x);
		if (!err && c->json)
			err = cli_json(to_json(f, l, &x));
		else if (!err)
			add_row(t, f, l, &x);
	}
	reader_info(f->reader, &info);
	uint64_t locked = (uint64_t)info.segments_locked * info.segment_bytes;

	if (!err && c->json)
		err = cli_json(json_pack("{s:s, s:I, s:I, s:I}", "type", "total", "locks",
					 (json_int_t)reader_lock_count(f->reader), "bytes",
					 (json_int_t)locked, "capacity",
					 (json_int_t)info.capacity_bytes));
	else if (!err) {
		char kept[HUMAN_MAX], all[HUMAN_MAX];

		if (reader_lock_count(f->reader))
			err = table_print(t, stdout);
		human_size(kept, locked);
		human_size(all, info.capacity_bytes);
		printf(_("locks: %zu, keeping %s of %s\n"), reader_lock_count(f->reader), kept,
		       all);
	}
	table_destroy(t);
	return err ? cli_fail(c, _("the store cannot be read: %s"), strerror(-err)) : CLI_OK;
}

int cmd_locks(struct cli *c, int argc, char **argv)
{
	struct footage f;

	if (cli_getopt(c, argc, argv) != CLI_END)
		return c->exit_code;
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	int code = footage_open(&f, c);

	if (code == CLI_OK)
		code = list(&f, c);
	footage_close(&f);
	return code;
}
