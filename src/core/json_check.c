#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/hex.h"
#include "core/json.h"
#include "core/utf8.h"

/* Where in the text we are, and in what. */
struct check {
	const char *s;
	size_t len, at;
	unsigned depth;
	/* For each level, whether it is an object. */
	uint64_t objects[(JSON_DEPTH_MAX + 63) / 64];
};

/* What may come next. */
enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* just after '[' */
	EXPECT_KEY,
	EXPECT_KEY_OR_END, /* just after '{' */
	EXPECT_COLON,
	EXPECT_COMMA_OR_END,
};

static size_t
digits(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/* RFC 8259 6. */
static bool
is_number(const char *s, size_t len)
{
	size_t i = len > 0 && s[0] == '-', n;

	n = digits(s + i, len - i);
	if (n == 0 || (n > 1 && s[i] == '0'))
		return false;
	i += n;
	if (i < len && s[i] == '.') {
		i++;
		n = digits(s + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	if (i < len && (s[i] == 'e' || s[i] == 'E')) {
		i++;
		i += i < len && (s[i] == '+' || s[i] == '-');
		n = digits(s + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return i == len;
}

static bool
is_literal(const char *s, size_t len)
{
	return (len == 4 && memcmp(s, "true", len) == 0) ||
	       (len == 5 && memcmp(s, "false", len) == 0) ||
	       (len == 4 && memcmp(s, "null", len) == 0) || is_number(s, len);
}

static bool
ends_literal(char c)
{
	return c == '\0' || strchr(" \t\r\n,:[]{}\"", c) != NULL;
}

static bool
skip_literal(struct check *c)
{
	size_t n = 0;

	while (c->at + n < c->len && !ends_literal(c->s[c->at + n]))
		n++;
	if (!is_literal(c->s + c->at, n))
		return false;
	c->at += n;
	return true;
}

/* The code unit of an escape whose "\\u" is at s; -1: it is none. */
static int
unit(const char *s, size_t len)
{
	int value = 0, digit;

	if (len < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		digit = hex_digit(s[i]);
		if (digit == -1)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* Bytes of the escape at s, 0: it is none.  Surrogates come in pairs. */
static size_t
escape_size(const char *s, size_t len)
{
	int u;

	if (len < 2)
		return 0;
	if (s[1] != 'u')
		return strchr("\"\\/bfnrt", s[1]) != NULL && s[1] != '\0' ? 2
									  : 0;
	u = unit(s, len);
	if (u == -1 || (u >= 0xdc00 && u <= 0xdfff))
		return 0;
	if (u < 0xd800 || u > 0xdbff)
		return 6;
	u = unit(s + 6, len - 6);
	return u >= 0xdc00 && u <= 0xdfff ? 12 : 0;
}

/* Are there control characters?  Eight bytes at a time. */
static bool
has_control(const char *s, size_t len)
{
	uint64_t w;

	for (; len >= sizeof w; s += sizeof w, len -= sizeof w) {
		memcpy(&w, s, sizeof w);
		/* A byte below 0x20 borrows; those above 0x7f do not count. */
		if ((w - 0x2020202020202020U) & ~w & 0x8080808080808080U)
			break;
	}
	for (; len > 0; s++, len--)
		if ((unsigned char)*s < 0x20)
			return true;
	return false;
}

static bool
skip_string(struct check *c)
{
	const char *s = c->s + c->at + 1, *end = c->s + c->len, *slash;
	const char *quote = s - 1; /* the next one; in front of s: not known */
	size_t n;

	for (;;) {
		if (quote < s)
			quote = memchr(s, '"', (size_t)(end - s));
		if (quote == NULL)
			return false;
		slash = memchr(s, '\\', (size_t)(quote - s));
		if (has_control(s, (size_t)((slash ? slash : quote) - s)))
			return false;
		if (slash == NULL)
			break;
		n = escape_size(slash, (size_t)(end - slash));
		if (n == 0)
			return false;
		s = slash + n;
	}
	c->at = (size_t)(quote - c->s) + 1;
	return true;
}

static bool
is_in_object(const struct check *c)
{
	unsigned level = c->depth - 1;

	return c->objects[level / 64] >> level % 64 & 1;
}

static void
open_level(struct check *c, bool is_object)
{
	unsigned level = c->depth++;

	c->objects[level / 64] &= ~(UINT64_C(1) << level % 64);
	c->objects[level / 64] |= (uint64_t)is_object << level % 64;
	c->at++;
}

/* A value begins.  false: none does. */
static bool
take_value(struct check *c, enum expect *expect)
{
	char first = c->s[c->at];

	*expect = EXPECT_COMMA_OR_END;
	if (first == '"')
		return skip_string(c);
	if (first != '{' && first != '[')
		return skip_literal(c);
	if (c->depth == JSON_DEPTH_MAX)
		return false;
	open_level(c, first == '{');
	*expect = first == '{' ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	return true;
}

static bool
take_end(struct check *c, enum expect *expect)
{
	if (c->depth == 0 || c->s[c->at] != (is_in_object(c) ? '}' : ']'))
		return false;
	c->depth--;
	c->at++;
	*expect = EXPECT_COMMA_OR_END;
	return true;
}

static bool
take_comma(struct check *c, enum expect *expect)
{
	if (c->depth == 0 || c->s[c->at] != ',')
		return false;
	*expect = is_in_object(c) ? EXPECT_KEY : EXPECT_VALUE;
	c->at++;
	return true;
}

static bool
take_key(struct check *c, enum expect *expect)
{
	*expect = EXPECT_COLON;
	return c->s[c->at] == '"' && skip_string(c);
}

static bool
take_colon(struct check *c, enum expect *expect)
{
	*expect = EXPECT_VALUE;
	return c->s[c->at++] == ':';
}

static bool
take(struct check *c, enum expect *expect)
{
	switch (*expect) {
	case EXPECT_VALUE:
		return take_value(c, expect);
	case EXPECT_VALUE_OR_END:
		return take_end(c, expect) || take_value(c, expect);
	case EXPECT_KEY:
		return take_key(c, expect);
	case EXPECT_KEY_OR_END:
		return take_end(c, expect) || take_key(c, expect);
	case EXPECT_COLON:
		return take_colon(c, expect);
	case EXPECT_COMMA_OR_END:
		return take_comma(c, expect) || take_end(c, expect);
	}
	return false;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int
not_utf8(const char *text, size_t len, size_t *at, struct err *e)
{
	size_t n;

	for (*at = 0; (n = utf8_char(text + *at, len - *at)) > 0;)
		*at += n;
	return err_set(e, ERR_DATA, "not UTF-8");
}

int
json_check_at(const char *text, size_t len, size_t *at, struct err *e)
{
	struct check c = {.s = text, .len = len};
	enum expect expect = EXPECT_VALUE;

	if (!utf8_valid(text, len))
		return not_utf8(text, len, at, e);
	for (;;) {
		while (c.at < len && is_space(text[c.at]))
			c.at++;
		if (c.at == len)
			break;
		*at = c.at;
		if (take(&c, &expect))
			continue;
		if (c.depth == JSON_DEPTH_MAX)
			return err_set(e, ERR_DATA,
			    "JSON nested deeper than %d levels",
			    JSON_DEPTH_MAX);
		return err_set(e, ERR_DATA, "not JSON");
	}
	*at = len;
	if (c.depth > 0 || expect != EXPECT_COMMA_OR_END)
		return err_set(e, ERR_DATA, "not JSON");
	return 0;
}

int
json_check(const char *text, size_t len, struct err *e)
{
	size_t at;

	return json_check_at(text, len, &at, e);
}
