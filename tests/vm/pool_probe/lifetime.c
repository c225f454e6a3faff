/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors, mappings and slices go away in every order, and with a killed process. */
#include <errno.h>
#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/vm/pool_probe/probe.h"

enum { HELD_POOL, HELD_SLAB, HELD_MAP, HELD_SLICE, HELD_SLICE_MAP, HELD };

/* Lets the five go in the order `turn` gives; whatever is still there must still work. */
static const char *let_go(const int turn[HELD])
{
	int fd[HELD] = {-1, -1, -1, -1, -1};
	unsigned char *at, *part;
	const char *why = NULL;

	fd[HELD_POOL] = probe_pool_open();
	fd[HELD_SLAB] = probe_alloc(fd[HELD_POOL], 16 * PROBE_PAGE, 0);
	fd[HELD_SLICE] = probe_slice(fd[HELD_SLAB], 4 * PROBE_PAGE, 4 * PROBE_PAGE);
	at = probe_map(fd[HELD_SLAB], 16 * PROBE_PAGE);
	part = probe_map(fd[HELD_SLICE], 4 * PROBE_PAGE);
	if (!at || !part)
		return "set-up failed";
	probe_fill(at, 16 * PROBE_PAGE, 7);
	for (int i = 0; i < HELD; i++) {
		switch (turn[i]) {
		case HELD_MAP:
			munmap(at, 16 * PROBE_PAGE);
			at = NULL;
			break;
		case HELD_SLICE_MAP:
			munmap(part, 4 * PROBE_PAGE);
			part = NULL;
			break;
		default: close(fd[turn[i]]);
		}
		if (at && part && memcmp(at + 4 * PROBE_PAGE, part, 4 * PROBE_PAGE))
			why = "mappings differ";
		if (part)
			part[0] = (unsigned char)i;
		if ((at || part) && probe_stat("bytes_used") != 16 * PROBE_PAGE)
			why = "memory in use is not counted";
	}
	return probe_pool_becomes_empty() ? why : "memory is left";
}

void probe_lifetime(void)
{
	const char *why = NULL;
	int orders = 0;

	/* All 120 orders of five things. */
	for (int code = 0; code < HELD * HELD * HELD * HELD * HELD && !why; code++) {
		int turn[HELD], seen = 0;

		for (int i = 0, c = code; i < HELD; i++, c /= HELD) {
			turn[i] = c % HELD;
			seen |= 1 << turn[i];
		}
		if (seen != (1 << HELD) - 1)
			continue;
		orders++;
		why = let_go(turn);
	}
	probe_result(!why && orders == 120, "descriptors, mappings and slices go in any order",
		     "order %d: %s", orders, why ? why : "not all tried");
}

static int steps_of_life(int last)
{
	int pool = probe_pool_open(), slab = -1, fd[8];
	unsigned char *at = NULL;
	struct io_uring ring;
	struct iovec iov;

	for (int step = 0; step <= last; step++) {
		switch (step) {
		case 0: break;
		case 1: slab = probe_alloc(pool, 4 << 20, 1 << 20); break;
		case 2: at = probe_map(slab, 4 << 20); break;
		case 3: memset(at, 1, 4 << 20); break;
		case 4:
			for (unsigned i = 0; i < 8; i++)
				fd[i] = probe_slice(slab, i << 19, 1 << 19);
			break;
		case 5:
			for (unsigned i = 0; i < 8; i++)
				memset(probe_map(fd[i], 1 << 19), 2, 1 << 19);
			break;
		case 6:
			iov = (struct iovec){at, 4 << 20};
			if (io_uring_queue_init(8, &ring, 0) ||
			    io_uring_register_buffers(&ring, &iov, 1))
				return 1;
			break;
		case 7: /* kept only by slices, mappings and the ring */
			close(pool);
			close(slab);
			break;
		case 8: /* shared with a child that dies later */
			if (!fork()) {
				usleep(200000);
				_exit(0);
			}
			break;
		}
	}
	return 0;
}

void probe_killed(void)
{
	for (int last = 0; last <= 8; last++) {
		int ready[2], status, err = pipe(ready);
		pid_t pid = err ? -1 : fork();
		char name[64], done = 1;

		if (!pid) {
			done = (char)steps_of_life(last);
			if (write(ready[1], &done, 1) == 1)
				pause();
			_exit(1);
		}
		if (pid < 0 || read(ready[0], &done, 1) != 1)
			done = 1;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		close(ready[0]);
		close(ready[1]);
		snprintf(name, sizeof(name), "killed after step %d leaves nothing", last);
		probe_result(!done && probe_pool_becomes_empty(), name, "%llu bytes, set-up %d",
			     probe_stat("bytes_used"), done);
	}
	/* And in the middle of an allocation. */
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid) {
			int pool = probe_pool_open();

			for (;;)
				close(probe_alloc(pool, 64 << 20, i & 1 ? 1 << 20 : 0));
		}
		usleep((unsigned)i * 7000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	probe_result(probe_pool_becomes_empty(), "killed while allocating leaves nothing",
		     "%llu bytes", probe_stat("bytes_used"));
}

void probe_hold(void)
{
	int pool = probe_pool_open(), slab = probe_alloc(pool, 16 * PROBE_PAGE, 0),
	    fd = probe_slice(slab, 0, PROBE_PAGE);

	if (!probe_map(fd, PROBE_PAGE))
		exit(1);
	close(pool);
	close(slab);
	close(fd);
	printf("held\n");
	pause();
}
