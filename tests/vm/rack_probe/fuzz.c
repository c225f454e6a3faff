/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random and nearly valid ioctls, mappings and closings. */
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/vm/rack_probe/probe.h"

static uint64_t rnd_state;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static const unsigned long requests[] = {
	VIDIOC_QUERYCAP,
	VIDIOC_ENUM_FMT,
	VIDIOC_G_FMT,
	VIDIOC_S_FMT,
	VIDIOC_TRY_FMT,
	VIDIOC_REQBUFS,
	VIDIOC_QUERYBUF,
	VIDIOC_QBUF,
	VIDIOC_DQBUF,
	VIDIOC_STREAMON,
	VIDIOC_STREAMOFF,
	VIDIOC_G_PARM,
	VIDIOC_S_PARM,
	VIDIOC_EXPBUF,
	VIDIOC_CREATE_BUFS,
	VIDIOC_PREPARE_BUF,
	VIDIOC_ENUM_FRAMESIZES,
	VIDIOC_ENUM_FRAMEINTERVALS,
	VIDIOC_ENUMINPUT,
	VIDIOC_SUBSCRIBE_EVENT,
	VIDIOC_DQEVENT,
	VIDIOC_G_INPUT,
	VIDIOC_UNSUBSCRIBE_EVENT,
	VIDIOC_S_INPUT,
};

static uint32_t type_of_queue(void)
{
	static const uint32_t types[] = {V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE,
					 V4L2_BUF_TYPE_VIDEO_CAPTURE};

	return rnd() % 16 ? types[rnd() % 2] : (uint32_t)rnd();
}

/* Nearly valid arguments for what goes deep; noise for the rest. */
static void argument(unsigned long request, unsigned char *arg, struct v4l2_plane *planes,
		     void *memory)
{
	struct v4l2_buffer *b = (void *)arg;

	for (unsigned i = 0; i < 256; i++)
		arg[i] = rnd() % 4 ? 0 : (unsigned char)rnd();
	switch (request) {
	case VIDIOC_REQBUFS:
		*(struct v4l2_requestbuffers *)arg =
			(struct v4l2_requestbuffers){.count = rnd() % 40,
						     .type = type_of_queue(),
						     .memory = (uint32_t)(1 + rnd() % 4)};
		break;
	case VIDIOC_QBUF:
	case VIDIOC_QUERYBUF:
	case VIDIOC_PREPARE_BUF:
	case VIDIOC_DQBUF:
		memset(b, 0, sizeof(*b));
		b->index = (uint32_t)(rnd() % 8);
		b->type = type_of_queue();
		b->memory = (uint32_t)(1 + rnd() % 4);
		b->length = (uint32_t)(rnd() % 5);
		b->m.planes = planes;
		for (unsigned i = 0; i < VIDEO_MAX_PLANES; i++) {
			planes[i] = (struct v4l2_plane){.length = 4 << 20};
			if (rnd() % 2)
				planes[i].m.userptr = (unsigned long)memory + rnd() % 3 * 4096;
			else
				planes[i].m.fd = (int)(rnd() % 12);
		}
		break;
	case VIDIOC_STREAMON:
	case VIDIOC_STREAMOFF: *(uint32_t *)arg = type_of_queue(); break;
	case VIDIOC_G_FMT:
	case VIDIOC_S_FMT:
	case VIDIOC_TRY_FMT:
	case VIDIOC_S_PARM:
	case VIDIOC_G_PARM: *(uint32_t *)arg = type_of_queue(); break;
	case VIDIOC_EXPBUF:
		*(struct v4l2_exportbuffer *)arg =
			(struct v4l2_exportbuffer){.type = type_of_queue(),
						   .index = (uint32_t)(rnd() % 8),
						   .plane = (uint32_t)(rnd() % 3)};
		break;
	}
	if (!(rnd() % 8))
		arg[rnd() % 64] ^= (unsigned char)(1 << rnd() % 8);
}

void probe_fuzz(const char *path, uint64_t seed, int seconds)
{
	void *memory =
		mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	time_t end = time(NULL) + seconds;
	unsigned long tries = 0, good = 0;
	int fd[3] = {-1, -1, -1};

	rnd_state = seed * 2654435761u + 1;
	alarm((unsigned)seconds + 30);
	while (time(NULL) < end) {
		unsigned long request = requests[rnd() % (sizeof(requests) / sizeof(requests[0]))];
		struct v4l2_plane planes[VIDEO_MAX_PLANES];
		int *at = &fd[rnd() % 3];
		_Alignas(16) unsigned char arg[256];
		void *map;
		int ret;

		if (*at < 0)
			*at = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		tries++;
		if (!(rnd() % 64))
			request = rnd();
		argument(request, arg, planes, memory);
		ret = ioctl(*at, request, arg);
		good += !ret;
		if (!ret && request == VIDIOC_EXPBUF && rnd() % 2)
			close(((struct v4l2_exportbuffer *)arg)->fd);
		if (!(rnd() % 32)) {
			map = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, *at,
				   (off_t)(rnd() % 64 * 4096));
			if (map != MAP_FAILED)
				munmap(map, 1 << (12 + rnd() % 9));
		}
		if (!(rnd() % 256)) {
			close(*at);
			*at = -1;
		}
		if (!(rnd() % 512)) /* exported buffers pile up */
			for (int i = 10; i < 200; i++)
				close(i);
	}
	printf("# seed %llu: %lu ioctls, %lu accepted\n", (unsigned long long)seed, tries, good);
	fflush(stdout);
	_exit(good ? 0 : 1);
}
