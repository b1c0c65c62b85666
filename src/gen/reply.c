/*
 * Writes the rules of src/mail/reply_rules.txt (standard input), whose head
 * says how they are written, as a C file on standard output.
 */
#include <ctype.h>
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/reply_table.h"

enum {
	LINE_MAX_BYTES = 512,
	RULES_MAX = 200,
	FIELDS = 6, /* that each has */
};

struct rule {
	char text[LINE_MAX_BYTES]; /* cut into its fields */
	char *field[FIELDS + 3];
	int n_fields;
	bool has_words;
};

enum {
	NAME,
	STAGES,
	CODES,
	ENHANCED,
	STATUS,
	CLASS,
};

static struct rule rules[RULES_MAX];
static int n_rules, line_number;

static void
check(bool is_good, const char *what, const char *text)
{
	if (!is_good)
		errx(1, "reply_rules.txt:%d: %s: %s", line_number, what, text);
}

static bool
is_one_of(const char *s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strcmp(*words, s) == 0)
			return true;
	return false;
}

static unsigned
stage_bits(const char *list)
{
	/* In the order of enum reply_stage. */
	static const char *const names[] = {
	    "connect", "auth", "mail", "rcpt", "data", "end"};
	char copy[LINE_MAX_BYTES], *save = NULL;
	unsigned bits = 0, bit;

	if (strcmp(list, "any") == 0)
		return (1u << 6) - 1;
	snprintf(copy, sizeof copy, "%s", list);
	for (char *s = strtok_r(copy, ",", &save); s != NULL;
	     s = strtok_r(NULL, ",", &save)) {
		for (bit = 0; bit < 6 && strcmp(names[bit], s) != 0; bit++)
			continue;
		check(bit < 6, "no stage", s);
		bits |= 1u << bit;
	}
	return bits;
}

static void
check_code(const char *s)
{
	check(strcmp(s, "none") == 0 ||
		  (strlen(s) == 3 && strspn(s, ".0123456789") == 3),
	    "no code", s);
}

/* Three parts of digits, each a star at its end if it likes. */
static void
check_enhanced(const char *s)
{
	const char *p = s;

	if (strcmp(s, "none") == 0)
		return;
	for (int i = 0; i < 3; i++) {
		const char *part = p;

		while (isdigit((unsigned char)*p))
			p++;
		if (*p == '*')
			p++;
		check(p > part && *p == (i < 2 ? '.' : '\0'),
		    "no enhanced code", s);
		p++;
	}
}

static void
check_list(const char *list, void (*check_one)(const char *s))
{
	char copy[LINE_MAX_BYTES], *save = NULL;

	if (strcmp(list, "any") == 0)
		return;
	snprintf(copy, sizeof copy, "%s", list);
	for (char *s = strtok_r(copy, ",", &save); s != NULL;
	     s = strtok_r(NULL, ",", &save))
		check_one(s);
}

/* "after=60"; 0: it is something else. */
static long
seconds(const char *field)
{
	if (strncmp(field, "after=", 6) != 0)
		return 0;
	return strtol(field + 6, NULL, 10);
}

static void
check_rule(const struct rule *r)
{
	static const char *const statuses[] = {
	    "ok", "retry", "snooze", "fail", "code", NULL};
	static const char *const classes[] = {"-", "recipient", "mailbox-full",
	    "size", "content", "policy", "greylist", "throttle", "credentials",
	    "configuration", "network", "server", NULL};

	check(r->n_fields >= FIELDS, "not all its fields", r->field[NAME]);
	for (int i = 0; i < n_rules; i++)
		check(strcmp(rules[i].field[NAME], r->field[NAME]) != 0,
		    "its name is taken", r->field[NAME]);
	stage_bits(r->field[STAGES]);
	check_list(r->field[CODES], check_code);
	check_list(r->field[ENHANCED], check_enhanced);
	check(is_one_of(r->field[STATUS], statuses), "no status",
	    r->field[STATUS]);
	check(is_one_of(r->field[CLASS], classes), "no class", r->field[CLASS]);
	for (int i = FIELDS; i < r->n_fields; i++)
		check(strcmp(r->field[i], "slow") == 0 ||
			  strcmp(r->field[i], "transport") == 0 ||
			  seconds(r->field[i]) > 0,
		    "what is that", r->field[i]);
}

