/* SPDX-License-Identifier: GPL-2.0-or-later */
/* matlang watch PATH...: prints values when they change. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "capture/core/monotime.h"
#include "capture/core/timefmt.h"
#include "tools/common/table.h"
#include "tools/matlang/commands.h"
#include "tools/matlang/control.h"
#include "tools/matlang/footage.h"

enum { KEY_INTERVAL = CLI_KEY, KEY_COUNT };

const struct cli_option cmd_watch_options[] = {
	{"interval", KEY_INTERVAL, "TIME",
	 "read again so often what the box does not announce (default: 1s)"},
	{"count", KEY_COUNT, "N", "end after N changes"},
	{0},
};

struct watched {
	const char *path;
	char *last; /* NULL: never read, or gone */
};

struct watch {
	const struct cli *c;
	struct control box;
	struct control_paths list;
	struct watched *item;
	struct pollfd *fd;
	long left; /* changes still to print; 0: no limit */
};

static int print(const struct watch *w, const struct watched *item)
{
	char time[TIMEFMT_MAX];
	struct timespec now;
	int64_t ns;

	clock_gettime(CLOCK_REALTIME, &now);
	ns = now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
	if (w->c->json) {
		if (cli_json(json_pack(
			    "{s:o, s:s, s:o}", "time", footage_json_time(ns), "path", item->path,
			    "value", item->last ? footage_json_text(item->last) : json_null())) < 0)
			return -EIO;
	} else {
		timefmt_rfc3339(time, ns, 3);
		printf("%s %s = %s\n", time, item->path, item->last ? item->last : "(gone)");
	}
	return fflush(stdout) == 0 ? 0 : -EIO;
}

/* 1 when it had changed (and was printed), 0 when not. */
static int look(struct watch *w, struct watched *item)
{
	char value[CONTROL_VALUE_MAX];
	int err = control_read(&w->box, item->path, value, sizeof(value), NULL);

	if (err ? !item->last : item->last && !strcmp(item->last, value))
		return 0;
	free(item->last);
	item->last = err ? NULL : strdup(value);
	if (!err && !item->last)
		return -ENOMEM;
	if (item->last && !w->c->json)
		table_tame(item->last);
	err = print(w, item);
	return err ? err : 1;
}

/* Looks at item `i`, or at all (i < 0). 0: go on, 1: enough seen. */
static int turn(struct watch *w, ssize_t i)
{
	size_t first = i < 0 ? 0 : (size_t)i, end = i < 0 ? w->list.count : first + 1;

	for (size_t k = first; k < end; k++) {
		int n = look(w, &w->item[k]);

		if (n < 0)
			return n;
		if (n && w->left && --w->left == 0)
			return 1;
	}
	return 0;
}

/*
 * A file that the box announces wakes poll(2) with POLLPRI and then wants to be read through the
 * descriptor that polls, as in sysfs. Everything else is read again every interval.
 */
static int follow(struct watch *w, int64_t interval_ns)
{
	int64_t due = monotime_now() + interval_ns;
	char drain[CONTROL_VALUE_MAX];

	for (;;) {
		int64_t wait = due - monotime_now();
		int n = poll(w->fd, w->list.count, wait > 0 ? (int)(wait / NSEC_PER_MSEC) + 1 : 0);
		int err = 0;

		if (n < 0 && errno != EINTR)
			return -errno;
		for (size_t i = 0; n > 0 && i < w->list.count && !err; i++) {
			if (!(w->fd[i].revents & (POLLPRI | POLLERR | POLLHUP)))
				continue;
			if (pread(w->fd[i].fd, drain, sizeof(drain), 0) < 0) {
				/* The camera is gone: its files are left to the interval. */
				close(w->fd[i].fd);
				w->fd[i].fd = -1;
			}
			err = turn(w, (ssize_t)i);
		}
		if (!err && monotime_now() >= due) {
			err = turn(w, -1);
			due = monotime_now() + interval_ns;
		}
		if (err)
			return err;
	}
}

static int open_all(struct watch *w)
{
	char name[PATH_MAX], drain[CONTROL_VALUE_MAX];

	w->item = calloc(w->list.count, sizeof(*w->item));
	w->fd = calloc(w->list.count, sizeof(*w->fd));
	if (!w->item || !w->fd)
		return -ENOMEM;
	for (size_t i = 0; i < w->list.count; i++) {
		w->item[i].path = w->list.path[i];
		w->fd[i] = (struct pollfd){.fd = -1, .events = POLLPRI};
		if (control_name(&w->box, w->list.path[i], name, NULL) == 0)
			w->fd[i].fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		/* What was not read yet counts as changed: a first read says "I know this". */
		if (w->fd[i].fd >= 0 && pread(w->fd[i].fd, drain, sizeof(drain), 0) < 0) {
			close(w->fd[i].fd);
			w->fd[i].fd = -1;
		}
	}
	return 0;
}

static void close_all(struct watch *w)
{
	for (size_t i = 0; i < w->list.count; i++) {
		if (w->fd && w->fd[i].fd >= 0)
			close(w->fd[i].fd);
		if (w->item)
			free(w->item[i].last);
	}
	free(w->fd);
	free(w->item);
	control_paths_free(&w->list);
}

static int run(struct watch *w, int64_t interval_ns, int argc, char **argv)
{
	struct errmsg em;
	int err = control_check(&w->box, &em);

	for (int i = optind; i < argc && !err; i++)
		err = control_list(&w->box, argv[i], &w->list, &em);
	if (err) {
		close_all(w);
		return cli_fail(w->c, "%s", em.text);
	}
	err = open_all(w);
	if (!err)
		err = turn(w, -1);
	if (!err)
		err = follow(w, interval_ns);
	close_all(w);
	return err < 0 ? cli_fail(w->c, "%s", strerror(-err)) : CLI_OK;
}

int cmd_watch(struct cli *c, int argc, char **argv)
{
	struct watch w = {.c = c};
	int64_t interval_ns = NSEC_PER_SEC;
	struct errmsg em;
	int key;

	while ((key = cli_getopt(c, argc, argv)) != CLI_END) {
		if (key == KEY_INTERVAL) {
			if (timefmt_parse_duration(optarg, &interval_ns, &em) < 0)
				return cli_usage(c, "--interval: %s", em.text);
			if (interval_ns < 10 * NSEC_PER_MSEC || interval_ns > 3600 * NSEC_PER_SEC)
				return cli_usage(c, "--interval wants 1s to 1h, not '%s'", optarg);
		} else if (key == KEY_COUNT) {
			if (cli_number("count", optarg, 1, 1000000000, &w.left, &em) < 0)
				return cli_usage(c, "%s", em.text);
		} else {
			return c->exit_code;
		}
	}
	if (optind == argc)
		return cli_usage(c, "which value? for example: matlang watch 'cameras/*/state'");
	control_init(&w.box, c->control);
	return run(&w, interval_ns, argc, argv);
}
