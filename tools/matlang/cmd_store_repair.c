/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang store repair. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "storage/repair.h"
#include "storage/verify.h"
#include "tools/common/i18n.h"
#include "tools/common/progress.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/footage.h"

enum { KEY_DRY_RUN = CLI_KEY };

const struct cli_option cmd_store_repair_options[] = {
	{"dry-run", KEY_DRY_RUN, NULL, N_("write nothing; say what would be written")},
	{0},
};

struct repair_view {
	const struct cli *c;
	struct progress progress;
	bool dry_run, failed;
};

static const char *word(enum repair_what what)
{
	switch (what) {
	case REPAIR_SUPERBLOCK: return "superblock";
	case REPAIR_CHECKPOINT: return "checkpoint";
	case REPAIR_SEAL: return "seal";
	case REPAIR_HEADER: return "header";
	}
	return "?";
}

static void say(const struct repair_view *v, const struct repair_step *s)
{
	unsigned long long sequence = s->sequence;

	switch (s->what) {
	case REPAIR_SUPERBLOCK:
		printf(v->dry_run ? _("would be written anew: superblock %u\n")
				  : _("written anew: superblock %u\n"),
		       s->index);
		break;
	case REPAIR_CHECKPOINT:
		printf(v->dry_run ? _("would be written anew: checkpoint %u\n")
				  : _("written anew: checkpoint %u\n"),
		       s->index);
		break;
	case REPAIR_SEAL:
		printf(v->dry_run ? _("would be written anew: seal of segment %u (sequence %llu)\n")
				  : _("written anew: seal of segment %u (sequence %llu)\n"),
		       s->index, sequence);
		break;
	case REPAIR_HEADER:
		printf(v->dry_run
			       ? _("would be written anew: header of segment %u (sequence %llu)\n")
			       : _("written anew: header of segment %u (sequence %llu)\n"),
		       s->index, sequence);
		break;
	}
}

static void show_step(void *ctx, const struct repair_step *s)
{
	struct repair_view *v = ctx;

	if (!v->c->json) {
		say(v, s);
		return;
	}
	v->failed |= cli_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:b}", "type", "repair", "what",
					word(s->what), "index", (json_int_t)s->index, "sequence",
					(json_int_t)s->sequence, "offset", (json_int_t)s->offset,
					"dry_run", (int)v->dry_run)) < 0;
}

static void show_left(void *ctx, const char *what)
{
	struct repair_view *v = ctx;

	progress_end(&v->progress);
	if (v->c->json)
		v->failed |= cli_json(json_pack("{s:s, s:o}", "type", "damage", "what",
						footage_json_text(what))) < 0;
	else
		printf(_("still damaged: %s\n"), what);
}

static int verify_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct repair_view *v = ctx;

	progress_bytes(&v->progress, done, total);
	return 0;
}

static int show_result(struct repair_view *v, const char *dir, uint64_t steps, uint64_t left)
{
	if (v->c->json)
		v->failed |=
			cli_json(json_pack("{s:s, s:o, s:I, s:I, s:b, s:b}", "type", "repaired",
					   "store", footage_json_text(dir), "steps",
					   (json_int_t)steps, "damaged", (json_int_t)left,
					   "dry_run", (int)v->dry_run, "ok", (int)(left == 0))) < 0;
	else if (v->dry_run)
		printf(_("%s: nothing was written; %llu parts would be\n"), dir,
		       (unsigned long long)steps);
	else if (left)
		printf(_("%s: %llu parts written anew; %llu damages are in the footage itself and "
			 "stay: what they hit is passed over\n"),
		       dir, (unsigned long long)steps, (unsigned long long)left);
	else
		printf(_("%s: %llu parts written anew; all is whole\n"), dir,
		       (unsigned long long)steps);
	return left || v->failed || (v->dry_run && steps) ? CLI_FAILED : CLI_OK;
}

static int repair(struct repair_view *v, const char *dir)
{
	const struct repair_callbacks steps = {show_step, v};
	const struct verify_callbacks left = {show_left, verify_progress, v};
	struct repair_result result = {0};
	struct verify_result verified = {0};
	struct errmsg em = {""};
	int err = repair_store(dir, v->dry_run, &steps, &result, &em);

	/* Only reading all of it tells what repair cannot mend. */
	if (!err && !v->dry_run) {
		progress_begin(&v->progress, _("verifying"));
		err = verify_store(dir, &left, &verified, &em);
		progress_end(&v->progress);
	}
	if (err)
		return cli_fail(v->c, "%s", *em.text ? em.text : strerror(-err));
	return show_result(v, dir, result.steps, verified.damaged);
}

int cmd_store_repair(struct cli *c, int argc, char **argv)
{
	struct repair_view view = {.c = c};
	int key;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		if (key != KEY_DRY_RUN)
			return c->exit_code;
		view.dry_run = true;
	}
	if (argc - optind != 1)
		return cli_usage(c, "%s", _("which one directory? matlang store repair DIR"));
	return repair(&view, argv[optind]);
}
