/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clips are made with the ffmpeg program in a folder of the test's own, and what the source
 * delivers is compared byte for byte with what libavformat reads from the same file.
 */
#include <errno.h>
#include <ftw.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "capture/clip/clip_source.h"
#include "capture/core/monotime.h"
#include "capture/play.h"
#include "rig.h"

static const struct source_want any;
static char dir[] = "/tmp/matlang-clip-XXXXXX";
static bool have_ffmpeg;

static const char *in_dir(const char *name)
{
	static char path[4][256];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

/* Makes `name` in the folder; a test that needs what ffmpeg lacks here is skipped. */
static void make(const char *input, const char *options, const char *name)
{
	char command[1024];

	if (!have_ffmpeg) {
		printf("SKIP: the ffmpeg program is not installed\n");
		skip();
	}
	snprintf(command, sizeof(command),
		 "ffmpeg -nostdin -loglevel error -y -f lavfi -i %s %s %s 2>%s/log", input, options,
		 in_dir(name), dir);
	if (system(command)) {
		printf("SKIP: ffmpeg cannot make %s here\n", name);
		skip();
	}
}

static void put_file(const char *name, const void *data, size_t n)
{
	FILE *f = fopen(in_dir(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static uint8_t *get_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	*n = (size_t)ftell(f);
	rewind(f);
	data = malloc(*n);
	assert_int_equal(fread(data, 1, *n, f), *n);
	fclose(f);
	return data;
}

/* --- the reference: the packets of a file, through a filter or not --------------------------- */

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
	struct reference ref = read_reference(in_dir(name), filter);
	struct source_buffer b;
	char rest[256];
	struct rig r;

	snprintf(rest, sizeof(rest), "%s?paced=0&loop=%d&slots=3", in_dir(name), rounds > 1);
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

#define PICTURES "testsrc=size=160x120:rate=10"

static void mjpeg_comes_as_it_is(void **state)
{
	static const char *const names[] = {"m.avi", "m.mkv", "m.mp4"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		make(PICTURES, "-frames:v 11 -c:v mjpeg -pix_fmt yuvj420p", names[i]);
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
		make(PICTURES, "-frames:v 25 -c:v libx264 -g 10 -bf 0", names[i]);
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

		make(PICTURES, clips[i].options, clips[i].name);
		snprintf(uri, sizeof(uri), "clip:%s", in_dir(clips[i].name));
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
	make(PICTURES, "-frames:v 15 -c:v libx265 -x265-params log-level=error:keyint=5:bframes=0",
	     "e.mp4");
	compare("e.mp4", "hevc_mp4toannexb", PIXFMT_HEVC, 2);
}

/* --- raw ---------------------------------------------------------------------------------------
 */

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
		make("testsrc=size=162x90:rate=10", options, "raw.nut");
		snprintf(options, sizeof(options), "-frames:v 4 -pix_fmt %s -f rawvideo",
			 formats[i].av);
		make("testsrc=size=162x90:rate=10", options, "raw.bin");
		want = get_file(in_dir("raw.bin"), &n);
		snprintf(uri, sizeof(uri), "clip:%s", in_dir("raw.nut"));
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

	make("testsrc=size=33x21:rate=7", "-frames:v 3 -pix_fmt yuv420p", "o.y4m");
	file = get_file(in_dir("o.y4m"), &n);
	snprintf(uri, sizeof(uri), "clip:%s", in_dir("o.y4m"));
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

/* --- images --------------------------------------------------------------------------------------
 */

static void jpeg_files_come_byte_for_byte(void **state)
{
	static const char *const paths[] = {"jpegs", "jpegs/in%06d.jpg", "jpegs/*.jpg",
					    "jpegs/in0000??.jpg", "jpegs/in%d.jpg"};

	mkdir(in_dir("jpegs"), 0777);
	make(PICTURES, "-frames:v 7 -start_number 41 -pix_fmt yuvj420p", "jpegs/in%06d.jpg");
	put_file("jpegs/notes.txt", "x", 1);
	put_file("jpegs/thumb.png", "x", 1);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char uri[256], name[64];
		struct play *p;
		struct frame f;
		int n = 41;

		snprintf(uri, sizeof(uri), "clip:%s", in_dir(paths[i]));
		assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
		assert_int_equal(play_format(p)->fourcc, PIXFMT_MJPEG);
		assert_int_equal(play_format(p)->width, 160);
		assert_true(play_format(p)->fps == 25);
		for (; play_next(p, &f, 0, NULL) == 1; n++) {
			uint8_t *want;
			size_t len;

			snprintf(name, sizeof(name), "jpegs/in%06d.jpg", n);
			want = get_file(in_dir(name), &len);
			assert_int_equal(f.plane[0].bytesused, len);
			assert_memory_equal(f.plane[0].data, want, len);
			assert_int_equal(play_frame_number(p), n);
			free(want);
		}
		assert_int_equal(n, 48);
		play_close(p);
	}
}

/* "P5" files hold their grey values as they are: what they say must be what comes. */
static void grey_images_come_as_grey(void **state)
{
	static const int order[] = {1, 2, 10};

	mkdir(in_dir("grey"), 0777);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		uint8_t file[11 + 20] = "P5\n5 4\n255\n";
		char name[32];

		for (int k = 0; k < 20; k++)
			file[11 + k] = (uint8_t)(k * 13 + order[i]);
		snprintf(name, sizeof(name), "grey/f%d.pgm", order[i]);
		put_file(name, file, sizeof(file));
	}
	for (int pass = 0; pass < 2; pass++) {
		char uri[256];
		struct play *p;
		struct frame f;

		snprintf(uri, sizeof(uri), "clip:%s", in_dir(pass ? "grey/f%d.pgm" : "grey"));
		assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
		assert_int_equal(play_format(p)->fourcc, PIXFMT_GREY);
		assert_true(play_format(p)->full_range);
		for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
			assert_int_equal(play_next(p, &f, 0, NULL), 1);
			assert_int_equal(play_frame_number(p), order[i]);
			assert_int_equal(f.plane[0].bytesused, 20);
			for (int k = 0; k < 20; k++)
				assert_int_equal(f.plane[0].data[k], (uint8_t)(k * 13 + order[i]));
			assert_true(f.flags & FRAME_FULL_RANGE);
		}
		assert_int_equal(play_next(p, &f, 0, NULL), 0);
		play_close(p);
	}
}

static void colour_images_become_full_range_yuv(void **state)
{
	/* BT.601, full range, by its definition: black, white, red, green, blue. */
	static const uint8_t rgb[5][3] = {
		{0, 0, 0}, {255, 255, 255}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
	static const int yuv[5][3] = {
		{0, 128, 128}, {255, 128, 128}, {76, 85, 255}, {150, 44, 21}, {29, 255, 107}};
	static const char head[] = "P6\n16 16\n255\n";

	mkdir(in_dir("colour"), 0777);
	for (int i = 0; i < 5; i++) {
		uint8_t file[sizeof(head) - 1 + 16 * 16 * 3];
		char name[32];

		memcpy(file, head, sizeof(head) - 1);
		for (size_t k = 0; k < 16 * 16; k++)
			memcpy(file + sizeof(head) - 1 + 3 * k, rgb[i], 3);
		snprintf(name, sizeof(name), "colour/c%d.ppm", i);
		put_file(name, file, sizeof(file));
	}
	char uri[256];
	struct play *p;
	struct frame f;

	snprintf(uri, sizeof(uri), "clip:%s", in_dir("colour"));
	assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
	assert_int_equal(play_format(p)->fourcc, PIXFMT_YU12);
	assert_true(play_format(p)->full_range);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(play_next(p, &f, 0, NULL), 1);
		assert_int_equal(f.plane[0].bytesused, 16 * 16 * 3 / 2);
		for (int c = 0; c < 3; c++) {
			int got = f.plane[0].data[c == 0 ? 100 : c == 1 ? 256 + 20 : 256 + 64 + 20];

			if (abs(got - yuv[i][c]) > 2)
				fail_msg("colour %d component %d: %d, not %d", i, c, got,
					 yuv[i][c]);
		}
	}
	play_close(p);
}

static void a_broken_image_is_flagged_and_the_rest_comes(void **state)
{
	struct play *p;
	struct frame f;
	char uri[256];

	mkdir(in_dir("broken"), 0777);
	put_file("broken/1.pgm", "P5\n2 2\n255\nabcd", 15);
	put_file("broken/2.pgm", "rubbish", 7);
	put_file("broken/3.pgm", "P5\n3 2\n255\nabcdef", 17); /* another size */
	put_file("broken/4.pgm", "P5\n2 2\n255\nefgh", 15);
	snprintf(uri, sizeof(uri), "clip:%s", in_dir("broken"));
	assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
	for (int i = 1; i <= 4; i++) {
		bool good = i == 1 || i == 4;

		assert_int_equal(play_next(p, &f, 0, NULL), 1);
		assert_int_equal(play_frame_number(p), i);
		assert_int_equal(!(f.flags & FRAME_TORN), good);
		assert_int_equal(f.plane[0].bytesused, good ? 4 : 0);
		if (good)
			assert_memory_equal(f.plane[0].data, i == 1 ? "abcd" : "efgh", 4);
	}
	assert_int_equal(play_next(p, &f, 0, NULL), 0);
	play_close(p);
}

static void a_clip_too_large_to_keep_is_read_ahead(void **state)
{
	/* 10 pictures of 8 MB are more than is kept in memory. */
	enum { SIDE = 2900, N = 10, ROUNDS = 2 };
	static const char head[] = "P5\n2900 2900\n255\n";
	uint8_t *file = malloc(sizeof(head) - 1 + SIDE * SIDE);
	struct source_buffer b;
	char rest[256];
	struct rig r;

	mkdir(in_dir("large"), 0777);
	memcpy(file, head, sizeof(head) - 1);
	for (int i = 0; i < N; i++) {
		char name[32];

		memset(file + sizeof(head) - 1, 'a' + i, SIDE * SIDE);
		snprintf(name, sizeof(name), "large/%02d.pgm", i);
		put_file(name, file, sizeof(head) - 1 + SIDE * SIDE);
	}
	free(file);
	snprintf(rest, sizeof(rest), "%s?paced=0&slots=2&start=0.12", in_dir("large"));
	rig_open(&r, &source_clip_ops, rest, any);
	for (unsigned n = 0; n < ROUNDS * (N - 3); n++) {
		const uint8_t *at;

		assert_int_equal(rig_next(&r, &b), 0);
		at = r.slab->slot[b.slot].plane[0];
		assert_int_equal(at[0], 'a' + 3 + n % (N - 3));
		assert_int_equal(at[SIDE * SIDE - 1], 'a' + 3 + n % (N - 3));
		rig_give(&r, b.slot);
	}
	rig_close(&r);
}

/* --- rate and loss
 * -------------------------------------------------------------------------------- */

/* `n` grey pictures whose every pixel is their number. */
static const char *numbered(const char *name, int n)
{
	char path[64];

	mkdir(in_dir(name), 0777);
	for (int i = 0; i < n; i++) {
		uint8_t file[11 + 4] = "P5\n2 2\n255\n";

		memset(file + 11, i, 4);
		snprintf(path, sizeof(path), "%s/%03d.pgm", name, i);
		put_file(path, file, sizeof(file));
	}
	return in_dir(name);
}

static void paced_frames_are_a_period_apart(void **state)
{
	struct source_buffer b, last = {0};
	char rest[256];
	struct rig r;

	snprintf(rest, sizeof(rest), "%s?fps=300", numbered("paced", 7));
	rig_open(&r, &source_clip_ops, rest, any);
	assert_true(r.fmt.fps == 300);
	for (uint32_t n = 0; n < 60; n++) {
		assert_int_equal(rig_next(&r, &b), 0);
		assert_true(b.mono_ns <= monotime_now());
		/* Gaps are allowed to a busy machine; content, time and sequence agree. */
		assert_int_equal(r.slab->slot[b.slot].plane[0][0], b.sequence % 7);
		if (n) {
			int64_t frames = (int64_t)b.sequence - last.sequence;

			assert_true(frames >= 1);
			assert_in_range((b.mono_ns - last.mono_ns) * 3 - frames * 10000000 + 6, 0,
					12);
		}
		last = b;
		rig_give(&r, b.slot);
	}
	rig_close(&r);
}

static void without_a_free_slot_the_device_drops(void **state)
{
	struct source_buffer held[3], b;
	char rest[256];
	struct rig r;

	snprintf(rest, sizeof(rest), "%s?fps=500&slots=3", numbered("drops", 200));
	rig_open(&r, &source_clip_ops, rest, any);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(rig_next(&r, &held[i]), 0);
		assert_int_equal(held[i].sequence, i);
	}
	while (monotime_now() < held[2].mono_ns + 20 * NSEC_PER_MSEC) {
		assert_int_equal(r.ops->dequeue(r.source, &b), -EAGAIN);
		usleep(1000);
	}
	rig_give(&r, held[1].slot);
	assert_int_equal(rig_next(&r, &b), 0);
	assert_true(b.sequence - held[2].sequence >= 10);
	/* What is delivered is what would have been on at that time, not what was missed. */
	assert_int_equal(r.slab->slot[b.slot].plane[0][0], b.sequence % 200);
	assert_true(b.mono_ns - held[2].mono_ns ==
		    (int64_t)(b.sequence - held[2].sequence) * 2 * NSEC_PER_MSEC);
	assert_int_equal(r.ops->enqueue(r.source, held[1].slot == 2 ? 1 : 99), -EINVAL);
	rig_close(&r);
}

