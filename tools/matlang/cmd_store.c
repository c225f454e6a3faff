/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang store create, info, verify. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/timefmt.h"
#include "storage/reader.h"
#include "storage/store.h"
#include "storage/verify.h"
#include "tools/common/human.h"
#include "tools/common/progress.h"
#include "tools/common/table.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/control.h"
#include "tools/matlang/footage.h"

enum { KEY_SIZE = CLI_KEY, KEY_SEGMENT, KEY_SPARSE, KEY_PARITY };

const struct cli_option cmd_store_create_options[] = {
	{"size", KEY_SIZE, "SIZE",
	 "space to reserve in each directory, for example 100G (default: 90 % of what is free)"},
	{"parity", KEY_PARITY, "M",
	 "any M of the disks, 0 to 3, may be lost (default: 0; several directories)"},
	{"segment", KEY_SEGMENT, "SIZE",
	 "size of a segment, a power of two from 1M to 1G (default: chosen from the size)"},
	{"sparse", KEY_SPARSE, NULL, "do not write the space through: for tests and trials only"},
	{0},
};

/* The directories: the operands, else --store and what stands for it. */
static int store_dir(const struct cli *c, int argc, char **argv, char *out, size_t size)
{
	size_t at = 0;

	if (optind == argc)
		footage_store_dir(c, out, size);
	for (int i = optind; i < argc && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%s", i > optind ? "," : "", argv[i]);
	return at < size ? CLI_OK : cli_usage(c, "the directories' names are too long together");
}

static int create_progress(void *ctx, uint64_t done, uint64_t total)
{
	progress_bytes(ctx, done, total);
	return 0;
}

static int check_segment(const struct cli *c, uint64_t bytes, struct store_create_options *o)
{
	if (bytes < 1 << 20 || bytes > 1 << 30 || (bytes & (bytes - 1)))
		return cli_usage(c, "--segment wants a power of two from 1M to 1G");
	o->segment_bytes = (uint32_t)bytes;
	return CLI_OK;
}

static int create(const struct cli *c, const char *const dirs[], unsigned ndirs,
		  struct store_create_options *o)
{
	struct progress progress;
	struct errmsg em = {""};
	int err;

	progress_begin(&progress, "reserving space");
	o->progress = create_progress;
	o->progress_ctx = &progress;
	err = store_create(dirs, ndirs, o, &em);
	progress_end(&progress);
	if (err)
		return cli_fail(c, "%s", *em.text ? em.text : strerror(-err));
	if (c->json)
		return cli_json(json_pack("{s:s, s:o}", "type", "created", "store",
					  footage_json_text(dirs[0]))) < 0
			       ? CLI_FAILED
			       : CLI_OK;
	printf("store made in %s", dirs[0]);
	for (unsigned i = 1; i < ndirs; i++)
		printf("%s%s", i + 1 < ndirs ? ", " : " and ", dirs[i]);
	putchar('\n');
	return CLI_OK;
}

static int parse_parity(const char *text, unsigned *out, struct errmsg *em)
{
	if (text[0] < '0' || text[0] > '3' || text[1])
		return errmsg_set(em, -EINVAL, "--parity '%s': it must be 0, 1, 2 or 3", text);
	*out = (unsigned)(text[0] - '0');
	return 0;
}

int cmd_store_create(struct cli *c, int argc, char **argv)
{
	struct store_create_options o = {0};
	struct errmsg em = {""};
	uint64_t segment = 0;
	int key, code, err = 0;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		switch (key) {
		case KEY_SIZE: err = human_parse_size(optarg, &o.size_bytes, &em); break;
		case KEY_SEGMENT: err = human_parse_size(optarg, &segment, &em); break;
		case KEY_SPARSE: o.sparse = true; break;
		case KEY_PARITY: err = parse_parity(optarg, &o.parity, &em); break;
		default: return c->exit_code;
		}
		if (err)
			return cli_usage(c, "%s", em.text);
		if (key == KEY_SEGMENT) {
			code = check_segment(c, segment, &o);
			if (code != CLI_OK)
				return code;
		}
	}
	if (optind == argc)
		return cli_usage(c, "in which directory? matlang store create DIR");
	return create(c, (const char *const *)argv + optind, (unsigned)(argc - optind), &o);
}

/* What the box that records there says of its scrub. */
struct info_scrub {
	bool known;
	char state[CONTROL_VALUE_MAX], last[64];
	int64_t found, repaired, unrepaired;
};

