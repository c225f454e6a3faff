/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Video files as cameras: clips are made with the ffmpeg program, and what the source delivers is
 * compared byte for byte with what libavformat reads from the same file.
 */
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "capture/clip/clip_source.h"
#include "capture/core/monotime.h"
#include "capture/play.h"
#include "clip_files.h"
#include "rig.h"

static const struct source_want any;

/* --- the reference: the packets of a file, through a filter or not ----------------------- */

struct reference {
	unsigned n;
	AVPacket *packet[64];
};

static void drain(AVBSFContext *bsf, struct reference *ref)
{
	AVPacket *p = av_packet_alloc();

	while (av_bsf_receive_packet(bsf, p) == 0) {
		assert_in_range(ref->n, 0, 63);
		ref->packet[ref->n++] = p;
		p = av_packet_alloc();
	}
	av_packet_free(&p);
}

static struct reference read_reference(const char *path, const char *filter)
{
	struct reference ref = {0};
	AVFormatContext *format = NULL;
	AVBSFContext *bsf = NULL;
	AVPacket *p = av_packet_alloc();

	assert_int_equal(avformat_open_input(&format, path, NULL, NULL), 0);
	assert_true(avformat_find_stream_info(format, NULL) >= 0);
	assert_int_equal(av_bsf_alloc(av_bsf_get_by_name(filter), &bsf), 0);
	avcodec_parameters_copy(bsf->par_in, format->streams[0]->codecpar);
	assert_int_equal(av_bsf_init(bsf), 0);
	while (av_read_frame(format, p) == 0) {
		assert_int_equal(av_bsf_send_packet(bsf, p), 0);
		drain(bsf, &ref);
	}
	av_bsf_send_packet(bsf, NULL);
	drain(bsf, &ref);
	av_packet_free(&p);
	av_bsf_free(&bsf);
	avformat_close_input(&format);
	return ref;
}

static void free_reference(struct reference *ref)
{
	while (ref->n)
		av_packet_free(&ref->packet[--ref->n]);
}

/* Plays `rounds` rounds of the clip and compares. */
static void compare(const char *name, const char *filter, uint32_t fourcc, unsigned rounds)
{
	struct reference ref = read_reference(clip_files_path(name), filter);
	struct source_buffer b;
	char rest[256];
	struct rig r;

	snprintf(rest, sizeof(rest), "%s?paced=0&loop=%d&slots=3", clip_files_path(name),
		 rounds > 1);
	rig_open(&r, &source_clip_ops, rest, any);
	assert_int_equal(r.fmt.fourcc, fourcc);
	assert_true(ref.n > 0);
	for (unsigned n = 0; n < rounds * ref.n; n++) {
		const AVPacket *want = ref.packet[n % ref.n];
		struct frame f;

		assert_int_equal(rig_next(&r, &b), 0);
		f = rig_frame(&r, &b);
		assert_int_equal(b.sequence, n);
		assert_int_equal(f.plane[0].bytesused, want->size);
		assert_memory_equal(f.plane[0].data, want->data, (size_t)want->size);
		assert_int_equal(b.key, !!(want->flags & AV_PKT_FLAG_KEY));
		assert_false(b.error);
		assert_int_equal(clip_source_number(r.source), n % ref.n + 1);
		rig_give(&r, b.slot);
	}
	if (rounds == 1) {
		assert_int_equal(rig_next(&r, &b), -ENODATA);
		assert_true(rig_readable(&r, 0));
		assert_int_equal(rig_next(&r, &b), -ENODATA);
	}
	rig_close(&r);
	free_reference(&ref);
}

/* --- coded ------------------------------------------------------------------------------- */

static void mjpeg_comes_as_it_is(void **state)
{
	static const char *const names[] = {"m.avi", "m.mkv", "m.mp4"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		clip_files_make(CLIP_FILES_PICTURES, "-frames:v 11 -c:v mjpeg -pix_fmt yuvj420p",
				names[i]);
		compare(names[i], "null", PIXFMT_MJPEG, 1);
		compare(names[i], "null", PIXFMT_MJPEG, 3);
	}
}

