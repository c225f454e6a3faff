// SPDX-License-Identifier: GPL-2.0
/*
 * A slab: pages behind a file of their own, to be mapped and sliced.
 *
 * The mapping must do for get_user_pages(), for O_DIRECT and for io_uring's registered buffers,
 * so the pages have struct pages and enter the page tables one by one, on fault. Which file they
 * are behind depends on the kernel, see POOL_NEEDS_SHMEM: an anonymous one of ours, or one of
 * shmem whose page cache is filled with our pages before anybody sees it.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "pool.h"

static void slab_free(struct pool_slab *slab)
{
	pool_pages_free(slab->pages, slab->nr_pages);
	pool_unreserve((u64)slab->nr_pages << PAGE_SHIFT);
	kvfree(slab->pages);
	kfree(slab);
}

static long slab_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct matlang_pool_slice what;
	int ret;

	if (cmd != MATLANG_POOL_SLICE)
		return -ENOTTY;
	if (copy_from_user(&what, (void __user *)arg, sizeof(what)))
		return -EFAULT;
	ret = pool_slice_create(file->private_data, &what);
	if (ret < 0)
		pool_count_failure();
	return ret;
}

static int slab_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pool_slab *slab = file->private_data;

	return pool_slab_map(slab, vma, 0, slab->nr_pages);
}

#if POOL_NEEDS_SHMEM

static int slab_release(struct inode *inode, struct file *file)
{
	struct pool_slab *slab = file->private_data;

	/*
	 * Somebody may hold the inode by an O_PATH descriptor, longer than this module lives. The
	 * memory must not stay with it, nor the pointer to our operations.
	 */
	inode->i_fop = slab->backing_fops;
	shmem_truncate_range(inode, 0, (loff_t)-1);
	slab_free(slab);
	return 0;
}

/* Opening it anew, by /proc/PID/fd, would give a plain shmem file. */
static int slab_open(struct inode *inode, struct file *file)
{
	return -ENXIO;
}

static const struct file_operations slab_fops = {
	.owner = THIS_MODULE,
	.open = slab_open,
	.release = slab_release,
	.mmap = slab_mmap,
	.unlocked_ioctl = slab_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek, /* the file was made seekable: there must be one */
};

/* Our page becomes the page cache's page @index; that holds a reference of its own. */
static int add_page(struct address_space *mapping, struct page *page, pgoff_t index)
{
	struct folio *folio = page_folio(page);
	int err;

	SetPageUptodate(page);
	/* Charges the caller's cgroup; where that is full it fails, and nobody is killed. */
	err = filemap_add_folio(mapping, folio, index, GFP_KERNEL | __GFP_RETRY_MAYFAIL);
	if (!err)
		folio_unlock(folio);
	return err;
}

static struct file *make_file(struct pool_slab *slab)
{
	loff_t size = (loff_t)slab->nr_pages << PAGE_SHIFT;
	struct file *file = shmem_file_setup("matlang-slab", size, VM_NORESERVE);
	struct inode *inode;
	unsigned long i;
	int err = 0;

	if (IS_ERR(file))
		return file;
	inode = file_inode(file);
	/* Our references keep reclaim, migration and huge page collapse away from the pages. */
	mapping_set_unevictable(inode->i_mapping);
	for (i = 0; i < slab->nr_pages && !err; i++) {
		err = add_page(inode->i_mapping, slab->pages[i], i);
		cond_resched();
	}
	if (err) {
		fput(file);
		return ERR_PTR(err);
	}
	SHMEM_I(inode)->seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
	slab->backing_fops = file->f_op;
	inode->i_fop = &slab_fops;
	file->private_data = slab;
	/* A file holds the module of its operations; shmem's own is no module. */
	__module_get(THIS_MODULE);
	file->f_op = &slab_fops;
	return file;
}

static int attach_pages(struct pool_slab *slab, struct vm_area_struct *vma)
{
	return slab->backing_fops->mmap(slab->file, vma);
}

/* The page cache charges the pages. */
#define POOL_PAGES_GFP 0

#else

static int slab_release(struct inode *inode, struct file *file)
{
	slab_free(file->private_data);
	return 0;
}

