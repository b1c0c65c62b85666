/* Is the work done?  Backlogs, holds, what cron has run. */
#ifndef DESK_DOCTOR_WORK_H
#define DESK_DOCTOR_WORK_H

#include "desk/doctor_report.h"

void doctor_work(struct doctor *d);

#endif
