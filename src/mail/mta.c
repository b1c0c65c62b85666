#include "mail/mta.h"

#include <stddef.h>

const char *const mta_variables[] = {
    /* Postfix local(8), OpenSMTPD */
    "LOGNAME", "USER", "HOME", "SHELL", "SENDER", "RECIPIENT", "LOCAL",
    "DOMAIN", "EXTENSION", "ORIGINAL_RECIPIENT", "ENVID", "CLIENT_ADDRESS",
    "CLIENT_HELO", "CLIENT_HOSTNAME", "CLIENT_PROTOCOL", "SASL_METHOD",
    "SASL_SENDER", "SASL_USERNAME",
    /* qmail-command(8) */
    "NEWSENDER", "HOST", "HOST2", "HOST3", "HOST4", "EXT", "EXT2", "EXT3",
    "EXT4", "DEFAULT", "DTLINE", "RPLINE", "UFLINE",
    /* Exim, pipe transport */
    "LOCAL_PART", "LOCAL_PART_PREFIX", "LOCAL_PART_SUFFIX", "MESSAGE_ID", NULL};
