/*
 * `mail-store verify`: is what is stored what was stored?  First the rows, the
 * blobs that each names read and compared with size and digest; then the files
 * of blobs, whether a row names each.
 *
 *   finding    what it means                                    with --fix
 *   missing    a row names a blob that is not there             -
 *   damaged    its bytes are not those that were stored         -
 *   unread     it cannot be read: a disk that fails, another's    -
 *              file, no file at all
 *   retry      they are those of an earlier try of the MTA,     -
 *              which differ in the From line: harmless
 *   orphan     no row has this mail                             -
 *   left       its row names the blob of another day, from      removed
 *              another try of the MTA, which is sound: harmless
 *   rest       a file that a killed program did not finish      removed
 *
 * Files younger than a day may belong to a mail that is on its way and are
 * passed over.  A run that ends early (budget, signal) is taken up again where
 * it was, with --resume; the place is kept in the state directory, "verify".
 */
#ifndef DESK_VERIFY_H
#define DESK_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/look.h"
#include "desk/listing.h"
#include "queue/engines.h"

struct verifying {
	struct listing which; /* with any of it: rows only */
	bool is_part; /* some of it was given */
	bool is_fixing, is_resumed;
	int64_t budget_s; /* 0: to the end */
};

/*
 * One finding a line: {"finding","id","ref","status","detail"}, status as
 * doctor has it.  Of what is sealed to a key that is not here it looks at the
 * length, and says once, on stderr, how many that were.  ERR_DATA: something is
 * missing or damaged; ERR_TEMP: some of it could not be read, the budget is
 * over, or nothing is wrong but what is sealed could not be looked into.
 */
int verify_run(struct queue *q, const struct verifying *how,
    const struct look *look, struct err *e);

#endif
