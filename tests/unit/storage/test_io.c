/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real disk behind the seam: alignment, locks, errors, and what a limit or tmpfs does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/io.h"

#define SIZE (1u << 20)

struct fixture {
	char dir[64], path[96];
	struct reactor *reactor;
	uint8_t *buf;
};

struct waited {
	struct storage_io_op op;
	int calls, res;
};

static void waited_done(struct storage_io_op *op, int res)
{
	struct waited *w = container_of(op, struct waited, op);

	w->calls++;
	w->res = res;
}

static int setup_in(void **state, const char *parent)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct errmsg em = {0};

	if (!f)
		return -1;
	snprintf(f->dir, sizeof(f->dir), "%s/test-io-XXXXXX", parent);
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/volume", f->dir);
	if (reactor_create(&f->reactor, 64, &em)) {
		fprintf(stderr, "%s\n", em.text);
		return -1;
	}
	f->buf = aligned_alloc(4096, SIZE);
	if (!f->buf)
		return -1;
	for (unsigned i = 0; i < SIZE; i++)
		f->buf[i] = (uint8_t)(i * 31 + (i >> 9));
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_in(state, ".");
}

static int setup_tmpfs(void **state)
{
	return setup_in(state, "/dev/shm");
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->dir);
	reactor_destroy(f->reactor);
	free(f->buf);
	free(f);
	return 0;
}

static struct storage_io *make(struct fixture *f, unsigned flags)
{
	struct storage_io *io = NULL;
	struct errmsg em = {0};

	assert_int_equal(storage_io_uring.open(NULL, f->path,
					       STORAGE_IO_WRITE | STORAGE_IO_CREATE | flags,
					       f->reactor, &io, &em),
			 0);
	assert_int_equal(io->ops->resize(io, SIZE, true), 0);
	assert_int_equal(io->size, SIZE);
	return io;
}

static int wait_op(struct fixture *f, struct waited *w)
{
	assert_int_equal(w->calls, 0);
	while (!w->calls)
		assert_int_equal(reactor_turn(f->reactor, -1), 0);
	assert_int_equal(w->calls, 1);
	return w->res;
}

static int write_wait(struct fixture *f, struct storage_io *io, const void *buf, size_t len,
		      uint64_t offset, int index)
{
	struct waited w = {.op.done = waited_done};

	io->ops->write(io, &w.op, buf, len, offset, index);
	return wait_op(f, &w);
}

static void check_contents(struct storage_io *io, const uint8_t *want, size_t len, uint64_t offset)
{
	uint8_t *got = aligned_alloc(4096, len);

	assert_non_null(got);
	memset(got, 0xee, len);
	assert_int_equal(io->ops->read(io, got, len, offset), 0);
	assert_memory_equal(got, want, len);
	free(got);
}

static void writes_are_read_back(void **state)
{
	struct fixture *f = *state;
	struct storage_io *io = make(f, 0);
	struct waited flush = {.op.done = waited_done};
	int index = -1;

	assert_int_equal(write_wait(f, io, f->buf, 65536, 8192, -1), 0);
	check_contents(io, f->buf, 65536, 8192);
	assert_int_equal(reactor_buffer_register(f->reactor, f->buf, SIZE, &index), 0);
	assert_int_equal(write_wait(f, io, f->buf + 4096, SIZE - 8192, 4096, index), 0);
	io->ops->flush(io, &flush.op);
	assert_int_equal(wait_op(f, &flush), 0);
	check_contents(io, f->buf + 4096, SIZE - 8192, 4096);
	assert_int_equal(io->ops->write_sync(io, f->buf, 4096, 0), 0);
	assert_int_equal(io->ops->flush_sync(io), 0);
	check_contents(io, f->buf, 4096, 0);
	reactor_buffer_unregister(f->reactor, index);
	io->ops->close(io);
}

static void many_in_flight(void **state)
{
	struct fixture *f = *state;
	struct storage_io *io = make(f, 0);
	struct waited w[200] = {0};

	for (unsigned i = 0; i < ARRAY_SIZE(w); i++) {
		w[i].op.done = waited_done;
		io->ops->write(io, &w[i].op, f->buf + (size_t)i * 4096, 4096, (uint64_t)i * 4096,
			       -1);
		assert_int_equal(w[i].calls, 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(w); i++) {
		while (!w[i].calls)
			assert_int_equal(reactor_turn(f->reactor, -1), 0);
		assert_int_equal(w[i].res, 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(w); i++)
		assert_int_equal(w[i].calls, 1);
	check_contents(io, f->buf, ARRAY_SIZE(w) * 4096, 0);
	io->ops->close(io);
}

static void past_the_end_is_no_data(void **state)
{
	struct fixture *f = *state;
	struct storage_io *io = make(f, 0);

	assert_int_equal(io->ops->read(io, f->buf, 4096, SIZE), -ENODATA);
	assert_int_equal(io->ops->read(io, f->buf, 8192, SIZE - 4096), -ENODATA);
	io->ops->close(io);
}

/* A file size limit makes the kernel take part of a write first and refuse the rest: the seam must
 * go on with the rest and then report the refusal, once. */
static void short_write_ends_in_one_error(void **state)
{
	struct fixture *f = *state;
	struct storage_io *io = make(f, 0);
	struct rlimit old, cut;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	cut = old;
	cut.rlim_cur = 32768;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &cut), 0);
	int async = write_wait(f, io, f->buf, 65536, 0, -1);
	int sync = io->ops->write_sync(io, f->buf, 65536, 0);

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(async, -EFBIG);
	assert_int_equal(sync, -EFBIG);
	check_contents(io, f->buf, 32768, 0);
	io->ops->close(io);
}

