/** A transform whose thread dies while it is loaded. */
process.exit(3);
