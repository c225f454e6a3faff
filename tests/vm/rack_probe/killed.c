/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process is killed after each step of its life: the camera is free again. */
#include <fcntl.h>
#include <linux/videodev2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/vm/rack_probe/probe.h"

#define KILLED_BUFFERS 4

static uint32_t api_of(int fd)
{
	struct v4l2_capability cap;

	if (ioctl(fd, VIDIOC_QUERYCAP, &cap))
		return 0;
	return cap.device_caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
							       : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static int buffer_ioctl(int fd, unsigned long request, uint32_t type, unsigned index,
			struct v4l2_plane planes[VIDEO_MAX_PLANES], struct v4l2_buffer *b)
{
	memset(planes, 0, VIDEO_MAX_PLANES * sizeof(*planes));
	*b = (struct v4l2_buffer){.index = index, .type = type, .memory = V4L2_MEMORY_MMAP};
	if (type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE) {
		b->m.planes = planes;
		b->length = VIDEO_MAX_PLANES;
	}
	return ioctl(fd, request, b);
}

static int map_all(int fd, uint32_t type)
{
	for (unsigned i = 0; i < KILLED_BUFFERS; i++) {
		struct v4l2_plane planes[VIDEO_MAX_PLANES];
		struct v4l2_buffer b;
		bool single = type == V4L2_BUF_TYPE_VIDEO_CAPTURE;
		uint8_t *at;

		if (buffer_ioctl(fd, VIDIOC_QUERYBUF, type, i, planes, &b))
			return -1;
		at = mmap(NULL, single ? b.length : planes[0].length, PROT_READ | PROT_WRITE,
			  MAP_SHARED, fd, single ? b.m.offset : planes[0].m.mem_offset);
		if (at == MAP_FAILED)
			return -1;
		*at = 1;
	}
	return 0;
}

static int export_all(int fd, uint32_t type)
{
	for (unsigned i = 0; i < KILLED_BUFFERS; i++) {
		struct v4l2_exportbuffer e = {.type = type, .index = i, .flags = O_RDWR};

		if (ioctl(fd, VIDIOC_EXPBUF, &e))
			return -1;
	}
	return 0;
}

static int queue_all(int fd, uint32_t type)
{
	for (unsigned i = 0; i < KILLED_BUFFERS; i++) {
		struct v4l2_plane planes[VIDEO_MAX_PLANES];
		struct v4l2_buffer b;

		if (buffer_ioctl(fd, VIDIOC_QBUF, type, i, planes, &b))
			return -1;
	}
	return 0;
}

static const char *const steps[] = {"opening",       "REQBUFS",  "mapping",
				    "exporting",     "queueing", "STREAMON",
				    "taking frames", "sharing",  "closing it but for mappings"};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static int one_step(unsigned step, int *fd, const char *path, uint32_t *type)
{
	struct v4l2_requestbuffers req = {.count = KILLED_BUFFERS, .memory = V4L2_MEMORY_MMAP};
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
	struct v4l2_buffer b;

	switch (step) {
	case 0:
		*fd = open(path, O_RDWR | O_CLOEXEC);
		*type = *fd < 0 ? 0 : api_of(*fd);
		return *type ? 0 : -1;
	case 1: req.type = *type; return ioctl(*fd, VIDIOC_REQBUFS, &req);
	case 2: return map_all(*fd, *type);
	case 3: return export_all(*fd, *type);
	case 4: return queue_all(*fd, *type);
	case 5: return ioctl(*fd, VIDIOC_STREAMON, type);
	case 6: return buffer_ioctl(*fd, VIDIOC_DQBUF, *type, 0, planes, &b);
	case 7: /* with a child that dies later */
		if (!fork()) {
			usleep(200000);
			_exit(0);
		}
		return 0;
	default: return close(*fd);
	}
}

/* Lives up to the step `last` and waits to be killed there. */
static void live(const char *path, unsigned last, int ready)
{
	uint32_t type = 0;
	int fd = -1;
	char failed = 0;

	for (unsigned step = 0; step <= last && !failed; step++)
		failed = one_step(step, &fd, path, &type) != 0;
	if (write(ready, &failed, 1) == 1)
		pause();
	_exit(1);
}

/* Somebody else can have the whole camera; a process, for mappings hold the file. */
static int free_again(const char *path)
{
	for (int tries = 0; tries < 100; tries++) {
		pid_t pid = fork();
		int status = -1;

		if (!pid) {
			uint32_t type = 0;
			int fd = -1, bad = 0;

			for (unsigned step = 0; step < 7 && !bad; step++)
				bad = one_step(step, &fd, path, &type) != 0;
			_exit(bad);
		}
		waitpid(pid, &status, 0);
		if (!status)
			return 0;
		usleep(100000);
	}
	return -1;
}

int probe_killed(const char *path)
{
	int bad = 0;

	for (unsigned last = 0; last < STEPS; last++) {
		int ready[2], err = pipe(ready);
		pid_t pid = err ? -1 : fork();
		char failed = 1;

		if (!pid)
			live(path, last, ready[1]);
		if (pid < 0 || read(ready[0], &failed, 1) != 1)
			failed = 1;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(ready[0]);
		close(ready[1]);
		if (failed || free_again(path)) {
			printf("not ok rack: killed after %s: %s\n", steps[last],
			       failed ? "it did not get there" : "the camera is not free");
			bad = 1;
		}
	}
	if (!bad)
		printf("ok rack: killed after each step, the camera is free again\n");
	return bad;
}