static bool annex_b(const struct frame *f)
{
	return f->plane[0].bytesused > 4 && !memcmp(f->plane[0].data, "\0\0\0\1", 4);
}

static void h264_comes_as_annex_b(void **state)
{
	static const char *const names[] = {"h.mp4", "h.mkv", "h.avi", "h.h264"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		clip_files_make(CLIP_FILES_PICTURES, "-frames:v 25 -c:v libx264 -g 10 -bf 0",
				names[i]);
		compare(names[i], "h264_mp4toannexb", PIXFMT_H264, 1);
		compare(names[i], "h264_mp4toannexb", PIXFMT_H264, 2);
	}
}

/* Is there a unit of type `set` before the first slice (a type up to `last_slice`)? */
static bool set_before_slice(const struct frame *f, bool hevc, int set, int last_slice)
{
	const uint8_t *p = f->plane[0].data, *end = p + f->plane[0].bytesused;

	while ((p = memmem(p, (size_t)(end - p), "\0\0\1", 3)) && p + 3 < end) {
		int type = hevc ? p[3] >> 1 & 63 : p[3] & 31;

		if (type == set)
			return true;
		if (type <= last_slice)
			return false;
		p += 3;
	}
	return false;
}

static void every_key_frame_has_parameter_sets(void **state)
{
	static const struct {
		const char *options, *name;
		int set, last_slice;
	} clips[] = {
		{"-frames:v 25 -c:v libx264 -g 10 -bf 0", "k.mp4", 7, 5},
		{"-frames:v 25 -c:v libx265 -x265-params log-level=error:keyint=10 -tag:v hvc1",
		 "k.mkv", 33, 31},
	};

	for (size_t i = 0; i < ARRAY_SIZE(clips); i++) {
		struct play *p;
		struct frame f;
		char uri[256];
		unsigned keys = 0;

		clip_files_make(CLIP_FILES_PICTURES, clips[i].options, clips[i].name);
		snprintf(uri, sizeof(uri), "clip:%s", clip_files_path(clips[i].name));
		assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
		while (play_next(p, &f, 0, NULL) == 1) {
			assert_true(annex_b(&f));
			if (!(f.flags & FRAME_KEY))
				continue;
			keys++;
			assert_true(
				set_before_slice(&f, i == 1, clips[i].set, clips[i].last_slice));
		}
		assert_int_equal(keys, 3);
		play_close(p);
	}
}

static void hevc_comes_as_annex_b(void **state)
{
	clip_files_make(CLIP_FILES_PICTURES,
			"-frames:v 15 -c:v libx265 -x265-params log-level=error:keyint=5:bframes=0",
			"e.mp4");
	compare("e.mp4", "hevc_mp4toannexb", PIXFMT_HEVC, 2);
}

/* --- raw --------------------------------------------------------------------------------- */

