/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which vector instructions this processor has and this system saves for us (CPUID leaves 1 and 7,
 * XGETBV for the register state: Intel SDM volume 1, 14.3). Any thread.
 */
#ifndef ANALYZE_CPU_H
#define ANALYZE_CPU_H

#define CPU_AVX2 0x1u /* with BMI1 and BMI2, which every AVX2 kernel may use */

/* Feature bits usable here. */
unsigned cpu_features(void);

#endif
