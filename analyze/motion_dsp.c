/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/motion_dsp.h"

#include "analyze/cpu.h"

const struct motion_dsp *motion_dsp_select(unsigned features)
{
#if defined(__x86_64__)
	if (features & CPU_AVX2)
		return &motion_dsp_avx2;
#endif
	(void)features;
	return &motion_dsp_c;
}
