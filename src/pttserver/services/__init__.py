"""Use cases from start to end: provision, log in, affiliate, talk, keep the call log."""
