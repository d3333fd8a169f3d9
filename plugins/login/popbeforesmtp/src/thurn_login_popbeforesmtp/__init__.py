"""POP-before-SMTP (`login.popbeforesmtp`): who has read mail may send. Start at `factory`."""
