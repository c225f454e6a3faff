/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reduced luma of every format: raw ones against a plain mean, JPEG against the full decode,
 * H.264 through an encoder when there is one; damaged input gives a verdict. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>
#include <turbojpeg.h>

#include "analyze/cpu.h"
#include "analyze/luma.h"
#include "capture/core/pixfmt.h"
#include "tests/unit/analyze/scene.h"

/* The HEVC encoder keeps some memory of its own for ever. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libx265";
}

static struct luma *new_luma(bool simd)
{
	struct luma *l;

	assert_int_equal(luma_create(&l, motion_dsp_select(simd ? cpu_features() : 0)), 0);
	return l;
}

/* The mean of the picture under a reduced pixel. */
static uint8_t plain_mean(const uint8_t *grey, const struct luma_size *s, uint32_t x, uint32_t y)
{
	uint32_t sum = 0, n = 0, side = 1u << s->shift;

	for (uint32_t v = y * side; v < (y + 1) * side && v < s->picture_h; v++)
		for (uint32_t u = x * side; u < (x + 1) * side && u < s->picture_w; u++, n++)
			sum += grey[(size_t)v * s->picture_w + u];
	return (uint8_t)((sum + n / 2) / n);
}

/* Puts a grey picture into a raw format's memory. Returns the bytes of plane 0. */
static size_t put_raw(uint8_t *out, const struct pixfmt *pf, const uint8_t *grey, uint32_t w,
		      uint32_t h, size_t stride)
{
	size_t size = stride * (h - 1) + (size_t)w * pf->luma_step;

	memset(out, 0xee, size);
	for (uint32_t y = 0; y < h; y++)
		for (uint32_t x = 0; x < w; x++)
			out[y * stride + pf->luma_offset + (size_t)x * pf->luma_step] =
				grey[(size_t)y * w + x];
	return size;
}

static void check_raw(const struct pixfmt *pf, uint32_t w, uint32_t h, size_t pad, bool simd)
{
	struct luma *l = new_luma(simd);
	uint8_t *grey = malloc((size_t)w * h);
	size_t stride = (size_t)w * pf->luma_step + pad;
	uint8_t *raw = malloc(stride * h);
	uint8_t *out;
	struct luma_size s;
	struct frame *f;
	size_t size;

	assert_non_null(grey);
	assert_non_null(raw);
	for (size_t i = 0; i < (size_t)w * h; i++)
		grey[i] = (uint8_t)(rand() >> 7);
	size = put_raw(raw, pf, grey, w, h, stride);
	f = scene_frame(pf->fourcc, w, h, raw, size, (uint32_t)stride, 0, NULL);
	assert_int_equal(luma_open(l, f, false, &s, NULL), 0);
	assert_int_equal(luma_open(l, f, true, &s, NULL), 1);
	assert_int_equal(s.w, (w + (1u << s.shift) - 1) >> s.shift);
	out = malloc((size_t)s.w * s.h);
	assert_non_null(out);
	assert_int_equal(luma_read(l, out, s.w, NULL), 0);
	for (uint32_t y = 0; y < s.h; y++)
		for (uint32_t x = 0; x < s.w; x++)
			if (out[y * s.w + x] != plain_mean(grey, &s, x, y))
				fail_msg("%s %ux%u at %u,%u", pf->name, w, h, x, y);
	/* One byte less is short. */
	f->plane[0].bytesused--;
	assert_int_equal(luma_open(l, f, true, &s, NULL), -EINVAL);
	assert_int_equal(luma_read(l, out, s.w, NULL), -EBADMSG);
	frame_unref(f);
	free(out);
	free(raw);
	free(grey);
	luma_destroy(l);
}

static void test_raw_formats(void **state)
{
	static const uint32_t sizes[][2] = {{320, 240}, {1, 1},      {161, 163},   {333, 241},
					    {640, 480}, {1283, 723}, {1920, 1080}, {700, 17}};
	const struct pixfmt *pf;
	unsigned formats = 0;

	srand(7);
	for (size_t i = 0; (pf = pixfmt_at(i)); i++) {
		if (pf->codec != PIXFMT_RAW)
			continue;
		formats++;
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			check_raw(pf, sizes[k][0], sizes[k][1], k * 3, true);
			if (k < 4)
				check_raw(pf, sizes[k][0], sizes[k][1], k * 3, false);
		}
	}
	assert_true(formats >= 12);
}

static unsigned char *jpeg_of(const uint8_t *grey, int w, int h, unsigned long *size)
{
	tjhandle t = tjInitCompress();
	unsigned char *out = NULL;

	*size = 0;
	assert_int_equal(tjCompress2(t, grey, w, w, h, TJPF_GRAY, &out, size, TJSAMP_GRAY, 90, 0),
			 0);
	tjDestroy(t);
	return out;
}

