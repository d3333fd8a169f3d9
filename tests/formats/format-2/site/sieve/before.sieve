require ["fileinto"];
if header :is "x-spam" "yes" { fileinto "Spam"; }
