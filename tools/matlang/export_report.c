/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies beside an export: F.gaps.txt for people, F.json for programs, F.sha256 for sha256sum
 * -c. The checksums cover every other file of the export.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/core/cleanup.h"
#include "capture/core/timefmt.h"
#include "tools/common/human.h"
#include "tools/common/i18n.h"
#include "tools/common/table.h"
#include "tools/matlang/export.h"

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *clock_text(enum record_clock clock)
{
	switch (clock) {
	case RECORD_CLOCK_SYNCED: return _("synchronised with a time server");
	case RECORD_CLOCK_FREE:
		return _(
			"NOT synchronised: the box's clock ran free; compare it with a known time");
	case RECORD_CLOCK_UNKNOWN: break;
	}
	return _("UNKNOWN: no clock reading of this time is stored");
}

static void write_head(const struct export *x, FILE *to)
{
	const struct export_part *first = &x->part[0], *last = &x->part[x->nparts - 1];
	struct table *t = table_create("ll");
	struct reader_info info;
	char time[TIMEFMT_MAX], uuid[FOOTAGE_UUID_SIZE];
	uint64_t frames = 0;

	reader_info(x->f.reader, &info);
	footage_uuid(uuid, info.uuid);
	for (size_t i = 0; i < x->nparts; i++)
		frames += x->part[i].frames;
	table_add(t, _("Camera:"));
	table_add(t, x->camera);
	timefmt_rfc3339(time, x->f.from_ns, 3);
	table_add(t, _("Asked for, from:"));
	table_add(t, time);
	timefmt_rfc3339(time, x->f.to_ns == INT64_MAX ? x->end_ns : x->f.to_ns, 3);
	table_add(t, _("Asked for, to:"));
	table_add(t, time);
	timefmt_rfc3339(time, first->first_ns, 3);
	table_add(t, _("First frame:"));
	table_add(t, time);
	timefmt_rfc3339(time, last->last_ns, 3);
	table_add(t, _("Last frame:"));
	table_add(t, time);
	table_add(t, _("Frames:"));
	table_addf(t, "%llu", (unsigned long long)frames);
	table_add(t, _("Missing frames:"));
	table_addf(t, "%llu", (unsigned long long)gaps_frames(&x->gaps));
	table_add(t, _("Incomplete frames:"));
	table_addf(t, _("%llu (they are in the footage)"), (unsigned long long)x->torn);
	table_add(t, _("Clock:"));
	table_add(t, clock_text(x->clock));
	table_add(t, _("Store:"));
	table_add(t, uuid);
	timefmt_rfc3339(time, x->f.now_ns, 0);
	table_add(t, _("Exported:"));
	table_addf(t, "%s, matlang %s", time, MATLANG_VERSION);
	/* A table that cannot be written shows when the file is closed. */
	if (table_print(t, to) < 0)
		fputs("", to);
	table_destroy(t);
}

static void write_files(const struct export *x, FILE *to)
{
	fprintf(to, "\n%s\n", _("Files:"));
	for (size_t i = 0; i < x->nparts; i++) {
		const struct export_part *p = &x->part[i];

		fprintf(to, "  %s: %s, %ux%u, %llu %s, %s\n", file_name(p->path), p->codec,
			p->width, p->height, (unsigned long long)p->frames, _("frames"),
			p->copied ? _("as the camera sent them, not encoded again")
				  : _("encoded for this export"));
		fprintf(to, "    SHA-256 %s\n", p->sha256);
	}
	if (x->nparts > 1)
		fprintf(to, "  %s\n",
			_("The camera's picture format changed within this time: each file holds "
			  "one format."));
	if (x->early)
		fprintf(to, "  %s\n",
			_("The footage begins a little early, with the last key frame before the "
			  "asked time."));
}

