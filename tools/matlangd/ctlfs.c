/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/ctlfs_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static void serve_changes(struct ctlfs *fs)
{
	char path[ATTR_PATH_MAX];
	bool any;

	while (changes_take(fs->o.changes, path, &any))
		ctlfs_wake(fs, path, any);
}

/* One request; 0, or -errno when the session is over. */
static int serve_request(struct ctlfs *fs, struct fuse_session *se, struct fuse_buf *buf)
{
	int n = fuse_session_receive_buf(se, buf);

	if (n == -EINTR || n == -EAGAIN)
		return 0;
	if (n <= 0)
		return n ? n : -ENODEV;
	fuse_session_process_buf(se, buf);
	return 0;
}

static void *run(void *arg)
{
	struct ctlfs *fs = arg;
	struct fuse_session *se = fuse_get_session(fs->fuse);
	struct pollfd p[] = {
		{.fd = fs->wake_fd, .events = POLLIN},
		{.fd = changes_fd(fs->o.changes), .events = POLLIN},
		{.fd = fuse_session_fd(se), .events = POLLIN},
	};
	struct fuse_buf buf = {.mem = NULL};
	int err = 0;

	while (!err && !fuse_session_exited(se)) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			break;
		if (p[0].revents)
			break;
		if (p[1].revents)
			serve_changes(fs);
		if (p[2].revents)
			err = serve_request(fs, se, &buf);
	}
	free(buf.mem);
	if (!p[0].revents)
		fs->o.log(fs->o.log_ctx, LOG_WARNING,
			  "the control files are gone (unmounted?); recording goes on");
	return NULL;
}

/* Only the thread that holds the group may hand files to it: root, or a member. */
static void choose_owner(struct ctlfs *fs)
{
	struct group g, *found = NULL;
	char buf[4096];

	fs->uid = geteuid();
	fs->gid = getegid();
	if (!fs->o.group || getgrnam_r(fs->o.group, &g, buf, sizeof(buf), &found) || !found)
		return;
	if (fs->uid == 0 || group_member(g.gr_gid)) {
		fs->gid = g.gr_gid;
		fs->group_writes = true;
	}
}

static int start_thread(struct ctlfs *fs)
{
	sigset_t all, old;
	int err;

	/* Signals are for main. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&fs->thread, NULL, run, fs);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err)
		(void)pthread_setname_np(fs->thread, "control");
	return -err;
}

/* The library speaks on standard error by itself; its words belong into the log. */
static void silence(enum fuse_log_level level, const char *fmt, va_list ap)
{
}

int ctlfs_start(struct ctlfs **out, const struct ctlfs_options *o, struct errmsg *em)
{
	struct ctlfs *fs = calloc(1, sizeof(*fs));
	int err;

	if (!fs)
		return errmsg_set(em, -ENOMEM, "out of memory");
	fs->o = *o;
	fs->started_utc_s = time(NULL);
	list_init(&fs->files);
	choose_owner(fs);
	fs->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (fs->wake_fd < 0) {
		err = errmsg_set(em, -errno, "eventfd: %s", strerror(errno));
		goto fail;
	}
	if (strlen(o->dir) >= sizeof(fs->dir)) {
		err = errmsg_set(em, -ENAMETOOLONG, "--control %.40s...: too long", o->dir);
		goto fail_fd;
	}
	strcpy(fs->dir, o->dir);
	err = ctlfs_mount_prepare(fs, em);
	if (err)
		goto fail_fd;
	fuse_set_log_func(silence);
	err = ctlfs_mount(fs, em);
	if (err)
		goto fail_dir;
	/* A request may be withdrawn between poll() and read(): read() must not wait then. */
	if (fcntl(fuse_session_fd(fuse_get_session(fs->fuse)), F_SETFL, O_NONBLOCK)) {
		err = errmsg_set(em, -errno, "/dev/fuse: %s", strerror(errno));
		goto fail_mount;
	}
	err = start_thread(fs);
	if (err) {
		errmsg_set(em, err, "no thread for the control files: %s", strerror(-err));
		goto fail_mount;
	}
	*out = fs;
	return 0;

fail_mount:
	fuse_unmount(fs->fuse);
	fuse_destroy(fs->fuse);
fail_dir:
	ctlfs_mount_finish(fs);
fail_fd:
	close(fs->wake_fd);
fail:
	free(fs);
	return err;
}

void ctlfs_stop(struct ctlfs *fs)
{
	uint64_t one = 1;
	struct list *l;

	if (!fs)
		return;
	(void)!write(fs->wake_fd, &one, sizeof(one));
	pthread_join(fs->thread, NULL);
	/* Whoever has a file open gets ENOTCONN from here on. */
	fuse_unmount(fs->fuse);
	while ((l = list_pop(&fs->files))) {
		struct ctlfs_file *f = list_entry(l, struct ctlfs_file, link);

		if (f->poller)
			fuse_pollhandle_destroy(f->poller);
		free(f->value);
		free(f);
	}
	fuse_destroy(fs->fuse);
	ctlfs_mount_finish(fs);
	close(fs->wake_fd);
	free(fs);
}
