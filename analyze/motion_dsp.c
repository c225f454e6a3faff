/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/motion_dsp.h"

#include "analyze/cpu.h"

unsigned motion_dsp_usable(const struct motion_dsp *out[static MOTION_DSP_MAX], unsigned features)
{
	unsigned n = 0;

	out[n++] = &motion_dsp_c;
#if defined(__x86_64__)
	if (features & CPU_AVX2)
		out[n++] = &motion_dsp_avx2;
	if ((features & CPU_AVX2) && (features & CPU_AVX512))
		out[n++] = &motion_dsp_avx512;
#endif
	(void)features;
	return n;
}

const struct motion_dsp *motion_dsp_select(unsigned features)
{
	const struct motion_dsp *usable[MOTION_DSP_MAX];
	unsigned n = motion_dsp_usable(usable, features);

	return usable[n - 1];
}