static void write_gaps(const struct export *x, FILE *to)
{
	struct table *t = table_create("lllrrll");
	char from[TIMEFMT_MAX], time[TIMEFMT_MAX], length[HUMAN_MAX];

	fprintf(to, "\n%s\n", x->gaps.count ? _("What is missing:") : _("Nothing is missing."));
	for (size_t i = 0; i < x->gaps.count; i++) {
		const struct gap *gap = &x->gaps.item[i];

		timefmt_rfc3339(from, gap->from_ns, 3);
		timefmt_rfc3339(time, gap->to_ns, 3);
		human_duration(length, gap->to_ns - gap->from_ns);
		table_add(t, " ");
		table_add(t, from);
		table_add(t, time);
		table_add(t, length);
		if (gap->cause == GAP_NOT_RECORDED)
			table_add(t, "?");
		else
			table_addf(t, "%s%llu", gap->estimated ? "~" : "",
				   (unsigned long long)gap->frames);
		table_add(t, gaps_cause_text(gap->cause));
		table_add(t, footage_clock_note(gap->clock));
	}
	if (x->gaps.count && table_print(t, to) < 0)
		fputs("", to);
	table_destroy(t);
	if (x->gaps.count)
		fprintf(to, "  %s\n",
			_("(from, to, length, frames, why; ~: counted from the camera's rate)"));
	if (x->damaged)
		fprintf(to, _("\nDamaged in the store and left out: %llu frames.\n"),
			(unsigned long long)x->damaged);
	if (x->recycled)
		fprintf(to,
			_("\nOverwritten by newer footage while being exported: %llu frames.\n"),
			(unsigned long long)x->recycled);
	if (x->unusable)
		fprintf(to, _("\nLeft out because they cannot be decoded: %llu frames.\n"),
			(unsigned long long)x->unusable);
}

static int write_text(const struct export *x, const char *path, struct errmsg *em)
{
	FILE *to = fopen(path, "we");
	int err = to ? 0 : -errno;

	if (to) {
		fprintf(to, "%s\n\n",
			_("matlang: what this export holds, and what is missing from it"));
		write_head(x, to);
		write_files(x, to);
		write_gaps(x, to);
		if (ferror(to))
			err = -EIO;
		if (fclose(to) != 0 && !err)
			err = -errno;
	}
	return err ? errmsg_set(em, err, _("%s cannot be written: %s"), path, strerror(-err)) : 0;
}

static json_t *files_json(const struct export *x)
{
	json_t *files = json_array();

	for (size_t i = 0; i < x->nparts && files; i++) {
		const struct export_part *p = &x->part[i];
		json_t *file =
			json_pack("{s:o, s:s, s:s, s:s, s:b, s:i, s:i, s:I, s:I, s:o, s:o}", "name",
				  footage_json_text(file_name(p->path)), "sha256", p->sha256,
				  "codec", p->codec, "recorded_as", p->source, "copied",
				  (int)p->copied, "width", (int)p->width, "height", (int)p->height,
				  "frames", (json_int_t)p->frames, "bytes", (json_int_t)p->bytes,
				  "first_frame", footage_json_time(p->first_ns), "last_frame",
				  footage_json_time(p->last_ns));

		if (!file || json_array_append_new(files, file) < 0) {
			json_decref(files);
			files = NULL;
		}
	}
	return files;
}

