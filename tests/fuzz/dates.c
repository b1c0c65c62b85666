/* Dates. */
#include "fuzz.h"
#include "mail/date.h"

/* "2001-05-04T14:05:44-04:00" */
static void
check_date(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd+dd:dd";
	int year, month, day, hour, minute, second, zone_h, zone_m;
	char sign;

	CHECK(strlen(text) == sizeof form - 1);
	for (size_t i = 0; form[i] != '\0'; i++) {
		if (form[i] == 'd')
			CHECK(text[i] >= '0' && text[i] <= '9');
		else if (form[i] == '+')
			CHECK(text[i] == '+' || text[i] == '-');
		else
			CHECK(text[i] == form[i]);
	}
	CHECK(sscanf(text, "%d-%d-%dT%d:%d:%d%c%d:%d", &year, &month, &day,
		  &hour, &minute, &second, &sign, &zone_h, &zone_m) == 9);
	CHECK(month >= 1 && month <= 12 && day >= 1 && day <= 31);
	CHECK(hour <= 23 && minute <= 59 && second <= 60);
	CHECK(zone_h <= 23 && zone_m <= 59);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char text[DATE_TEXT];

	if (date_parse((struct slice){(const char *)data, n}, text))
		check_date(text);
	return 0;
}
