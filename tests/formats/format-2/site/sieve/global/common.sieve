require ["imap4flags"];
if header :is "x-urgent" "yes" { addflag "\\Flagged"; }
