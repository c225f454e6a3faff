// SPDX-License-Identifier: GPL-2.0
/*
 * The rack in configfs: mkdir makes a camera, its files configure it, "plugged" plugs it in and
 * out. What a camera is can be changed only while it is unplugged.
 */
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "rack.h"

static struct rack_camera *to_camera(struct config_item *item)
{
	return container_of(item, struct rack_camera, item);
}

static const char *const memory_names[RACK_MEMORIES] = {
	[RACK_VMALLOC] = "vmalloc",
	[RACK_DMA_SG] = "dma-sg",
	[RACK_DMA_CONTIG] = "dma-contig",
};

static const struct rack_config config_default = {
	.multiplanar = true,
	.format_mask = ~0u,
	.size = {{640, 360}, {1280, 736}, {1920, 1088}},
	.sizes = 3,
	.rate = {30, 15, 5},
	.rates = 3,
};

/* Single-planar cameras have no format of several memory planes. */
static u32 formats_of(const struct rack_config *c)
{
	u32 mask = 0, i;

	for (i = 0; i < rack_format_count; i++)
		if (c->format_mask & (1u << i) && (c->multiplanar || rack_formats[i].planes == 1))
			mask |= 1u << i;
	return mask;
}

/* ---- what the files take and show; @c is a copy that is taken over when it all went well ---- */

static int set_api(struct rack_config *c, const char *text)
{
	if (sysfs_streq(text, "mplane"))
		c->multiplanar = true;
	else if (sysfs_streq(text, "single"))
		c->multiplanar = false;
	else
		return -EINVAL;
	return 0;
}

static ssize_t show_api(const struct rack_config *c, char *page)
{
	return sysfs_emit(page, "%s\n", c->multiplanar ? "mplane" : "single");
}

static int set_delivery(struct rack_config *c, const char *text)
{
	if (sysfs_streq(text, "update"))
		c->copy = false;
	else if (sysfs_streq(text, "copy"))
		c->copy = true;
	else
		return -EINVAL;
	return 0;
}

static ssize_t show_delivery(const struct rack_config *c, char *page)
{
	return sysfs_emit(page, "%s\n", c->copy ? "copy" : "update");
}

static int set_memory(struct rack_config *c, const char *text)
{
	int i = sysfs_match_string(memory_names, text);

	if (i < 0)
		return -EINVAL;
	c->memory = i;
	return 0;
}

static ssize_t show_memory(const struct rack_config *c, char *page)
{
	return sysfs_emit(page, "%s\n", memory_names[c->memory]);
}

static int set_formats(struct rack_config *c, const char *text)
{
	char code[8];
	u32 mask = 0, i;
	int len;

	while ((len = rack_word(&text, code, sizeof(code)))) {
		if (len != 4)
			return -EINVAL;
		for (i = 0; i < rack_format_count; i++)
			if (rack_formats[i].fourcc ==
			    v4l2_fourcc(code[0], code[1], code[2], code[3]))
				break;
		if (i == rack_format_count)
			return -EINVAL;
		mask |= 1u << i;
	}
	if (!mask)
		return -EINVAL;
	c->format_mask = mask;
	return 0;
}

static ssize_t show_formats(const struct rack_config *c, char *page)
{
	u32 mask = formats_of(c), i;
	ssize_t at = 0;

	for (i = 0; i < rack_format_count; i++) {
		u32 code = rack_formats[i].fourcc;

		if (mask & (1u << i))
			at += sysfs_emit_at(page, at, "%s%c%c%c%c", at ? " " : "", code & 0xff,
					    code >> 8 & 0xff, code >> 16 & 0xff, code >> 24);
	}
	return at + sysfs_emit_at(page, at, "\n");
}

static int set_sizes(struct rack_config *c, const char *text)
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

static ssize_t show_sizes(const struct rack_config *c, char *page)
{
	ssize_t at = 0;
	u32 i;

	for (i = 0; i < c->sizes; i++)
		at += sysfs_emit_at(page, at, "%s%ux%u", i ? " " : "", c->size[i].width,
				    c->size[i].height);
	return at + sysfs_emit_at(page, at, "\n");
}

static int set_rates(struct rack_config *c, const char *text)
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

static ssize_t show_rates(const struct rack_config *c, char *page)
{
	ssize_t at = 0;
	u32 i;

	for (i = 0; i < c->rates; i++)
		at += sysfs_emit_at(page, at, "%s%u", i ? " " : "", c->rate[i]);
	return at + sysfs_emit_at(page, at, "\n");
}

static ssize_t store_config(struct config_item *item, const char *page, size_t len,
			    int (*set)(struct rack_config *, const char *))
{
	struct rack_camera *camera = to_camera(item);
	struct rack_config c;
	int err = -EBUSY;

	mutex_lock(&camera->lock);
	if (!camera->dev) {
		c = camera->config;
		err = set(&c, page);
		if (!err)
			camera->config = c;
	}
	mutex_unlock(&camera->lock);
	return err ? err : len;
}

