"""Flags of filed messages: setflag, addflag, removeflag, hasflag, `:flags`. RFC 5232."""
