"""One function for each subcommand; each imports what it needs when it is called."""