static void check_jpeg(int w, int h)
{
	struct luma *l = new_luma(true);
	struct scene scene;
	struct luma_size s;
	unsigned long size;
	unsigned char *jpeg;
	uint8_t *full = malloc((size_t)w * (size_t)h), *out;
	struct frame *f;
	tjhandle t = tjInitDecompress();

	assert_non_null(full);
	scene_init(&scene, (uint32_t)w, (uint32_t)h);
	jpeg = jpeg_of(scene_draw(&scene, &(struct scene_shot){.gain = 1, .noise = 5}), w, h,
		       &size);
	assert_int_equal(tjDecompress2(t, jpeg, size, full, w, w, h, TJPF_GRAY, 0), 0);
	f = scene_frame(PIXFMT_MJPEG, (uint32_t)w, (uint32_t)h, jpeg, size, 0, 0, NULL);
	assert_int_equal(luma_open(l, f, true, &s, NULL), 1);
	assert_int_equal(s.picture_w, w);
	out = malloc((size_t)s.w * s.h);
	assert_non_null(out);
	assert_int_equal(luma_read(l, out, s.w, NULL), 0);
	/* Scaled decoding is a mean but for rounding; blocks at the edge are padded by the encoder.
	 */
	for (uint32_t y = 0; y < (uint32_t)h >> s.shift; y++)
		for (uint32_t x = 0; x < (uint32_t)w >> s.shift; x++)
			if (abs(out[y * s.w + x] - plain_mean(full, &s, x, y)) > 12)
				fail_msg("%dx%d at %u,%u: %d, mean %d", w, h, x, y,
					 out[y * s.w + x], plain_mean(full, &s, x, y));
	/* Cut: a verdict, never a picture. */
	for (unsigned long cut = 0; cut < size - 2; cut += size / 40 + 1) {
		f->plane[0].bytesused = cut;
		if (luma_open(l, f, true, &s, NULL) == 1)
			assert_int_equal(luma_read(l, out, s.w, NULL), -EBADMSG);
	}
	frame_unref(f);
	tjFree(jpeg);
	tjDestroy(t);
	free(out);
	free(full);
	scene_free(&scene);
	luma_destroy(l);
}

static void test_jpeg(void **state)
{
	check_jpeg(320, 240);
	check_jpeg(640, 480);
	check_jpeg(161, 83);
	check_jpeg(1920, 1080);
	check_jpeg(3840, 2160); /* beyond an eighth */
}

static void test_damaged_jpeg(void **state)
{
	struct luma *l = new_luma(true);
	struct scene scene;
	struct luma_size s;
	unsigned long size;
	unsigned char *jpeg;
	uint8_t *out = malloc(1 << 20);
	unsigned verdicts = 0;
	struct errmsg em = {""};
	struct frame *f;

	assert_non_null(out);
	scene_init(&scene, 320, 240);
	jpeg = jpeg_of(scene_draw(&scene, &(struct scene_shot){.gain = 1}), 320, 240, &size);
	srand(3);
	for (int round = 0; round < 300; round++) {
		unsigned char *bad = malloc(size);

		assert_non_null(bad);
		memcpy(bad, jpeg, size);
		for (int k = 0; k < 1 + round % 8; k++)
			bad[(size_t)rand() % size] = (unsigned char)rand();
		f = scene_frame(PIXFMT_MJPEG, 320, 240, bad, size, 0, 0, NULL);
		if (luma_open(l, f, true, &s, &em) != 1 ||
		    ((size_t)s.w * s.h <= 1 << 20 && luma_read(l, out, s.w, &em)))
			verdicts++;
		frame_unref(f);
		free(bad);
	}
	assert_true(verdicts > 0);
	assert_non_null(strstr(em.text, "damaged"));
	/* No bytes at all, and bytes that are no JPEG. */
	f = scene_frame(PIXFMT_MJPEG, 320, 240, jpeg, 0, 0, 0, NULL);
	assert_int_equal(luma_open(l, f, true, &s, &em), -EBADMSG);
	frame_unref(f);
	memset(jpeg, 0x41, size);
	f = scene_frame(PIXFMT_MJPEG, 320, 240, jpeg, size, 0, 0, NULL);
	assert_int_equal(luma_open(l, f, true, &s, &em), -EBADMSG);
	frame_unref(f);
	tjFree(jpeg);
	free(out);
	scene_free(&scene);
	luma_destroy(l);
}

static void test_unknown_format(void **state)
{
	struct luma *l = new_luma(true);
	struct luma_size s;
	struct errmsg em = {""};
	struct frame *f = scene_frame(PIXFMT_FOURCC('R', 'G', 'B', '3'), 8, 8, (uint8_t[192]){0},
				      192, 24, 0, NULL);

	assert_int_equal(luma_open(l, f, true, &s, &em), -EOPNOTSUPP);
	assert_non_null(strstr(em.text, "RGB3"));
	frame_unref(f);
	luma_destroy(l);
}

