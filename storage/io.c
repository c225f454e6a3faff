/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/io.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/core/cleanup.h"

/* A write that the kernel gives back this often without progress will not succeed. */
#define RETRIES_MAX 64u

struct disk {
	struct storage_io io;
	struct reactor *reactor;
	int fd;
	char *path;
};

static struct disk *disk_of(struct storage_io *io)
{
	return container_of(io, struct disk, io);
}

/*
 * The writer's lock is an open-file-description lock: it goes away with the process, survives
 * another descriptor of the same file being closed in this process (a reader in the appliance),
 * and can be asked about without taking it. Byte 0 is what is contended; the pid of the holder is
 * told by the length of the range, as the kernel does not tell it.
 */
static pid_t lock_holder(int fd)
{
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

	if (fcntl(fd, F_OFD_GETLK, &fl))
		return -errno;
	if (fl.l_type == F_UNLCK)
		return 0;
	return fl.l_len > 1 && fl.l_len - 1 <= INT_MAX ? (pid_t)(fl.l_len - 1) : 1;
}

static int take_lock(int fd, const char *path, struct errmsg *em)
{
	struct flock fl = {.l_type = F_WRLCK,
			   .l_whence = SEEK_SET,
			   .l_start = 0,
			   .l_len = (off_t)getpid() + 1};

	if (!fcntl(fd, F_OFD_SETLK, &fl))
		return 0;
	if (errno == EAGAIN || errno == EACCES) {
		pid_t pid = lock_holder(fd);

		if (pid > 0)
			return errmsg_set(
				em, -EBUSY,
				"%s is being written by process %d: stop it first, or use "
				"another store",
				path, (int)pid);
		return errmsg_set(em, -EBUSY, "%s is being written by another process", path);
	}
	return errmsg_set(em, -errno, "cannot lock %s: %s", path, strerror(errno));
}

/* What O_DIRECT on this file wants, from the kernel where it tells (6.1), else a page, which
 * serves every disk we know. 0: the file system has no O_DIRECT here. */
static uint32_t direct_align(int fd)
{
#ifdef STATX_DIOALIGN
	struct statx sx;

	if (!statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) && (sx.stx_mask & STATX_DIOALIGN)) {
		uint32_t a = sx.stx_dio_mem_align > sx.stx_dio_offset_align
				     ? sx.stx_dio_mem_align
				     : sx.stx_dio_offset_align;

		return a > 4096 || (a & (a - 1)) ? 0 : a;
	}
#endif
	return 4096;
}