static void cameras_share_a_clip(void **state)
{
	struct rig r[12];
	char rest[256];

	snprintf(rest, sizeof(rest), "%s?paced=0&slots=2", numbered("shared", 5));
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		rig_open(&r[i], &source_clip_ops, rest, any);
	for (uint32_t n = 0; n < 40; n++) {
		for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
			struct source_buffer b;

			assert_int_equal(rig_next(&r[i], &b), 0);
			assert_int_equal(b.sequence, n);
			assert_int_equal(r[i].slab->slot[b.slot].plane[0][0], n % 5);
			rig_give(&r[i], b.slot);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		rig_close(&r[i]);
}

static void a_round_starts_where_asked_at_a_key_frame(void **state)
{
	struct play *p;
	struct frame f;
	char uri[256];
	struct errmsg em = {""};
	int n = 0;

	make(PICTURES, "-frames:v 25 -c:v libx264 -g 10 -bf 0", "s.mp4");
	snprintf(uri, sizeof(uri), "clip:%s?start=0.3", in_dir("s.mp4"));
	assert_int_equal(play_open(&p, uri, NULL, true, NULL), 0);
	for (; play_next(p, &f, 0, NULL) == 1; n++) {
		if (!n)
			assert_true(f.flags & FRAME_KEY);
		assert_int_equal(play_frame_number(p), n + 11);
	}
	assert_int_equal(n, 15);
	play_close(p);
	snprintf(uri, sizeof(uri), "clip:%s?start=99", in_dir("s.mp4"));
	assert_int_equal(play_open(&p, uri, NULL, true, &em), -EINVAL);
	assert_non_null(strstr(em.text, "start"));
}

static void play_takes_a_rack_camera_too(void **state)
{
	struct play *p;
	struct frame f;

	assert_int_equal(play_open(&p, "rack:p?width=64&height=48&fps=10", NULL, true, NULL), 0);
	for (int n = 0; n < 50; n++) {
		assert_int_equal(play_next(p, &f, 0, NULL), 1);
		assert_int_equal(f.sequence, n);
		assert_int_equal(play_frame_number(p), n + 1);
		assert_true(f.mono_ns == n * 100 * NSEC_PER_MSEC);
		assert_true(f.flags == FRAME_KEY);
	}
	play_close(p);
}

/* --- bad input
 * ------------------------------------------------------------------------------------ */

static void damage_in_the_middle_is_delivered(void **state)
{
	unsigned whole = 0, n = 0;
	struct play *p;
	struct frame f;
	uint8_t *file;
	char uri[256];
	size_t len;

	make(PICTURES, "-frames:v 20 -c:v mjpeg -pix_fmt yuvj420p", "d.avi");
	file = get_file(in_dir("d.avi"), &len);
	memset(file + len / 2, 0x55, 40);
	put_file("d2.avi", file, len * 3 / 4); /* and it breaks off */
	snprintf(uri, sizeof(uri), "clip:%s", in_dir("d2.avi"));
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

static void bad_input_gets_one_line(void **state)
{
	static const struct {
		const char *name, *options;
		int err;
	} bad[] = {
		{"absent.mkv", "", -ENOENT},
		{"absent/in%06d.jpg", "", -ENOENT},
		{"empty", "", -ENOENT},
		{"empty/*.png", "", -ENOENT},
		{"noise.mkv", "", -EINVAL},
		{"noise.jpg", "", -EINVAL},
		{"zero.avi", "", -EINVAL},
		{"one/1.pgm", "?fps=0", -EINVAL},
		{"one/1.pgm", "?fps=1001", -EINVAL},
		{"one/1.pgm", "?loop=2", -EINVAL},
		{"one/1.pgm", "?slots=65", -EINVAL},
		{"one/1.pgm", "?slots=1", -EINVAL},
		{"one/1.pgm", "?start=-1", -EINVAL},
		{"one/1.pgm", "?speed=2", -EINVAL},
		{"list.m3u8", "", -EINVAL},
	};
	char noise[3000];
	struct errmsg em;

	mkdir(in_dir("empty"), 0777);
	mkdir(in_dir("one"), 0777);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)(i * i * 7 >> 3);
	put_file("noise.mkv", noise, sizeof(noise));
	put_file("noise.jpg", noise, sizeof(noise));
	put_file("zero.avi", noise, 0);
	put_file("one/1.pgm", "P5\n2 2\n255\nabcd", 15);
	put_file("list.m3u8", "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", 43);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char rest[256];
		int err;

		em.text[0] = '\0';
		snprintf(rest, sizeof(rest), "%s%s", in_dir(bad[i].name), bad[i].options);
		err = rig_try(&source_clip_ops, rest, any, &em);
		if (bad[i].err == -ENOENT ? err != -ENOENT : err >= 0)
			fail_msg("%s: %d", rest, err);
		assert_true(strlen(em.text) > 10);
		assert_null(strchr(em.text, '\n'));
	}
	assert_int_equal(rig_try(&source_clip_ops, "", any, &em), -EINVAL);
	assert_int_equal(rig_try(&source_clip_ops, "http://127.0.0.1:9/x.mkv", any, &em), -ENOENT);
}

