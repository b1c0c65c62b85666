#include "queue/pace.h"

#include <math.h>

#include "core/clock.h"
#include "queue/queue.h"

bool
pace_of(struct mail_pace *p, int64_t at, bool is_reserved, double per_s,
    int64_t now)
{
	double most = ceil(per_s * PACE_FLIGHT_MS / 1000);

	p->until = at - PACE_BEFORE_MS;
	/* More is no cap: windows are smaller. */
	p->most = most < 1 ? 1 : most > 100000 ? 0 : (int64_t)most;
	return p->until > now && (!is_reserved || at - now > PACE_AHEAD_MS);
}

int
queue_hold_for_rate(
    struct queue *q, const struct mail_pace *all, size_t n, struct err *e)
{
	struct mail_engine *mail = queue_ledger(q, e);

	if (mail == NULL)
		return -1;
	return mail->ops->pace(mail, all, n, clock_now_ms(), e);
}
