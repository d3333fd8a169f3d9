# Three header tests and a fileinto; everything ends in INBOX, so that POP3 can count it.
require ["fileinto"];
if header :contains "Subject" ["viagra", "lottery"] {
    discard;
} elsif address :domain :is "From" "spam.example" {
    discard;
} elsif header :contains "List-Id" "list.bench.test" {
    fileinto "INBOX";
}
