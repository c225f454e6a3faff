/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which camera it is, across replugging: a node's number changes, its port and serial do not.
 * Reads sysfs and the links that udev keeps; works without a udev database. Opener threads and
 * tools (reads files).
 */
#ifndef CAPTURE_V4L2_IDENTITY_H
#define CAPTURE_V4L2_IDENTITY_H

#include <stddef.h>
#include <sys/types.h>

#include "capture/core/compiler.h"

#define V4L2_IDENTITY_LINK_MAX 256

/* The name of the link in `dir` ("/dev/v4l/by-path") that leads to the character device `rdev`;
 * of several the first in order. "" when there is none. */
void v4l2_identity_link(char out[static V4L2_IDENTITY_LINK_MAX], const char *dir, dev_t rdev);

/* The USB serial number of the device behind a node; "" when it has none. */
void v4l2_identity_serial(char *out, size_t size, dev_t rdev);

/* "PORT" or "PORT serial=SERIAL"; PORT is the by-path link's name, or `bus` without one. `fd` is
 * the open node; if it is no character device only `bus` is used. */
void v4l2_identity_text(char *out, size_t size, int fd, const char *bus);

#endif
