/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/slab.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/core/cleanup.h"
#include "capture/core/frame.h"
#include "kmod/uapi.h"

#ifndef MFD_NOEXEC_SEAL /* linux 6.3 */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define UDMABUF_DEVICE "/dev/udmabuf"
#define SLAB_SIZE_MAX  (UINT64_C(4) << 30)
#define SLAB_SLOTS_MAX 4096u

static const char *const kind_names[SLAB_KINDS] = {
	[SLAB_AUTO] = "auto",       [SLAB_POOL] = "pool",   [SLAB_UDMABUF] = "udmabuf",
	[SLAB_USERPTR] = "userptr", [SLAB_DRIVER] = "mmap",
};

const char *slab_kind_name(enum slab_kind kind)
{
	return (unsigned)kind < SLAB_KINDS ? kind_names[kind] : "unknown";
}

int slab_kind_parse(const char *name, enum slab_kind *out)
{
	for (unsigned k = 0; k < SLAB_KINDS; k++) {
		if (!strcmp(name, kind_names[k])) {
			*out = (enum slab_kind)k;
			return 0;
		}
	}
	return -EINVAL;
}

/* Sizes of one slot and the whole slab; every sum is bounded by SLAB_SIZE_MAX before the next. */
static int lay_out(struct slab *s, struct errmsg *em)
{
	uint64_t slot = FRAME_TRAILER_ROOM;

	for (unsigned p = 0; p < s->nplanes; p++) {
		if (!s->plane_size[p] || s->plane_size[p] > SLAB_SIZE_MAX)
			return errmsg_set(em, -EINVAL, "frame memory: plane %u of %zu bytes", p,
					  s->plane_size[p]);
		slot += ALIGN_UP((uint64_t)s->plane_size[p], (uint64_t)FRAME_BLOCK);
	}
	if (slot * s->nslots > SLAB_SIZE_MAX)
		return errmsg_set(em, -EINVAL,
				  "frame memory: %u slots of %llu bytes are more than 4 GiB",
				  s->nslots, (unsigned long long)slot);
	s->slot_size = (size_t)slot;
	s->size = (size_t)slot * s->nslots;
	return 0;
}

static void point_slots(struct slab *s)
{
	for (unsigned i = 0; i < s->nslots; i++) {
		uint8_t *at = s->base + i * s->slot_size;

		s->slot[i].base = at;
		for (unsigned p = 0; p < s->nplanes; p++) {
			s->slot[i].plane[p] = at;
			at += ALIGN_UP(s->plane_size[p], (size_t)FRAME_BLOCK);
		}
	}
}