/* Encodes `frames` pictures; hands each packet to `use`. False: no encoder here. */
static bool encode(enum AVCodecID id, struct scene *scene, int frames,
		   void (*use)(void *ctx, const AVPacket *p), void *ctx)
{
	const AVCodec *codec = avcodec_find_encoder(id);
	AVCodecContext *av = codec ? avcodec_alloc_context3(codec) : NULL;
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();

	av_log_set_level(AV_LOG_QUIET);
	if (av) {
		av->width = (int)scene->w;
		av->height = (int)scene->h;
		av->pix_fmt = AV_PIX_FMT_YUV420P;
		av->time_base = (AVRational){1, 25};
		av->gop_size = 10;
		av->max_b_frames = 0;
	}
	if (!av || avcodec_open2(av, codec, NULL) < 0) {
		avcodec_free_context(&av);
		av_packet_free(&packet);
		av_frame_free(&frame);
		return false;
	}
	frame->format = av->pix_fmt;
	frame->width = av->width;
	frame->height = av->height;
	assert_int_equal(av_frame_get_buffer(frame, 0), 0);
	for (int i = 0; i <= frames; i++) {
		if (i < frames) {
			const uint8_t *grey =
				scene_draw(scene, &(struct scene_shot){.gain = 1, .shift_x = i});

			assert_int_equal(av_frame_make_writable(frame), 0);
			for (uint32_t y = 0; y < scene->h; y++)
				memcpy(frame->data[0] + (ptrdiff_t)y * frame->linesize[0],
				       grey + (size_t)y * scene->w, scene->w);
			for (int p = 1; p < 3; p++)
				for (uint32_t y = 0; y < scene->h / 2; y++)
					memset(frame->data[p] + (ptrdiff_t)y * frame->linesize[p],
					       128, scene->w / 2);
			frame->pts = i;
		}
		assert_int_equal(avcodec_send_frame(av, i < frames ? frame : NULL), 0);
		while (avcodec_receive_packet(av, packet) == 0) {
			use(ctx, packet);
			av_packet_unref(packet);
		}
	}
	avcodec_free_context(&av);
	av_packet_free(&packet);
	av_frame_free(&frame);
	return true;
}

struct decoded {
	struct luma *l;
	uint32_t fourcc;
	unsigned packets, pictures, refused;
	bool damage;
	uint8_t out[640 * 480];
	struct luma_size size;
};

static void decode(void *ctx, const AVPacket *p)
{
	struct decoded *d = ctx;
	struct frame *f = scene_frame(d->fourcc, 320, 240, p->data, (size_t)p->size, 0, 0, NULL);
	bool want = d->packets++ % 5 == 0;
	int err;

	if (d->damage && d->packets > 1)
		for (int i = p->size / 3; i < p->size; i += 3)
			((struct scene_frame *)f)->bytes[i] ^= (uint8_t)rand();
	err = luma_open(d->l, f, want, &d->size, NULL);
	assert_true(want || err <= 0);
	if (err == 1)
		assert_int_equal(luma_read(d->l, d->out, d->size.w, NULL), 0);
	d->pictures += err == 1;
	d->refused += err < 0;
	frame_unref(f);
}

static void check_codec(enum AVCodecID id, uint32_t fourcc)
{
	struct decoded *d = calloc(1, sizeof(*d));
	struct scene scene;

	assert_non_null(d);
	d->l = new_luma(true);
	d->fourcc = fourcc;
	scene_init(&scene, 320, 240);
	if (!encode(id, &scene, 30, decode, d)) {
		print_message("SKIP: this libavcodec cannot encode %s\n", avcodec_get_name(id));
	} else {
		assert_int_equal(d->packets, 30);
		assert_int_equal(d->refused, 0);
		assert_int_equal(d->pictures, 6);
		/* The last picture wanted was number 25. */
		scene_draw(&scene, &(struct scene_shot){.gain = 1, .shift_x = 25});
		for (uint32_t y = 2; y < d->size.h - 2; y++)
			for (uint32_t x = 2; x < d->size.w - 2; x++)
				assert_in_range(d->out[y * d->size.w + x] + 60,
						plain_mean(scene.picture, &d->size, x, y) + 30,
						plain_mean(scene.picture, &d->size, x, y) + 90);
		/* Damaged ones do no harm. */
		luma_reset(d->l);
		d->packets = 0;
		d->damage = true;
		assert_true(encode(id, &scene, 30, decode, d));
	}
	luma_destroy(d->l);
	scene_free(&scene);
	free(d);
}

static void test_h264(void **state)
{
	check_codec(AV_CODEC_ID_H264, PIXFMT_H264);
}

static void test_hevc(void **state)
{
	check_codec(AV_CODEC_ID_HEVC, PIXFMT_HEVC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw_formats),  cmocka_unit_test(test_jpeg),
		cmocka_unit_test(test_damaged_jpeg), cmocka_unit_test(test_unknown_format),
		cmocka_unit_test(test_h264),         cmocka_unit_test(test_hevc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
