/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One camera: what it is, how it is to be recorded, how it is doing. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "capture/core/pixfmt.h"
#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_field.h"

static ATTR_SHOW(show_title)
{
	return attr_print(out, size, "%s", recorder_settings(t->camera)->title);
}

static ATTR_STORE(store_title)
{
	snprintf(t->draft->title, sizeof(t->draft->title), "%s", value);
	return 0;
}

static ATTR_SHOW(show_source)
{
	return attr_print(out, size, "%s", recorder_settings(t->camera)->camera.source);
}

/* A camera that is made with mkdir is off because it has no source; naming one is what switches it
 * on, so that nobody forgets. Removing the source switches it off: there is nothing to open. */
static ATTR_STORE(store_source)
{
	struct camera_config *c = &t->draft->camera;

	if (value[0] && source_check(value, em))
		return -EINVAL;
	if (!value[0])
		c->enabled = false;
	else if (!c->source[0])
		c->enabled = true;
	snprintf(c->source, sizeof(c->source), "%s", value);
	return 0;
}

static ATTR_STORE(store_enabled)
{
	int err = attr_setting_store_bool(a, t, value, em);

	if (!err && t->draft->camera.enabled && !t->draft->camera.source[0])
		return errmsg_set(em, -EINVAL, "the camera has no source yet: set source first");
	return err;
}

static const char *const formats[] = {"auto", "mjpeg", "jpeg", "h264", "hevc", "grey", "nv12",
				      "nv21", "nv16",  "nm12", "nm21", "nm16", "yu12", "yv12",
				      "ym12", "ym21",  "yuyv", "uyvy", NULL};
static const char *const memories[] = {"auto", "pool", "udmabuf", "userptr", "mmap", NULL};

static void lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s += 'a' - 'A';
}

static int print_format(uint32_t fourcc, const char *none, char *out, size_t size)
{
	const struct pixfmt *pf = pixfmt_find(fourcc);
	int err = attr_print(out, size, "%s", pf ? pf->name : none);

	if (!err)
		lower(out);
	return err;
}

static ATTR_SHOW(show_format)
{
	return print_format(recorder_settings(t->camera)->camera.want.fourcc, "auto", out, size);
}

static ATTR_STORE(store_format)
{
	const struct pixfmt *pf = pixfmt_find_name(value);

	if (!pf && strcasecmp(value, "auto"))
		return errmsg_set(em, -EINVAL, "\"%s\" is not a known format", value);
	t->draft->camera.want.fourcc = pf ? pf->fourcc : 0;
	return 0;
}

static ATTR_SHOW(show_memory_want)
{
	return attr_print(out, size, "%s",
			  slab_kind_name(recorder_settings(t->camera)->camera.want.memory));
}

static ATTR_STORE(store_memory_want)
{
	char name[16];

	snprintf(name, sizeof(name), "%s", value);
	lower(name);
	return slab_kind_parse(name, &t->draft->camera.want.memory);
}

/* Two buffers at least: one the device fills while the other is written. */
static ATTR_STORE(store_slots)
{
	unsigned old = t->draft->camera.want.slots;
	int err = attr_setting_store_u32(a, t, value, em);

	if (!err && t->draft->camera.want.slots == 1) {
		t->draft->camera.want.slots = old;
		return errmsg_set(em, -EINVAL, "one slot is too few: 2..64, or 0 for the default");
	}
	return err;
}

static void stats(const struct attr_target *t, struct camera_stats *out)
{
	struct recorder_stats s;

	recorder_stats(t->camera, &s);
	*out = s.camera;
}

static ATTR_SHOW(show_state)
{
	struct camera_stats s;

	stats(t, &s);
	return attr_print(out, size, "%s", camera_state_name(s.state));
}

/* A string inside struct camera_stats. */
static ATTR_SHOW(show_text)
{
	struct camera_stats s;

	stats(t, &s);
	return attr_print(out, size, "%s", (const char *)&s + a->field);
}

