/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file system's operations; all on its own thread. */
#include "tools/matlangd/ctlfs_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "capture/core/cleanup.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/ctlfs_tree.h"

/* As sysfs: the room a value may take, not its length, which nobody can know before reading. */
#define FILE_SIZE 4096

static struct ctlfs *self(void)
{
	return fuse_get_context()->private_data;
}

/* ---- calls into the reactor ---- */

enum request_kind {
	REQUEST_EXISTS,
	REQUEST_READ,
	REQUEST_WRITE,
	REQUEST_ADD,
	REQUEST_REMOVE,
	REQUEST_NAMES,
	REQUEST_REFUSE
};

struct request {
	struct ctlfs *fs;
	enum request_kind kind;
	const char *path;  /* or camera's name */
	const char *value; /* WRITE; REFUSE: the line */
	const char *who;
	char *out;                      /* READ: ATTR_VALUE_MAX bytes */
	char (*names)[CAMERA_NAME_MAX]; /* NAMES: the caller frees */
	size_t nnames;
	struct attr_deferred *deferred;
	struct errmsg why;
	int result;
};

static int list_names(struct request *q)
{
	struct appliance *box = q->fs->o.env->box;
	size_t n = appliance_camera_count(box);
	struct recorder *r;

	q->names = calloc(n + 1, sizeof(*q->names));
	if (!q->names)
		return -ENOMEM;
	for (size_t i = 0; i < n && (r = appliance_camera_at(box, i)); i++) {
		snprintf(q->names[i], sizeof(*q->names), "%s", recorder_name(r));
		q->nnames++;
	}
	return 0;
}

/* On the reactor. */
static void serve(void *arg)
{
	struct request *q = arg;
	struct attr_env *env = q->fs->o.env;

	switch (q->kind) {
	case REQUEST_EXISTS:
		q->result = appliance_find_camera(env->box, q->path) ? 0 : -ENOENT;
		break;
	case REQUEST_READ:
		q->result = attr_read(env, q->path, q->out, ATTR_VALUE_MAX, &q->why);
		break;
	case REQUEST_WRITE:
		q->result = attr_write(env, q->path, q->value, q->who, &q->deferred, &q->why);
		break;
	case REQUEST_ADD: q->result = attr_add_camera(env, q->path, q->who, &q->why); break;
	case REQUEST_REMOVE: q->result = attr_remove_camera(env, q->path, q->who, &q->why); break;
	case REQUEST_NAMES: q->result = list_names(q); break;
	case REQUEST_REFUSE:
		snprintf(env->last_error, sizeof(env->last_error), "%s", q->value);
		if (env->changed)
			env->changed(env->changed_ctx, "last_error");
		q->result = 0;
		break;
	}
}

/* The request lies on the caller's stack: when the call is cancelled it is never touched. */
static int ask(struct request *q)
{
	int err = reactor_call(q->fs->o.calls, serve, q);

	return err ? err : q->result;
}

/* Why a change was refused, for those refused before they reach the table. */
static int refuse(struct ctlfs *fs, int err, const char *line)
{
	struct request q = {.fs = fs, .kind = REQUEST_REFUSE, .value = line};
	int ret = ask(&q);

	return ret == -ESHUTDOWN ? ret : err;
}

static bool camera_exists(struct ctlfs *fs, const char *name)
{
	struct request q = {.fs = fs, .kind = REQUEST_EXISTS, .path = name};

	return ask(&q) == 0;
}

/* Who writes: "root (uid 0, login 1000), bash[4242]". The login number survives sudo and su. */
static void describe_caller(char *out, size_t size)
{
	const struct fuse_context *c = fuse_get_context();
	char path[64], comm[32] = "?", name[64] = "", buf[1024], login[48] = "";
	unsigned long id;
	struct passwd pw, *found = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", c->pid);
	f = fopen(path, "re");
	if (f) {
		if (!fgets(comm, sizeof(comm), f))
			strcpy(comm, "?");
		comm[strcspn(comm, "\n")] = '\0';
		fclose(f);
	}
	snprintf(path, sizeof(path), "/proc/%d/loginuid", c->pid);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%lu", &id) == 1 && id != UINT32_MAX && id != c->uid)
			snprintf(login, sizeof(login), ", login uid %lu", id);
		fclose(f);
	}
	if (getpwuid_r(c->uid, &pw, buf, sizeof(buf), &found) == 0 && found)
		snprintf(name, sizeof(name), "%s ", pw.pw_name);
	snprintf(out, size, "%s(uid %u%s), %s[%d]", name, c->uid, login, comm, c->pid);
	/* A process chooses its own name: nothing in it may break the line. */
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

