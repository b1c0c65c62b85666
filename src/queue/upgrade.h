/* `mail-store upgrade`: the only thing that changes a state directory's layout.
 */
#ifndef QUEUE_UPGRADE_H
#define QUEUE_UPGRADE_H

#include "core/err.h"

/*
 * Bring the state directory to STATE_LAYOUT, step by step, and count its rows
 * anew; safe to kill and repeat.  Another layout needs nobody else at work: it
 * waits for them a while, then refuses, and whoever comes meanwhile is told to
 * try again.  Says on stderr what it did.  ERR_TEMP, also for a newer layout.
 */
int queue_upgrade(struct err *e);

#endif
