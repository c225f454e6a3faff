// SPDX-License-Identifier: GPL-2.0
/*
 * matlang_rack: V4L2 cameras without cameras, as many as the kernel has video nodes. They are
 * made in configfs and cost little: see rack_scene.c. docs/KMOD.md has the files.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <media/videobuf2-dma-contig.h>

#include "compat.h"
#include "rack.h"

/* What all cameras' memory is allocated for and mapped to. */
struct platform_device *rack_platform;
struct workqueue_struct *rack_workers;

static int __init rack_init(void)
{
	int err;

	rack_workers = alloc_workqueue(RACK_NAME, WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!rack_workers)
		return -ENOMEM;
	rack_platform = platform_device_register_simple(RACK_NAME, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(rack_platform)) {
		err = PTR_ERR(rack_platform);
		goto destroy_workers;
	}
	err = dma_coerce_mask_and_coherent(&rack_platform->dev, DMA_BIT_MASK(64));
	if (!err)
		err = vb2_dma_contig_set_max_seg_size(&rack_platform->dev, UINT_MAX);
	if (!err)
		err = rack_config_register();
	if (err)
		goto unregister_platform;
	return 0;

unregister_platform:
	platform_device_unregister(rack_platform);
destroy_workers:
	destroy_workqueue(rack_workers);
	return err;
}
module_init(rack_init);

static void __exit rack_exit(void)
{
	/* No camera is left: each holds this module. */
	rack_config_unregister();
	platform_device_unregister(rack_platform);
	destroy_workqueue(rack_workers);
}
module_exit(rack_exit);

MODULE_DESCRIPTION("A rack of V4L2 cameras that need no hardware");
MODULE_LICENSE("GPL");
MATLANG_IMPORT_DMA_BUF();
