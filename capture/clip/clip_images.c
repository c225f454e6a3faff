/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/clip/clip_images.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "capture/clip/clip_decode.h"
#include "capture/clip/clip_file.h"
#include "capture/core/cleanup.h"
#include "capture/source.h"

#define IMAGE_MAX (256u << 20) /* bytes of one file */

struct clip_images {
	char **file; /* paths */
	size_t n, at;
	AVPacket *packet;             /* the file's bytes */
	struct clip_decoder *decoder; /* NULL for JPEG */
	size_t picture_size;
};

static const char *const extensions[] = {"jpg", "jpeg", "png",  "bmp",  "pgm", "ppm",
					 "pnm", "tif",  "tiff", "webp", NULL};

static const char *extension(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && !strchr(dot, '/') ? dot + 1 : "";
}

static bool is_image_name(const char *path)
{
	for (size_t i = 0; extensions[i]; i++) {
		if (!strcasecmp(extension(path), extensions[i]))
			return true;
	}
	return false;
}

/* Where "%06d" or "%d" begins in `path`, and behind it; NULL when there is none. */
static const char *conversion(const char *path, const char **behind)
{
	const char *p, *c;

	for (p = path; (p = strchr(p, '%')); p++) {
		for (c = p + 1; isdigit((unsigned char)*c); c++)
			;
		if (*c == 'd') {
			*behind = c + 1;
			return p;
		}
	}
	return NULL;
}

bool clip_images_is(const char *path)
{
	const char *behind;
	struct stat st;

	if (!stat(path, &st))
		return S_ISDIR(st.st_mode) || is_image_name(path);
	return conversion(path, &behind) || strpbrk(path, "*?[");
}

/* Appends `s` with glob's special characters quoted. */
static char *quote(char *to, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strchr("*?[]\\", s[i]))
			*to++ = '\\';
		*to++ = s[i];
	}
	return to;
}

/* The glob pattern for a path; `to` has room for twice the path and some. A printf pattern is one
 * too, with the digits checked afterwards. */
static void as_glob(char *to, const char *path)
{
	const char *behind, *at;
	struct stat st;

	if (!stat(path, &st)) {
		to = quote(to, path, strlen(path));
		strcpy(to, S_ISDIR(st.st_mode) ? "/*" : "");
		return;
	}
	at = conversion(path, &behind);
	if (!at) {
		strcpy(to, path);
		return;
	}
	to = quote(to, path, (size_t)(at - path));
	*to++ = '*';
	to = quote(to, behind, strlen(behind));
	*to = '\0';
}

