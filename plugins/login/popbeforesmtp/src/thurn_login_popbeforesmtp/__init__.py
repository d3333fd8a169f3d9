"""POP-before-SMTP (`login.popbeforesmtp`): a login to read mail lets its address send.

Start reading at `factory`.
"""
