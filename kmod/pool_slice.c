// SPDX-License-Identifier: GPL-2.0
/* A slice: a part of a slab as a dma-buf, for V4L2 and DRM drivers to import. */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "pool.h"

struct pool_slice {
	struct pool_slab *slab; /* kept by a reference on its file */
	unsigned long first;
	unsigned long nr;
	struct mutex lock;     /* protects: the list of mappings */
	struct list_head maps; /* pool_map.link: where devices have it mapped now */
};

struct pool_map {
	struct list_head link;
	struct device *dev;
	struct sg_table sgt;
};

static struct sg_table *slice_map(struct dma_buf_attachment *at, enum dma_data_direction dir)
{
	struct pool_slice *slice = at->dmabuf->priv;
	struct pool_map *map = kzalloc(sizeof(*map), GFP_KERNEL);
	int err;

	if (!map)
		return ERR_PTR(-ENOMEM);
	map->dev = at->dev;
	/* Neighbouring pages become one entry: a contiguous slice is one, for dma-contig queues. */
	err = sg_alloc_table_from_pages_segment(&map->sgt, slice->slab->pages + slice->first,
						slice->nr, 0, slice->nr << PAGE_SHIFT,
						dma_get_max_seg_size(at->dev), GFP_KERNEL);
	if (err)
		goto free_map;
	err = dma_map_sgtable(at->dev, &map->sgt, dir, 0);
	if (err)
		goto free_table;
	mutex_lock(&slice->lock);
	list_add(&map->link, &slice->maps);
	mutex_unlock(&slice->lock);
	return &map->sgt;

free_table:
	sg_free_table(&map->sgt);
free_map:
	kfree(map);
	return ERR_PTR(err);
}

static void slice_unmap(struct dma_buf_attachment *at, struct sg_table *sgt,
			enum dma_data_direction dir)
{
	struct pool_slice *slice = at->dmabuf->priv;
	struct pool_map *map = container_of(sgt, struct pool_map, sgt);

	mutex_lock(&slice->lock);
	list_del(&map->link);
	mutex_unlock(&slice->lock);
	dma_unmap_sgtable(at->dev, sgt, dir, 0);
	sg_free_table(sgt);
	kfree(map);
}

static int slice_begin_cpu(struct dma_buf *buf, enum dma_data_direction dir)
{
	struct pool_slice *slice = buf->priv;
	struct pool_map *map;

	mutex_lock(&slice->lock);
	list_for_each_entry(map, &slice->maps, link)
		dma_sync_sgtable_for_cpu(map->dev, &map->sgt, dir);
	mutex_unlock(&slice->lock);
	return 0;
}

static int slice_end_cpu(struct dma_buf *buf, enum dma_data_direction dir)
{
	struct pool_slice *slice = buf->priv;
	struct pool_map *map;

	mutex_lock(&slice->lock);
	list_for_each_entry(map, &slice->maps, link)
		dma_sync_sgtable_for_device(map->dev, &map->sgt, dir);
	mutex_unlock(&slice->lock);
	return 0;
}

static int slice_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	struct pool_slice *slice = buf->priv;

	return pool_slab_map(slice->slab, vma, slice->first, slice->nr);
}

/* The dma-buf core counts users and calls these for the first and the last one only. */
static int slice_vmap(struct dma_buf *buf, struct iosys_map *map)
{
	struct pool_slice *slice = buf->priv;
	void *at = vmap(slice->slab->pages + slice->first, slice->nr, VM_MAP, PAGE_KERNEL);

	if (!at)
		return -ENOMEM;
	iosys_map_set_vaddr(map, at);
	return 0;
}

static void slice_vunmap(struct dma_buf *buf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static void slice_release(struct dma_buf *buf)
{
	struct pool_slice *slice = buf->priv;

	pool_count_slice(-1);
	mutex_destroy(&slice->lock);
	fput(slice->slab->file);
	kfree(slice);
}

static const struct dma_buf_ops slice_ops = {
	.map_dma_buf = slice_map,
	.unmap_dma_buf = slice_unmap,
	.begin_cpu_access = slice_begin_cpu,
	.end_cpu_access = slice_end_cpu,
	.mmap = slice_mmap,
	.vmap = slice_vmap,
	.vunmap = slice_vunmap,
	.release = slice_release,
};

static int check_request(const struct pool_slab *slab, const struct matlang_pool_slice *what)
{
	u64 size = (u64)slab->nr_pages << PAGE_SHIFT;

	if (what->flags || what->pad || memchr_inv(what->reserved, 0, sizeof(what->reserved)))
		return -EINVAL;
	if (!what->size || !PAGE_ALIGNED(what->size) || !PAGE_ALIGNED(what->offset) ||
	    what->offset >= size || what->size > size - what->offset)
		return -EINVAL;
	return 0;
}

int pool_slice_create(struct pool_slab *slab, const struct matlang_pool_slice *what)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct pool_slice *slice;
	struct dma_buf *buf;
	int fd, err = check_request(slab, what);

	if (err)
		return err;
	slice = kzalloc(sizeof(*slice), GFP_KERNEL_ACCOUNT);
	if (!slice)
		return -ENOMEM;
	slice->slab = slab;
	slice->first = what->offset >> PAGE_SHIFT;
	slice->nr = what->size >> PAGE_SHIFT;
	mutex_init(&slice->lock);
	INIT_LIST_HEAD(&slice->maps);
	get_file(slab->file);
	info.ops = &slice_ops;
	info.size = what->size;
	info.flags = O_RDWR;
	info.priv = slice;
	buf = dma_buf_export(&info);
	if (IS_ERR(buf)) {
		fput(slab->file);
		kfree(slice);
		return PTR_ERR(buf);
	}
	pool_count_slice(1);
	fd = dma_buf_fd(buf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(buf); /* releases the slice */
	return fd;
}

MATLANG_IMPORT_DMA_BUF();