/* ---- what exists ---- */

static mode_t file_mode(const struct ctlfs *fs, const struct attr *a)
{
	mode_t write = fs->group_writes ? 0220 : 0200;

	return (a->show ? 0444 : 0) | (a->writable ? write : 0);
}

static void fill_stat(const struct ctlfs *fs, const struct ctlfs_node *n, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_uid = fs->uid;
	st->st_gid = fs->gid;
	st->st_mtime = st->st_ctime = st->st_atime = fs->started_utc_s;
	if (n->kind == CTLFS_FILE) {
		st->st_mode = S_IFREG | file_mode(fs, n->attr);
		st->st_nlink = 1;
		st->st_size = FILE_SIZE;
		return;
	}
	st->st_mode = S_IFDIR | (n->kind == CTLFS_CAMERAS && fs->group_writes ? 0775 : 0755);
	st->st_nlink = 2;
}

/* The node behind a path, cameras looked up. */
static int find(struct ctlfs *fs, const char *path, struct ctlfs_node *n)
{
	*n = ctlfs_tree_find(path + 1);
	if (n->kind == CTLFS_NOTHING || (n->camera[0] && !camera_exists(fs, n->camera)))
		return -ENOENT;
	return 0;
}

static int op_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	struct ctlfs *fs = self();
	struct ctlfs_node n;
	int err = find(fs, path, &n);

	if (!err)
		fill_stat(fs, &n, st);
	return err;
}

struct listing {
	struct ctlfs *fs;
	void *buf;
	fuse_fill_dir_t fill;
};

static void list_one(void *ctx, const char *name, bool is_dir, const struct attr *a)
{
	struct listing *l = ctx;
	struct ctlfs_node n = {.kind = is_dir ? CTLFS_DIR : CTLFS_FILE, .attr = a};
	struct stat st;

	fill_stat(l->fs, &n, &st);
	/* Without offsets the library takes all entries; it fails only when memory does, and then
	 * the listing is short rather than wrong. */
	(void)l->fill(l->buf, name, &st, 0, 0);
}

static int op_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t offset,
		      struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	struct listing l = {.fs = self(), .buf = buf, .fill = fill};
	struct ctlfs_node n;
	int err = find(l.fs, path, &n);

	if (err)
		return err;
	if (n.kind == CTLFS_FILE)
		return -ENOTDIR;
	list_one(&l, ".", true, NULL);
	list_one(&l, "..", true, NULL);
	ctlfs_tree_list(path + 1, list_one, &l);
	if (n.kind == CTLFS_CAMERAS) {
		struct request q = {.fs = l.fs, .kind = REQUEST_NAMES};

		err = ask(&q);
		for (size_t i = 0; i < q.nnames; i++)
			list_one(&l, q.names[i], true, NULL);
		free(q.names);
	}
	return err;
}

/* ---- values ---- */

static struct ctlfs_file *file_of(const struct fuse_file_info *fi)
{
	return (struct ctlfs_file *)(uintptr_t)fi->fh;
}

static int op_open(const char *path, struct fuse_file_info *fi)
{
	struct ctlfs *fs = self();
	struct ctlfs_file *f;
	struct ctlfs_node n;
	int err = find(fs, path, &n);

	if (err)
		return err;
	if (n.kind != CTLFS_FILE)
		return -EISDIR;
	/* Root passes the mode bits; what a file cannot do it still cannot do. */
	if (((fi->flags & O_ACCMODE) != O_RDONLY && !n.attr->writable) ||
	    ((fi->flags & O_ACCMODE) != O_WRONLY && !n.attr->show))
		return -EACCES;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	snprintf(f->path, sizeof(f->path), "%s", path + 1);
	list_append(&fs->files, &f->link);
	fi->fh = (uintptr_t)f;
	fi->direct_io = 1; /* neither the page cache nor st_size stands between reader and value */
	return 0;
}

