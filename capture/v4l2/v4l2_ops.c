/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/v4l2/v4l2_ops.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/monotime.h"

#define BUSY_FIRST_NS (2 * NSEC_PER_MSEC)
#define BUSY_MOST_NS  (50 * NSEC_PER_MSEC)

static int kernel_open(const struct v4l2_ops *ops, const char *path, int flags)
{
	int fd;

	do
		fd = open(path, flags);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

static void kernel_close(const struct v4l2_ops *ops, int fd)
{
	close(fd);
}

static int kernel_ioctl(const struct v4l2_ops *ops, int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static int kernel_map(const struct v4l2_ops *ops, int fd, size_t len, off_t offset, void **out)
{
	void *addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if (addr == MAP_FAILED)
		return -errno;
	*out = addr;
	return 0;
}

static void kernel_unmap(const struct v4l2_ops *ops, void *addr, size_t len)
{
	munmap(addr, len);
}

static bool kernel_exists(const struct v4l2_ops *ops, const char *path)
{
	return !access(path, F_OK);
}

static void kernel_sleep(const struct v4l2_ops *ops, int64_t ns)
{
	struct timespec left = {.tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		continue;
}

const struct v4l2_ops v4l2_ops_kernel = {
	.open = kernel_open,
	.close = kernel_close,
	.ioctl = kernel_ioctl,
	.map = kernel_map,
	.unmap = kernel_unmap,
	.exists = kernel_exists,
	.sleep = kernel_sleep,
};

int v4l2_ops_ioctl(const struct v4l2_ops *ops, int fd, unsigned long request, void *arg)
{
	int err;

	do
		err = ops->ioctl(ops, fd, request, arg);
	while (err == -EINTR);
	return err;
}

int v4l2_ops_ioctl_patient(const struct v4l2_ops *ops, int fd, unsigned long request, void *arg)
{
	int64_t waited = 0, pause = BUSY_FIRST_NS;
	int err;

	while ((err = v4l2_ops_ioctl(ops, fd, request, arg)) == -EBUSY &&
	       waited < V4L2_OPS_BUSY_NS) {
		ops->sleep(ops, pause);
		waited += pause;
		if (pause < BUSY_MOST_NS)
			pause *= 2;
	}
	return err;
}