static void
read_rule(const char *line)
{
	struct rule *r = &rules[n_rules];
	char *save = NULL;

	check(n_rules < RULES_MAX, "too many rules", line);
	snprintf(r->text, sizeof r->text, "%s", line);
	for (char *s = strtok_r(r->text, " \t", &save); s != NULL;
	     s = strtok_r(NULL, " \t", &save)) {
		check(r->n_fields < FIELDS + 3, "too many fields", line);
		r->field[r->n_fields++] = s;
	}
	check_rule(r);
	n_rules++;
}

/* " a phrase ", or " a stem", as a C string. */
static void
print_phrase(const char *phrase)
{
	char words[2 * LINE_MAX_BYTES];
	size_t len;
	const char *star = strchr(phrase, '*');

	check(star == NULL || (star[1] == '\0' && star > phrase),
	    "a star ends a phrase", phrase);
	reply_words(phrase, words, sizeof words);
	len = strlen(words);
	check(len > 2, "no words", phrase);
	if (star != NULL)
		words[len - 1] = '\0';
	printf("\"%s\\0\" ", words);
}

static void
read_words(char *line)
{
	struct rule *r = &rules[n_rules - 1];
	char *phrase = line, *slash;

	check(n_rules > 0, "words of no rule", line);
	if (!r->has_words)
		printf("static const char *const words_%d[] = {\n", n_rules);
	r->has_words = true;
	printf("\t");
	for (; phrase != NULL; phrase = slash != NULL ? slash + 3 : NULL) {
		slash = strstr(phrase, " / ");
		if (slash != NULL)
			*slash = '\0';
		print_phrase(phrase);
	}
	printf(",\n");
}

static void
end_words(void)
{
	if (n_rules > 0 && rules[n_rules - 1].has_words)
		printf("\tNULL};\n");
}

static const char *
status_constant(const char *s)
{
	return strcmp(s, "ok") == 0       ? "REPLY_OK"
	       : strcmp(s, "retry") == 0  ? "REPLY_RETRY"
	       : strcmp(s, "snooze") == 0 ? "REPLY_SNOOZE"
	       : strcmp(s, "fail") == 0   ? "REPLY_FAIL"
					  : "REPLY_BY_CODE";
}

static const char *
pattern(const char *s)
{
	return strcmp(s, "any") == 0 ? "" : s;
}

static void
print_rule(const struct rule *r, int number)
{
	printf("{.name = \"%s\", .stages = %uu, .codes = \"%s\", .enhanced = "
	       "\"%s\", .status = %s",
	    r->field[NAME], stage_bits(r->field[STAGES]),
	    pattern(r->field[CODES]), pattern(r->field[ENHANCED]),
	    status_constant(r->field[STATUS]));
	if (strcmp(r->field[CLASS], "-") != 0)
		printf(", .class = \"%s\"", r->field[CLASS]);
	for (int i = FIELDS; i < r->n_fields; i++)
		if (strcmp(r->field[i], "slow") == 0)
			printf(", .is_slow_down = true");
		else if (strcmp(r->field[i], "transport") == 0)
			printf(", .is_transport = true");
		else
			printf(", .after_s = %ld", seconds(r->field[i]));
	if (r->has_words)
		printf(", .words = words_%d", number);
	printf("},\n");
}

/* Nothing may be left without an answer. */
static void
check_last(const struct rule *r)
{
	check(!r->has_words && strcmp(r->field[STAGES], "any") == 0 &&
		  strcmp(r->field[CODES], "any") == 0 &&
		  strcmp(r->field[ENHANCED], "any") == 0,
	    "the last rule has to fit anything", r->field[NAME]);
}

int
main(void)
{
	char line[LINE_MAX_BYTES];

	printf("/* Made by src/gen/reply.c. */\n"
	       "#include \"mail/reply_table.h\"\n\n");
	while (fgets(line, sizeof line, stdin) != NULL) {
		size_t len = strcspn(line, "\n");

		line_number++;
		check(line[len] == '\n', "too long", line);
		line[len] = '\0';
		if (len == 0 || line[0] == '#')
			continue;
		if (line[0] == '\t') {
			read_words(line + 1);
			continue;
		}
		end_words();
		read_rule(line);
	}
	end_words();
	check(n_rules > 0, "no rules", "");
	check_last(&rules[n_rules - 1]);
	printf("\nconst struct reply_rule reply_rules[] = {\n");
	for (int i = 0; i < n_rules; i++)
		print_rule(&rules[i], i + 1);
	printf("};\n");
	if (ferror(stdin) || fflush(stdout) != 0 || ferror(stdout))
		err(1, "stdin, stdout");
	return 0;
}