static const struct file_operations slab_fops = {
	.owner = THIS_MODULE,
	.release = slab_release,
	.mmap = slab_mmap,
	.unlocked_ioctl = slab_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct file *make_file(struct pool_slab *slab)
{
	return anon_inode_getfile("matlang-slab", &slab_fops, slab, O_RDWR);
}

static vm_fault_t slab_fault(struct vm_fault *vmf)
{
	struct pool_slab *slab = vmf->vma->vm_private_data;

	if (vmf->pgoff >= slab->nr_pages)
		return VM_FAULT_SIGBUS;
	vmf->page = slab->pages[vmf->pgoff];
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct slab_vm_ops = {
	.fault = slab_fault,
};

static int attach_pages(struct pool_slab *slab, struct vm_area_struct *vma)
{
	vma->vm_private_data = slab;
	vma->vm_ops = &slab_vm_ops;
	return 0;
}

#define POOL_PAGES_GFP __GFP_ACCOUNT

#endif

int pool_slab_map(struct pool_slab *slab, struct vm_area_struct *vma, unsigned long first,
		  unsigned long nr)
{
	/* A private mapping would be a copy: not what anybody maps frame memory for. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_pgoff > nr || vma_pages(vma) > nr - vma->vm_pgoff)
		return -EINVAL;
	/* The mapping of a slice, too, holds the slab's file from now on. */
	if (vma->vm_file != slab->file)
		vma_set_file(vma, slab->file);
	vma->vm_pgoff += first;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return attach_pages(slab, vma);
}

static int check_runs(const struct matlang_pool_alloc *how)
{
	u64 sum = 0;
	u32 i;

	if (how->nr_runs > MATLANG_POOL_RUNS_MAX)
		return -EINVAL;
	for (i = how->nr_runs; i < MATLANG_POOL_RUNS_MAX; i++)
		if (how->run[i])
			return -EINVAL;
	for (i = 0; i < how->nr_runs; i++) {
		if (!how->run[i] || !PAGE_ALIGNED(how->run[i]))
			return -EINVAL;
		if (how->run[i] > pool_run_max())
			return -E2BIG;
		sum += how->run[i];
	}
	/* At most MATLANG_POOL_RUNS_MAX times pool_run_max(): no overflow. */
	return sum && how->size % sum ? -EINVAL : 0;
}

static int check_request(const struct matlang_pool_alloc *how)
{
	if (how->flags & ~MATLANG_POOL_ALLOC_DMA32 || how->pad ||
	    memchr_inv(how->reserved, 0, sizeof(how->reserved)))
		return -EINVAL;
	if (!how->size || how->size > POOL_SLAB_MAX || !PAGE_ALIGNED(how->size))
		return -EINVAL;
	if (how->node != NUMA_NO_NODE &&
	    (how->node < 0 || how->node >= MAX_NUMNODES || !node_online(how->node)))
		return -EINVAL;
	return check_runs(how);
}

int pool_slab_create(const struct matlang_pool_alloc *how)
{
	struct pool_slab *slab;
	int fd, err = check_request(how);

	if (err)
		return err;
	err = pool_reserve(how->size);
	if (err)
		return err;
	slab = kzalloc(sizeof(*slab), GFP_KERNEL_ACCOUNT);
	if (!slab) {
		err = -ENOMEM;
		goto unreserve;
	}
	slab->nr_pages = how->size >> PAGE_SHIFT;
	slab->pages = kvmalloc_array(slab->nr_pages, sizeof(*slab->pages), GFP_KERNEL_ACCOUNT);
	if (!slab->pages) {
		err = -ENOMEM;
		goto free_slab;
	}
	err = pool_pages_alloc(slab->pages, slab->nr_pages, how, POOL_PAGES_GFP);
	if (err)
		goto free_array;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		err = fd;
		goto free_pages;
	}
	slab->file = make_file(slab);
	if (IS_ERR(slab->file)) {
		err = PTR_ERR(slab->file);
		put_unused_fd(fd);
		goto free_pages;
	}
	/* From here on the slab is its file's. */
	fd_install(fd, slab->file);
	return fd;

free_pages:
	pool_pages_free(slab->pages, slab->nr_pages);
free_array:
	kvfree(slab->pages);
free_slab:
	kfree(slab);
unreserve:
	pool_unreserve(how->size);
	return err;
}