static void lock_names_its_holder(void **state)
{
	struct fixture *f = *state;
	struct storage_io *io = make(f, STORAGE_IO_LOCK), *other = NULL, *reader = NULL;
	struct errmsg em = {0};
	char pid[32];
	int status;

	snprintf(pid, sizeof(pid), "process %d:", (int)getpid());
	assert_int_equal(storage_io_uring.open(NULL, f->path, 0, NULL, &reader, &em), 0);
	assert_int_equal(reader->ops->holder(reader), getpid());
	assert_int_equal(storage_io_uring.open(NULL, f->path, STORAGE_IO_WRITE | STORAGE_IO_LOCK,
					       f->reactor, &other, &em),
			 -EBUSY);
	assert_non_null(strstr(em.text, pid));
	reader->ops->close(reader);

	/* Another process finds it locked too, though a descriptor of ours was closed since. */
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		int err = storage_io_uring.open(NULL, f->path, STORAGE_IO_WRITE | STORAGE_IO_LOCK,
						NULL, &other, &em);

		_exit(err == -EBUSY && strstr(em.text, pid) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);

	io->ops->close(io);
	assert_int_equal(storage_io_uring.open(NULL, f->path, STORAGE_IO_WRITE | STORAGE_IO_LOCK,
					       f->reactor, &other, &em),
			 0);
	assert_int_equal(other->ops->holder(other), 0); /* its own lock is no conflict */
	other->ops->close(other);
}

static void bad_paths_are_named(void **state)
{
	struct fixture *f = *state;
	struct storage_io *io = NULL;
	struct errmsg em = {0};

	assert_int_equal(storage_io_uring.open(NULL, f->path, 0, NULL, &io, &em), -ENOENT);
	assert_non_null(strstr(em.text, f->path));
	assert_int_equal(storage_io_uring.open(NULL, f->dir, 0, NULL, &io, &em), -EINVAL);
	assert_non_null(strstr(em.text, "not a regular file"));
	/* Nor does a pipe that nobody writes to hold a reader. */
	assert_int_equal(mkfifo(f->path, 0600), 0);
	alarm(30);
	assert_int_equal(storage_io_uring.open(NULL, f->path, 0, NULL, &io, &em), -EINVAL);
	alarm(0);
	assert_int_equal(unlink(f->path), 0);
	io = make(f, 0);
	io->ops->close(io);
	io = NULL;
	assert_int_equal(storage_io_uring.open(NULL, f->path, STORAGE_IO_WRITE | STORAGE_IO_CREATE,
					       f->reactor, &io, &em),
			 -EEXIST);
	assert_null(io);
}

/* tmpfs has O_DIRECT on new kernels only: either way it works, and says which. */
static void tmpfs_works(void **state)
{
	struct fixture *f = *state;
	struct storage_io *io = make(f, 0);

	assert_int_equal(io->direct, io->why[0] == 0);
	assert_true(io->align >= 1 && io->align <= 4096);
	assert_int_equal(write_wait(f, io, f->buf, SIZE, 0, -1), 0);
	check_contents(io, f->buf, SIZE, 0);
	io->ops->close(io);
}

static void reserving_too_much_fails(void **state)
{
	struct fixture *f = *state;
	struct storage_io *io = make(f, 0);

	assert_int_not_equal(io->ops->resize(io, UINT64_C(1) << 60, true), 0);
	assert_int_equal(io->ops->resize(io, UINT64_MAX, true), -EFBIG);
	assert_int_equal(io->size, SIZE);
	io->ops->close(io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writes_are_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(many_in_flight, setup, teardown),
		cmocka_unit_test_setup_teardown(past_the_end_is_no_data, setup, teardown),
		cmocka_unit_test_setup_teardown(short_write_ends_in_one_error, setup, teardown),
		cmocka_unit_test_setup_teardown(lock_names_its_holder, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_paths_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(reserving_too_much_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(tmpfs_works, setup_tmpfs, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
