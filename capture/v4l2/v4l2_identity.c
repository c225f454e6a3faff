/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/v4l2/v4l2_identity.h"

#include <dirent.h>
#include <fcntl.h>
#include <libudev.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

void v4l2_identity_link(char out[static V4L2_IDENTITY_LINK_MAX], const char *dir, dev_t rdev)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;

	out[0] = '\0';
	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, 0) ||
		    !S_ISCHR(st.st_mode) || st.st_rdev != rdev)
			continue;
		if (!out[0] || strcmp(e->d_name, out) < 0)
			snprintf(out, V4L2_IDENTITY_LINK_MAX, "%s", e->d_name);
	}
	closedir(d);
}

/* Serials come from the device: anything but plain characters becomes '_'. */
static void copy_plain(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; text[n] && n + 1 < size; n++)
		out[n] = text[n] > ' ' && text[n] < 0x7f ? text[n] : '_';
	out[n] = '\0';
}

void v4l2_identity_serial(char *out, size_t size, dev_t rdev)
{
	struct udev *udev = udev_new();
	struct udev_device *node = NULL, *usb = NULL;
	const char *serial = NULL;

	out[0] = '\0';
	if (udev)
		node = udev_device_new_from_devnum(udev, 'c', rdev);
	if (node) /* owned by the node */
		usb = udev_device_get_parent_with_subsystem_devtype(node, "usb", "usb_device");
	if (usb)
		serial = udev_device_get_sysattr_value(usb, "serial");
	if (serial)
		copy_plain(out, size, serial);
	udev_device_unref(node);
	udev_unref(udev);
}

void v4l2_identity_text(char *out, size_t size, int fd, const char *bus)
{
	char link[V4L2_IDENTITY_LINK_MAX] = "", serial[64] = "";
	struct stat st;

	if (!fstat(fd, &st) && S_ISCHR(st.st_mode)) {
		v4l2_identity_link(link, "/dev/v4l/by-path", st.st_rdev);
		v4l2_identity_serial(serial, sizeof(serial), st.st_rdev);
	}
	snprintf(out, size, "%s%s%s", link[0] ? link : bus, serial[0] ? " serial=" : "", serial);
}
