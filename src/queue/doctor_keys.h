/* Are the keys of encryption at rest there, and do they fit? */
#ifndef QUEUE_DOCTOR_KEYS_H
#define QUEUE_DOCTOR_KEYS_H

#include "queue/doctor_report.h"

void doctor_keys(struct doctor *d);

#endif