/* Does a file that the glob found have digits only where the pattern has "%d"? */
static bool fits(const char *pattern, const char *file)
{
	const char *behind, *at = conversion(pattern, &behind);
	size_t before, after, len = strlen(file);

	if (!at || !strcmp(pattern, file))
		return true;
	before = (size_t)(at - pattern);
	after = strlen(behind);
	if (len <= before + after)
		return false;
	for (size_t i = before; i < len - after; i++) {
		if (!isdigit((unsigned char)file[i]))
			return false;
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static int take(struct clip_images *im, const glob_t *found, const char *pattern)
{
	im->file = calloc(found->gl_pathc, sizeof(*im->file));
	if (!im->file)
		return -ENOMEM;
	qsort(found->gl_pathv, found->gl_pathc, sizeof(char *), by_name);
	for (size_t i = 0; i < found->gl_pathc; i++) {
		char *path = found->gl_pathv[i];
		struct stat st;

		if (!is_image_name(path) || !fits(pattern, path) || stat(path, &st) ||
		    !S_ISREG(st.st_mode))
			continue;
		if (im->n && strcasecmp(extension(im->file[0]), extension(path)))
			continue;
		im->file[im->n] = strdup(path);
		if (!im->file[im->n++])
			return -ENOMEM;
	}
	return 0;
}

static int list_files(struct clip_images *im, const char *path, struct errmsg *em)
{
	char pattern[2 * SOURCE_URI_MAX + 8];
	glob_t found = {0};
	const char *behind;
	struct stat st;
	int err = 0;
	/* A name that exists is that file or folder, whatever its characters. */
	bool numbered = stat(path, &st) && conversion(path, &behind);

	as_glob(pattern, path);
	switch (glob(pattern, GLOB_NOSORT, NULL, &found)) {
	case 0: err = take(im, &found, numbered ? path : ""); break;
	case GLOB_NOMATCH: break;
	default: err = -EIO; break;
	}
	globfree(&found);
	if (err)
		return errmsg_set(em, err, "%s: cannot list the images: %s", path, strerror(-err));
	if (!im->n)
		return errmsg_set(em, -ENOENT,
				  "%s: no images (jpg, png, bmp, pgm, ppm, tif, webp) there", path);
	return 0;
}

static int load(struct clip_images *im, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t got = 0;
	int err;

	av_packet_unref(im->packet);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (st.st_size <= 0 || st.st_size > IMAGE_MAX)
		return -EFBIG;
	err = av_new_packet(im->packet, (int)st.st_size);
	if (err < 0)
		return -ENOMEM;
	while (got < (size_t)st.st_size) {
		ssize_t n = read(fd, im->packet->data + got, (size_t)st.st_size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break; /* shorter than a moment ago */
		got += (size_t)n;
	}
	av_shrink_packet(im->packet, (int)got);
	/* Without it the PNG decoder adds the picture to the one before. */
	im->packet->flags |= AV_PKT_FLAG_KEY;
	return 0;
}

static size_t largest(const struct clip_images *im)
{
	size_t max = 1;

	for (size_t i = 0; i < im->n; i++) {
		struct stat st;

		if (!stat(im->file[i], &st) && st.st_size > (off_t)max && st.st_size <= IMAGE_MAX)
			max = (size_t)st.st_size;
	}
	return max;
}

static int look_at_first(struct clip_images *im, struct clip_info *info, struct errmsg *em)
{
	AVFormatContext *format = NULL;
	const AVCodecParameters *par;
	int stream, err = clip_file_probe(im->file[0], &format, &stream, em);

	if (err)
		return err;
	par = format->streams[stream]->codecpar;
	*info = (struct clip_info){
		.width = (uint32_t)par->width,
		.height = (uint32_t)par->height,
		.fps = 25,
	};
	strncpy(info->codec, avcodec_get_name(par->codec_id), sizeof(info->codec) - 1);
	if (par->width < 1 || par->height < 1 || par->width > 16384 || par->height > 16384) {
		err = errmsg_set(em, -EINVAL, "%s: no readable image", im->file[0]);
	} else if (par->codec_id == AV_CODEC_ID_MJPEG) {
		info->pf = pixfmt_find(PIXFMT_MJPEG);
		info->packet_max = largest(im);
	} else {
		err = clip_decoder_open(&im->decoder, par, info, em);
		if (err)
			errmsg_prefix(em, err, "%s", im->file[0]);
		im->picture_size = info->packet_max;
	}
	avformat_close_input(&format);
	return err;
}

int clip_images_open(struct clip_images **out, const char *path, struct clip_info *info,
		     struct errmsg *em)
{
	struct clip_images *im = calloc(1, sizeof(*im));
	int err;

	if (!im)
		return errmsg_set(em, -ENOMEM, "%s: no memory", path);
	im->packet = av_packet_alloc();
	err = im->packet ? list_files(im, path, em)
			 : errmsg_set(em, -ENOMEM, "%s: no memory", path);
	if (!err)
		err = look_at_first(im, info, em);
	if (err) {
		clip_images_close(im);
		return err;
	}
	*out = im;
	return 0;
}

/* The last run of digits of the file's name, without its extension; `fallback` when none. */
static int64_t number_of(const char *path, int64_t fallback)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *end = strrchr(name, '.') ? strrchr(name, '.') : name + strlen(name);
	const char *p;

	while (end > name && !isdigit((unsigned char)end[-1]))
		end--;
	for (p = end; p > name && isdigit((unsigned char)p[-1]) && end - p < 18; p--)
		;
	return p == end ? fallback : strtoll(p, NULL, 10);
}

int clip_images_next(struct clip_images *im, struct clip_packet *out)
{
	const char *path;
	int err;

	if (im->at == im->n)
		return 0;
	path = im->file[im->at++];
	*out = (struct clip_packet){.key = true, .number = number_of(path, (int64_t)im->at)};
	err = load(im, path);
	if (err == -ENOMEM)
		return err;
	/* A file that went away or cannot be read is a frame that is not there: the clip goes on.
	 */
	if (err)
		return 1;
	out->data = im->packet->data;
	out->len = (size_t)im->packet->size;
	if (im->decoder) {
		out->data = clip_decode(im->decoder, im->packet);
		out->len = out->data ? im->picture_size : 0;
	}
	return 1;
}

void clip_images_rewind(struct clip_images *im)
{
	im->at = 0;
}

void clip_images_close(struct clip_images *im)
{
	if (!im)
		return;
	for (size_t i = 0; i < im->n; i++)
		free(im->file[i]);
	free(im->file);
	clip_decoder_close(im->decoder);
	av_packet_free(&im->packet);
	free(im);
}
