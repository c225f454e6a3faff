/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hot-plug news, with the kernel asked to announce a device that is always there. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
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
	bool heard;

	if (hotplug_create_for(&h, r, "mem", count, &mine, &em) ||
	    hotplug_create_for(&o, r, "net", count, &others, &em)) {
		printf("SKIP: %s\n", em.text);
		hotplug_destroy(h);
		reactor_destroy(r);
		skip();
	}
	assert_int_equal(reactor_turn(r, 0), 0);
	heard = announce();
	if (heard) {
		turn_until(r, &mine, 1);
		heard = mine > 0;
	}
	if (heard) {
		unsigned before = mine;

		/* It listens again after the first, and only to its own subsystem. */
		assert_true(announce());
		turn_until(r, &mine, before + 1);
		assert_true(mine > before);
		assert_int_equal(others, 0);
	}
	hotplug_destroy(h);
	hotplug_destroy(o);
	reactor_destroy(r);
	if (!heard) {
		printf("SKIP: the kernel's device events do not reach this namespace\n");
		skip();
	}
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
