/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang snapshot: one picture, as JPEG. */
#include <errno.h>
#include <getopt.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "capture/core/cleanup.h"
#include "capture/core/frame.h"
#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"
#include "capture/core/timefmt.h"
#include "tools/common/i18n.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/footage.h"
#include "tools/matlang/outputs.h"
#include "tools/matlang/picture.h"

enum { KEY_AT = CLI_KEY, KEY_FORCE, KEY_QUALITY };

const struct cli_option cmd_snapshot_options[] = {
	{"at", KEY_AT, N_("TIME"),
	 N_("the last whole frame at or before this time (default: the newest)")},
	{"output", 'o', N_("FILE"), N_("the file to make: NAME.jpg")},
	{"force", KEY_FORCE, NULL, N_("replace a file that is there already")},
	{"quality", KEY_QUALITY, "N",
	 N_("of the JPEG, 1 to 100 (default: 92); the pictures of MJPEG cameras are kept as they "
	    "are")},
	{0},
};

struct snapshot {
	const struct cli *c;
	struct footage f;
	const char *path;
	uint32_t camera_id;
	int64_t at_ns;
	int quality;
	struct outputs outputs;

	int64_t frame_ns, key_ns; /* UTC of the frame chosen and of the key frame it needs */
	enum record_clock clock;
	uint8_t *jpeg;
	size_t jpeg_size;
};

static int open_frames(struct snapshot *s, int64_t from_ns, int64_t to_ns,
		       struct reader_cursor **out, struct errmsg *em)
{
	const struct reader_query query = {s->camera_id, RECORD_MASK(RECORD_FRAME), from_ns, to_ns};

	return reader_cursor_open(out, s->f.reader, &query, em);
}

/* 1 found, 0 not in this window. */
static int look(struct snapshot *s, int64_t from_ns, struct errmsg *em)
{
	struct reader_cursor *cursor;
	struct record rec;
	int64_t key_ns = -1;
	int found = 0, n = open_frames(s, from_ns, s->at_ns + 1, &cursor, em);

	if (n < 0)
		return n;
	while ((n = reader_cursor_next(cursor, &rec)) > 0) {
		if (rec.frame.flags & FRAME_TORN)
			continue;
		if (rec.frame.flags & FRAME_KEY)
			key_ns = rec.utc_ns;
		if (key_ns < 0)
			continue;
		s->frame_ns = rec.utc_ns;
		s->key_ns = key_ns;
		s->clock = rec.clock;
		found = 1;
	}
	reader_cursor_close(cursor);
	return n < 0 ? errmsg_set(em, n, "%s", strerror(-n)) : found;
}

/* Looks back in growing windows, so that the newest picture costs little in a large store. */
static int choose(struct snapshot *s)
{
	struct reader_info info;
	struct errmsg em = {""};
	int found = 0;

	reader_info(s->f.reader, &info);
	if (s->at_ns > info.newest_utc_ns)
		s->at_ns = info.newest_utc_ns;
	for (int64_t window = 30 * NSEC_PER_SEC; !found; window *= 16) {
		bool all = window > s->at_ns - info.oldest_utc_ns;

		found = look(s, all ? 0 : s->at_ns - window, &em);
		if (all)
			break;
	}
	if (found < 0)
		return cli_fail(s->c, _("the store cannot be read: %s"), em.text);
	if (!found)
		return cli_fail(s->c, _("camera '%s' has no whole picture at or before this time"),
				s->c->camera[0]);
	return CLI_OK;
}

static int take_jpeg(struct snapshot *s, const struct record *rec, struct errmsg *em)
{
	return picture_whole_jpeg(rec->payload, rec->payload_bytes, &s->jpeg, &s->jpeg_size, em);
}

/* Keeps the newest picture that is ready: receiving empties its frame when there is none. */
static bool keep_newest(struct picture_decoder *decoder, AVFrame *newest, AVFrame *next)
{
	bool any = false;

	while (picture_decoder_receive(decoder, next) == 0) {
		av_frame_unref(newest);
		av_frame_move_ref(newest, next);
		any = true;
	}
	return any;
}

/* Decodes from the key frame up to the frame wanted; the last picture is it. */
static int decode(struct snapshot *s, struct reader_cursor *cursor, struct record *rec,
		  struct errmsg *em)
{
	struct picture_decoder *decoder = NULL;
	struct picture_scaler *scaler = NULL;
	AVFrame *newest = av_frame_alloc(), *next = av_frame_alloc();
	bool have = false;
	int n = newest && next ? picture_decoder_open(&decoder, rec, em)
			       : errmsg_set(em, -ENOMEM, "%s", _("out of memory"));

