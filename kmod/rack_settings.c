// SPDX-License-Identifier: GPL-2.0
/* What the files that say what a camera is take and show; rack_config.c makes them files. */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "rack.h"

static const char *const memory_names[RACK_MEMORIES] = {
	[RACK_VMALLOC] = "vmalloc",
	[RACK_DMA_SG] = "dma-sg",
	[RACK_DMA_CONTIG] = "dma-contig",
};

int rack_set_api(struct rack_config *c, const char *text)
{
	if (sysfs_streq(text, "mplane"))
		c->multiplanar = true;
	else if (sysfs_streq(text, "single"))
		c->multiplanar = false;
	else
		return -EINVAL;
	return 0;
}

ssize_t rack_show_api(const struct rack_config *c, char *page)
{
	return sysfs_emit(page, "%s\n", c->multiplanar ? "mplane" : "single");
}

int rack_set_delivery(struct rack_config *c, const char *text)
{
	if (sysfs_streq(text, "update"))
		c->copy = false;
	else if (sysfs_streq(text, "copy"))
		c->copy = true;
	else
		return -EINVAL;
	return 0;
}

ssize_t rack_show_delivery(const struct rack_config *c, char *page)
{
	return sysfs_emit(page, "%s\n", c->copy ? "copy" : "update");
}

int rack_set_memory(struct rack_config *c, const char *text)
{
	int i = sysfs_match_string(memory_names, text);

	if (i < 0)
		return -EINVAL;
	c->memory = i;
	return 0;
}

ssize_t rack_show_memory(const struct rack_config *c, char *page)
{
	return sysfs_emit(page, "%s\n", memory_names[c->memory]);
}

int rack_set_formats(struct rack_config *c, const char *text)
{
	const struct rack_format *f;
	char code[8];
	u32 mask = 0;
	int len;

	while ((len = rack_word(&text, code, sizeof(code)))) {
		if (len != 4)
			return -EINVAL;
		f = rack_format_find(v4l2_fourcc(code[0], code[1], code[2], code[3]));
		if (!f)
			return -EINVAL;
		mask |= 1u << (f - rack_formats);
	}
	if (!mask)
		return -EINVAL;
	c->format_mask = mask;
	return 0;
}

ssize_t rack_show_formats(const struct rack_config *c, char *page)
{
	ssize_t at = 0;
	u32 i;

	for (i = 0; i < rack_format_count; i++) {
		u32 code = rack_formats[i].fourcc;

		if (c->format_mask & (1u << i))
			at += sysfs_emit_at(page, at, "%s%c%c%c%c", at ? " " : "", code & 0xff,
					    code >> 8 & 0xff, code >> 16 & 0xff, code >> 24);
	}
	return at + sysfs_emit_at(page, at, "\n");
}

int rack_set_sizes(struct rack_config *c, const char *text)
{
	u32 n = 0, w, h;
	int used;

	while (sscanf(text, " %ux%u%n", &w, &h, &used) == 2) {
		if (n == RACK_SIZES || w < RACK_SIDE_MIN || w > RACK_SIDE_MAX ||
		    h < RACK_SIDE_MIN || h > RACK_SIDE_MAX || w % RACK_WIDTH_STEP || h % 2)
			return -EINVAL;
		c->size[n++] = (struct v4l2_frmsize_discrete){w, h};
		text += used;
	}
	c->sizes = n;
	return n && !*skip_spaces(text) ? 0 : -EINVAL;
}

ssize_t rack_show_sizes(const struct rack_config *c, char *page)
{
	ssize_t at = 0;
	u32 i;

	for (i = 0; i < c->sizes; i++)
		at += sysfs_emit_at(page, at, "%s%ux%u", i ? " " : "", c->size[i].width,
				    c->size[i].height);
	return at + sysfs_emit_at(page, at, "\n");
}

int rack_set_rates(struct rack_config *c, const char *text)
{
	u32 n = 0, rate;
	int used;

	while (sscanf(text, " %u%n", &rate, &used) == 1) {
		if (n == RACK_RATES || !rate || rate > 240)
			return -EINVAL;
		c->rate[n++] = rate;
		text += used;
	}
	c->rates = n;
	return n && !*skip_spaces(text) ? 0 : -EINVAL;
}

ssize_t rack_show_rates(const struct rack_config *c, char *page)
{
	ssize_t at = 0;
	u32 i;

	for (i = 0; i < c->rates; i++)
		at += sysfs_emit_at(page, at, "%s%u", i ? " " : "", c->rate[i]);
	return at + sysfs_emit_at(page, at, "\n");
}
