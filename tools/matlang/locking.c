/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/locking.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/core/timefmt.h"
#include "storage/store.h"
#include "tools/common/i18n.h"
#include "tools/matlang/control.h"

/* A box makes a lock durable at once; one that is this late is in trouble. */
#define WAIT_NS  (20 * NSEC_PER_SEC)
#define PAUSE_NS (20 * NSEC_PER_MSEC)

bool locking_box_runs(const struct cli *c, const char *dir)
{
	char value[CONTROL_VALUE_MAX], there[PATH_MAX], here[PATH_MAX];
	struct control box;

	control_init(&box, c->control);
	return control_read(&box, "storage/dir", value, sizeof(value), NULL) == 0 &&
	       realpath(value, there) && realpath(dir, here) && !strcmp(there, here);
}

const struct record_lock *locking_find(const struct footage *f, uint64_t number)
{
	for (size_t i = 0; i < reader_lock_count(f->reader); i++)
		if (reader_lock_at(f->reader, i)->number == number)
			return reader_lock_at(f->reader, i);
	return NULL;
}

static bool same(const struct record_lock *a, const struct record_lock *b)
{
	return a->camera_id == b->camera_id && a->from_utc_ns == b->from_utc_ns &&
	       a->to_utc_ns == b->to_utc_ns && !strcmp(a->why, b->why) && !strcmp(a->who, b->who);
}

/* Until everything appended so far is durable and `done` holds for what a reader sees. */
static int wait_durable(struct footage *f, const struct cli *c, const struct control *box,
			bool (*done)(struct footage *f, const void *arg), const void *arg)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int64_t position = control_number(box, "storage/appended", 0);

	for (int64_t waited = 0; waited < WAIT_NS; waited += PAUSE_NS) {
		int err = reader_refresh(f->reader);

		if (err)
			return cli_fail(c, _("the store cannot be read: %s"), strerror(-err));
		if (control_number(box, "storage/durable", 0) >= position && done(f, arg))
			return CLI_OK;
		nanosleep(&pause, NULL);
	}
	return cli_fail(c, "%s",
			_("the box took it, but did not make it durable: see matlang status"));
}

struct added {
	const struct record_lock *lock;
	uint64_t after; /* its number is higher */
};

static const struct record_lock *find_added(const struct footage *f, const struct added *a)
{
	for (size_t i = reader_lock_count(f->reader); i-- > 0;) {
		const struct record_lock *l = reader_lock_at(f->reader, i);

		if (l->number > a->after && same(l, a->lock))
			return l;
	}
	return NULL;
}

static bool is_added(struct footage *f, const void *arg)
{
	return find_added(f, arg) != NULL;
}

static bool is_removed(struct footage *f, const void *arg)
{
	return !locking_find(f, *(const uint64_t *)arg);
}

static int add_by_box(struct footage *f, const struct cli *c, const struct record_lock *l,
		      uint64_t *number)
{
	char line[512], from[TIMEFMT_MAX], to[TIMEFMT_MAX];
	size_t n = reader_lock_count(f->reader);
	const struct added a = {l, n ? reader_lock_at(f->reader, n - 1)->number : 0};
	struct errmsg em = {""};
	struct control box;

	timefmt_rfc3339(from, l->from_utc_ns, 9);
	timefmt_rfc3339(to, l->to_utc_ns, 9);
	snprintf(line, sizeof(line), "%s %s %s by=%s %s",
		 l->camera_id == RECORD_ANY_CAMERA ? "*"
						   : reader_camera_name(f->reader, l->camera_id),
		 from, to, l->who, l->why);
	control_init(&box, c->control);
	if (control_write(&box, "storage/lock", line, &em) < 0)
		return cli_fail(c, "%s", em.text);
	int code = wait_durable(f, c, &box, is_added, &a);

	if (code == CLI_OK)
		*number = find_added(f, &a)->number;
	return code;
}

static int remove_by_box(struct footage *f, const struct cli *c, uint64_t number)
{
	char line[24];
	struct errmsg em = {""};
	struct control box;

	snprintf(line, sizeof(line), "%" PRIu64, number);
	control_init(&box, c->control);
	if (control_write(&box, "storage/unlock", line, &em) < 0)
		return cli_fail(c, "%s", em.text);
	return wait_durable(f, c, &box, is_removed, &number);
}

/* In the store itself; `l` NULL: releases. */
static int change_store(struct footage *f, const struct cli *c, const struct record_lock *l,
			uint64_t *number)
{
	const struct store_callbacks none = {0};
	struct reactor *r = NULL;
	struct store *s = NULL;
	struct errmsg em = {""};
	int err = reactor_create(&r, 64, &em);

	if (!err)
		err = store_open(&s, f->dir, r, NULL, &none, NULL, &em);
	if (err) {
		reactor_destroy(r);
		return cli_fail(c, "%s", em.text);
	}
	err = l ? store_lock_add(s, l, number, NULL) : store_lock_remove(s, *number);
	int closed = store_close(s);

	reactor_destroy(r);
	if (err == -ENOSPC)
		return cli_fail(c, "%s",
				_("there is no room to note one more lock: release one first"));
	if (err || closed)
		return cli_fail(c, _("the store could not be written: %s"),
				strerror(-(err ? err : closed)));
	err = reader_refresh(f->reader);
	return err ? cli_fail(c, _("the store cannot be read: %s"), strerror(-err)) : CLI_OK;
}

int locking_add(struct footage *f, const struct cli *c, const struct record_lock *l,
		uint64_t *number)
{
	return locking_box_runs(c, f->dir) ? add_by_box(f, c, l, number)
					   : change_store(f, c, l, number);
}

int locking_remove(struct footage *f, const struct cli *c, uint64_t number)
{
	return locking_box_runs(c, f->dir) ? remove_by_box(f, c, number)
					   : change_store(f, c, NULL, &number);
}
