/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw records of every format as pictures, pictures as JPEG, JPEG without Huffman tables. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "capture/core/frame.h"
#include "capture/core/pixfmt.h"
#include "tools/matlang/picture.h"

/* Chroma has an odd number of rows and columns. */
enum { W = 38, H = 26, PAD = 10 };

static uint8_t luma(unsigned x, unsigned y)
{
	return (uint8_t)(16 + x * 3 + y * 2);
}

/* 4:2:2 and 4:2:0 samples alike: by the place of the chroma sample. */
static uint8_t chroma(unsigned plane, unsigned x, unsigned y)
{
	return (uint8_t)((plane == 1 ? 60 : 150) + x + y);
}

struct raw {
	struct record rec;
	uint8_t *data;
};

/* Lays the picture out as V4L2 says, rows padded to PAD more bytes. */
static struct raw make(const struct pixfmt *pf)
{
	size_t stride = (size_t)W * pf->luma_step + PAD, cstride = 0, at = 0;
	unsigned ch = H / pf->vsub, cw = W / pf->hsub;
	struct raw r = {.rec = {.kind = RECORD_FRAME}};

	if (pf->colour_planes == 1)
		stride = (size_t)W * pf->luma_step + PAD;
	if (pf->colour_planes == 3)
		stride = W + PAD;
	r.data = malloc(8 * W * H + 8 * PAD * H);
	memset(r.data, 0xee, 8 * W * H + 8 * PAD * H);
	r.rec.frame.fourcc = pf->fourcc;
	r.rec.frame.width = W;
	r.rec.frame.height = H;
	r.rec.frame.nplanes = pf->mem_planes;
	r.rec.frame.flags = FRAME_KEY | FRAME_FULL_RANGE;
	for (unsigned y = 0; y < H; y++)
		for (unsigned x = 0; x < W; x++) {
			uint8_t *px =
				r.data + y * stride + (size_t)x * pf->luma_step + pf->luma_offset;

			*px = luma(x, y);
			if (pf->luma_step == 2)
				r.data[y * stride + (size_t)x * 2 + !pf->luma_offset] =
					chroma(1 + x % 2, x / 2, y);
		}
	at = stride * H;
	r.rec.frame.plane[0].bytes = (uint32_t)at;
	r.rec.frame.plane[0].stride = (uint32_t)stride;
	for (unsigned p = 1; p < pf->colour_planes; p++) {
		cstride = pf->colour_planes == 2 ? (pf->mem_planes > 1 ? 2 * cw + PAD : stride)
			  : pf->mem_planes > 1   ? cw + PAD
						 : stride / pf->hsub;
		if (pf->mem_planes > 1) {
			r.rec.frame.plane[p].offset = (uint32_t)at;
			r.rec.frame.plane[p].stride = (uint32_t)cstride;
			r.rec.frame.plane[p].bytes = (uint32_t)(cstride * ch);
		} else {
			r.rec.frame.plane[0].bytes += (uint32_t)(cstride * ch);
		}
		for (unsigned y = 0; y < ch; y++)
			for (unsigned x = 0; x < cw; x++) {
				uint8_t *row = r.data + at + y * cstride;

				if (pf->colour_planes == 2) {
					row[2 * x] = chroma(pf->v_first ? 2 : 1, x, y);
					row[2 * x + 1] = chroma(pf->v_first ? 1 : 2, x, y);
				} else {
					row[x] = chroma(pf->v_first ? 3 - p : p, x, y);
				}
			}
		at += cstride * ch;
	}
	r.rec.payload = r.data;
	r.rec.payload_bytes = (uint32_t)at;
	return r;
}

