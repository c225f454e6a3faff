/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/stopper.h"

#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "tools/matlangd/notify.h"
#include "tools/matlangd/options.h"

void stopper_block(struct stopper *s)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR2};

	sigemptyset(&s->set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&s->set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &s->set, NULL);
	/* A reader of standard output that goes away is an error of write(), not the end. */
	signal(SIGPIPE, SIG_IGN);
}

static void *run(void *arg)
{
	struct stopper *s = arg;
	bool stopping = false;
	int sig;

	while (sigwait(&s->set, &sig) == 0) {
		/* Ordered after the store in stopper_end by the signal itself. */
		if (sig == SIGUSR2 && atomic_load(&s->leave))
			break;
		if (sig == SIGUSR2)
			continue;
		if (sig == SIGHUP && !s->hangup_ends) {
			log_line(s->log, LOG_NOTICE,
				 "SIGHUP: nothing to read again; settings change through the "
				 "control files");
			continue;
		}
		if (stopping) {
			log_line(s->log, LOG_WARNING,
				 "told to stop a second time: ending at once; what was not durable "
				 "yet "
				 "is lost");
			_exit(EXIT_FAILED);
		}
		stopping = true;
		log_printf(s->log, LOG_NOTICE, "%s: stopping in good order", strsignal(sig));
		notify_send("STOPPING=1");
		appliance_stop(s->box);
	}
	return NULL;
}

int stopper_start(struct stopper *s, struct appliance *box, struct log *log, bool hangup_ends)
{
	int err;

	s->box = box;
	s->log = log;
	s->hangup_ends = hangup_ends;
	atomic_init(&s->leave, false);
	err = pthread_create(&s->thread, NULL, run, s);
	if (!err)
		(void)pthread_setname_np(s->thread, "signals");
	return -err;
}

void stopper_end(struct stopper *s)
{
	atomic_store(&s->leave, true);
	pthread_kill(s->thread, SIGUSR2);
	pthread_join(s->thread, NULL);
}
