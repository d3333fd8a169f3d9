"""Manual pages of every installed command: `page` makes one of a command's help, in the language
that `roff` writes; `command` puts them where `man` looks."""
