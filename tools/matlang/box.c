/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/box.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/i18n.h"

/* Everything the box says of one camera, read at once: lines "name value". */
struct values {
	char text[CONTROL_VALUE_MAX];
};

/* The value behind `what` in the lines; *len its length. NULL: no such line. */
static const char *find(const struct values *v, const char *what, size_t *len)
{
	size_t n = strlen(what);

	for (const char *line = v->text; *line;) {
		const char *end = strchrnul(line, '\n');

		if (!strncmp(line, what, n) && line[n] == ' ') {
			*len = (size_t)(end - line) - n - 1;
			return line + n + 1;
		}
		line = *end ? end + 1 : end;
	}
	return NULL;
}

/* "" when it is not there (the camera may just have been removed). */
static void text(const struct values *v, const char *what, char *out, size_t size)
{
	size_t len = 0;
	const char *value = find(v, what, &len);

	snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), value ? value : "");
}

static uint64_t count(const struct values *v, const char *what)
{
	char number[32];

	text(v, what, number, sizeof(number));
	return strtoull(number, NULL, 10);
}

static double real(const struct values *v, const char *what)
{
	char number[32];

	text(v, what, number, sizeof(number));
	return strtod(number, NULL);
}

static void read_one(const struct control *box, struct box_camera *cam)
{
	char what[192];
	struct values v;

	snprintf(what, sizeof(what), "cameras/%s/all", cam->name);
	if (control_read(box, what, v.text, sizeof(v.text), NULL) < 0)
		v.text[0] = '\0';
	text(&v, "title", cam->title, sizeof(cam->title));
	text(&v, "source", cam->source, sizeof(cam->source));
	text(&v, "state", cam->state, sizeof(cam->state));
	text(&v, "why", cam->why, sizeof(cam->why));
	text(&v, "format_now", cam->format, sizeof(cam->format));
	text(&v, "size_now", cam->size, sizeof(cam->size));
	text(&v, "memory", cam->memory, sizeof(cam->memory));
	text(&v, "card", cam->card, sizeof(cam->card));
	cam->enabled = count(&v, "enabled") != 0;
	cam->streaming = !strcmp(cam->state, "streaming");
	cam->in_event = count(&v, "motion/in_event") != 0;
	text(&v, "motion/tamper", cam->tamper, sizeof(cam->tamper));
	cam->events = count(&v, "motion/events");
	cam->tampers = count(&v, "motion/tampers");
	cam->alarms_hour = count(&v, "motion/alarms_hour");
	cam->level = count(&v, "motion/level");
	cam->analyzed = count(&v, "motion/analyzed");
	cam->skipped = count(&v, "motion/skipped");
	cam->restless = real(&v, "motion/restless_percent");
	cam->noise = real(&v, "motion/noise");
	cam->lag_ms = real(&v, "motion/lag_ms");
	cam->lag_max_ms = real(&v, "motion/lag_max_ms");
	cam->fps = real(&v, "fps");
	cam->fps_nominal = real(&v, "fps_nominal");
	cam->recorded = count(&v, "recorded");
	cam->bytes = count(&v, "bytes");
	cam->torn = count(&v, "torn");
	cam->lost_total = count(&v, "lost_total");
	for (unsigned i = 1; i < LOSS_CAUSES; i++) {
		snprintf(what, sizeof(what), "lost/%s", loss_cause_name(i));
		cam->lost[i] = count(&v, what);
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

bool box_camera_view_lost(const struct box_camera *cam)
{
	return cam->streaming && *cam->tamper && strcmp(cam->tamper, "none");
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
		{"streaming", N_("recording")},   {"opening", N_("opening")},
		{"waiting", N_("NOT RECORDING")}, {"error", N_("NOT RECORDING")},
		{"closing", N_("closing")},       {"off", N_("off")},
	};

	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (!strcmp(cam->state, states[i].word))
			return _(states[i].text);
	return cam->state;
}
