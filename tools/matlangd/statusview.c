/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/statusview.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "tools/matlangd/statustable.h"

#define TTY_MS  1000
#define LINE_MS 5000

struct statusview {
	struct appliance *box;
	struct reactor_calls *calls;
	struct log *log;
	int stop_fd;
	bool tty;
	unsigned drawn; /* lines on the screen */
	pthread_t thread;
};

struct look {
	struct appliance *box;
	struct statustable table;
	int err;
};

static void take(void *arg)
{
	struct look *l = arg;

	l->err = statustable_take(&l->table, l->box);
}

static void screen_size(unsigned *lines, unsigned *columns)
{
	struct winsize w;

	*lines = 24;
	*columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row && w.ws_col) {
		*lines = w.ws_row;
		*columns = w.ws_col;
	}
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* Over the last table: cursor up, each line cleared to its end, the rest of the screen cleared. */
static void draw_tty(struct statusview *v, const struct statustable *t,
		     const struct statustable *before)
{
	char notes[LOG_KEPT][LOG_LINE_MAX];
	size_t nnotes = log_kept(v->log, notes), len;
	char *text CLEANUP_FREE = NULL;
	unsigned lines, columns;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return;
	screen_size(&lines, &columns);
	statustable_draw(f, t, before, lines - 1, columns, notes, nnotes);
	if (fclose(f))
		return;
	if (v->drawn)
		printf("\033[%uA", v->drawn);
	for (char *p = text, *end; (end = strchr(p, '\n')); p = end + 1)
		printf("%.*s\033[K\n", (int)(end - p), p);
	fputs("\033[J", stdout);
	v->drawn = count_lines(text);
	fflush(stdout);
}

static void *run(void *arg)
{
	struct statusview *v = arg;
	struct pollfd p = {.fd = v->stop_fd, .events = POLLIN};
	struct statustable before = {0};
	struct look l = {.box = v->box};

	/* Rates are from the begin on; without a table to compare with, the first would be 0. */
	if (reactor_call(v->calls, take, &l) == 0 && !l.err)
		before = l.table;
	while (poll(&p, 1, v->tty ? TTY_MS : LINE_MS) <= 0) {
		l.err = 0;
		if (reactor_call(v->calls, take, &l))
			break;
		if (l.err)
			continue;
		/* An appliance that is ending lets its cameras go one by one: the last full table
		 * is the one to leave behind. */
		if (!l.table.count && before.count) {
			statustable_free(&l.table);
			continue;
		}
		if (v->tty)
			draw_tty(v, &l.table, before.row ? &before : NULL);
		else
			statustable_line(stdout, &l.table, before.row ? &before : NULL);
		fflush(stdout);
		statustable_free(&before);
		before = l.table;
	}
	statustable_free(&before);
	return NULL;
}

int statusview_start(struct statusview **out, struct appliance *box, struct reactor_calls *calls,
		     struct log *log)
{
	struct statusview *v = calloc(1, sizeof(*v));
	sigset_t all, old;
	int err;

	if (!v)
		return -ENOMEM;
	v->box = box;
	v->calls = calls;
	v->log = log;
	v->tty = isatty(STDOUT_FILENO);
	v->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (v->stop_fd < 0) {
		err = -errno;
		free(v);
		return err;
	}
	if (v->tty && isatty(STDERR_FILENO))
		log_keep(log, true);
	/* Signals are for main. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&v->thread, NULL, run, v);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		log_keep(log, false);
		close(v->stop_fd);
		free(v);
		return -err;
	}
	(void)pthread_setname_np(v->thread, "status");
	*out = v;
	return 0;
}

void statusview_stop(struct statusview *v)
{
	uint64_t one = 1;

	if (!v)
		return;
	(void)!write(v->stop_fd, &one, sizeof(one));
	pthread_join(v->thread, NULL);
	log_keep(v->log, false);
	close(v->stop_fd);
	free(v);
}
