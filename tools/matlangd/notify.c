/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "capture/core/monotime.h"

void notify_send(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd CLEANUP_CLOSE = -1;
	size_t len;

	if (!path || (path[0] != '/' && path[0] != '@'))
		return;
	len = strlen(path);
	if (len >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@') /* the abstract name space */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* A manager that does not listen must not stop the recording: the result is of no use. */
	(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static void alive(struct reactor_timer *t)
{
	struct notify_watchdog *w = container_of(t, struct notify_watchdog, timer);

	notify_send("WATCHDOG=1");
	reactor_timer_arm(w->reactor, t, monotime_now() + w->interval_ns);
}

void notify_watchdog_start(struct notify_watchdog *w, struct reactor *r)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long long us = usec ? atoll(usec) : 0;

	*w = (struct notify_watchdog){.timer.fire = alive, .reactor = r};
	if (us <= 0 || (pid && atoll(pid) != getpid()))
		return;
	w->interval_ns = us * NSEC_PER_USEC / 3;
	alive(&w->timer);
}
