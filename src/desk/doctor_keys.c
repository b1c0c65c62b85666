#include "desk/doctor_keys.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/config.h"
#include "store/seal_keys.h"

/* Who can write it chooses who reads the mail from then on. */
static bool
is_file_safe(struct doctor *d, const char *path)
{
	struct stat st;

	if (path[0] != '/' || stat(path, &st) == -1)
		return true; /* in the configuration; or said already */
	if (st.st_uid != 0 && st.st_uid != geteuid())
		doctor_finding(d, "keys", DOCTOR_WARN,
		    "keys.public: %.200s belongs to uid %ld and this is uid "
		    "%ld: chown it",
		    path, (long)st.st_uid, (long)geteuid());
	else if ((st.st_mode & 022) != 0)
		doctor_finding(d, "keys", DOCTOR_WARN,
		    "keys.public: others can change %.200s (mode %03o): chmod "
		    "644",
		    path, (unsigned)st.st_mode & 0777);
	else
		return true;
	return false;
}

static bool
is_in_ring(const struct seal_ring *ring, const struct seal_public *public)
{
	for (size_t i = 0; i < ring->n; i++)
		if (memcmp(ring->all[i].public.key, public->key,
			sizeof public->key) == 0)
			return true;
	return false;
}

static void
check_ring(struct doctor *d, const struct seal_public *public,
    const struct seal_ring *ring)
{
	char id[SEAL_KEY_ID_TEXT];

	if (public == NULL)
		doctor_finding(d, "keys", DOCTOR_WARN,
		    "%zu secret keys, and no keys.public: new mail is stored "
		    "in the clear",
		    ring->n);
	else if (!is_in_ring(ring, public))
		doctor_finding(d, "keys", DOCTOR_FAIL,
		    "new mail is sealed to %s, whose secret key is none of the "
		    "%zu in keys.secret_file: append it, or no handler here "
		    "gets that mail",
		    seal_key_id_text(public->id, id), ring->n);
	else
		doctor_finding(d, "keys", DOCTOR_OK,
		    "new mail is sealed to %s, which is one of %zu secret keys",
		    seal_key_id_text(public->id, id), ring->n);
}

void
doctor_keys(struct doctor *d)
{
	const struct config *c = &d->state->config;
	const char *path = config_str(c, "keys.public", NULL);
	const struct seal_public *public;
	const struct seal_ring *ring;
	struct err e = ERR_INIT;
	char id[SEAL_KEY_ID_TEXT];

	if (!seal_is_configured(c))
		doctor_finding(
		    d, "keys", DOCTOR_OK, "none: mail is stored in the clear");
	else if (state_public(d->state, &public, &e) == -1)
		doctor_finding(d, "keys", DOCTOR_FAIL,
		    "%s: no mail is received until it is there", e.text);
	else if (path != NULL && !is_file_safe(d, path))
		return;
	else if (config_str(c, "keys.secret_file", NULL) == NULL)
		doctor_finding(d, "keys", DOCTOR_OK,
		    "new mail is sealed to %s, and not read here",
		    seal_key_id_text(public->id, id));
	else if (state_ring(d->state, &ring, &e) == -1)
		doctor_finding(d, "keys", DOCTOR_FAIL,
		    "%s: no sealed mail can be read here", e.text);
	else
		check_ring(d, public, ring);
}
