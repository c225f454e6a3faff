/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/analyze/clips.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libavcodec/avcodec.h>

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
static bool read_picture(const char *path, enum AVCodecID id, struct clips_picture *out)
{
	const AVCodec *codec = avcodec_find_decoder(id);
	AVCodecContext *av = codec ? avcodec_alloc_context3(codec) : NULL;
	AVPacket *packet = av_packet_alloc();
	AVFrame *frame = av_frame_alloc();
	size_t size = 0;
	uint8_t *data = slurp(path, &size);
	bool ok = false;

	av_log_set_level(AV_LOG_QUIET);

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

bool clips_input(const char *scene, int number, struct clips_picture *out)
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

bool clips_png(const char *path, struct clips_picture *out)
{
	return read_picture(path, AV_CODEC_ID_PNG, out);
}

/* Some scenes are cut out of longer ones and begin later. */
static bool clips_any(const char *scene)
{
	struct clips_picture p;

	for (int i = 1; i <= 1000; i += 100)
		if (clips_input(scene, i, &p)) {
			free(p.luma);
			return true;
		}
	return false;
}

void clips_need(const char *scene)
{
	if (!getenv("MATLANG_CLIPS")) {
		print_message("SKIP: MATLANG_CLIPS names no folder with recorded scenes\n");
		skip();
	}
	if (!clips_any(scene)) {
		print_message("SKIP: %s: no pictures that can be read\n", scene);
		skip();
	}
}