static ssize_t show_config(struct config_item *item, char *page,
			   ssize_t (*show)(const struct rack_config *, char *))
{
	struct rack_camera *camera = to_camera(item);
	ssize_t n;

	mutex_lock(&camera->lock);
	n = show(&camera->config, page);
	mutex_unlock(&camera->lock);
	return n;
}

#define CONFIG_ATTR(_name)                                                                         \
	static ssize_t camera_##_name##_store(struct config_item *item, const char *page,          \
					      size_t len)                                          \
	{                                                                                          \
		return store_config(item, page, len, set_##_name);                                 \
	}                                                                                          \
	static ssize_t camera_##_name##_show(struct config_item *item, char *page)                 \
	{                                                                                          \
		return show_config(item, page, show_##_name);                                      \
	}                                                                                          \
	CONFIGFS_ATTR(camera_, _name)

CONFIG_ATTR(api);
CONFIG_ATTR(delivery);
CONFIG_ATTR(memory);
CONFIG_ATTR(formats);
CONFIG_ATTR(sizes);
CONFIG_ATTR(rates);

/* ---- plugging ---- */

static int plug(struct rack_camera *camera)
{
	struct rack_dev *dev;

	lockdep_assert_held(&camera->lock);
	if (camera->dev)
		return 0;
	if (!formats_of(&camera->config))
		return -EINVAL;
	camera->config.format_mask = formats_of(&camera->config);
	dev = rack_plug(camera);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	camera->dev = dev;
	return 0;
}

static void unplug(struct rack_camera *camera)
{
	lockdep_assert_held(&camera->lock);
	if (camera->dev)
		rack_unplug(camera->dev);
	camera->dev = NULL;
}

static void replug(struct work_struct *work)
{
	struct rack_camera *camera = container_of(work, struct rack_camera, replug.work);
	int err;

	mutex_lock(&camera->lock);
	err = plug(camera);
	mutex_unlock(&camera->lock);
	if (err)
		pr_warn(RACK_NAME ": %s cannot be plugged in again: %d\n",
			config_item_name(&camera->item), err);
}

static ssize_t camera_plugged_show(struct config_item *item, char *page)
{
	struct rack_camera *camera = to_camera(item);
	bool plugged;

	mutex_lock(&camera->lock);
	plugged = camera->dev;
	mutex_unlock(&camera->lock);
	return sysfs_emit(page, "%d\n", plugged);
}

static ssize_t camera_plugged_store(struct config_item *item, const char *page, size_t len)
{
	struct rack_camera *camera = to_camera(item);
	bool want;
	int err = kstrtobool(page, &want);

	if (err)
		return err;
	cancel_delayed_work_sync(&camera->replug);
	mutex_lock(&camera->lock);
	if (want)
		err = plug(camera);
	else
		unplug(camera);
	mutex_unlock(&camera->lock);
	return err ? err : len;
}
CONFIGFS_ATTR(camera_, plugged);

/* Unplugs it, and plugs it in again after so many milliseconds. */
static ssize_t camera_replug_store(struct config_item *item, const char *page, size_t len)
{
	struct rack_camera *camera = to_camera(item);
	unsigned int ms;
	int err = kstrtouint(page, 10, &ms);

	if (err)
		return err;
	if (ms > 3600 * MSEC_PER_SEC)
		return -EINVAL;
	mutex_lock(&camera->lock);
	unplug(camera);
	mutex_unlock(&camera->lock);
	mod_delayed_work(system_wq, &camera->replug, msecs_to_jiffies(ms));
	return len;
}
CONFIGFS_ATTR_WO(camera_, replug);

static ssize_t camera_node_show(struct config_item *item, char *page)
{
	struct rack_camera *camera = to_camera(item);
	ssize_t n;

	mutex_lock(&camera->lock);
	n = sysfs_emit(page, "%s\n", camera->dev ? rack_node_name(camera->dev) : "");
	mutex_unlock(&camera->lock);
	return n;
}
CONFIGFS_ATTR_RO(camera_, node);

/* ---- faults and figures ---- */

static ssize_t camera_fault_store(struct config_item *item, const char *page, size_t len)
{
	int err = rack_faults_order(&to_camera(item)->faults, page);

	return err ? err : len;
}
CONFIGFS_ATTR_WO(camera_, fault);

static ssize_t camera_fault_rates_show(struct config_item *item, char *page)
{
	return rack_faults_show_rates(&to_camera(item)->faults, page);
}

static ssize_t camera_fault_rates_store(struct config_item *item, const char *page, size_t len)
{
	int err = rack_faults_set_rates(&to_camera(item)->faults, page);

	return err ? err : len;
}
CONFIGFS_ATTR(camera_, fault_rates);

static ssize_t camera_fault_counts_show(struct config_item *item, char *page)
{
	return rack_faults_show_counts(&to_camera(item)->faults, page);
}
CONFIGFS_ATTR_RO(camera_, fault_counts);

static ssize_t camera_seed_store(struct config_item *item, const char *page, size_t len)
{
	u64 seed;
	int err = kstrtou64(page, 0, &seed);

	if (err)
		return err;
	rack_faults_seed(&to_camera(item)->faults, seed);
	return len;
}
CONFIGFS_ATTR_WO(camera_, seed);

#define STAT_ATTR(_name)                                                                           \
	static ssize_t camera_##_name##_show(struct config_item *item, char *page)                 \
	{                                                                                          \
		return sysfs_emit(page, "%lld\n", atomic64_read(&to_camera(item)->stats._name));   \
	}                                                                                          \
	CONFIGFS_ATTR_RO(camera_, _name)

STAT_ATTR(delivered);
STAT_ATTR(no_buffer);
STAT_ATTR(overrun);
STAT_ATTR(bytes_written);

static struct configfs_attribute *camera_attrs[] = {
	&camera_attr_api,     &camera_attr_delivery,      &camera_attr_memory,
	&camera_attr_formats, &camera_attr_sizes,         &camera_attr_rates,
	&camera_attr_plugged, &camera_attr_replug,        &camera_attr_node,
	&camera_attr_fault,   &camera_attr_fault_rates,   &camera_attr_fault_counts,
	&camera_attr_seed,    &camera_attr_delivered,     &camera_attr_no_buffer,
	&camera_attr_overrun, &camera_attr_bytes_written, NULL,
};

/* ---- cameras and the rack ---- */

/* The last reference: configfs and the device have both let go. */
static void camera_release(struct config_item *item)
{
	struct rack_camera *camera = to_camera(item);

	mutex_destroy(&camera->lock);
	kfree(camera);
}

static struct configfs_item_operations camera_ops = {
	.release = camera_release,
};

static const struct config_item_type camera_type = {
	.ct_item_ops = &camera_ops,
	.ct_attrs = camera_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_item *make_camera(struct config_group *group, const char *name)
{
	struct rack_camera *camera = kzalloc(sizeof(*camera), GFP_KERNEL);

	if (!camera)
		return ERR_PTR(-ENOMEM);
	camera->config = config_default;
	mutex_init(&camera->lock);
	INIT_DELAYED_WORK(&camera->replug, replug);
	rack_faults_init(&camera->faults);
	config_item_init_type_name(&camera->item, name, &camera_type);
	return &camera->item;
}

static void drop_camera(struct config_group *group, struct config_item *item)
{
	struct rack_camera *camera = to_camera(item);

	cancel_delayed_work_sync(&camera->replug);
	mutex_lock(&camera->lock);
	unplug(camera);
	mutex_unlock(&camera->lock);
	config_item_put(item);
}

static struct configfs_group_operations rack_group_ops = {
	.make_item = make_camera,
	.drop_item = drop_camera,
};

static ssize_t rack_bandwidth_max_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%lld\n", atomic64_read(&rack_bandwidth_max));
}

static ssize_t rack_bandwidth_max_store(struct config_item *item, const char *page, size_t len)
{
	s64 max;
	int err = kstrtos64(page, 10, &max);

	if (err)
		return err;
	if (max < 0)
		return -EINVAL;
	atomic64_set(&rack_bandwidth_max, max);
	return len;
}
CONFIGFS_ATTR(rack_, bandwidth_max);

static ssize_t rack_bandwidth_used_show(struct config_item *item, char *page)
{
	return sysfs_emit(page, "%llu\n", rack_bandwidth_used());
}
CONFIGFS_ATTR_RO(rack_, bandwidth_used);

static struct configfs_attribute *rack_attrs[] = {
	&rack_attr_bandwidth_max,
	&rack_attr_bandwidth_used,
	NULL,
};

static const struct config_item_type rack_type = {
	.ct_group_ops = &rack_group_ops,
	.ct_attrs = rack_attrs,
	.ct_owner = THIS_MODULE,
};

static struct configfs_subsystem rack_subsystem = {
	.su_group.cg_item.ci_namebuf = RACK_NAME,
	.su_group.cg_item.ci_type = &rack_type,
};

int rack_config_register(void)
{
	config_group_init(&rack_subsystem.su_group);
	mutex_init(&rack_subsystem.su_mutex);
	return configfs_register_subsystem(&rack_subsystem);
}

void rack_config_unregister(void)
{
	configfs_unregister_subsystem(&rack_subsystem);
}