static json_t *gap_list_json(const struct export *x)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->gaps.count && list; i++) {
		json_t *gap = gaps_json(&x->gaps.item[i]);

		if (!gap || json_array_append_new(list, gap) < 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *report_json(const struct export *x)
{
	struct reader_info info;
	char uuid[FOOTAGE_UUID_SIZE];

	reader_info(x->f.reader, &info);
	footage_uuid(uuid, info.uuid);
	return json_pack(
		"{s:s, s:o, s:s, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}",
		"type", "export", "camera", footage_json_text(x->camera), "store", uuid, "from",
		footage_json_time(x->f.from_ns), "to",
		footage_json_time(x->f.to_ns == INT64_MAX ? x->end_ns : x->f.to_ns), "exported",
		footage_json_time(x->f.now_ns), "clock", footage_clock_name(x->clock),
		"missing_frames", (json_int_t)gaps_frames(&x->gaps), "torn_frames",
		(json_int_t)x->torn, "damaged_frames", (json_int_t)x->damaged, "recycled_frames",
		(json_int_t)x->recycled, "undecodable_frames", (json_int_t)x->unusable,
		"early_frames", (json_int_t)x->early, "files", files_json(x), "gaps",
		gap_list_json(x));
}

static int write_json(json_t *report, const char *path, struct errmsg *em)
{
	if (json_dump_file(report, path, JSON_INDENT(2)) < 0)
		return errmsg_set(em, -EIO, _("%s cannot be written: %s"), path, strerror(errno));
	return 0;
}

static int write_sums(const struct export *x, const char *path, size_t nfiles, struct errmsg *em)
{
	FILE *to = fopen(path, "we");
	char hex[SHA256_HEX_SIZE];
	int err = to ? 0 : -errno;

	if (!to)
		return errmsg_set(em, err, _("%s cannot be written: %s"), path, strerror(-err));
	for (size_t i = 0; i < nfiles && !err; i++) {
		err = outputs_sha256(x->outputs.item[i].temp, hex, em);
		if (!err)
			fprintf(to, "%s  %s\n", hex, file_name(x->outputs.item[i].path));
	}
	if ((ferror(to) | fclose(to)) && !err)
		err = errmsg_set(em, -EIO, _("%s cannot be written: %s"), path, strerror(EIO));
	return err;
}

static int write_beside(struct export *x, json_t *report, struct errmsg *em)
{
	char path[EXPORT_PATH_MAX + 16];
	const char *temp;
	int err;

	snprintf(path, sizeof(path), "%s.gaps.txt", x->base);
	err = outputs_add(&x->outputs, path, &temp, em);
	if (!err)
		err = write_text(x, temp, em);
	if (!err) {
		snprintf(path, sizeof(path), "%s.json", x->base);
		err = outputs_add(&x->outputs, path, &temp, em);
	}
	if (!err)
		err = write_json(report, temp, em);
	if (!err) {
		snprintf(path, sizeof(path), "%s.sha256", x->base);
		err = outputs_add(&x->outputs, path, &temp, em);
	}
	if (!err)
		err = write_sums(x, temp, x->outputs.count - 1, em);
	return err;
}

static int show(const struct export *x, json_t *report)
{
	char size[HUMAN_MAX];

	if (x->c->json)
		return cli_json(json_incref(report)) ? CLI_FAILED : CLI_OK;
	for (size_t i = 0; i < x->nparts; i++) {
		const struct export_part *p = &x->part[i];

		human_size(size, p->bytes);
		printf(_("%s: %llu frames, %s\n"), p->path, (unsigned long long)p->frames, size);
	}
	printf(_("missing frames: %llu (gaps: %llu, see %s.gaps.txt)\n"),
	       (unsigned long long)gaps_frames(&x->gaps), (unsigned long long)x->gaps.count,
	       x->base);
	if (x->clock != RECORD_CLOCK_SYNCED)
		printf(_("clock: %s\n"), clock_text(x->clock));
	if (x->nparts > 1)
		puts(_("The camera's picture format changed within this time: each file holds one "
		       "format."));
	return CLI_OK;
}

int export_report(struct export *x)
{
	struct errmsg em = {""};
	json_t *report = NULL;
	int err = 0, code;

	for (size_t i = 0; i < x->nparts && !err; i++) {
		const char *temp = x->outputs.item[x->part[i].output].temp;
		struct stat st;

		err = outputs_sha256(temp, x->part[i].sha256, &em);
		if (!err && stat(temp, &st) == 0)
			x->part[i].bytes = (uint64_t)st.st_size;
	}
	if (!err) {
		report = report_json(x);
		err = report ? write_beside(x, report, &em)
			     : errmsg_set(&em, -ENOMEM, "%s", _("out of memory"));
	}
	if (!err)
		err = outputs_publish(&x->outputs, &em);
	code = err ? cli_fail(x->c, "%s", em.text) : show(x, report);
	json_decref(report);
	/* Footage that the store could not give is a problem found, though the rest was exported.
	 */
	return code == CLI_OK && x->damaged ? CLI_FAILED : code;
}