static void raw_video_comes_without_padding(void **state)
{
	static const struct {
		const char *av;
		uint32_t fourcc;
		bool full;
	} formats[] = {
		{"gray", PIXFMT_GREY, true},     {"yuv420p", PIXFMT_YU12, false},
		{"nv12", PIXFMT_NV12, false},    {"nv21", PIXFMT_NV21, false},
		{"yuyv422", PIXFMT_YUYV, false}, {"uyvy422", PIXFMT_UYVY, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		char options[160], uri[256];
		struct play *p;
		struct frame f;
		uint8_t *want;
		size_t n, at = 0, size;

		/* The same pictures once in a container and once as bare bytes. 162 is no multiple
		 * of what rows are aligned to. */
		snprintf(options, sizeof(options), "-frames:v 4 -pix_fmt %s -c:v rawvideo",
			 formats[i].av);
		clip_files_make("testsrc=size=162x90:rate=10", options, "raw.nut");
		snprintf(options, sizeof(options), "-frames:v 4 -pix_fmt %s -f rawvideo",
			 formats[i].av);
		clip_files_make("testsrc=size=162x90:rate=10", options, "raw.bin");
		want = clip_files_get(clip_files_path("raw.bin"), &n);
		snprintf(uri, sizeof(uri), "clip:%s", clip_files_path("raw.nut"));
		assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
		assert_int_equal(play_format(p)->fourcc, formats[i].fourcc);
		assert_int_equal(play_format(p)->full_range, formats[i].full);
		size = pixfmt_plane_size(pixfmt_find(formats[i].fourcc), 0, 162, 90);
		while (play_next(p, &f, 0, NULL) == 1) {
			assert_int_equal(f.plane[0].bytesused, size);
			assert_true(at + size <= n);
			assert_memory_equal(f.plane[0].data, want + at, size);
			at += size;
		}
		assert_int_equal(at, n);
		play_close(p);
		free(want);
	}
}

static void y4m_of_odd_size(void **state)
{
	struct play *p;
	struct frame f;
	char uri[256];
	uint8_t *file;
	size_t n, frames = 0, size = 33 * 21 + 2 * 17 * 11, at;

	clip_files_make("testsrc=size=33x21:rate=7", "-frames:v 3 -pix_fmt yuv420p", "o.y4m");
	file = clip_files_get(clip_files_path("o.y4m"), &n);
	snprintf(uri, sizeof(uri), "clip:%s", clip_files_path("o.y4m"));
	assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
	assert_int_equal(play_format(p)->fourcc, PIXFMT_YU12);
	assert_true(play_format(p)->fps == 7);
	at = (size_t)((uint8_t *)memchr(file, '\n', n) - file) + 1;
	while (play_next(p, &f, 0, NULL) == 1) {
		at += strlen("FRAME\n");
		assert_int_equal(f.plane[0].bytesused, size);
		assert_memory_equal(f.plane[0].data, file + at, size);
		assert_true(f.mono_ns == (int64_t)frames * NSEC_PER_SEC / 7);
		at += size;
		frames++;
	}
	assert_int_equal(frames, 3);
	assert_int_equal(at, n);
	play_close(p);
	free(file);
}

/* --- damage ------------------------------------------------------------------------------ */

static void damage_in_the_middle_is_delivered(void **state)
{
	unsigned whole = 0, n = 0;
	struct play *p;
	struct frame f;
	uint8_t *file;
	char uri[256];
	size_t len;

	clip_files_make(CLIP_FILES_PICTURES, "-frames:v 20 -c:v mjpeg -pix_fmt yuvj420p", "d.avi");
	file = clip_files_get(clip_files_path("d.avi"), &len);
	memset(file + len / 2, 0x55, 40);
	clip_files_put("d2.avi", file, len * 3 / 4); /* and it breaks off */
	snprintf(uri, sizeof(uri), "clip:%s", clip_files_path("d2.avi"));
	assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
	while (play_next(p, &f, 0, NULL) == 1) {
		n++;
		whole += memmem(file, len, f.plane[0].data, f.plane[0].bytesused) != NULL;
	}
	assert_in_range(n, 10, 16);
	assert_true(whole >= n - 1);
	play_close(p);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mjpeg_comes_as_it_is),
		cmocka_unit_test(h264_comes_as_annex_b),
		cmocka_unit_test(every_key_frame_has_parameter_sets),
		cmocka_unit_test(hevc_comes_as_annex_b),
		cmocka_unit_test(raw_video_comes_without_padding),
		cmocka_unit_test(y4m_of_odd_size),
		cmocka_unit_test(damage_in_the_middle_is_delivered),
	};

	return cmocka_run_group_tests_name("clip_video", tests, clip_files_set_up,
					   clip_files_tear_down);
}
