/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the kernels the modules are built for: 6.1 and later. */
#ifndef MATLANG_COMPAT_H
#define MATLANG_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define MATLANG_IMPORT_DMA_BUF() MODULE_IMPORT_NS(DMA_BUF)
#else
#define MATLANG_IMPORT_DMA_BUF() MODULE_IMPORT_NS("DMA_BUF")
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}

/* Later kernels drop the queue's lock by themselves while they wait. */
#define MATLANG_VB2_WAIT_OPS                                                                       \
	.wait_prepare = vb2_ops_wait_prepare, .wait_finish = vb2_ops_wait_finish,
#else
#define MATLANG_VB2_WAIT_OPS
#endif

/* The largest order of pages. 6.4 changed the meaning of MAX_ORDER, 6.8 its name. */
#if defined(MAX_PAGE_ORDER)
#define POOL_ORDER_MAX MAX_PAGE_ORDER
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define POOL_ORDER_MAX MAX_ORDER
#else
#define POOL_ORDER_MAX (MAX_ORDER - 1)
#endif

/*
 * Until 6.5 io_uring registers memory of a file only if that file is of shmem or hugetlbfs.
 * Since then the kernel asks whether its pages are tracked for write-back; ours never are.
 */
#define POOL_NEEDS_SHMEM (LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0))

#endif
