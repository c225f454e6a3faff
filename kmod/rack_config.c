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
#include "rack_uapi.h"

static struct rack_camera *to_camera(struct config_item *item)
{
	return container_of(item, struct rack_camera, item);
}

static const struct rack_config config_default = {
	.multiplanar = true,
	.format_mask = ~0u,
	.size = {{640, 360}, {1280, 736}, {1920, 1088}},
	.sizes = 3,
	.rate = {30, 15, 5},
	.rates = 3,
};

/*
 * Single-planar cameras have no format of several memory planes, and a compressed one is there
 * only when footage of it is.
 */
static u32 formats_of(const struct rack_camera *camera)
{
	const struct rack_config *c = &camera->config;
	u32 mask = 0, i;

	for (i = 0; i < rack_format_count; i++) {
		const struct rack_format *f = &rack_formats[i];

		if (f->planes > 1 && !c->multiplanar)
			continue;
		if (f->compressed && (!camera->footage || camera->footage->format != f))
			continue;
		mask |= c->format_mask & (1u << i);
	}
	return mask;
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
		return store_config(item, page, len, rack_set_##_name);                            \
	}                                                                                          \
	static ssize_t camera_##_name##_show(struct config_item *item, char *page)                 \
	{                                                                                          \
		return show_config(item, page, rack_show_##_name);                                 \
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
	u32 formats;

	lockdep_assert_held(&camera->lock);
	if (camera->dev)
		return 0;
	if (camera->removed)
		return -ENODEV;
	formats = formats_of(camera);
	if (!formats)
		return -ENODATA;
	dev = rack_plug(camera, formats);
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

/* The fault: nobody at the frame's end can wait for the stream to stop. */
static void pull(struct work_struct *work)
{
	struct rack_camera *camera = container_of(work, struct rack_camera, pull);

	mutex_lock(&camera->lock);
	unplug(camera);
	if (!camera->removed)
		mod_delayed_work(system_wq, &camera->replug, 2 * HZ);
	mutex_unlock(&camera->lock);
}

static void replug(struct work_struct *work)
{
	struct rack_camera *camera = container_of(work, struct rack_camera, replug.work);
	int err;

	mutex_lock(&camera->lock);
	err = plug(camera);
	if (camera->removed)
		err = 0;
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

/* ---- footage ---- */

/* configfs lets no error through from here: footage_state has it. */
static ssize_t camera_footage_write(struct config_item *item, const void *file, size_t size)
{
	struct rack_camera *camera = to_camera(item);
	struct rack_footage *f;
	const char *why;

	f = rack_footage_load(file, size, &why);
	mutex_lock(&camera->lock);
	if (f && camera->dev)
		why = "the camera is plugged in";
	else if (f)
		swap(f, camera->footage);
	camera->refused = why;
	mutex_unlock(&camera->lock);
	rack_footage_put(f);
	return why ? -EINVAL : size;
}
CONFIGFS_BIN_ATTR_WO(camera_, footage, NULL, MATLANG_RACK_FOOTAGE_MAX);

static ssize_t camera_footage_state_show(struct config_item *item, char *page)
{
	struct rack_camera *camera = to_camera(item);
	const struct rack_footage *f;
	ssize_t n;

	mutex_lock(&camera->lock);
	f = camera->footage;
	if (camera->refused)
		n = sysfs_emit(page, "refused: %s\n", camera->refused);
	else if (f)
		n = sysfs_emit(page, "%s %ux%u %u\n",
			       f->format->fourcc == V4L2_PIX_FMT_MJPEG ? "MJPG" : "H264", f->width,
			       f->height, f->count);
	else
		n = sysfs_emit(page, "none\n");
	mutex_unlock(&camera->lock);
	return n;
}
CONFIGFS_ATTR_RO(camera_, footage_state);

static struct configfs_bin_attribute *camera_bin_attrs[] = {
	&camera_attr_footage,
	NULL,
};

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
STAT_ATTR(by_reference);
STAT_ATTR(by_copy);
STAT_ATTR(bytes_written);

static struct configfs_attribute *camera_attrs[] = {
	&camera_attr_api,           &camera_attr_delivery,      &camera_attr_memory,
	&camera_attr_formats,       &camera_attr_sizes,         &camera_attr_rates,
	&camera_attr_footage_state, &camera_attr_plugged,       &camera_attr_replug,
	&camera_attr_node,          &camera_attr_fault,         &camera_attr_fault_rates,
	&camera_attr_fault_counts,  &camera_attr_seed,          &camera_attr_delivered,
	&camera_attr_no_buffer,     &camera_attr_overrun,       &camera_attr_by_reference,
	&camera_attr_by_copy,       &camera_attr_bytes_written, NULL,
};

/* ---- cameras and the rack ---- */

/* The last reference: configfs and the device have both let go. */
static void camera_release(struct config_item *item)
{
	struct rack_camera *camera = to_camera(item);

	rack_footage_put(camera->footage);
	mutex_destroy(&camera->lock);
	kfree(camera);
}

static struct configfs_item_operations camera_ops = {
	.release = camera_release,
};

static const struct config_item_type camera_type = {
	.ct_item_ops = &camera_ops,
	.ct_attrs = camera_attrs,
	.ct_bin_attrs = camera_bin_attrs,
	.ct_owner = THIS_MODULE,
};

static struct config_item *make_camera(struct config_group *group, const char *name)
{
	struct rack_camera *camera = kzalloc(sizeof(*camera), GFP_KERNEL);

	if (!camera)
		return ERR_PTR(-ENOMEM);
	camera->config = config_default;
	mutex_init(&camera->lock);
	INIT_WORK(&camera->pull, pull);
	INIT_DELAYED_WORK(&camera->replug, replug);
	rack_faults_init(&camera->faults);
	config_item_init_type_name(&camera->item, name, &camera_type);
	return &camera->item;
}

static void drop_camera(struct config_group *group, struct config_item *item)
{
	struct rack_camera *camera = to_camera(item);

	/* No stream is left that could order a pull, and a pull orders no replug any more. */
	mutex_lock(&camera->lock);
	camera->removed = true;
	unplug(camera);
	mutex_unlock(&camera->lock);
	cancel_work_sync(&camera->pull);
	cancel_delayed_work_sync(&camera->replug);
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