/* Planar, so that each sample can be looked at: 4:2:0, 4:2:2 or grey. */
static void look_at(const struct pixfmt *pf, const AVFrame *f)
{
	for (unsigned y = 0; y < H; y++)
		for (unsigned x = 0; x < W; x++)
			assert_int_equal(f->data[0][y * (unsigned)f->linesize[0] + x], luma(x, y));
	if (f->format == AV_PIX_FMT_GRAY8)
		return;
	for (unsigned p = 1; p < 3; p++)
		for (unsigned y = 0; y < H / pf->vsub; y++)
			for (unsigned x = 0; x < W / 2; x++)
				assert_int_equal(f->data[p][y * (unsigned)f->linesize[p] + x],
						 chroma(p, x, y));
}

static void every_raw_format(void **state)
{
	struct picture_scaler *scaler = NULL;
	unsigned seen = 0;

	for (size_t i = 0; pixfmt_at(i); i++) {
		const struct pixfmt *pf = pixfmt_at(i);
		struct picture_decoder *d;
		AVFrame *f = av_frame_alloc(), *planar = av_frame_alloc();
		struct errmsg em = {""};
		struct raw r;
		int to;

		if (pf->codec != PIXFMT_RAW) {
			av_frame_free(&f);
			av_frame_free(&planar);
			continue;
		}
		r = make(pf);
		assert_int_equal(picture_decoder_open(&d, &r.rec, &em), 0);
		assert_int_equal(picture_decoder_send(d, &r.rec, 42), 0);
		assert_int_equal(picture_decoder_receive(d, f), 0);
		assert_int_equal(picture_decoder_receive(d, planar), -EAGAIN);
		assert_int_equal(f->pts, 42);
		to = pf->fourcc == PIXFMT_GREY ? AV_PIX_FMT_GRAY8
		     : pf->vsub == 2           ? AV_PIX_FMT_YUV420P
					       : AV_PIX_FMT_YUV422P;
		assert_int_equal(picture_convert(&scaler, f, to, true, planar), 0);
		look_at(pf, planar);
		picture_decoder_close(d);
		av_frame_free(&f);
		av_frame_free(&planar);
		free(r.data);
		seen++;
	}
	assert_true(seen >= 10);
	picture_scaler_free(scaler);
}

/* A record that is shorter than it says, cut at every length: grey rows, no step outside (ASan). */
static void torn_pictures_are_shown(void **state)
{
	const struct pixfmt *pf = pixfmt_find(PIXFMT_NV12);
	struct raw r = make(pf);
	struct picture_decoder *d;
	AVFrame *f = av_frame_alloc();
	struct errmsg em;
	uint32_t whole = r.rec.payload_bytes;
	unsigned half; /* rows of luma that are whole */

	assert_int_equal(picture_decoder_open(&d, &r.rec, &em), 0);
	for (uint32_t cut = 0; cut < whole; cut += 7) {
		uint8_t *exact = malloc(cut + 1);

		memcpy(exact, r.data, cut);
		r.rec.payload = exact;
		r.rec.payload_bytes = cut;
		assert_int_equal(picture_decoder_send(d, &r.rec, 0), 0);
		assert_int_equal(picture_decoder_receive(d, f), 0);
		half = cut < W ? 0 : (cut - W) / (W + PAD) + 1;
		if (half < H)
			assert_int_equal(f->data[0][half * (unsigned)f->linesize[0] + W - 1], 0x80);
		if (half > 0)
			assert_int_equal(f->data[0][1], luma(1, 0));
		av_frame_unref(f);
		free(exact);
	}
	r.rec.frame.plane[0].offset = UINT32_MAX;
	assert_int_equal(picture_decoder_send(d, &r.rec, 0), -EBADMSG);
	r.rec.frame.width = 1u << 30;
	assert_int_equal(picture_decoder_send(d, &r.rec, 0), -EBADMSG);
	picture_decoder_close(d);
	av_frame_free(&f);
	free(r.data);
}

