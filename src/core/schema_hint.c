#include "core/schema_hint.h"

#include <string.h>

enum {
	WORD_MAX = 32, /* longer ones are like nothing */
};

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * How many letters to insert, delete, replace or swap with their neighbour
 * (optimal string alignment).
 */
static size_t
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][WORD_MAX + 1], *above2 = rows[0], *above = rows[1],
				      *row = rows[2], *free_row;

	for (size_t k = 0; k <= b_len; k++)
		row[k] = above[k] = k;
	for (size_t i = 1; i <= a_len; i++) {
		free_row = above2;
		above2 = above;
		above = row;
		row = free_row;
		row[0] = i;
		for (size_t k = 1; k <= b_len; k++) {
			row[k] = above[k - 1] + (a[i - 1] != b[k - 1]);
			row[k] = least(row[k], above[k] + 1);
			row[k] = least(row[k], row[k - 1] + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
			    a[i - 2] == b[k - 1])
				row[k] = least(row[k], above2[k - 2] + 1);
		}
	}
	return row[b_len];
}

const char *
schema_hint(const char *words, const char *word, size_t word_len, size_t *len)
{
	size_t best = word_len < 6 ? 2 : 3, n, d; /* too many */
	const char *found = NULL;

	if (word_len == 0 || word_len > WORD_MAX)
		return NULL;
	for (const char *w = words; *w != '\0'; w += n) {
		w += strspn(w, " ");
		n = strcspn(w, " ");
		if (n == 0 || n > WORD_MAX)
			continue;
		d = distance(word, word_len, w, n);
		if (d < best) {
			best = d;
			found = w;
			*len = n;
		}
	}
	return found;
}
