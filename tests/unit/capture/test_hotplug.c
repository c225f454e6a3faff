/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hot-plug news, with the kernel asked to announce a device that is always there. */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/core/monotime.h"
#include "capture/hotplug.h"

/* Has the kernel send an event of the subsystem "mem"; false where that is not allowed. */
static bool announce(void)
{
	int fd = open("/sys/class/mem/null/uevent", O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, "change\n", 7) == 7;
	close(fd);
	return ok;
}

/* True where the kernel's events reach this process at all: a plain socket hears one. */
static bool events_reach_us(void)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	bool heard = fd >= 0 && !bind(fd, (struct sockaddr *)&addr, sizeof(addr)) && announce() &&
		     poll(&pfd, 1, 2000) == 1;

	if (fd >= 0)
		close(fd);
	return heard;
}

static void count(void *ctx)
{
	++*(unsigned *)ctx;
}

static void turn_until(struct reactor *r, const unsigned *calls, unsigned want)
{
	int64_t end = monotime_now() + 3 * NSEC_PER_SEC;

	while (*calls < want && monotime_now() < end)
		assert_int_equal(reactor_turn(r, 50 * NSEC_PER_MSEC), 0);
}

static struct reactor *make_reactor(void)
{
	struct errmsg em = {""};
	struct reactor *r = NULL;

	if (reactor_create(&r, 8, &em)) {
		printf("SKIP: %s\n", em.text);
		skip();
	}
	return r;
}

static void test_news(void **state)
{
	struct reactor *r = make_reactor();
	unsigned mine = 0, others = 0;
	struct hotplug *h = NULL, *o = NULL;
	struct errmsg em = {""};

	if (!events_reach_us()) {
		printf("SKIP: the kernel's device events do not reach this process\n");
		reactor_destroy(r);
		skip();
	}
	assert_int_equal(hotplug_create_for(&h, r, "mem", count, &mine, &em), 0);
	assert_int_equal(hotplug_create_for(&o, r, "net", count, &others, &em), 0);
	/* More than once: it listens again; and only to its own subsystem. */
	for (unsigned i = 0; i < 3; i++) {
		unsigned before = mine;

		assert_true(announce());
		turn_until(r, &mine, before + 1);
		assert_true(mine > before);
	}
	assert_int_equal(others, 0);
	hotplug_destroy(h);
	hotplug_destroy(o);
	reactor_destroy(r);
}

static void test_destroyed_while_listening(void **state)
{
	struct reactor *r = make_reactor();
	unsigned calls = 0;
	struct hotplug *h = NULL;
	struct errmsg em = {""};

	/* Never turned, and turned: both times its polls are outstanding. */
	for (unsigned i = 0; i < 2; i++) {
		if (hotplug_create(&h, r, count, &calls, &em)) {
			printf("SKIP: %s\n", em.text);
			reactor_destroy(r);
			skip();
		}
		if (i)
			assert_int_equal(reactor_turn(r, 0), 0);
		hotplug_destroy(h);
		announce();
		assert_int_equal(reactor_turn(r, 0), 0);
	}
	/* With news just come in: nobody is called any more. */
	assert_int_equal(hotplug_create_for(&h, r, "mem", count, &calls, NULL), 0);
	assert_int_equal(reactor_turn(r, 0), 0);
	announce();
	hotplug_destroy(h);
	assert_int_equal(calls, 0);
	hotplug_destroy(NULL);
	reactor_destroy(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_news),
		cmocka_unit_test(test_destroyed_while_listening),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
