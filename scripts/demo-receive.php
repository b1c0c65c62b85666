<?php
// The handler of scripts/demo, as such scripts are: the mail on stdin, an exit
// status.  Arguments: the tenant, and a file.  For ne-001 it notes the size and
// the subject of each mail in the file, and refuses a mail without a subject
// for good (65); for ne-002 it fails; for ne-003 it waits for ever.

[, $tenant, $file] = $argv;
$mail = stream_get_contents(STDIN);
if ($tenant === 'ne-002') {
    fwrite(STDERR, "cannot connect to the database\n");
    exit(1);
}
if ($tenant === 'ne-003') {
    sleep(600);
}

// Header and body meet at the first empty line; a From line is no header.
$parts = preg_split('/\r?\n\r?\n/', $mail, 2);
if (preg_match('/^Subject:(.*(?:\n[ \t].*)*)/mi', $parts[0], $found)) {
    $subject = trim($found[1]);
    if (strpos($subject, '=?') !== false) {
        $subject = @iconv_mime_decode($subject, 2, 'UTF-8');
    }
    if ($subject === false || !preg_match('//u', $subject)) {
        $subject = '(not decoded)';
    }
    $subject = preg_replace('/[[:cntrl:]]+/', ' ', $subject);
} else {
    fwrite(STDERR, "no subject\n");
    exit(65);
}
$line = sprintf("%8d  %s\n", strlen($parts[1] ?? ''), $subject);
$done = file_put_contents($file, $line, FILE_APPEND | LOCK_EX);
exit($done === false ? 75 : 0);
