/* Are the keys of encryption at rest there, and do they fit? */
#ifndef DESK_DOCTOR_KEYS_H
#define DESK_DOCTOR_KEYS_H

#include "desk/doctor_report.h"

void doctor_keys(struct doctor *d);

#endif
