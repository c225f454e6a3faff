/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlangd/attr_field.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_value.h"
#include "tools/matlangd/box_settings.h"

int attr_print(char *out, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(out, size, fmt, ap);
	va_end(ap);
	return n >= 0 && (size_t)n < size ? 0 : -EOVERFLOW;
}

/* The field in the settings in force, and in the draft being edited. */
static const void *shown(const struct attr *a, const struct attr_target *t)
{
	return (const char *)recorder_settings(t->camera) + a->field;
}

static void *edited(const struct attr *a, const struct attr_target *t)
{
	return (char *)t->draft + a->field;
}

ATTR_SHOW(attr_setting_show_bool)
{
	return attr_print(out, size, "%d", *(const bool *)shown(a, t));
}

ATTR_STORE(attr_setting_store_bool)
{
	return attr_value_bool(value, edited(a, t));
}

ATTR_SHOW(attr_setting_show_u8)
{
	return attr_print(out, size, "%u", *(const uint8_t *)shown(a, t));
}

ATTR_STORE(attr_setting_store_u8)
{
	int64_t v;
	int err = attr_value_int(value, &v);

	if (!err)
		*(uint8_t *)edited(a, t) = (uint8_t)v;
	return err;
}

ATTR_SHOW(attr_setting_show_u32)
{
	return attr_print(out, size, "%" PRIu32, *(const uint32_t *)shown(a, t));
}

ATTR_STORE(attr_setting_store_u32)
{
	int64_t v;
	int err = attr_value_int(value, &v);

	if (!err)
		*(uint32_t *)edited(a, t) = (uint32_t)v;
	return err;
}

ATTR_SHOW(attr_setting_show_double)
{
	attr_value_format(*(const double *)shown(a, t), out, size);
	return 0;
}

ATTR_STORE(attr_setting_store_double)
{
	double v;
	int err = attr_value_double(value, &v);

	if (!err)
		*(double *)edited(a, t) = v;
	return err;
}

ATTR_SHOW(attr_setting_show_seconds)
{
	attr_value_format((double)*(const int64_t *)shown(a, t) / (double)NSEC_PER_SEC, out, size);
	return 0;
}

ATTR_STORE(attr_setting_store_seconds)
{
	double v;
	int err = attr_value_double(value, &v);

	if (!err)
		*(int64_t *)edited(a, t) = llround(v * (double)NSEC_PER_SEC);
	return err;
}

static double figure(enum attr_repr repr, const void *p)
{
	switch (repr) {
	case ATTR_BOOLEAN: return *(const bool *)p;
	case ATTR_U16: return *(const uint16_t *)p;
	case ATTR_SIZE: return (double)*(const size_t *)p;
	case ATTR_INT64: return (double)*(const int64_t *)p;
	case ATTR_REAL: return *(const double *)p;
	}
	return 0;
}

ATTR_SHOW(attr_box_show_unsigned)
{
	return attr_print(out, size, "%u",
			  *(const unsigned *)((const char *)t->env->settings + a->field));
}

ATTR_STORE(attr_box_store_unsigned)
{
	int64_t v;
	int err = attr_value_int(value, &v);

	if (!err)
		*(unsigned *)((char *)t->env->settings + a->field) = (unsigned)v;
	return err;
}

ATTR_SHOW(attr_camera_show_figure)
{
	struct recorder_stats s;
	double v;

	recorder_stats(t->camera, &s);
	v = figure(a->repr, (const char *)&s + a->field);
	return attr_print(out, size, "%.*f", a->digits, v * (a->scale != 0 ? a->scale : 1));
}

ATTR_SHOW(attr_camera_show_u64)
{
	struct recorder_stats s;

	recorder_stats(t->camera, &s);
	return attr_print(out, size, "%" PRIu64, *(const uint64_t *)((const char *)&s + a->field));
}

ATTR_SHOW(attr_storage_show_u64)
{
	struct store_stats s;

	store_stats(appliance_store(t->env->box), &s);
	return attr_print(out, size, "%" PRIu64, *(const uint64_t *)((const char *)&s + a->field));
}

ATTR_SHOW(attr_reactor_show_u64)
{
	struct reactor_stats s;

	reactor_stats(appliance_reactor(t->env->box), &s);
	return attr_print(out, size, "%" PRIu64, *(const uint64_t *)((const char *)&s + a->field));
}
