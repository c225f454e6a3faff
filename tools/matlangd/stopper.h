/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals: a thread waits for them and ends the appliance in good order. */
#ifndef MATLANGD_STOPPER_H
#define MATLANGD_STOPPER_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "capture/core/compiler.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/log.h"

struct stopper {
	struct appliance *box;
	struct log *log;
	sigset_t set;
	bool hangup_ends; /* SIGHUP means that our terminal has gone */
	atomic_bool leave;
	pthread_t thread;
};

/* First of all in main(), before any thread: they all inherit the blocked signals. */
void stopper_block(struct stopper *s);
int stopper_start(struct stopper *s, struct appliance *box, struct log *log,
		  bool hangup_ends) MUST_CHECK;
/* Ends the thread; before the appliance is destroyed. */
void stopper_end(struct stopper *s);

#endif