static int map_slab(struct slab *s, int flags, int fd, struct errmsg *em)
{
	void *base = mmap(NULL, s->size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (base == MAP_FAILED)
		return errmsg_set(em, -errno, "frame memory: cannot map %zu MiB: %s", s->size >> 20,
				  strerror(errno));
	s->base = base;
	point_slots(s);
	return 0;
}

static int make_userptr(struct slab *s, struct errmsg *em)
{
	return map_slab(s, MAP_PRIVATE | MAP_ANONYMOUS, -1, em);
}

/* ---- udmabuf ---- */

static int make_memfd(struct slab *s, struct errmsg *em)
{
	/* Kernels before 6.3 do not know NOEXEC_SEAL, later ones may insist on it
	 * (vm.memfd_noexec). Never MFD_HUGETLB: see slab.h. */
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	s->memfd = memfd_create("matlang-slab", flags | MFD_NOEXEC_SEAL);
	if (s->memfd < 0 && errno == EINVAL)
		s->memfd = memfd_create("matlang-slab", flags);
	/* udmabuf takes only a memfd that cannot shrink under it. */
	if (s->memfd < 0 || ftruncate(s->memfd, (off_t)s->size) ||
	    fcntl(s->memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return errmsg_set(em, -errno, "frame memory: memfd of %zu MiB: %s", s->size >> 20,
				  strerror(errno));
	return 0;
}

static int no_dmabuf(uint64_t size, int error, struct errmsg *em)
{
	/* EINVAL: the plane is larger than udmabuf's size_limit_mb. Without descriptors too
	 * another kind of memory is better than no camera. */
	bool other_kind = error == EINVAL || error == EMFILE || error == ENFILE;
	const char *remedy = error == EMFILE ? ": raise the limit on open files (LimitNOFILE)" : "";

	return errmsg_set(em, other_kind ? -EOPNOTSUPP : -error,
			  "frame memory: dma-buf of %llu KiB from %s: %s%s",
			  (unsigned long long)size >> 10, UDMABUF_DEVICE, strerror(error), remedy);
}

/* One dma-buf for each plane of each slot: V4L2 imports a plane's buffer from its start. */
static int make_dmabufs(struct slab *s, int dev, struct errmsg *em)
{
	for (unsigned i = 0; i < s->nslots; i++) {
		for (unsigned p = 0; p < s->nplanes; p++) {
			struct slab_slot *slot = &s->slot[i];
			struct udmabuf_create c = {
				.memfd = (uint32_t)s->memfd,
				.flags = UDMABUF_FLAGS_CLOEXEC,
				.offset = (uint64_t)(slot->plane[p] - s->base),
				.size = ALIGN_UP(s->plane_size[p], (size_t)FRAME_BLOCK),
			};
			int fd = ioctl(dev, UDMABUF_CREATE, &c);

			if (fd < 0)
				return no_dmabuf(c.size, errno, em);
			slot->plane_fd[p] = fd;
		}
	}
	return 0;
}

static int make_udmabuf(struct slab *s, struct errmsg *em)
{
	CLEANUP_CLOSE int dev = open(UDMABUF_DEVICE, O_RDWR | O_CLOEXEC);
	int err;

	if (dev < 0)
		return errmsg_set(em, -EOPNOTSUPP, "frame memory: no udmabuf here: %s: %s",
				  UDMABUF_DEVICE, strerror(errno));
	err = make_memfd(s, em);
	if (!err)
		err = map_slab(s, MAP_SHARED, s->memfd, em);
	if (err)
		return err;
	/* Every page of the memfd must be a 4 KiB page of its own before a dma-buf is made of it:
	 * kernels that mishandle hugetlb there treat large shmem folios alike. So no huge pages
	 * in this mapping, and all of it is faulted in through it now. (ENOSYS/EINVAL of a kernel
	 * without huge pages: nothing to forbid.) */
	if (madvise(s->base, s->size, MADV_NOHUGEPAGE) && errno != EINVAL && errno != ENOSYS)
		return errmsg_set(em, -errno, "frame memory: forbidding huge pages: %s",
				  strerror(errno));
	if (madvise(s->base, s->size, MADV_POPULATE_WRITE))
		return errmsg_set(em, -ENOMEM, "frame memory: %zu MiB are not to be had: %s",
				  s->size >> 20, strerror(errno));
	return make_dmabufs(s, dev, em);
}

/* ---- pool ---- */

static int no_pool(int error, struct errmsg *em)
{
	const char *remedy = error == EACCES   ? ": may the user of matlangd open it (group video)?"
			     : error == ENOENT ? ": load the module matlang_pool"
					       : "";

	return errmsg_set(em, -EOPNOTSUPP, "frame memory: no frame pool here: %s: %s%s",
			  MATLANG_POOL_DEVICE, strerror(error), remedy);
}

static int no_pool_memory(const struct slab *s, int error, struct errmsg *em)
{
	/* What another kind of memory may get round: limits of the pool and on descriptors. */
	bool other_kind = error != ENOMEM && error != EINTR;
	const char *remedy = "";

	if (error == ENOSPC)
		remedy = ": raise /sys/class/misc/matlang-pool/bytes_max";
	else if (error == EMFILE)
		remedy = ": raise the limit on open files (LimitNOFILE)";
	return errmsg_set(em, other_kind ? -EOPNOTSUPP : -error,
			  "frame memory: %zu MiB from %s: %s%s", s->size >> 20, MATLANG_POOL_DEVICE,
			  error == ENOSPC ? "the pool's limit is reached" : strerror(error),
			  remedy);
}

static_assert(PIXFMT_MAX_PLANES + 1 <= MATLANG_POOL_RUNS_MAX, "a run for each plane and trailer");

/* Every plane contiguous, so that devices without scatter-gather take it too; or, where memory
 * is too fragmented or a plane too long for that, of single pages. */
static int pool_alloc(const struct slab *s, int pool)
{
	struct matlang_pool_alloc a = {.size = s->size, .node = -1};
	int fd;

	for (unsigned p = 0; p < s->nplanes; p++)
		a.run[a.nr_runs++] = ALIGN_UP(s->plane_size[p], (size_t)FRAME_BLOCK);
	a.run[a.nr_runs++] = FRAME_TRAILER_ROOM;
	fd = ioctl(pool, MATLANG_POOL_ALLOC, &a);
	if (fd < 0 && (errno == ENOMEM || errno == E2BIG)) {
		a.nr_runs = 0;
		memset(a.run, 0, sizeof(a.run));
		fd = ioctl(pool, MATLANG_POOL_ALLOC, &a);
	}
	return fd;
}

/* One slice for each plane of each slot. */
static int slice_pool(struct slab *s, int fd, struct errmsg *em)
{
	for (unsigned i = 0; i < s->nslots; i++) {
		for (unsigned p = 0; p < s->nplanes; p++) {
			struct matlang_pool_slice slice = {
				.offset = (uint64_t)(s->slot[i].plane[p] - s->base),
				.size = ALIGN_UP(s->plane_size[p], (size_t)FRAME_BLOCK),
			};

			s->slot[i].plane_fd[p] = ioctl(fd, MATLANG_POOL_SLICE, &slice);
			if (s->slot[i].plane_fd[p] < 0)
				return no_pool_memory(s, errno, em);
		}
	}
	return 0;
}

static int make_pool(struct slab *s, struct errmsg *em)
{
	CLEANUP_CLOSE int pool = open(MATLANG_POOL_DEVICE, O_RDWR | O_CLOEXEC);
	/* Mapping and slices keep the memory; its descriptor is not needed any longer then. */
	CLEANUP_CLOSE int fd = -1;
	int err;

	if (pool < 0)
		return no_pool(errno, em);
	fd = pool_alloc(s, pool);
	if (fd < 0)
		return no_pool_memory(s, errno, em);
	err = map_slab(s, MAP_SHARED, fd, em);
	return err ? err : slice_pool(s, fd, em);
}

static int make(struct slab *s, struct errmsg *em)
{
	switch (s->kind) {
	case SLAB_POOL: return make_pool(s, em);
	case SLAB_UDMABUF: return make_udmabuf(s, em);
	case SLAB_USERPTR: return make_userptr(s, em);
	case SLAB_DRIVER: return 0;
	default:
		return errmsg_set(em, -EINVAL, "frame memory: kind %s cannot be made",
				  slab_kind_name(s->kind));
	}
}

int slab_create(struct slab **out, enum slab_kind kind, unsigned nslots, unsigned nplanes,
		const size_t plane_size[], struct errmsg *em)
{
	struct slab *s;
	int err;

	if (!nslots || nslots > SLAB_SLOTS_MAX || !nplanes || nplanes > PIXFMT_MAX_PLANES)
		return errmsg_set(em, -EINVAL, "frame memory: %u slots of %u planes", nslots,
				  nplanes);
	s = calloc(1, sizeof(*s));
	if (!s)
		return errmsg_set(em, -ENOMEM, "frame memory: out of memory");
	*s = (struct slab){.kind = kind, .nslots = nslots, .nplanes = nplanes, .memfd = -1};
	memcpy(s->plane_size, plane_size, nplanes * sizeof(plane_size[0]));
	s->slot = calloc(nslots, sizeof(*s->slot));
	if (!s->slot) {
		err = errmsg_set(em, -ENOMEM, "frame memory: out of memory");
		goto fail;
	}
	for (unsigned i = 0; i < nslots; i++)
		for (unsigned p = 0; p < PIXFMT_MAX_PLANES; p++)
			s->slot[i].plane_fd[p] = -1;
	err = lay_out(s, em);
	if (err)
		goto fail;
	if (kind == SLAB_DRIVER)
		s->slot_size = s->size = 0;
	err = make(s, em);
	if (err)
		goto fail;
	*out = s;
	return 0;
fail:
	slab_destroy(s);
	return err;
}

void slab_destroy(struct slab *s)
{
	if (!s)
		return;
	/* The dma-bufs pin the memfd's pages: they go first, the memory last. */
	for (unsigned i = 0; s->slot && i < s->nslots; i++)
		for (unsigned p = 0; p < PIXFMT_MAX_PLANES; p++)
			if (s->slot[i].plane_fd[p] >= 0)
				close(s->slot[i].plane_fd[p]);
	if (s->base)
		munmap(s->base, s->size);
	if (s->memfd >= 0)
		close(s->memfd);
	free(s->slot);
	free(s);
}
