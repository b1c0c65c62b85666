/* What mail transfer agents tell a command that they pipe a mail into. */
#ifndef MAIL_MTA_H
#define MAIL_MTA_H

/* The names of their variables in its environment; NULL at the end. */
extern const char *const mta_variables[];

#endif