static void ask_scrub(const struct cli *c, const char *dir, struct info_scrub *s)
{
	char running[CONTROL_VALUE_MAX];
	struct control box;

	*s = (struct info_scrub){0};
	control_init(&box, c->control);
	if (control_read(&box, "storage/dir", running, sizeof(running), NULL) ||
	    strcmp(running, dir) != 0 ||
	    control_read(&box, "storage/scrub", s->state, sizeof(s->state), NULL) ||
	    control_read(&box, "storage/scrub_last", s->last, sizeof(s->last), NULL))
		return;
	s->found = control_number(&box, "storage/scrub_found", 0);
	s->repaired = control_number(&box, "storage/scrub_repaired", 0);
	s->unrepaired = control_number(&box, "storage/scrub_unrepaired", 0);
	s->known = true;
}

static int info_json(const struct reader_info *info, const char *uuid, size_t cameras,
		     const struct info_scrub *scrub)
{
	json_t *told = scrub->known
			       ? json_pack("{s:s, s:s, s:I, s:I, s:I}", "state", scrub->state,
					   "last", scrub->last, "found", (json_int_t)scrub->found,
					   "repaired", (json_int_t)scrub->repaired, "unrepaired",
					   (json_int_t)scrub->unrepaired)
			       : json_null();

	return cli_json(json_pack(
		"{s:s, s:o, s:s, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, "
		"s:I, s:b, "
		"s:I, s:o}",
		"type", "store", "dir", footage_json_text(info->dir), "uuid", uuid, "version",
		(json_int_t)info->version, "volumes", (json_int_t)info->volumes, "parity",
		(json_int_t)info->parity, "volumes_missing", (json_int_t)info->volumes_missing,
		"volumes_why", info->volumes_why, "capacity_bytes",
		(json_int_t)info->capacity_bytes, "segment_bytes", (json_int_t)info->segment_bytes,
		"segments", (json_int_t)info->segments, "segments_used",
		(json_int_t)info->segments_used, "segments_locked",
		(json_int_t)info->segments_locked, "created",
		footage_json_time(info->created_utc_ns), "oldest",
		info->oldest_utc_ns ? footage_json_time(info->oldest_utc_ns) : json_null(),
		"newest",
		info->newest_utc_ns ? footage_json_time(info->newest_utc_ns) : json_null(),
		"cameras", (json_int_t)cameras, "being_written", (int)info->being_written,
		"position", (json_int_t)info->position, "scrub", told));
}

static void add_time(struct table *t, const char *what, int64_t utc_ns)
{
	char time[TIMEFMT_MAX] = "-";

	if (utc_ns)
		timefmt_rfc3339(time, utc_ns, 0);
	table_add(t, what);
	table_add(t, time);
}

static void add_scrub(struct table *t, const struct info_scrub *s)
{
	if (!s->known)
		return;
	table_add(t, "scrub");
	if (!strcmp(s->state, "idle") && !*s->last && !s->found)
		table_add(t, "not since the box started");
	else
		table_addf(t,
			   "%s%s%s; %lld damaged places found, %lld blocks repaired, %lld places "
			   "damaged still",
			   s->state, *s->last ? ", last finished " : "", s->last,
			   (long long)s->found, (long long)s->repaired, (long long)s->unrepaired);
}

static int info_table(const struct reader_info *info, const char *uuid, size_t cameras,
		      const struct info_scrub *scrub)
{
	struct table *t = table_create("ll");
	char size[HUMAN_MAX], segment[HUMAN_MAX], kept[HUMAN_MAX];
	int err;

	human_size(size, info->capacity_bytes);
	human_size(segment, info->segment_bytes);
	human_duration(kept, info->newest_utc_ns - info->oldest_utc_ns);
	table_add(t, "directory");
	table_add(t, info->dir);
	table_add(t, "identity");
	table_add(t, uuid);
	table_add(t, "format");
	if (info->parity)
		table_addf(t, "version %u, %u volumes, any %u of them may be lost", info->version,
			   info->volumes, info->parity);
	else
		table_addf(t, "version %u, %u volume%s", info->version, info->volumes,
			   info->volumes == 1 ? "" : "s");
	if (info->volumes_missing) {
		table_add(t, "DEGRADED");
		table_addf(t, "%u of %u volumes missing: %s", info->volumes_missing, info->volumes,
			   info->volumes_why);
	}
	table_add(t, "capacity");
	table_addf(t, "%s in %u segments of %s", size, info->segments, segment);
	table_add(t, "used");
	table_addf(t, "%u segments (%.1f %%), %u locked", info->segments_used,
		   info->segments ? 100.0 * info->segments_used / info->segments : 0,
		   info->segments_locked);
	table_add(t, "cameras");
	table_addf(t, "%zu", cameras);
	add_time(t, "created", info->created_utc_ns);
	add_time(t, "oldest", info->oldest_utc_ns);
	add_time(t, "newest", info->newest_utc_ns);
	table_add(t, "reaches back");
	table_add(t, kept);
	table_add(t, "being written");
	table_add(t, info->being_written ? "yes" : "no");
	add_scrub(t, scrub);
	err = table_print(t, stdout);
	table_destroy(t);
	return err;
}

