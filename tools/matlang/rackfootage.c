/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/rackfootage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/clip/clip_reader.h"
#include "capture/rack/rack_jpeg.h"
#include "tools/common/i18n.h"

#define SCENE_PICTURES 48 /* in a round */

static void begin(struct rackfootage *f, uint32_t fourcc, uint32_t width, uint32_t height)
{
	f->head = (struct matlang_rack_footage){
		.version = MATLANG_RACK_FOOTAGE_VERSION,
		.fourcc = fourcc,
		.width = width,
		.height = height,
	};
	memcpy(f->head.magic, MATLANG_RACK_FOOTAGE_MAGIC, sizeof(f->head.magic));
}

static size_t table_size(unsigned count)
{
	return sizeof(struct matlang_rack_footage) + count * sizeof(struct matlang_rack_picture);
}

/* 1: the module would not take it. */
static int make_room(struct rackfootage *f, size_t more)
{
	unsigned n = f->head.count;
	struct matlang_rack_picture *pictures;
	size_t room = f->room ? f->room : 1 << 20;
	uint8_t *data;

	if (n == MATLANG_RACK_PICTURES_MAX || more > MATLANG_RACK_FOOTAGE_MAX ||
	    table_size(n + 1) + f->size + more > MATLANG_RACK_FOOTAGE_MAX)
		return 1;
	if ((n & (n - 1)) == 0) {
		pictures = realloc(f->picture, (n ? 2 * n : 1) * sizeof(*pictures));
		if (!pictures)
			return -ENOMEM;
		f->picture = pictures;
	}
	while (room < f->size + more)
		room *= 2;
	if (room > f->room) {
		data = realloc(f->data, room);
		if (!data)
			return -ENOMEM;
		f->data = data;
		f->room = room;
	}
	return 0;
}

static void append(struct rackfootage *f, const void *data, size_t len)
{
	memcpy(f->data + f->size, data, len);
	f->size += len;
}

/* Length of a comment for an older stamp right behind SOI, 0: there is none. */
static size_t old_stamp(const uint8_t *jpeg, size_t len)
{
	static const uint8_t head[4] = {0xff, 0xfe, 0x00, 0x2a};

	return len > 48 && !memcmp(jpeg + 2, head, sizeof(head)) ? 44 : 0;
}

static int add_jpeg(struct rackfootage *f, const uint8_t *jpeg, size_t len)
{
	static const uint8_t first[] = {0xff, 0xd8, 0xff, 0xfe, 0x00, 0x2a};
	static const uint8_t second[] = {0xff, 0xfe, 0x00, 0x12}, zeros[40];
	size_t skip;
	int err;

	if (len < 4 || jpeg[0] != 0xff || jpeg[1] != 0xd8 || jpeg[2] != 0xff)
		return -EBADMSG;
	skip = 2 + old_stamp(jpeg, len);
	err = make_room(f, MATLANG_RACK_JPEG_AREA + len - skip);
	if (err)
		return err;
	append(f, first, sizeof(first));
	append(f, zeros, 40);
	append(f, second, sizeof(second));
	append(f, zeros, 16);
	append(f, jpeg + skip, len - skip);
	f->picture[f->head.count++] =
		(struct matlang_rack_picture){(__u32)(MATLANG_RACK_JPEG_AREA + len - skip), 0};
	return 0;
}

/* Where the first slice's start code begins; an SEI may stand there. */
static bool find_slice(const uint8_t *au, size_t len, size_t *at)
{
	for (size_t i = 0; i + 3 < len; i++) {
		unsigned type = au[i + 3] & 0x1f;

		if (au[i] || au[i + 1] || au[i + 2] != 1 || type < 1 || type > 5)
			continue;
		/* A start code may be four bytes long. */
		*at = i && !au[i - 1] ? i - 1 : i;
		return true;
	}
	return false;
}

static int add_h264(struct rackfootage *f, const uint8_t *au, size_t len)
{
	static const uint8_t head[] = {0x00, 0x00, 0x00, 0x01, 0x06, 0x05, 0x80};
	static const uint8_t end[] = {0x80};
	uint8_t digits[112];
	size_t at;
	int err;

	if (!find_slice(au, len, &at))
		return -EBADMSG;
	err = make_room(f, MATLANG_RACK_SEI_AREA + len);
	if (err)
		return err;
	memset(digits, '0', sizeof(digits));
	append(f, au, at);
	append(f, head, sizeof(head));
	append(f, MATLANG_RACK_SEI_UUID, 16);
	append(f, digits, sizeof(digits));
	append(f, end, sizeof(end));
	append(f, au + at, len - at);
	f->picture[f->head.count++] =
		(struct matlang_rack_picture){(__u32)(MATLANG_RACK_SEI_AREA + len), (__u32)at};
	return 0;
}