static void an_unsupported_codec_is_named(void **state)
{
	struct errmsg em = {""};

	make(PICTURES, "-frames:v 5 -c:v mpeg4", "u.avi");
	assert_int_equal(rig_try(&source_clip_ops, in_dir("u.avi"), any, &em), -EINVAL);
	assert_non_null(strstr(em.text, "mpeg4"));
}

static void another_format_than_asked_for_is_refused(void **state)
{
	struct source_want want = {.fourcc = PIXFMT_MJPEG};
	struct errmsg em = {""};

	assert_int_equal(rig_try(&source_clip_ops, numbered("asked", 2), want, &em), -EINVAL);
	assert_non_null(strstr(em.text, "GREY"));
}

/* Opening a pipe that has no writer would hold an opener for ever. */
static void only_files_and_folders_are_clips(void **state)
{
	const char *pipe = in_dir("pipe");
	struct errmsg em = {""};

	assert_int_equal(rig_try(&source_clip_ops, "/dev/zero", any, &em), -EINVAL);
	assert_non_null(strstr(em.text, "neither a file nor a folder"));
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(rig_try(&source_clip_ops, pipe, any, &em), -EINVAL);
	assert_int_equal(unlink(pipe), 0);
}

/* Real footage, where there is some: every frame of every folder comes, in order. */
static void real_footage(void **state)
{
	const char *clips = getenv("MATLANG_CLIPS");
	char uri[512];
	struct errmsg em = {""};
	struct play *p;
	struct frame f;
	int64_t last = 0;
	int got;

	if (!clips) {
		printf("SKIP: MATLANG_CLIPS names no folder of footage\n");
		skip();
	}
	snprintf(uri, sizeof(uri), "clip:%s/ir_1/input", clips);
	if (play_open(&p, uri, NULL, true, &em))
		fail_msg("%s", em.text);
	while ((got = play_next(p, &f, 0, &em)) == 1) {
		assert_true(play_frame_number(p) > last);
		assert_int_equal(f.flags & FRAME_TORN, 0);
		last = play_frame_number(p);
	}
	assert_int_equal(got, 0);
	assert_true(last > 100);
	play_close(p);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int set_up(void **state)
{
	have_ffmpeg = !system("ffmpeg -version >/dev/null 2>&1");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
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
		cmocka_unit_test(jpeg_files_come_byte_for_byte),
		cmocka_unit_test(grey_images_come_as_grey),
		cmocka_unit_test(colour_images_become_full_range_yuv),
		cmocka_unit_test(a_broken_image_is_flagged_and_the_rest_comes),
		cmocka_unit_test(a_clip_too_large_to_keep_is_read_ahead),
		cmocka_unit_test(paced_frames_are_a_period_apart),
		cmocka_unit_test(without_a_free_slot_the_device_drops),
		cmocka_unit_test(cameras_share_a_clip),
		cmocka_unit_test(a_round_starts_where_asked_at_a_key_frame),
		cmocka_unit_test(play_takes_a_rack_camera_too),
		cmocka_unit_test(damage_in_the_middle_is_delivered),
		cmocka_unit_test(bad_input_gets_one_line),
		cmocka_unit_test(an_unsupported_codec_is_named),
		cmocka_unit_test(another_format_than_asked_for_is_refused),
		cmocka_unit_test(only_files_and_folders_are_clips),
		cmocka_unit_test(real_footage),
	};

	return cmocka_run_group_tests_name("clip", tests, set_up, tear_down);
}