static int open_file(struct disk *d, const char *path, unsigned flags, struct errmsg *em)
{
	/* O_NONBLOCK: means nothing to a file, and a pipe in its place must not hold us. */
	int fl = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (flags & STORAGE_IO_WRITE ? O_RDWR : O_RDONLY);

	if (flags & STORAGE_IO_CREATE)
		fl |= O_CREAT | O_EXCL;
	/* Without O_DIRECT first: a file system that refuses it would leave a file just made. */
	d->fd = open(path, fl, 0640);
	if (d->fd < 0)
		return errmsg_set(em, -errno, "cannot %s %s: %s",
				  flags & STORAGE_IO_CREATE ? "create" : "open", path,
				  strerror(errno));
	struct stat st;

	if (fstat(d->fd, &st))
		return errmsg_set(em, -errno, "cannot stat %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return errmsg_set(em, -EINVAL, "%s is not a regular file", path);
	d->io.size = (uint64_t)st.st_size;
	d->io.align = direct_align(d->fd);
	if (d->io.align && !fcntl(d->fd, F_SETFL, O_DIRECT)) {
		d->io.direct = true;
	} else {
		d->io.align = 1;
		snprintf(d->io.why, sizeof(d->io.why),
			 "the file system has no O_DIRECT: written through the page cache");
	}
	return 0;
}

static void disk_close(struct storage_io *io)
{
	struct disk *d = disk_of(io);

	/* What must be durable was flushed; the lock goes with the descriptor. */
	if (d->fd >= 0)
		close(d->fd);
	free(d->path);
	free(d);
}

static int disk_open(void *ctx, const char *path, unsigned flags, struct reactor *r,
		     struct storage_io **out, struct errmsg *em)
{
	struct disk *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return errmsg_set(em, -ENOMEM, "no memory to open %s", path);
	d->io.ops = &storage_io_uring;
	d->reactor = r;
	d->fd = -1;
	d->path = strdup(path);
	if (!d->path) {
		err = errmsg_set(em, -ENOMEM, "no memory to open %s", path);
		goto fail;
	}
	err = open_file(d, path, flags, em);
	if (!err && (flags & STORAGE_IO_LOCK))
		err = take_lock(d->fd, path, em);
	if (err)
		goto fail;
	*out = &d->io;
	return 0;
fail:
	disk_close(&d->io);
	return err;
}

static void submit_write(struct disk *d, struct storage_io_op *op)
{
	struct io_uring_sqe *sqe = reactor_sqe(d->reactor, &op->ring);
	/* One submission carries at most what fits an int result, on a block boundary. */
	unsigned len = op->left > (1u << 30) ? 1u << 30 : (unsigned)op->left;

	if (op->iov)
		io_uring_prep_writev(sqe, d->fd, op->iov, op->niov, op->offset);
	else if (op->buf_index >= 0)
		io_uring_prep_write_fixed(sqe, d->fd, op->buf, len, op->offset, op->buf_index);
	else
		io_uring_prep_write(sqe, d->fd, op->buf, len, op->offset);
	io_uring_sqe_set_data(sqe, &op->ring);
}

/* `n` bytes from the front of the pieces are done. */
static void advance_pieces(struct storage_io_op *op, size_t n)
{
	while (n && op->niov) {
		size_t m = n < op->iov->iov_len ? n : op->iov->iov_len;

		op->iov->iov_base = (uint8_t *)op->iov->iov_base + m;
		op->iov->iov_len -= m;
		n -= m;
		if (!op->iov->iov_len) {
			op->iov++;
			op->niov--;
		}
	}
}

static bool is_transient(int res)
{
	return res == -EINTR || res == -EAGAIN;
}

static void write_done(struct reactor_op *ring, int res, uint32_t cqe_flags)
{
	struct storage_io_op *op = container_of(ring, struct storage_io_op, ring);
	struct disk *d = disk_of(op->io);

	(void)cqe_flags;
	if (res > 0) {
		/* A short write may end inside a block: that block is written again whole. */
		size_t n = (size_t)res >= op->left ? op->left
						   : (size_t)res & ~((size_t)d->io.align - 1);

		if (op->iov)
			advance_pieces(op, n);
		else
			op->buf += n;
		op->left -= n;
		op->offset += n;
		op->retries = n ? 0 : op->retries + 1;
	} else if (is_transient(res)) {
		op->retries++;
	} else {
		/* Zero bytes taken and no error: the file cannot grow, which it never should. */
		op->done(op, res ? res : -EIO);
		return;
	}
	if (!op->left)
		op->done(op, 0);
	else if (op->retries > RETRIES_MAX)
		op->done(op, res < 0 ? res : -EIO);
	else
		submit_write(d, op);
}

static void disk_write(struct storage_io *io, struct storage_io_op *op, const void *buf, size_t len,
		       uint64_t offset, int buf_index)
{
	op->io = io;
	op->ring.done = write_done;
	op->buf = buf;
	op->iov = NULL;
	op->left = len;
	op->offset = offset;
	op->buf_index = buf_index;
	op->retries = 0;
	submit_write(disk_of(io), op);
}

static void disk_writev(struct storage_io *io, struct storage_io_op *op, struct iovec *iov,
			unsigned niov, uint64_t offset)
{
	op->io = io;
	op->ring.done = write_done;
	op->iov = iov;
	op->niov = niov;
	op->left = 0;
	for (unsigned i = 0; i < niov; i++)
		op->left += iov[i].iov_len;
	op->offset = offset;
	op->buf_index = -1;
	op->retries = 0;
	submit_write(disk_of(io), op);
}

static void submit_flush(struct disk *d, struct storage_io_op *op)
{
	struct io_uring_sqe *sqe = reactor_sqe(d->reactor, &op->ring);

	/* The size never changes after creation, so the data alone is enough; the file system adds
	 * what metadata is needed to find it (extents not yet marked written). */
	io_uring_prep_fsync(sqe, d->fd, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_data(sqe, &op->ring);
}

static void flush_done(struct reactor_op *ring, int res, uint32_t cqe_flags)
{
	struct storage_io_op *op = container_of(ring, struct storage_io_op, ring);

	(void)cqe_flags;
	/* Interrupted before it began: that is no failed flush. Nothing else is ever tried again.
	 */
	if (is_transient(res) && ++op->retries <= RETRIES_MAX)
		submit_flush(disk_of(op->io), op);
	else
		op->done(op, res > 0 ? 0 : res);
}

static void disk_flush(struct storage_io *io, struct storage_io_op *op)
{
	op->io = io;
	op->ring.done = flush_done;
	op->retries = 0;
	submit_flush(disk_of(io), op);
}

static int disk_read(struct storage_io *io, void *buf, size_t len, uint64_t offset)
{
	struct disk *d = disk_of(io);
	uint8_t *p = buf;

	while (len) {
		ssize_t n = pread(d->fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* A short read ends at a block, or at the end of the file. */
		if ((size_t)n < len)
			n &= ~((ssize_t)d->io.align - 1);
		if (n == 0)
			return -ENODATA;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int disk_readv(struct storage_io *io, const struct iovec *iov, unsigned niov,
		      uint64_t offset)
{
	size_t len = 0;

	for (unsigned i = 0; i < niov; i++)
		len += iov[i].iov_len;
	if (preadv(disk_of(io)->fd, iov, (int)niov, (off_t)offset) == (ssize_t)len)
		return 0;
	/* Short, interrupted or refused: piece by piece tells what it is. */
	for (unsigned i = 0; i < niov; i++) {
		int err = disk_read(io, iov[i].iov_base, iov[i].iov_len, offset);

		if (err)
			return err;
		offset += iov[i].iov_len;
	}
	return 0;
}

static int disk_write_sync(struct storage_io *io, const void *buf, size_t len, uint64_t offset)
{
	struct disk *d = disk_of(io);
	const uint8_t *p = buf;

	while (len) {
		ssize_t n = pwrite(d->fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if ((size_t)n < len)
			n &= ~((ssize_t)d->io.align - 1);
		if (n == 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int disk_flush_sync(struct storage_io *io)
{
	return fdatasync(disk_of(io)->fd) ? -errno : 0;
}

/* The name of a new file is durable only when its directory is. */
static int sync_parent(const char *path)
{
	CLEANUP_FREE char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	CLEANUP_CLOSE int dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	return fsync(dir) ? -errno : 0;
}

static int disk_resize(struct storage_io *io, uint64_t size, bool reserve)
{
	struct disk *d = disk_of(io);

	if (size > INT64_MAX)
		return -EFBIG;
	int err = reserve && fallocate(d->fd, 0, 0, (off_t)size) ? -errno : 0;

	/* A file system that cannot reserve: creation writes the space through anyway. */
	if (err && err != -EOPNOTSUPP)
		return err;
	if ((!reserve || err) && ftruncate(d->fd, (off_t)size))
		return -errno;
	if (fsync(d->fd))
		return -errno;
	io->size = size;
	return sync_parent(d->path);
}

static pid_t disk_holder(struct storage_io *io)
{
	return lock_holder(disk_of(io)->fd);
}

const struct storage_io_ops storage_io_uring = {
	.open = disk_open,
	.close = disk_close,
	.write = disk_write,
	.writev = disk_writev,
	.flush = disk_flush,
	.read = disk_read,
	.readv = disk_readv,
	.write_sync = disk_write_sync,
	.flush_sync = disk_flush_sync,
	.resize = disk_resize,
	.holder = disk_holder,
};