int rackfootage_add(struct rackfootage *f, const uint8_t *data, size_t len)
{
	if (f->max && f->head.count >= f->max)
		return 1;
	return f->head.fourcc == PIXFMT_MJPEG ? add_jpeg(f, data, len) : add_h264(f, data, len);
}

static int read_all(struct rackfootage *f, struct clip_reader *r)
{
	struct clip_packet p;
	int err;

	while ((err = clip_reader_next(r, &p)) == 1) {
		/* A camera begins with a picture that can be decoded by itself. */
		if (!p.len || (!f->head.count && !p.key))
			continue;
		err = rackfootage_add(f, p.data, p.len);
		if (err && err != -EBADMSG)
			break;
	}
	return err < 0 && err != -EBADMSG ? err : 0;
}

int rackfootage_read(struct rackfootage *f, const char *path, struct errmsg *em)
{
	struct clip_reader *r;
	struct clip_info info;
	int err = clip_reader_open(&r, path, &info, em);

	if (err)
		return err;
	if (info.pf->fourcc != PIXFMT_MJPEG && info.pf->fourcc != PIXFMT_H264) {
		err = errmsg_set(em, -EINVAL,
				 _("%s is %s: the rack shows MJPEG and H.264; make it one of them, "
				   "for example: ffmpeg -i %s -c:v libx264 -bf 0 clip.mp4"),
				 path, info.codec, path);
		goto close;
	}
	begin(f, info.pf->fourcc, info.width, info.height);
	f->fps = info.fps;
	err = read_all(f, r);
	if (err)
		errmsg_set(em, err, "%s: %s", path, strerror(-err));
	else if (!f->head.count)
		err = errmsg_set(em, -EINVAL, _("%s has no picture to begin with"), path);
close:
	clip_reader_close(r);
	return err;
}

int rackfootage_draw(struct rackfootage *f, uint32_t width, uint32_t height, struct errmsg *em)
{
	const struct rack_look look = {
		.width = width,
		.height = height,
		.fourcc = PIXFMT_MJPEG,
		.pictures = SCENE_PICTURES,
		.objects = 3,
	};
	const struct rack_jpeg_set *set;
	int err = rack_jpeg_get(&look, &set, em);

	if (err)
		return err;
	begin(f, PIXFMT_MJPEG, width, height);
	f->fps = 15;
	for (unsigned i = 0; i < SCENE_PICTURES && !err; i++) {
		const struct rack_jpeg *j = rack_jpeg_at(set, i);

		err = rackfootage_add(f, j->data, j->len);
	}
	rack_jpeg_put(set);
	return err < 0 ? errmsg_set(em, err, "%s", strerror(-err)) : 0;
}

/* configfs puts every write behind the one before it, into memory it gets anew each time: one
 * write, from one piece. */
int rackfootage_write(const struct rackfootage *f, const char *path, struct errmsg *em)
{
	size_t table = table_size(f->head.count), size = table + f->size;
	uint8_t *all = malloc(size);
	ssize_t n = -1;
	int fd, err = 0;

	if (!all)
		return errmsg_set(em, -ENOMEM, "%s", strerror(ENOMEM));
	memcpy(all, &f->head, sizeof(f->head));
	memcpy(all + sizeof(f->head), f->picture, table - sizeof(f->head));
	memcpy(all + table, f->data, f->size);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		n = write(fd, all, size);
	if (n != (ssize_t)size)
		err = errmsg_set(em, n < 0 ? -errno : -EIO, "%s: %s", path,
				 strerror(n < 0 ? errno : EIO));
	if (fd >= 0 && close(fd) < 0 && !err)
		err = errmsg_set(em, -errno, "%s: %s", path, strerror(errno));
	free(all);
	return err;
}

void rackfootage_free(struct rackfootage *f)
{
	free(f->picture);
	free(f->data);
	*f = (struct rackfootage){0};
}