static int op_release(const char *path, struct fuse_file_info *fi)
{
	struct ctlfs_file *f = file_of(fi);

	list_remove(&f->link);
	if (f->poller)
		fuse_pollhandle_destroy(f->poller);
	free(f->value);
	free(f);
	return 0;
}

static int load(struct ctlfs *fs, struct ctlfs_file *f)
{
	char *value CLEANUP_FREE = malloc(ATTR_VALUE_MAX + 1);
	struct request q = {.fs = fs, .kind = REQUEST_READ, .path = f->path, .out = value};
	int err;

	if (!value)
		return -ENOMEM;
	f->changed = false;
	err = ask(&q);
	if (err)
		/* The camera was removed while the file was open. */
		return err == -ENOENT ? -ENODEV : err;
	strcat(value, "\n");
	free(f->value);
	f->len = strlen(value);
	f->value = TAKE_PTR(value);
	return 0;
}

static int op_read(const char *path, char *buf, size_t size, off_t offset,
		   struct fuse_file_info *fi)
{
	struct ctlfs_file *f = file_of(fi);

	if (offset == 0 || !f->value) {
		int err = load(self(), f);

		if (err)
			return err;
	}
	if ((size_t)offset >= f->len)
		return 0;
	if (size > f->len - (size_t)offset)
		size = f->len - (size_t)offset;
	memcpy(buf, f->value + offset, size);
	return (int)size;
}

/* Has the slow part of a change done here, off the reactor. */
static int finish(struct ctlfs *fs, const char *path, struct attr_deferred *d)
{
	char line[ATTR_PATH_MAX + ERRMSG_MAX + 2];
	struct errmsg why = {""};
	int err = d->run(d, &why);

	if (!err)
		return 0;
	snprintf(line, sizeof(line), "%s: %s", path, why.text);
	fs->o.log(fs->o.log_ctx, LOG_ERR, line);
	return refuse(fs, err, line);
}

static int op_write(const char *path, const char *buf, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	struct ctlfs *fs = self();
	struct ctlfs_file *f = file_of(fi);
	char who[256], line[ATTR_PATH_MAX + 128];
	char *value CLEANUP_FREE = NULL;
	struct request q = {.fs = fs, .kind = REQUEST_WRITE, .path = f->path, .who = who};
	const char *start = buf, *end = buf + size;
	int err;

	if (offset != 0) {
		snprintf(line, sizeof(line),
			 "%s: a value is written whole and at once; use > instead of >>", f->path);
		return refuse(fs, -EINVAL, line);
	}
	if (size >= ATTR_VALUE_MAX || memchr(buf, '\0', size)) {
		snprintf(line, sizeof(line), "%s: %s", f->path,
			 size >= ATTR_VALUE_MAX ? "the value is too long: at most 8190 bytes"
						: "the value has a NUL byte");
		return refuse(fs, -EINVAL, line);
	}
	while (end > start && strchr(" \t\r\n", end[-1]))
		end--;
	while (start < end && strchr(" \t", *start))
		start++;
	value = strndup(start, (size_t)(end - start));
	if (!value)
		return -ENOMEM;
	describe_caller(who, sizeof(who));
	q.value = value;
	err = ask(&q);
	if (err == -ENOENT)
		err = -ENODEV;
	if (!err && q.deferred)
		err = finish(fs, f->path, q.deferred);
	return err ? err : (int)size;
}

/* Opening with O_TRUNC is how the shell's > begins; the value changes with the write alone. */
static int op_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	return 0;
}

/* touch(1) and cp -p do no harm. */
static int op_utimens(const char *path, const struct timespec tv[2], struct fuse_file_info *fi)
{
	return 0;
}

/* As sysfs: readable at any time; POLLPRI and POLLERR say that the value may have changed since it
 * was last read. */
static int op_poll(const char *path, struct fuse_file_info *fi, struct fuse_pollhandle *ph,
		   unsigned *revents)
{
	struct ctlfs_file *f = file_of(fi);

	if (ph) {
		if (f->poller)
			fuse_pollhandle_destroy(f->poller);
		f->poller = ph;
	}
	*revents = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
	if (f->changed)
		*revents |= POLLPRI | POLLERR;
	return 0;
}

