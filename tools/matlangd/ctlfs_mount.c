/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mount point: made fit, mounted, left as it was found. */
#include "tools/matlangd/ctlfs_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "capture/core/cleanup.h"

#define FUSE_SUPER_MAGIC 0x65735546

extern char **environ;

/* fusermount3 is how anybody but root unmounts. */
static int run_fusermount(const char *dir)
{
	char *argv[] = {"fusermount3", "-u", "-z", "-q", (char *)dir, NULL};
	pid_t pid;
	int status;
	int err = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);

	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

static int unmount_stale(const char *dir, struct errmsg *em)
{
	if (umount2(dir, MNT_DETACH) == 0 || run_fusermount(dir) == 0)
		return 0;
	return errmsg_set(em, -EBUSY,
			  "%s: a control file system that crashed is still mounted; as root: "
			  "umount -l %s",
			  dir, dir);
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool empty = true;

	if (!d)
		return false;
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			empty = false;
	closedir(d);
	return empty;
}

static int check_dir(const char *dir, struct errmsg *em)
{
	struct statfs fs;
	struct stat st;

	if (statfs(dir, &fs) || stat(dir, &st))
		return errmsg_set(em, -errno, "%s: %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return errmsg_set(em, -ENOTDIR, "%s is not a folder", dir);
	if ((unsigned long)fs.f_type == FUSE_SUPER_MAGIC && st.st_ino == 1)
		return errmsg_set(em, -EBUSY,
				  "%s is mounted already: another matlangd is running there; "
				  "choose another folder with --control DIR",
				  dir);
	if (!is_empty(dir))
		return errmsg_set(em, -ENOTEMPTY,
				  "%s cannot be read or is not empty; choose another folder with "
				  "--control DIR",
				  dir);
	return 0;
}

static int check_device(struct errmsg *em)
{
	int fd CLEANUP_CLOSE = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0 || (errno == EACCES && geteuid() != 0))
		return 0; /* fusermount3, which is setuid, may still open it */
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return errmsg_set(em, -ENODEV,
				  "the kernel has no FUSE (/dev/fuse): run `modprobe fuse`, or go "
				  "without control files: --control none");
	return errmsg_set(em, -errno,
			  "/dev/fuse: %s; give this user access to it, or go without control "
			  "files: --control none",
			  strerror(errno));
}

int ctlfs_mount_prepare(struct ctlfs *fs, struct errmsg *em)
{
	struct stat st;
	int err = check_device(em);

	if (err)
		return err;
	if (stat(fs->dir, &st) && errno == ENOTCONN) {
		err = unmount_stale(fs->dir, em);
		if (err)
			return err;
		fs->o.log(fs->o.log_ctx, LOG_NOTICE,
			  "cleared the control file system that a crash had left mounted");
	}
	if (mkdir(fs->dir, 0755) == 0)
		fs->made_dir = true;
	else if (errno != EEXIST)
		return errmsg_set(em, -errno,
				  "%s cannot be made: %s; choose another folder with "
				  "--control DIR",
				  fs->dir, strerror(errno));
	err = check_dir(fs->dir, em);
	if (err)
		ctlfs_mount_finish(fs);
	return err;
}

static int try_mount(struct ctlfs *fs, const char *options)
{
	char *argv[] = {"matlangd", "-o", (char *)options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	int err = 0;

	fs->fuse = fuse_new(&args, &ctlfs_operations, sizeof(ctlfs_operations), fs);
	fuse_opt_free_args(&args);
	if (!fs->fuse)
		return -EINVAL;
	errno = 0;
	if (fuse_mount(fs->fuse, fs->dir)) {
		err = errno ? -errno : -EPERM;
		fuse_destroy(fs->fuse);
		fs->fuse = NULL;
	}
	return err;
}

#define OPTIONS "fsname=matlang,subtype=matlang,default_permissions"

int ctlfs_mount(struct ctlfs *fs, struct errmsg *em)
{
	int err = try_mount(fs, OPTIONS ",allow_other");

	if (!err)
		return 0;
	if (geteuid() != 0) {
		/* fusermount3 refuses allow_other unless /etc/fuse.conf permits it. */
		err = try_mount(fs, OPTIONS);
		if (!err) {
			fs->o.log(fs->o.log_ctx, LOG_WARNING,
				  "only this user can see the control files: /etc/fuse.conf has no "
				  "user_allow_other");
			return 0;
		}
	}
	return errmsg_set(em, err,
			  "the control files cannot be mounted on %s (%s): %s, or go without: "
			  "--control none",
			  fs->dir, strerror(-err),
			  geteuid() ? "install fuse3 (fusermount3)"
				    : "the process needs CAP_SYS_ADMIN");
}

void ctlfs_mount_finish(struct ctlfs *fs)
{
	/* Only the empty folder that we made ourselves. */
	if (fs->made_dir)
		(void)!rmdir(fs->dir);
}
