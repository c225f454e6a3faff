/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service manager's datagram protocol (sd_notify(3)): nothing happens when there is none. */
#ifndef MATLANGD_NOTIFY_H
#define MATLANGD_NOTIFY_H

#include "capture/core/reactor.h"

/* Sends "READY=1", "STOPPING=1", "STATUS=..."; never blocks. Any thread. */
void notify_send(const char *text);

/* Says "alive" from the reactor's own loop for as long as it turns, if the service manager watches
 * (WATCHDOG_USEC). Embedded; reactor's thread; disarm with reactor_timer_disarm(&w->timer). */
struct notify_watchdog {
	struct reactor_timer timer;
	struct reactor *reactor;
	int64_t interval_ns;
};
void notify_watchdog_start(struct notify_watchdog *w, struct reactor *r);

#endif