/* A state's change may change what is beside it: why, in_event. */
static bool concerns(const char *changed, const char *path)
{
	const char *slash = strrchr(changed, '/');
	size_t folder = slash ? (size_t)(slash + 1 - changed) : 0;
	struct ctlfs_node n;

	if (!strcmp(changed, path))
		return true;
	if (strcmp(changed + folder, "state") || strncmp(changed, path, folder) || !folder)
		return false;
	n = ctlfs_tree_find(path);
	return n.attr && n.attr->pollable;
}

void ctlfs_wake(struct ctlfs *fs, const char *path, bool any)
{
	struct ctlfs_file *f;

	list_for_each (f, &fs->files, link) {
		if (!any && !concerns(path, f->path))
			continue;
		f->changed = true;
		if (!f->poller)
			continue;
		/* It fails only when the poller has gone away. */
		(void)fuse_notify_poll(f->poller);
		fuse_pollhandle_destroy(f->poller);
		f->poller = NULL;
	}
}

/* ---- cameras come and go ---- */

static int op_mkdir(const char *path, mode_t mode)
{
	struct ctlfs *fs = self();
	const char *name = strrchr(path, '/') + 1;
	char who[256], line[PATH_MAX];
	struct request q = {.fs = fs, .kind = REQUEST_ADD, .path = name, .who = who};

	if (strncmp(path, "/cameras/", 9) || strchr(path + 9, '/'))
		return -EPERM;
	if (strlen(name) >= CAMERA_NAME_MAX) {
		snprintf(line, sizeof(line), "a camera's name has at most %d characters",
			 CAMERA_NAME_MAX - 1);
		return refuse(fs, -EINVAL, line);
	}
	describe_caller(who, sizeof(who));
	return ask(&q);
}

static int op_rmdir(const char *path)
{
	struct ctlfs *fs = self();
	struct ctlfs_node n;
	char who[256];
	struct request q = {.fs = fs, .kind = REQUEST_REMOVE, .path = n.camera, .who = who};
	int err = find(fs, path, &n);

	if (err)
		return err;
	if (n.kind != CTLFS_CAMERA)
		return -EPERM;
	describe_caller(who, sizeof(who));
	return ask(&q);
}

/* Writing to a name that does not exist: the caller misspelt it. */
static int op_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	char camera[CAMERA_NAME_MAX];
	struct errmsg why = {"no such camera; mkdir adds one"};

	(void)attr_lookup(path + 1, camera, sizeof(camera), &why);
	return refuse(self(), -ENOENT, why.text);
}

static int op_refuse_path(const char *path)
{
	return -EPERM;
}

static int op_refuse_mknod(const char *path, mode_t mode, dev_t dev)
{
	return -EPERM;
}

static int op_refuse_rename(const char *from, const char *to, unsigned flags)
{
	return -EPERM;
}

static int op_refuse_chmod(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	return -EPERM;
}

static int op_refuse_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi)
{
	return -EPERM;
}

static void *op_init(struct fuse_conn_info *conn, struct fuse_config *cfg)
{
	/* Cameras come and go without the kernel's knowing: it must not remember names. */
	cfg->entry_timeout = 0;
	cfg->attr_timeout = 0;
	cfg->negative_timeout = 0;
	cfg->use_ino = 0;
	cfg->direct_io = 1;
	return fuse_get_context()->private_data;
}

const struct fuse_operations ctlfs_operations = {
	.init = op_init,
	.getattr = op_getattr,
	.readdir = op_readdir,
	.open = op_open,
	.release = op_release,
	.read = op_read,
	.write = op_write,
	.truncate = op_truncate,
	.utimens = op_utimens,
	.poll = op_poll,
	.mkdir = op_mkdir,
	.rmdir = op_rmdir,
	.create = op_create,
	.mknod = op_refuse_mknod,
	.unlink = op_refuse_path,
	.rename = op_refuse_rename,
	.chmod = op_refuse_chmod,
	.chown = op_refuse_chown,
};