int cmd_store_info(struct cli *c, int argc, char **argv)
{
	struct errmsg em = {""};
	struct reader_info info;
	struct info_scrub scrub;
	struct reader *reader;
	char dir[STORE_DIRS_MAX], uuid[FOOTAGE_UUID_SIZE];
	int code, err;

	if (cli_getopt(c, argc, argv) != CLI_END)
		return c->exit_code;
	code = store_dir(c, argc, argv, dir, sizeof(dir));
	if (code != CLI_OK)
		return code;
	err = reader_open(&reader, dir, &em);
	if (err)
		return cli_fail(c, "%s", *em.text ? em.text : strerror(-err));
	reader_info(reader, &info);
	footage_uuid(uuid, info.uuid);
	ask_scrub(c, dir, &scrub);
	err = c->json ? info_json(&info, uuid, reader_camera_count(reader), &scrub)
		      : info_table(&info, uuid, reader_camera_count(reader), &scrub);
	reader_close(reader);
	return err ? cli_fail(c, "%s", strerror(-err)) : CLI_OK;
}

struct verify_view {
	const struct cli *c;
	struct progress progress;
	bool failed;
};

static void show_damage(void *ctx, const char *what)
{
	struct verify_view *v = ctx;

	progress_end(&v->progress);
	if (v->c->json)
		v->failed |= cli_json(json_pack("{s:s, s:o}", "type", "damage", "what",
						footage_json_text(what))) < 0;
	else
		printf("damaged: %s\n", what);
}

static int verify_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct verify_view *v = ctx;

	progress_bytes(&v->progress, done, total);
	return 0;
}

static int show_result(struct verify_view *v, const char *dir, const struct verify_result *r)
{
	char size[HUMAN_MAX];

	if (v->c->json) {
		v->failed |=
			cli_json(json_pack(
				"{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "type",
				"verified", "store", footage_json_text(dir), "segments",
				(json_int_t)r->segments, "chunks", (json_int_t)r->chunks, "records",
				(json_int_t)r->records, "frames", (json_int_t)r->frames, "bytes",
				(json_int_t)r->bytes, "damaged", (json_int_t)r->damaged, "recycled",
				(json_int_t)r->recycled, "ok", (int)(r->damaged == 0))) < 0;
	} else {
		human_size(size, r->bytes);
		printf("%s: %llu segments, %llu records, %llu frames, %s read: ", dir,
		       (unsigned long long)r->segments, (unsigned long long)r->records,
		       (unsigned long long)r->frames, size);
		if (r->damaged)
			printf("%llu DAMAGED\n", (unsigned long long)r->damaged);
		else
			puts("all whole");
	}
	return r->damaged || v->failed ? CLI_FAILED : CLI_OK;
}

int cmd_store_verify(struct cli *c, int argc, char **argv)
{
	struct verify_view view = {.c = c};
	const struct verify_callbacks cb = {show_damage, verify_progress, &view};
	struct verify_result result = {0};
	struct errmsg em = {""};
	char dir[STORE_DIRS_MAX];
	int code, err;

	if (cli_getopt(c, argc, argv) != CLI_END)
		return c->exit_code;
	code = store_dir(c, argc, argv, dir, sizeof(dir));
	if (code != CLI_OK)
		return code;
	progress_begin(&view.progress, "verifying");
	err = verify_store(dir, &cb, &result, &em);
	progress_end(&view.progress);
	if (err)
		return cli_fail(c, "%s", *em.text ? em.text : strerror(-err));
	return show_result(&view, dir, &result);
}
