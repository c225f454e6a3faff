/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/box.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/i18n.h"

/* One value of the camera; "" when it cannot be read (the camera may just have been removed). */
static void text(const struct control *box, const struct box_camera *cam, const char *what,
		 char *out, size_t size)
{
	char path[192], value[CONTROL_VALUE_MAX];

	snprintf(path, sizeof(path), "cameras/%s/%s", cam->name, what);
	if (control_read(box, path, value, sizeof(value), NULL) < 0)
		value[0] = '\0';
	snprintf(out, size, "%.*s", (int)size - 1, value);
}

static uint64_t count(const struct control *box, const struct box_camera *cam, const char *what)
{
	char path[192];
	int64_t value;

	snprintf(path, sizeof(path), "cameras/%s/%s", cam->name, what);
	value = control_number(box, path, 0);
	return value > 0 ? (uint64_t)value : 0;
}

static double real(const struct control *box, const struct box_camera *cam, const char *what)
{
	char path[192];

	snprintf(path, sizeof(path), "cameras/%s/%s", cam->name, what);
	return control_real(box, path, 0);
}

static void read_one(const struct control *box, struct box_camera *cam)
{
	char what[64];

	text(box, cam, "title", cam->title, sizeof(cam->title));
	text(box, cam, "source", cam->source, sizeof(cam->source));
	text(box, cam, "state", cam->state, sizeof(cam->state));
	text(box, cam, "why", cam->why, sizeof(cam->why));
	text(box, cam, "format_now", cam->format, sizeof(cam->format));
	text(box, cam, "size_now", cam->size, sizeof(cam->size));
	text(box, cam, "memory", cam->memory, sizeof(cam->memory));
	text(box, cam, "card", cam->card, sizeof(cam->card));
	cam->enabled = count(box, cam, "enabled") != 0;
	cam->streaming = !strcmp(cam->state, "streaming");
	cam->in_event = count(box, cam, "motion/in_event") != 0;
	cam->events = count(box, cam, "motion/events");
	cam->fps = real(box, cam, "fps");
	cam->fps_nominal = real(box, cam, "fps_nominal");
	cam->recorded = count(box, cam, "recorded");
	cam->bytes = count(box, cam, "bytes");
	cam->torn = count(box, cam, "torn");
	cam->lost_total = count(box, cam, "lost_total");
	for (unsigned i = 1; i < LOSS_CAUSES; i++) {
		snprintf(what, sizeof(what), "lost/%s", loss_cause_name(i));
		cam->lost[i] = count(box, cam, what);
	}
}

int box_cameras_read(struct box_cameras *out, const struct control *box)
{
	struct control_paths names = {0};
	int err = control_children(box, "cameras", &names);

	out->count = 0;
	out->item = err ? NULL : calloc(names.count + 1, sizeof(*out->item));
	if (!err && !out->item)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < names.count; i++) {
		struct box_camera *cam = &out->item[out->count];

		if (strlen(names.path[i]) >= sizeof(cam->name))
			continue;
		strcpy(cam->name, names.path[i]);
		read_one(box, cam);
		out->count++;
	}
	control_paths_free(&names);
	return err;
}

void box_cameras_free(struct box_cameras *s)
{
	free(s->item);
	*s = (struct box_cameras){0};
}

bool box_camera_in_trouble(const struct box_camera *cam)
{
	return cam->enabled && !cam->streaming;
}

enum loss_cause box_camera_main_cause(const struct box_camera *cam)
{
	unsigned best = LOSS_NONE;

	for (unsigned i = 1; i < LOSS_CAUSES; i++)
		if (cam->lost[i] > cam->lost[best])
			best = i;
	return best;
}

const char *box_camera_state_text(const struct box_camera *cam)
{
	static const struct {
		const char *word, *text;
	} states[] = {
		{"streaming", N_("recording")},
		{"opening", N_("opening")},
		{"waiting", N_("NOT RECORDING")},
		{"closing", N_("closing")},
		{"off", N_("off")},
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (!strcmp(cam->state, states[i].word))
			return _(states[i].text);
	return cam->state;
}
