/* Is the work done?  Backlogs, holds, what cron has run. */
#ifndef QUEUE_DOCTOR_WORK_H
#define QUEUE_DOCTOR_WORK_H

#include "queue/doctor_report.h"

void doctor_work(struct doctor *d);

#endif