/* Limited-range black and white become full-range black and white: the range is converted. */
static void jpeg_has_the_full_range(void **state)
{
	const struct pixfmt *pf = pixfmt_find(PIXFMT_GREY);
	struct raw r = make(pf);
	struct picture_decoder *d;
	struct picture_scaler *scaler = NULL;
	AVFrame *f = av_frame_alloc();
	struct errmsg em = {""};
	uint8_t *jpeg, *whole, out[W * H];
	size_t size, whole_size;
	tjhandle tj = tjInitDecompress();

	r.rec.frame.flags = FRAME_KEY;
	for (unsigned y = 0; y < H; y++)
		memset(r.data + (size_t)y * (W + PAD), y < H / 2 ? 16 : 235, W);
	assert_int_equal(picture_decoder_open(&d, &r.rec, &em), 0);
	assert_int_equal(picture_decoder_send(d, &r.rec, 0), 0);
	assert_int_equal(picture_decoder_receive(d, f), 0);
	assert_int_equal(picture_jpeg(&scaler, f, 100, &jpeg, &size, &em), 0);
	assert_int_equal(tjDecompress2(tj, jpeg, size, out, W, W, H, TJPF_GRAY, 0), 0);
	assert_true(out[0] <= 2 && out[W * H - 1] >= 253);

	/* What is whole stays byte for byte. */
	assert_int_equal(picture_whole_jpeg(jpeg, size, &whole, &whole_size, &em), 0);
	assert_int_equal(whole_size, size);
	assert_memory_equal(whole, jpeg, size);
	free(whole);
	free(jpeg);
	tjDestroy(tj);
	picture_scaler_free(scaler);
	picture_decoder_close(d);
	av_frame_free(&f);
	free(r.data);
}

/* Takes the DHT segments out, as USB cameras leave them out. */
static size_t without_tables(const uint8_t *jpeg, size_t size, uint8_t *out)
{
	size_t at = 2, n = 2;

	memcpy(out, jpeg, 2);
	while (jpeg[at + 1] != 0xda) {
		size_t length = 2 + ((size_t)jpeg[at + 2] << 8 | jpeg[at + 3]);

		if (jpeg[at + 1] != 0xc4) {
			memcpy(out + n, jpeg + at, length);
			n += length;
		}
		at += length;
	}
	memcpy(out + n, jpeg + at, size - at);
	return n + size - at;
}

static void missing_tables_are_put_in(void **state)
{
	uint8_t rgb[W * H * 3], bare[8192], out[W * H * 3], want[W * H * 3], *whole;
	unsigned char *jpeg = NULL;
	unsigned long size = 0;
	size_t bare_size, whole_size;
	tjhandle c = tjInitCompress(), d = tjInitDecompress();
	struct errmsg em = {""};

	for (size_t i = 0; i < sizeof(rgb); i++)
		rgb[i] = (uint8_t)(i * 5);
	assert_int_equal(tjCompress2(c, rgb, W, 0, H, TJPF_RGB, &jpeg, &size, TJSAMP_422, 60, 0),
			 0);
	bare_size = without_tables(jpeg, size, bare);
	assert_true(bare_size < size);
	assert_int_equal(picture_whole_jpeg(bare, bare_size, &whole, &whole_size, &em), 0);
	assert_true(whole_size > bare_size);
	assert_int_equal(tjDecompress2(d, whole, whole_size, out, W, 0, H, TJPF_RGB, 0), 0);
	assert_int_equal(tjDecompress2(d, jpeg, size, want, W, 0, H, TJPF_RGB, 0), 0);
	assert_memory_equal(out, want, sizeof(out));
	free(whole);
	/* Cut anywhere: an answer, and no step outside. */
	for (size_t cut = 0; cut < bare_size; cut++) {
		uint8_t *exact = malloc(cut + 1);

		memcpy(exact, bare, cut);
		if (picture_whole_jpeg(exact, cut, &whole, &whole_size, &em) == 0)
			free(whole);
		free(exact);
	}
	tjFree(jpeg);
	tjDestroy(c);
	tjDestroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_raw_format),
		cmocka_unit_test(torn_pictures_are_shown),
		cmocka_unit_test(jpeg_has_the_full_range),
		cmocka_unit_test(missing_tables_are_put_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
