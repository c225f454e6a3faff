/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/rackdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/common/i18n.h"

int rackdir_open(struct control *rack, const char *dir, struct errmsg *em)
{
	struct stat st;

	control_init(rack, dir ? dir : RACKDIR_DEFAULT);
	if (stat(rack->dir, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return errmsg_set(
		em, -ENOENT,
		_("there is no rack in %s: load it with 'modprobe matlang_rack', and mount "
		  "configfs with 'mount -t configfs none /sys/kernel/config'"),
		rack->dir);
}

bool rackdir_name_ok(const char *name)
{
	return *name && *name != '.' && strlen(name) < 40 && !strchr(name, '/');
}

void rackdir_get(const struct control *rack, const char *camera, const char *file, char *out,
		 size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", camera, file);
	if (control_read(rack, path, out, size, NULL) < 0)
		*out = '\0';
}

int rackdir_set(const struct control *rack, const char *camera, const char *file, const char *value,
		struct errmsg *em)
{
	char path[256];
	ssize_t n;
	int fd, err = 0;

	if (snprintf(path, sizeof(path), "%s/%s/%s", rack->dir, camera, file) >= (int)sizeof(path))
		return errmsg_set(em, -ENAMETOOLONG, _("%s: the name is too long"), rack->dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errmsg_set(em, -errno, "%s: %s", path, strerror(errno));
	n = write(fd, value, strlen(value));
	if (n < 0)
		err = -errno;
	close(fd);
	switch (err) {
	case 0: return 0;
	case -EBUSY:
		return errmsg_set(
			em, err,
			_("%s: the camera is plugged in; unplug it first: echo 0 >%s/%s/plugged"),
			path, rack->dir, camera);
	case -EINVAL: return errmsg_set(em, err, _("%s: '%s' is not taken"), path, value);
	default: return errmsg_set(em, err, "%s: %s", path, strerror(-err));
	}
}
