<?php
// The handler of scripts/demo, as such scripts are: the mail on stdin, the
// tenant as argument, an exit status.  ne-001 notes subject and size in a file;
// ne-002 has an error in it; ne-003 waits for a server that never answers.

$tenant = $argv[1];
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
$subject = '(no subject)';
if (preg_match('/^Subject:(.*(?:\n[ \t].*)*)/mi', $parts[0], $found)) {
    $subject = trim($found[1]);
    if (strpos($subject, '=?') !== false) {
        $subject = @iconv_mime_decode($subject, 2, 'UTF-8');
    }
    if ($subject === false || !preg_match('//u', $subject)) {
        $subject = '(not decoded)';
    }
    $subject = preg_replace('/[[:cntrl:]]+/', ' ', $subject);
}
$line = sprintf("%8d  %s\n", strlen($parts[1] ?? ''), $subject);
$done = file_put_contents(getenv('DEMO_OUT'), $line, FILE_APPEND | LOCK_EX);
exit($done === false ? 75 : 0);