static ATTR_SHOW(show_format_now)
{
	struct camera_stats s;

	stats(t, &s);
	return print_format(s.format.fourcc, "", out, size);
}

static ATTR_SHOW(show_size_now)
{
	struct camera_stats s;

	stats(t, &s);
	if (!s.format.width)
		return attr_print(out, size, "%s", "");
	return attr_print(out, size, "%" PRIu32 "x%" PRIu32, s.format.width, s.format.height);
}

static ATTR_SHOW(show_fps)
{
	struct camera_stats s;

	stats(t, &s);
	return attr_print(out, size, "%.2f", s.fps);
}

static ATTR_SHOW(show_fps_nominal)
{
	struct camera_stats s;

	stats(t, &s);
	return attr_print(out, size, "%.2f", s.format.fps);
}

static ATTR_SHOW(show_memory)
{
	struct camera_stats s;

	stats(t, &s);
	return attr_print(out, size, "%s", s.slots ? slab_kind_name(s.memory) : "");
}

static ATTR_SHOW(show_bool)
{
	struct camera_stats s;

	stats(t, &s);
	return attr_print(out, size, "%d", *(const bool *)((const char *)&s + a->field));
}

static ATTR_SHOW(show_unsigned)
{
	struct camera_stats s;

	stats(t, &s);
	return attr_print(out, size, "%u", *(const unsigned *)((const char *)&s + a->field));
}

static ATTR_SHOW(show_slab_bytes)
{
	struct camera_stats s;

	stats(t, &s);
	return attr_print(out, size, "%zu", s.slab_bytes);
}

static ATTR_SHOW(show_last_frame)
{
	struct camera_stats s;

	stats(t, &s);
	if (!s.last_frame_mono_ns)
		return attr_print(out, size, "%s", "");
	return attr_print(out, size, "%.3f",
			  (double)(monotime_now() - s.last_frame_mono_ns) / (double)NSEC_PER_SEC);
}

static ATTR_SHOW(show_lost_total)
{
	struct recorder_stats s;
	uint64_t total = 0;

	recorder_stats(t->camera, &s);
	for (size_t i = 0; i < LOSS_CAUSES; i++)
		total += s.lost[i];
	return attr_print(out, size, "%" PRIu64, total);
}

#define P "cameras/<camera>/"
#define SETTING(name_, type_, kind_, field_, min_, max_, unit_, def_, help_)                  \
	{                                                                                     \
		.path = P name_, .type = type_, .writable = true, .saved = true, .min = min_, \
		.max = max_, .unit = unit_, .def = def_, .show = attr_setting_show_##kind_,   \
		.store = attr_setting_store_##kind_,                                          \
		.field = offsetof(struct recorder_settings, field_), .help = help_            \
	}
#define SPECIAL(name_, type_, max_, def_, choices_, show_, store_, help_)                     \
	{                                                                                     \
		.path = P name_, .type = type_, .writable = true, .saved = true, .max = max_, \
		.unit = "", .def = def_, .choices = choices_, .show = show_, .store = store_, \
		.help = help_                                                                 \
	}
#define TEXT(name_, field_, help_)                                                 \
	{                                                                          \
		.path = P name_, .type = ATTR_TEXT, .unit = "", .show = show_text, \
		.field = offsetof(struct camera_stats, field_), .help = help_      \
	}
#define FIGURE(name_, type_, unit_, show_, help_)                                           \
	{                                                                                   \
		.path = P name_, .type = type_, .unit = unit_, .show = show_, .help = help_ \
	}
#define COUNTER(name_, field_, unit_, help_)                                                    \
	{                                                                                       \
		.path = P name_, .type = ATTR_INT, .unit = unit_, .show = attr_camera_show_u64, \
		.field = offsetof(struct recorder_stats, field_), .help = help_                 \
	}
#define LOST(name_, cause_, help_) COUNTER("lost/" name_, lost[cause_], "frames", help_)

