require ["fileinto"];
if header :is "x-late" "yes" { fileinto "Late"; }