	while (!n) {
		/* What cannot be decoded costs a picture, not the snapshot. */
		if (picture_decoder_send(decoder, rec, 0) == 0)
			have |= keep_newest(decoder, newest, next);
		n = reader_cursor_next(cursor, rec);
		if (n <= 0)
			break;
		n = reader_cursor_load(cursor, rec);
	}
	if (n == 0 && picture_decoder_drain(decoder) == 0)
		have |= keep_newest(decoder, newest, next);
	if (n == 0 && have)
		n = picture_jpeg(&scaler, newest, s->quality, &s->jpeg, &s->jpeg_size, em);
	else if (n == 0)
		n = errmsg_set(em, -EBADMSG, "%s", _("the picture cannot be decoded"));
	picture_scaler_free(scaler);
	picture_decoder_close(decoder);
	av_frame_free(&newest);
	av_frame_free(&next);
	return n;
}

static int make(struct snapshot *s)
{
	struct reader_cursor *cursor;
	struct record rec;
	struct errmsg em = {""};
	int n = open_frames(s, s->key_ns, s->frame_ns + 1, &cursor, &em);

	if (n < 0)
		return cli_fail(s->c, _("the store cannot be read: %s"), em.text);
	n = reader_cursor_next(cursor, &rec);
	if (n == 0)
		n = -ESTALE;
	if (n > 0)
		n = reader_cursor_load(cursor, &rec);
	if (n == 0) {
		const struct pixfmt *pf = pixfmt_find(rec.frame.fourcc);

		n = pf && pf->codec == PIXFMT_CODEC_MJPEG ? take_jpeg(s, &rec, &em)
							  : decode(s, cursor, &rec, &em);
	}
	reader_cursor_close(cursor);
	if (n < 0)
		return cli_fail(s->c, "%s", *em.text ? em.text : strerror(-n));
	return CLI_OK;
}

static int save(struct snapshot *s)
{
	struct errmsg em = {""};
	const char *temp;
	FILE *to;
	int err = outputs_add(&s->outputs, s->path, &temp, &em);

	if (err)
		return cli_fail(s->c, "%s", em.text);
	to = fopen(temp, "we");
	if (!to || fwrite(s->jpeg, 1, s->jpeg_size, to) != s->jpeg_size)
		err = -errno;
	if (to && fclose(to) != 0 && !err)
		err = -errno;
	if (err)
		return cli_fail(s->c, _("%s cannot be written: %s"), s->path, strerror(-err));
	return outputs_publish(&s->outputs, &em) ? cli_fail(s->c, "%s", em.text) : CLI_OK;
}

static int show(const struct snapshot *s)
{
	char time[TIMEFMT_MAX];

	if (s->c->json)
		return cli_json(json_pack("{s:s, s:o, s:o, s:o, s:s}", "type", "snapshot", "camera",
					  footage_json_text(s->c->camera[0]), "time",
					  footage_json_time(s->frame_ns), "file",
					  footage_json_text(s->path), "clock",
					  footage_clock_name(s->clock))) < 0
			       ? CLI_FAILED
			       : CLI_OK;
	timefmt_rfc3339(time, s->frame_ns, 3);
	printf(_("%s: %s, %s\n"), s->path, s->c->camera[0], time);
	if (s->clock != RECORD_CLOCK_SYNCED)
		puts(footage_clock_note(s->clock));
	return CLI_OK;
}

static int run(struct snapshot *s, const char *at)
{
	int code = footage_open(&s->f, s->c);

	if (code != CLI_OK)
		return code;
	s->at_ns = s->f.now_ns;
	if (at)
		code = footage_time(&s->f, s->c, "at", at, &s->at_ns);
	if (code == CLI_OK) {
		s->camera_id = footage_camera(&s->f, s->c, s->c->camera[0]);
		code = s->camera_id ? choose(s) : CLI_FAILED;
	}
	if (code == CLI_OK)
		code = make(s);
	if (code == CLI_OK)
		code = save(s);
	if (code == CLI_OK)
		code = show(s);
	outputs_free(&s->outputs);
	free(s->jpeg);
	footage_close(&s->f);
	return code;
}

static bool is_jpeg_name(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
}

int cmd_snapshot(struct cli *c, int argc, char **argv)
{
	struct snapshot s = {.c = c, .quality = 92};
	const char *at = NULL;
	struct errmsg em;
	long quality;
	int key;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		switch (key) {
		case KEY_AT: at = optarg; break;
		case 'o': s.path = optarg; break;
		case KEY_FORCE: s.outputs.force = true; break;
		case KEY_QUALITY:
			if (cli_number("quality", optarg, 1, 100, &quality, &em) < 0)
				return cli_usage(c, "%s", em.text);
			s.quality = (int)quality;
			break;
		default: return c->exit_code;
		}
	}
	if (optind < argc)
		return cli_usage(c, _("'%s' is not expected here"), argv[optind]);
	if (c->ncameras != 1)
		return cli_usage(c, _("which camera? say --camera NAME"));
	if (!s.path)
		return cli_usage(c, _("into which file? say -o NAME.jpg"));
	if (!is_jpeg_name(s.path))
		return cli_usage(c, _("-o wants NAME.jpg, not '%s'"), s.path);
	av_log_set_level(AV_LOG_QUIET);
	return run(&s, at);
}
