#include "desk/keyless.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/seal_file.h"

/* With the tag of each chunk; the last one is there even when it is empty. */
static int64_t
sealed_size(int64_t size)
{
	int64_t chunks = size > 0 ? (size - 1) / SEAL_CHUNK + 1 : 1;

	return SEAL_HEADER + size + chunks * SEAL_TAG;
}

/* As unsealing says it. */
static bool
has_key(struct state *s, const unsigned char id[SEAL_KEY_ID], struct err *why)
{
	const struct seal_ring *ring;
	char text[SEAL_KEY_ID_TEXT];

	if (state_ring(s, &ring, why) == -1)
		return false;
	for (size_t i = 0; i < ring->n; i++)
		if (memcmp(ring->all[i].public.id, id, SEAL_KEY_ID) == 0)
			return true;
	err_set(why, ERR_TEMP,
	    "the secret key is missing: it is sealed to %s, which is none of "
	    "the %zu in keys.secret_file",
	    seal_key_id_text(id, text), ring->n);
	return false;
}

static int
look(struct queue *q, const struct owned *blob, int fd, struct err *why)
{
	struct seal_info info;
	struct stat st;

	if (seal_file_look(fd, blob->ref, &info, why) == -1) {
		if (why->class == ERR_DATA)
			return -1;
		err_clear(why);
		return 0;
	}
	if (info.kind != SEAL_SEALED || has_key(q->state, info.key_id, why))
		return 0;
	if (fstat(fd, &st) == 0 && info.size <= st.st_size &&
	    sealed_size(info.size) == st.st_size)
		return 1;
	err_clear(why);
	return err_set(why, ERR_DATA,
	    "%s: damaged: it is not as long as its header says", blob->ref);
}

int
keyless_look(struct queue *q, const struct owned *blob, struct err *why)
{
	int fd = blob_read_stored(q->blobs, blob->ref, why), r;

	if (fd == -1) {
		err_clear(why);
		return 0;
	}
	r = look(q, blob, fd, why);
	close(fd);
	return r;
}
