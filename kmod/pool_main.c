// SPDX-License-Identifier: GPL-2.0
/*
 * matlang_pool: frame memory that cameras, io_uring, the CPU and displays can all use.
 * The device, its limit and its sums. See docs/KMOD.md.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>

#include "pool.h"

static struct {
	spinlock_t lock; /* protects: all below but failures */
	u64 bytes_max;
	u64 bytes_used;
	unsigned long slabs;
	unsigned long slices;
	atomic_long_t failures; /* requests that were refused or failed */
} pool = {
	.lock = __SPIN_LOCK_UNLOCKED(pool.lock),
};

int pool_reserve(u64 bytes)
{
	int err = 0;

	spin_lock(&pool.lock);
	/* A limit that was lowered below what is in use refuses everything. */
	if (pool.bytes_used > pool.bytes_max || bytes > pool.bytes_max - pool.bytes_used) {
		err = -ENOSPC;
	} else {
		pool.bytes_used += bytes;
		pool.slabs++;
	}
	spin_unlock(&pool.lock);
	return err;
}

void pool_unreserve(u64 bytes)
{
	spin_lock(&pool.lock);
	pool.bytes_used -= bytes;
	pool.slabs--;
	spin_unlock(&pool.lock);
}

void pool_count_slice(int by)
{
	spin_lock(&pool.lock);
	pool.slices += by;
	spin_unlock(&pool.lock);
}

void pool_count_failure(void)
{
	atomic_long_inc(&pool.failures);
}

static void fill_info(struct matlang_pool_info *info)
{
	*info = (struct matlang_pool_info){
		.version = MATLANG_POOL_VERSION,
		.run_max = pool_run_max(),
	};
	spin_lock(&pool.lock);
	info->bytes_max = pool.bytes_max;
	info->bytes_used = pool.bytes_used;
	spin_unlock(&pool.lock);
}

static long pool_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct matlang_pool_info info;
	struct matlang_pool_alloc how;
	int ret;

	switch (cmd) {
	case MATLANG_POOL_INFO:
		fill_info(&info);
		return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
	case MATLANG_POOL_ALLOC:
		if (copy_from_user(&how, user, sizeof(how)))
			return -EFAULT;
		ret = pool_slab_create(&how);
		if (ret < 0)
			pool_count_failure();
		return ret;
	default:
		return -ENOTTY;
	}
}

static const struct file_operations pool_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = pool_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static ssize_t bytes_max_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	u64 value;

	spin_lock(&pool.lock);
	value = pool.bytes_max;
	spin_unlock(&pool.lock);
	return sysfs_emit(buf, "%llu\n", value);
}

static ssize_t bytes_max_store(struct device *dev, struct device_attribute *attr, const char *buf,
			       size_t count)
{
	u64 value;
	int err = kstrtou64(buf, 10, &value);

	if (err)
		return err;
	spin_lock(&pool.lock);
	pool.bytes_max = value;
	spin_unlock(&pool.lock);
	return count;
}
static DEVICE_ATTR_RW(bytes_max);

static ssize_t bytes_used_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	u64 value;

	spin_lock(&pool.lock);
	value = pool.bytes_used;
	spin_unlock(&pool.lock);
	return sysfs_emit(buf, "%llu\n", value);
}
static DEVICE_ATTR_RO(bytes_used);

static ssize_t slabs_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", READ_ONCE(pool.slabs));
}
static DEVICE_ATTR_RO(slabs);

static ssize_t slices_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%lu\n", READ_ONCE(pool.slices));
}
static DEVICE_ATTR_RO(slices);

static ssize_t failures_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%ld\n", atomic_long_read(&pool.failures));
}
static DEVICE_ATTR_RO(failures);

static struct attribute *pool_attrs[] = {
	&dev_attr_bytes_max.attr, &dev_attr_bytes_used.attr, &dev_attr_slabs.attr,
	&dev_attr_slices.attr,    &dev_attr_failures.attr,   NULL,
};
ATTRIBUTE_GROUPS(pool);

static struct miscdevice pool_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "matlang-pool",
	.fops = &pool_fops,
	.groups = pool_groups,
};

static int __init pool_init(void)
{
	/* Half of the memory, until the admin says otherwise. */
	pool.bytes_max = ((u64)totalram_pages() << PAGE_SHIFT) / 2;
	return misc_register(&pool_device);
}
module_init(pool_init);

static void __exit pool_exit(void)
{
	misc_deregister(&pool_device);
}
module_exit(pool_exit);

MODULE_DESCRIPTION("Frame memory for cameras: slabs, and slices of them as dma-bufs");
MODULE_LICENSE("GPL");
