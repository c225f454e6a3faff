/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The detector on recorded scenes, which are not part of this project: MATLANG_CLIPS names a folder
 * with one folder a scene (input/in%06d.png or .jpg, groundtruth/gt%06d.png, events.txt,
 * temporalROI.txt). Bounds are what the default settings reach, less a margin.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>

#include "analyze/detector.h"

#define FRAME_NS 40000000ll

struct picture {
	uint8_t *luma; /* stride = w */
	uint32_t w, h;
};

static uint8_t *slurp(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long n;

	if (!f)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (n = ftell(f)) > 0 && fseek(f, 0, SEEK_SET) == 0) {
		data = calloc(1, (size_t)n + AV_INPUT_BUFFER_PADDING_SIZE);
		*size = (size_t)n;
		if (data && fread(data, *size, 1, f) != 1) {
			free(data);
			data = NULL;
		}
	}
	fclose(f);
	return data;
}

/* Plane 0 of a picture file; false when it is not there or cannot be read. */
static bool read_picture(const char *path, enum AVCodecID id, struct picture *out)
{
	const AVCodec *codec = avcodec_find_decoder(id);
	AVCodecContext *av = codec ? avcodec_alloc_context3(codec) : NULL;
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();
	size_t size = 0;
	uint8_t *data = slurp(path, &size);
	bool ok = false;

	if (av && data && avcodec_open2(av, codec, NULL) == 0) {
		packet->data = data;
		packet->size = (int)size;
		ok = avcodec_send_packet(av, packet) == 0 && avcodec_receive_frame(av, frame) == 0;
	}
	if (ok) {
		out->w = (uint32_t)frame->width;
		out->h = (uint32_t)frame->height;
		out->luma = malloc((size_t)out->w * out->h);
		assert_non_null(out->luma);
		for (uint32_t y = 0; y < out->h; y++)
			memcpy(out->luma + (size_t)y * out->w,
			       frame->data[0] + (ptrdiff_t)y * frame->linesize[0], out->w);
	}
	packet->data = NULL;
	packet->size = 0;
	free(data);
	av_frame_free(&frame);
	av_packet_free(&packet);
	avcodec_free_context(&av);
	return ok;
}

static bool read_input(const char *scene, int number, struct picture *out)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s/input/in%06d.png", getenv("MATLANG_CLIPS"), scene,
		 number);
	if (read_picture(path, AV_CODEC_ID_PNG, out))
		return true;
	snprintf(path, sizeof(path), "%s/%s/input/in%06d.jpg", getenv("MATLANG_CLIPS"), scene,
		 number);
	return read_picture(path, AV_CODEC_ID_MJPEG, out);
}

struct score {
	unsigned tp, fp, fn;    /* cells, against ground truth */
	unsigned moving, found; /* frames with an event, of them with motion */
	unsigned quiet, false_alarms;
};

/* Counts cells of 16 pixels: moving when a quarter of the known pixels are labelled so, still when
 * none is, and not counted in between. */
static void score_cells(struct score *s, const struct picture *truth,
			const struct detector_result *r)
{
	for (unsigned cy = 0; cy < r->rows; cy++)
		for (unsigned cx = 0; cx < r->cols; cx++) {
			unsigned moving = 0, unsure = 0, known = 0, at = cy * r->cols + cx;
			bool on = r->bits[at / 8] >> (at % 8) & 1;

			for (unsigned y = cy * 16; y < cy * 16 + 16 && y < truth->h; y++)
				for (unsigned x = cx * 16; x < cx * 16 + 16 && x < truth->w; x++) {
					uint8_t v = truth->luma[(size_t)y * truth->w + x];

					moving += v == 255;
					unsure += v == 170;
					known += v != 85;
				}
			if (known < 128)
				continue;
			if (moving * 4 >= known) {
				s->tp += on;
				s->fn += !on;
			} else if (!moving && !unsure) {
				s->fp += on;
			}
		}
}

/* '1', '0' or 'x' by the scene's events.txt; 'x' without one. */
static char label_of(const char *scene, int number)
{
	char path[512], label = 'x', c;
	int first, last;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/events.txt", getenv("MATLANG_CLIPS"), scene);
	f = fopen(path, "r");
	if (!f)
		return label;
	while (fscanf(f, "%d %d %c", &first, &last, &c) == 3)
		if (number >= first && number <= last)
			label = c;
	fclose(f);
	return label;
}

static struct score run_scene(const char *scene, int first, int count_from, int last)
{
	struct motion_config config;
	struct detector *d;
	struct detector_result r;
	struct score s = {0};

	motion_config_defaults(&config);
	assert_int_equal(detector_create(&d, &config, NULL), 0);
	for (int i = first; i <= last; i++) {
		struct picture in, truth;
		char path[512], label = label_of(scene, i);

		if (!read_input(scene, i, &in))
			fail_msg("%s: frame %d cannot be read", scene, i);
		assert_int_equal(
			detector_feed_luma(d, in.luma, in.w, in.w, in.h, i * FRAME_NS, &r, NULL),
			0);
		free(in.luma);
		if (i < count_from)
			continue;
		s.moving += label == '1';
		s.found += label == '1' && r.motion;
		s.quiet += label == '0';
		s.false_alarms += label == '0' && r.motion;
		snprintf(path, sizeof(path), "%s/%s/groundtruth/gt%06d.png",
			 getenv("MATLANG_CLIPS"), scene, i);
		if (read_picture(path, AV_CODEC_ID_PNG, &truth)) {
			score_cells(&s, &truth, &r);
			free(truth.luma);
		}
	}
	detector_destroy(d);
	return s;
}

static void need(const char *scene)
{
	struct picture p;

	if (!getenv("MATLANG_CLIPS")) {
		print_message("SKIP: MATLANG_CLIPS names no folder with recorded scenes\n");
		skip();
	}
	if (!read_input(scene, 1, &p)) {
		print_message("SKIP: %s: no pictures that can be read\n", scene);
		skip();
	}
	free(p.luma);
}

static double f_measure(const struct score *s)
{
	return 2.0 * s->tp / (2.0 * s->tp + s->fp + s->fn);
}

/* A tree fills the picture; a man passes. */
static void test_waving_trees(void **state)
{
	struct score s;

	need("wavingtrees");
	s = run_scene("wavingtrees", 1, 51, 287);
	assert_true(f_measure(&s) >= 0.92);
	assert_true(s.found * 100 >= s.moving * 93);
	assert_true(s.false_alarms * 100 <= s.quiet * 5);
}

/* Cars on a road, day. */
static void test_highway(void **state)
{
	struct score s;

	need("highway");
	s = run_scene("highway", 1, 470, 1000);
	assert_true(f_measure(&s) >= 0.94);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waving_trees),
		cmocka_unit_test(test_highway),
	};

	av_log_set_level(AV_LOG_QUIET);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