static const struct attr table[] = {
	SPECIAL("title", ATTR_TEXT, sizeof(((struct recorder_settings *)0)->title) - 1, "", NULL,
		show_title, store_title, "What people call the camera, in any language."),
	/* Before `enabled`: the configuration file's settings are taken in the table's order. */
	SPECIAL("source", ATTR_TEXT, SOURCE_URI_MAX - 1, "", NULL, show_source, store_source,
		"The device: v4l2:by-path/..., v4l2:/dev/video0, clip:FILE or rack:...; naming the "
		"first one switches the camera on."),
	{.path = P "enabled",
	 .type = ATTR_BOOL,
	 .writable = true,
	 .saved = true,
	 .unit = "",
	 .def = "1",
	 .show = attr_setting_show_bool,
	 .store = store_enabled,
	 .field = offsetof(struct recorder_settings, camera.enabled),
	 .help = "Whether the camera is recorded; off frames are on the ledger as stopped."},
	SETTING("width_max", ATTR_INT, u32, camera.want.max_width, 0, 16384, "pixels", "0",
		"The widest picture to ask the camera for; 0 is no limit. With neither this nor "
		"height_max set, raw pictures are limited to 1920x1080."),
	SETTING("height_max", ATTR_INT, u32, camera.want.max_height, 0, 16384, "pixels", "0",
		"The highest picture to ask the camera for; 0 is no limit. With neither this nor "
		"width_max set, raw pictures are limited to 1920x1080."),
	SETTING("fps_max", ATTR_DOUBLE, double, camera.want.max_fps, 0, 1000, "frames/s", "0",
		"The fastest rate to ask the camera for; 0 is no limit."),
	SPECIAL("format", ATTR_CHOICE, 0, "auto", formats, show_format, store_format,
		"The picture format to ask for; auto takes MJPEG before H.264 and HEVC before "
		"raw."),
	SPECIAL("memory_want", ATTR_CHOICE, 0, "auto", memories, show_memory_want,
		store_memory_want,
		"The kind of frame memory; auto takes the best that camera and kernel offer."),
	{.path = P "slots",
	 .type = ATTR_INT,
	 .writable = true,
	 .saved = true,
	 .max = 64,
	 .unit = "slots",
	 .def = "0",
	 .show = attr_setting_show_u32,
	 .store = store_slots,
	 .field = offsetof(struct recorder_settings, camera.want.slots),
	 .help = "Frames that may wait for disk and analysis, 2..64; 0 is the default."},
	SETTING("stall_seconds", ATTR_DOUBLE, seconds, camera.stall_ns, 0, 3600, "s", "0",
		"Without a frame for so long the camera is opened anew; 0 is the default, 10 s and "
		"at "
		"least four frames."),
	SETTING("encode", ATTR_BOOL, bool, encode, 0, 1, "", "0",
		"Whether raw pictures are compressed to JPEG before they are recorded."),
	SETTING("encode_quality", ATTR_INT, u8, encode_quality, 1, 100, "", "85",
		"JPEG quality when encode is on."),
	{.path = P "state",
	 .type = ATTR_TEXT,
	 .pollable = true,
	 .unit = "",
	 .show = show_state,
	 .help = "off, opening, streaming, closing; waiting (not there, or in use by another "
		 "program) or error (it failed, or cannot be used): both are tried again for "
		 "ever."},
	{.path = P "why",
	 .type = ATTR_TEXT,
	 .pollable = true,
	 .unit = "",
	 .show = show_text,
	 .field = offsetof(struct camera_stats, why),
	 .help = "Why the camera is not streaming, in one line; empty when all is well."},
	TEXT("driver", format.driver, "Kernel driver of the device."),
	TEXT("card", format.card, "The device's own name."),
	TEXT("bus", format.bus, "Where the device is plugged in."),
	TEXT("identity", format.identity,
	     "What makes it the same camera when it is plugged in again."),
	FIGURE("format_now", ATTR_TEXT, "", show_format_now, "The format that was agreed on."),
	FIGURE("size_now", ATTR_TEXT, "pixels", show_size_now,
	       "The picture size that was agreed on, WIDTHxHEIGHT."),
	FIGURE("fps_nominal", ATTR_DOUBLE, "frames/s", show_fps_nominal,
	       "The rate that was agreed on; 0 when the device does not tell."),
	FIGURE("fps", ATTR_DOUBLE, "frames/s", show_fps, "Measured over the last seconds."),
	{.path = P "multiplanar",
	 .type = ATTR_BOOL,
	 .unit = "",
	 .show = show_bool,
	 .field = offsetof(struct camera_stats, format.multiplanar),
	 .help = "1 when the device is driven through the multi-planar interface."},
	FIGURE("memory", ATTR_TEXT, "", show_memory,
	       "The kind of frame memory in use: pool, udmabuf, userptr or mmap."),
	{.path = P "registered",
	 .type = ATTR_BOOL,
	 .unit = "",
	 .show = show_bool,
	 .field = offsetof(struct camera_stats, registered),
	 .help = "1 when the frame memory is registered with the kernel for writing."},
	{.path = P "slots_now",
	 .type = ATTR_INT,
	 .unit = "slots",
	 .show = show_unsigned,
	 .field = offsetof(struct camera_stats, slots),
	 .help = "Slots in use."},
	{.path = P "slots_free",
	 .type = ATTR_INT,
	 .unit = "slots",
	 .show = show_unsigned,
	 .field = offsetof(struct camera_stats, slots_free),
	 .help = "Of these, with the device and ready to be filled."},
	FIGURE("slab_bytes", ATTR_INT, "bytes", show_slab_bytes, "Frame memory of this camera."),
	COUNTER("frames", camera.frames, "frames",
		"Frames delivered since start, torn ones included."),
	COUNTER("bytes", camera.bytes, "bytes", "Bytes delivered since start."),
	COUNTER("recorded", recorded, "frames", "Frames the store has taken since start."),
	COUNTER("gathered", gathered, "frames",
		"Of these, small ones that were copied once to be written together."),
	COUNTER("copies", camera.copies, "frames",
		"Frames that had to be copied because of the driver's memory."),
	COUNTER("encoded", encoded, "frames", "Raw frames compressed before recording."),
	COUNTER("torn", camera.torn, "frames",
		"Frames that were not whole; recorded all the same."),
	COUNTER("refused", refused, "frames",
		"Frames the store did not take; they are on the ledger."),
	FIGURE("last_frame_seconds", ATTR_DOUBLE, "s", show_last_frame,
	       "Age of the newest frame; empty before the first."),
	COUNTER("opens", camera.opens, "", "Times the device was opened since start."),
	COUNTER("failures", camera.failures, "", "Times the device failed since start."),
	FIGURE("lost_total", ATTR_INT, "frames", show_lost_total,
	       "Frames on the loss ledger since start, all causes."),
	LOST("sequence-gap", LOSS_SEQUENCE_GAP,
	     "The driver's numbering skipped while slots were free: device or bus."),
	LOST("device-error", LOSS_DEVICE_ERROR, "The device flagged the frame as broken."),
	LOST("torn", LOSS_TORN, "Not a whole picture."),
	LOST("no-slot", LOSS_NO_SLOT, "Every slot was waiting for disk or analysis."),
	LOST("disk-late", LOSS_DISK_LATE, "Given up because the disk did not keep up."),
	LOST("camera-away", LOSS_CAMERA_AWAY,
	     "The camera was unplugged, failed or not yet found; counted from its rate."),
	LOST("stopped", LOSS_STOPPED, "Recording was switched off; counted from the rate."),
	LOST("write-error", LOSS_WRITE_ERROR, "The disk failed before the frame was durable."),
	LOST("time-gap", LOSS_TIME_GAP,
	     "Timestamps show missing frames though the numbering does not."),
	LOST("no-space", LOSS_NO_SPACE, "Every segment was locked."),
};
const struct attr_part attr_part_camera = {table, ARRAY_SIZE(table)};
