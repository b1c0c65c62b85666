/* mail-store show: mails whole, as JSON lines or for people. */
#ifndef DESK_SHOW_H
#define DESK_SHOW_H

#include "core/err.h"
#include "core/look.h"
#include "queue/engines.h"

/* Mail id to stdout, for people as desk/page.h does.  ERR_DATA: no such mail.
 */
int show_mail(
    struct queue *q, const char *id, const struct look *look, struct err *e);

#endif
