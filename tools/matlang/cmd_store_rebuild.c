/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * matlang store rebuild and replace: a disk of a store with parity is filled anew. A running box
 * does it itself, told by its control files; otherwise it is done here.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/reactor.h"
#include "storage/replace.h"
#include "storage/store.h"
#include "tools/common/i18n.h"
#include "tools/common/progress.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/control.h"
#include "tools/matlang/footage.h"

#define RING_ENTRIES 64u
#define TURN_NS      (100 * NSEC_PER_MSEC)

/* The control files' directories are absolute. */
static int absolute(const struct cli *c, const char *dir, char out[PATH_MAX])
{
	char cwd[PATH_MAX] = "";

	if (dir[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return cli_fail(c, "%s: %s", dir, strerror(errno));
	if (snprintf(out, PATH_MAX, "%s%s%s", cwd, dir[0] == '/' ? "" : "/", dir) >= PATH_MAX)
		return cli_fail(c, _("%s: the path is too long"), dir);
	return CLI_OK;
}

static int finish(const struct cli *c, const char *dir, const char *failed)
{
	if (*failed)
		return cli_fail(c, "%s", failed);
	if (c->json)
		return cli_json(json_pack("{s:s, s:o}", "type", "rebuilt", "dir",
					  footage_json_text(dir))) < 0
			       ? CLI_FAILED
			       : CLI_OK;
	printf(_("%s is whole again and counts\n"), dir);
	return CLI_OK;
}

/* Follows what the box does. */
static int watch_box(const struct cli *c, const struct control *box, const char *dir)
{
	struct progress progress;
	char state[CONTROL_VALUE_MAX] = "";
	struct errmsg em = {""};
	int err = 0;

	progress_begin(&progress, _("rebuilding"));
	for (;;) {
		unsigned long long done, total;

		err = control_read(box, "storage/rebuild", state, sizeof(state), &em);
		if (err || !strcmp(state, "idle") || !strncmp(state, "failed: ", 8))
			break;
		if (sscanf(state, "%llu of %llu", &done, &total) == 2)
			progress_bytes(&progress, done, total);
		nanosleep(&(struct timespec){.tv_nsec = TURN_NS}, NULL);
	}
	progress_end(&progress);
	if (err)
		return cli_fail(c, "%s", em.text);
	return finish(c, dir, strncmp(state, "failed: ", 8) ? "" : state + 8);
}

static int by_box(const struct cli *c, const struct control *box, const char *old, const char *dir)
{
	char from[PATH_MAX] = "", to[PATH_MAX], value[2 * PATH_MAX];
	struct errmsg em = {""};
	int code = absolute(c, dir, to);

	if (code == CLI_OK && old)
		code = absolute(c, old, from);
	if (code != CLI_OK)
		return code;
	snprintf(value, sizeof(value), "%s%s%s", from, old ? "," : "", to);
	if (control_write(box, "storage/rebuild", value, &em))
		return cli_fail(c, "%s", em.text);
	return watch_box(c, box, dir);
}

static int run_here(struct store *s, struct reactor *r, struct replace_stats *st)
{
	struct progress progress;
	int err = 0;

	progress_begin(&progress, _("rebuilding"));
	do {
		err = reactor_turn(r, TURN_NS);
		replace_stats(s, st);
		if (st->total)
			progress_bytes(&progress, st->done, st->total);
	} while (!err && st->running);
	progress_end(&progress);
	return err;
}

static int by_itself(const struct cli *c, const char *dirs, const char *old, const char *dir)
{
	struct replace_stats st = {0};
	struct errmsg em = {""};
	struct reactor *r = NULL;
	struct store *s = NULL;
	struct store_stats after;
	int err = reactor_create(&r, RING_ENTRIES, &em);

	if (!err)
		err = store_open(&s, dirs, r, NULL, NULL, NULL, &em);
	if (!err) {
		replace_set_rate(s, 0); /* nobody records meanwhile */
		err = replace_start(s, old, dir, &em);
	}
	if (!err) {
		err = run_here(s, r, &st);
		snprintf(em.text, sizeof(em.text), "%s", st.failed);
		store_stats(s, &after);
		if (!err && !*em.text && after.volumes_missing)
			snprintf(em.text, sizeof(em.text), "%s", after.trouble);
	}
	if (s) {
		int closed = store_close(s);

		err = err ? err : closed;
	}
	reactor_destroy(r);
	if (err || *em.text)
		return cli_fail(c, "%s", *em.text ? em.text : strerror(-err));
	return finish(c, dir, "");
}

static int rebuild(const struct cli *c, const char *old, const char *dir)
{
	struct control box;
	char dirs[STORE_DIRS_MAX], running[CONTROL_VALUE_MAX];

	control_init(&box, c->control);
	footage_store_dir(c, dirs, sizeof(dirs));
	if (!control_read(&box, "storage/dir", running, sizeof(running), NULL) &&
	    (!c->store || !strcmp(running, dirs)))
		return by_box(c, &box, old, dir);
	return by_itself(c, dirs, old, dir);
}

int cmd_store_rebuild(struct cli *c, int argc, char **argv)
{
	if (cli_getopt(c, argc, argv) != CLI_END)
		return c->exit_code;
	if (argc - optind != 1)
		return cli_usage(c, "%s", _("onto which directory? matlang store rebuild NEW"));
	return rebuild(c, NULL, argv[optind]);
}

int cmd_store_replace(struct cli *c, int argc, char **argv)
{
	if (cli_getopt(c, argc, argv) != CLI_END)
		return c->exit_code;
	if (argc - optind != 2)
		return cli_usage(c, "%s",
				 _("which directory by which? matlang store replace OLD NEW"));
	return rebuild(c, argv[optind], argv[optind + 1]);
}
